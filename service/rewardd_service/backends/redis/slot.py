"""One slot of a worker: take an entry, keep it claimed while it runs, reply, then delete it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.message import RedisStreamMessage

from rewardd_service.backends.redis import names
from rewardd_service.backends.redis.parcel import Reply, encode
from rewardd_service.backends.redis.store import RedisError, Store
from rewardd_service.backends.rhythm import LIST_SECONDS, Rhythm
from rewardd_verifiers import Need

logger = logging.getLogger(__name__)

_RETRY_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Delivery:
    """An entry that a slot has taken.

    Attributes:
        count: how often it has been handed to a worker, this time included.
    """

    need: Need
    entry: bytes
    payload: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Answered:
    """What is to be said to whom."""

    reply_to: str
    reply: Reply


Handle = Callable[[Delivery], Awaitable[Answered | None]]
"""Returns what to reply, or None for an entry that nobody can be told about."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """Who reads what.

    Attributes:
        name: in the group of the need's stream; no other reads under it.
        reclaims: takes what other consumers have left idle, rather than what is new.
    """

    name: str
    need: Need
    reclaims: bool


class Slot:
    """A subscriber with a consumer name of its own, so that what is pending is what runs.

    Two workers on one subscriber would not do: FastStream then takes a message more, which
    waits for one of them and is not kept claimed.
    """

    def __init__(
        self,
        broker: RedisBroker,
        store: Store,
        consumer: Consumer,
        handle: Handle,
        rhythm: Rhythm,
    ) -> None:
        self.consumer = consumer
        self.busy = False
        self._store = store
        self._handle = handle
        self._rhythm = rhythm
        self._stream = names.chunks(consumer.need)
        subscription = StreamSub(
            self._stream,
            group=names.GROUP,
            consumer=consumer.name,
            max_records=1,
            polling_interval=round(rhythm.block * 1000),
            min_idle_time=round(rhythm.idle * 1000) if consumer.reclaims else None,
        )
        self._subscriber = broker.subscriber(
            stream=subscription, ack_policy=AckPolicy.MANUAL, no_reply=True, decoder=_whole
        )
        self._subscriber(self._take)

    @property
    def running(self) -> bool:
        """Return whether it reads; FastStream stops for good when the group is gone."""
        return self._subscriber.running

    async def start(self) -> None:
        """Begin to read; the group must be there.

        Raises:
            RedisError, TimeoutError: Redis does not answer.
        """
        try:
            await self._subscriber.start()
        except (RedisError, TimeoutError):
            await self._subscriber.stop()
            raise

    async def stop(self) -> None:
        """Read no more, and wait for what runs as long as the broker allows."""
        await self._subscriber.stop()

    async def _take(self, message: RedisStreamMessage) -> None:
        self.busy = True
        try:
            await self._serve(message)
        except RedisError as error:
            logger.warning("an entry is left to others", extra={"why": str(error)})
        finally:
            self.busy = False

    async def _serve(self, message: RedisStreamMessage) -> None:
        (entry,) = message.raw_message["message_ids"]
        count = await message.get_delivery_count() if self.consumer.reclaims else 1
        async with self._kept(entry):
            answered = await self._handle(Delivery(self.consumer.need, entry, message.body, count))
        if answered is not None and not await self._hand_in(answered):
            return
        await self._persist(lambda: self._store.finish(self._stream, entry))

    async def _hand_in(self, answered: Answered) -> bool:
        """Push a reply; return False if Redis would not have it for too long."""
        payload = encode(answered.reply)
        return await self._persist(
            lambda: self._store.push(answered.reply_to, payload, seconds=LIST_SECONDS)
        )

    async def _persist(self, act: Callable[[], Awaitable[None]]) -> bool:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._rhythm.reply
        while True:
            try:
                await act()
            except RedisError as error:
                if loop.time() >= end:
                    logger.warning("a reply was dropped", extra={"why": str(error)})
                    return False
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return True

    @contextlib.asynccontextmanager
    async def _kept(self, entry: bytes) -> AsyncGenerator[None]:
        """Keep an entry claimed meanwhile, or a long chunk would run on others, too."""
        beat = asyncio.create_task(self._keep(entry))
        try:
            yield
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)

    async def _keep(self, entry: bytes) -> None:
        while True:
            await asyncio.sleep(self._rhythm.idle / 3)
            try:
                await self._store.keep(self._stream, self.consumer.name, entry)
            except RedisError as error:
                logger.warning("an entry could not be kept", extra={"why": str(error)})


async def _whole(message: RedisStreamMessage) -> RedisStreamMessage:
    """Hand over the message as it is: the body is ours to read."""
    return message
