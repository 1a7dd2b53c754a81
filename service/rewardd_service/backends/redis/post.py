"""Send parcels, take replies, and send again what has vanished on the way."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

import msgspec
from faststream.redis import RedisBroker

from rewardd_service import frames
from rewardd_service.backends.redis import names
from rewardd_service.backends.redis.parcel import PROTOCOL, Parcel, Reply, encode, read_reply
from rewardd_service.backends.redis.references import LARGE_BYTES, deposit
from rewardd_service.backends.redis.store import RedisError, Store
from rewardd_service.backends.rhythm import Rhythm
from rewardd_service.frames import FrameError
from rewardd_service.job import Chunk
from rewardd_service.metrics import Metrics
from rewardd_verifiers import Need

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 32
"""Parcels that are being sent at the same time: each takes a connection meanwhile."""
_REPLIES_AT_ONCE: Final = 64
_MISSED: Final = 2
"""Looks in a row that must find a parcel gone: one may come between its reply and ours."""
_MOST_SENDS: Final = 8


class Fate(Enum):
    """What ends the wait for a reply, other than a reply."""

    MOVED = auto()
    """It is to be looked at anew where the chunk can run."""
    LATE = auto()
    VANISHED = auto()
    """It was sent as often as is sensible, and vanished each time."""
    CLOSED = auto()


@dataclass(slots=True, eq=False)
class Posted:
    """A parcel that waits for its reply.

    Attributes:
        entries: where it stands in its stream; more than one if it was sent again.
        missed: how many looks in a row have not found the last of them.
    """

    id: str
    need: Need
    chunk: Chunk
    deadline: float
    fate: asyncio.Future[Reply | Fate]
    entries: list[bytes] = field(default_factory=list[bytes])
    sending: bool = False
    missed: int = 0

    @property
    def stream(self) -> str:
        """Return the stream that it goes to."""
        return names.chunks(self.need)

    @property
    def answered(self) -> bool:
        """Return whether a worker has replied."""
        done = self.fate.done() and not self.fate.cancelled() and self.fate.exception() is None
        return done and isinstance(self.fate.result(), Reply)

    def end(self, fate: Reply | Fate) -> None:
        """Wake who waits for it; the first fate counts."""
        if not self.fate.done():
            self.fate.set_result(fate)


class Post:
    """The parcels of one gateway."""

    def __init__(
        self,
        broker: RedisBroker,
        store: Store,
        metrics: Metrics,
        rhythm: Rhythm,
        versions: Callable[[], Mapping[str, int]],
    ) -> None:
        self.gateway = secrets.token_hex(8)
        self._broker = broker
        self._store = store
        self._metrics = metrics
        self._rhythm = rhythm
        self._versions = versions
        self._open: dict[str, Posted] = {}
        self._doors = asyncio.Semaphore(_AT_ONCE)
        self._unwanted: dict[str, list[bytes]] = {}
        self._errands: set[asyncio.Task[None]] = set()

    async def ask(self, need: Need, chunk: Chunk, deadline: float) -> Reply | Fate:
        """Send a chunk, and return the reply or why there will be none.

        Raises:
            FrameError: it cannot be sent at all.
        """
        fate: asyncio.Future[Reply | Fate] = asyncio.get_running_loop().create_future()
        posted = Posted(secrets.token_hex(12), need, chunk, deadline, fate)
        self._open[posted.id] = posted
        try:
            async with asyncio.timeout_at(deadline):
                self._see_to(self._send(posted))
                return await fate
        except TimeoutError:
            return Fate.LATE
        finally:
            self._close(posted)

    async def receive(self) -> None:
        """Take replies for ever."""
        while True:
            try:
                payloads = await self._store.pop(
                    names.replies(self.gateway), most=_REPLIES_AT_ONCE, seconds=self._rhythm.block
                )
            except RedisError:
                await asyncio.sleep(self._rhythm.probe / 4)
                continue
            for payload in payloads:
                self._take(payload)

    async def sweep(self) -> None:
        """Send again what is neither answered nor there any more, and delete what is unwanted.

        A reply may be lost with the connection that was reading it, and a Redis may have been
        emptied: both show here.

        Raises:
            RedisError: Redis could not be asked.
        """
        await self._clear()
        by_stream: dict[str, list[Posted]] = {}
        for posted in self._open.values():
            if not posted.sending:
                by_stream.setdefault(posted.stream, []).append(posted)
        for stream, waiting in by_stream.items():
            await self._look(stream, waiting)
        for posted in [one for one in self._open.values() if self._is_gone(one)]:
            await self._send_again(posted)

    def move(self, need: Need | None = None) -> None:
        """Have all that waits, or all of one need, looked at anew."""
        for posted in self._open.values():
            if need is None or posted.need is need:
                posted.end(Fate.MOVED)

    async def close(self) -> None:
        """End all waits; forget this gateway."""
        for posted in self._open.values():
            posted.end(Fate.CLOSED)
        await asyncio.sleep(0)
        while self._errands:
            await asyncio.wait(self._errands)
        try:
            await self._clear()
            await self._store.remove(names.replies(self.gateway))
            await self._store.remove(names.gateway(self.gateway))
        except RedisError as error:
            logger.warning("left behind in redis", extra={"why": str(error)})

    def _take(self, payload: bytes) -> None:
        try:
            reply = read_reply(payload)
        except FrameError as error:
            logger.warning("a reply cannot be read", extra={"why": str(error)})
            return
        posted = self._open.pop(reply.id, None)
        if posted is None or posted.fate.done():
            self._metrics.late()
            return
        if reply.deliveries > 1:
            self._metrics.redelivered(reply.deliveries - 1)
        posted.end(reply)

    async def _send(self, posted: Posted) -> None:
        """Send; if that fails, the sweep tries again, unless there is an outage.

        Nobody cancels this: where the entry stands has to be known, to be deleted.
        """
        posted.sending = True
        try:
            async with self._doors:
                payload = await self._payload(posted)
                entry = await self._broker.publish(
                    payload, stream=posted.stream, correlation_id=posted.id
                )
        except FrameError as error:
            if not posted.fate.done():
                posted.fate.set_exception(error)
        except RedisError as error:
            logger.warning("a chunk was not sent", extra={"why": str(error)})
        else:
            posted.missed = 0
            posted.entries.append(entry)
            if posted.id not in self._open:
                self._unwant(posted)
        finally:
            posted.sending = False

    async def _payload(self, posted: Posted) -> bytes:
        remaining = max(0.0, posted.deadline - asyncio.get_running_loop().time())
        chunk = msgspec.structs.replace(posted.chunk, remaining_seconds=remaining)
        digests: dict[int, str] = {}
        encoded = frames.encode_chunk(chunk)
        if len(encoded) > LARGE_BYTES:
            chunk, digests = await deposit(self._store, chunk)
            encoded = frames.encode_chunk(chunk)
        known = self._versions()
        asked = {setup.verifier for setup in chunk.setups} & known.keys()
        versions = {verifier: known[verifier] for verifier in sorted(asked)}
        reply_to = names.replies(self.gateway)
        parcel = Parcel(PROTOCOL, posted.id, reply_to, versions, digests, msgspec.Raw(encoded))
        return encode(parcel)

    async def _look(self, stream: str, waiting: Sequence[Posted]) -> None:
        sent = [posted for posted in waiting if posted.entries]
        if not sent:
            return
        found = await self._store.present(stream, [posted.entries[-1] for posted in sent])
        for posted, there in zip(sent, found, strict=True):
            posted.missed = 0 if there else posted.missed + 1

    def _is_gone(self, posted: Posted) -> bool:
        if posted.sending or posted.fate.done():
            return False
        return not posted.entries or posted.missed >= _MISSED

    async def _send_again(self, posted: Posted) -> None:
        if len(posted.entries) >= _MOST_SENDS:
            posted.end(Fate.VANISHED)
            return
        if posted.entries:
            self._metrics.resent()
        await self._store.ensure_group(posted.stream)
        if not posted.fate.done():
            await self._send(posted)

    def _close(self, posted: Posted) -> None:
        """Forget a parcel, and delete what nobody needs to run any more."""
        self._open.pop(posted.id, None)
        self._unwant(posted)

    def _unwant(self, posted: Posted) -> None:
        if posted.answered and len(posted.entries) == 1:
            return  # who answered deletes it
        if posted.entries:
            self._unwanted.setdefault(posted.stream, []).extend(posted.entries)
            self._see_to(self._clear_quietly())

    def _see_to(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""
        task = asyncio.create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _clear_quietly(self) -> None:
        try:
            await self._clear()
        except RedisError:
            return  # the sweep tries again

    async def _clear(self) -> None:
        while self._unwanted:
            stream, entries = self._unwanted.popitem()
            try:
                await self._store.delete(stream, entries)
            except RedisError:
                self._unwanted.setdefault(stream, []).extend(entries)
                raise
