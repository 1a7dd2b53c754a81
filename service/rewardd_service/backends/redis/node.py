"""A worker's side: offer a backend of this machine to all gateways that share a Redis."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from faststream.redis import RedisBroker

from rewardd_service.backends.backend import Backend
from rewardd_service.backends.redis import names
from rewardd_service.backends.redis.handler import Handler
from rewardd_service.backends.redis.keeper import Keeper
from rewardd_service.backends.redis.parcel import PROTOCOL
from rewardd_service.backends.redis.roster import Offer, Roster
from rewardd_service.backends.redis.sharing import Sharing
from rewardd_service.backends.redis.slot import Consumer, Slot
from rewardd_service.backends.redis.store import RedisError, Store, open_broker
from rewardd_service.backends.rhythm import Rhythm
from rewardd_service.job import VerifierCard
from rewardd_service.pool import WorkerPool
from rewardd_verifiers import Need

logger = logging.getLogger(__name__)

_CONSUMER_SECONDS: Final = 600.0
"""After which a consumer that holds nothing and was not seen is removed."""

Changed = Callable[[str | None], None]
"""Told why a node does not serve, or None once it does; at each change."""


class Served(Backend, Protocol):
    """A backend of this machine, with its pools."""

    @property
    def pools(self) -> Mapping[Need, WorkerPool]:
        """Return the pools by need."""
        ...


class WorkerNode:
    """Serves chunks from Redis with the pools of one machine.

    Args:
        url: of the Redis, with its password.
        backend: where the chunks run; the node starts and closes it.
        changed: told of each change of `trouble`.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self,
        url: str,
        backend: Served,
        *,
        rhythm: Rhythm | None = None,
        changed: Changed | None = None,
    ) -> None:
        self.id = secrets.token_hex(8)
        self._rhythm = rhythm or Rhythm()
        self._backend = backend
        self._changed = changed
        self._broker: RedisBroker = open_broker(url, self._rhythm, drain_seconds=self._rhythm.drain)
        self._keeper = Keeper()
        self._slots: list[Slot] = []
        self._trouble: str | None = "not started"
        self._joined = False
        self._store: Store
        self._roster: Roster
        self._sharing: Sharing
        self._handler: Handler
        self._cards: list[VerifierCard] = []
        self._offer: Offer

    def trouble(self) -> str | None:
        """Return why no chunk is taken now; None if they are."""
        return self._trouble

    @property
    def pools(self) -> Mapping[Need, WorkerPool]:
        """Return the pools that it offers, by need."""
        return self._backend.pools

    @property
    def chunks(self) -> Mapping[tuple[str, str], int]:
        """Return how many chunks it has had, by need and outcome."""
        return self._handler.chunks if hasattr(self, "_handler") else {}

    async def start(self) -> None:
        """Return when the workers are warm and Redis has been asked once.

        Raises:
            BackendUnavailableError: the workers do not come up.
        """
        await self._backend.start()
        self._cards = await self._backend.describe()
        versions = {card.name: card.version for card in self._cards}
        slots = {need.value: number for need, number in self._backend.slots().items()}
        self._offer = Offer(PROTOCOL, slots, versions)
        self._store = Store(await self._broker.connect())
        self._roster = Roster(self._store, forget_seconds=self._rhythm.forget)
        self._sharing = Sharing(self._store, self._backend.pools.values())
        self._handler = Handler(self._backend, self._store)
        self._handler.versions = versions
        self._slots = self._make_slots()
        await self._tend_once()
        self._keeper.keep(self._tend)

    async def close(self) -> None:
        """Take no more, finish what runs, and leave the rest to others at once."""
        await self._keeper.close()
        if self._slots:
            heard = await self._try(self._depart())
            await asyncio.gather(*(slot.stop() for slot in self._slots))
            if heard and await self._try(self._release()):
                await self._try(self._roster.leave(self.id))
        await self._broker.stop()
        await self._backend.close()
        self._set_trouble("closed")

    def _make_slots(self) -> list[Slot]:
        return [
            Slot(
                self._broker,
                self._store,
                Consumer(f"{self.id}-{need}-{number}-{kind}", need, kind == "reclaim"),
                self._handler.handle,
                self._rhythm,
            )
            for need, count in self._backend.slots().items()
            for number in range(count)
            for kind in ("new", "reclaim")
        ]

    async def _tend(self) -> None:
        beats_after = self._rhythm.beat / self._rhythm.sweep
        turns = 0.0
        while True:
            await asyncio.sleep(self._rhythm.sweep)
            turns += 1
            beat = turns >= beats_after or self._trouble is not None
            if beat:
                turns = 0.0
            await self._tend_once(beat=beat)

    async def _tend_once(self, *, beat: bool = True) -> None:
        """See to it that this node is on the roster, and that its slots read."""
        try:
            trouble = self._backend.ready()
            if trouble is None and beat:
                trouble = await self._enrolled()
            if trouble is None:
                await self._see_to_slots()
                await self._sharing.exchange()
            else:
                await self._pause()
        except (RedisError, TimeoutError) as error:
            self._set_trouble(f"redis does not serve: {error}")
        else:
            self._set_trouble(trouble)

    async def _enrolled(self) -> str | None:
        """Give a sign of life, or join; return what stands against that."""
        if self._joined and await self._roster.beat(self.id):
            return None
        for need in self._backend.slots():
            await self._store.ensure_group(names.chunks(need))
        trouble = await self._roster.join(self.id, self._offer, self._cards)
        if trouble is None and not self._joined:
            await self._forget_old_consumers()
        self._joined = trouble is None
        return trouble

    async def _see_to_slots(self) -> None:
        """Start the slots that do not read.

        FastStream stops one for good when its group is gone, and pauses one for 5 s after a
        failed read: those that waited through an outage are started anew.
        """
        recovered = self._trouble is not None
        idle = [slot for slot in self._slots if not slot.busy]
        stale = [slot for slot in idle if recovered or not slot.running]
        if not stale:
            return
        for need in {slot.consumer.need for slot in stale}:
            await self._store.ensure_group(names.chunks(need))
        for slot in stale:
            if slot.running:
                await slot.stop()
        await asyncio.gather(*(slot.start() for slot in stale))

    async def _pause(self) -> None:
        """Stop the slots that do nothing; the others are seen to when they are done."""
        idle = [slot for slot in self._slots if slot.running and not slot.busy]
        await asyncio.gather(*(slot.stop() for slot in idle))

    async def _forget_old_consumers(self) -> None:
        for need in self._backend.slots():
            await self._store.forget_consumers(names.chunks(need), idle_seconds=_CONSUMER_SECONDS)

    async def _depart(self) -> None:
        if self._joined:
            seconds = self._rhythm.drain + self._rhythm.forget
            await self._roster.depart(self.id, seconds=seconds)

    async def _release(self) -> None:
        """Have others take at once what was handed to this node and is not done."""
        for slot in self._slots:
            await self._store.release(names.chunks(slot.consumer.need), slot.consumer.name)

    async def _try(self, farewell: Awaitable[None]) -> bool:
        """Do what only saves others a wait; return False if Redis is away, as it may be."""
        try:
            await farewell
        except RedisError as error:
            logger.warning("leaving without a word", extra={"why": str(error)})
            return False
        return True

    def _set_trouble(self, trouble: str | None) -> None:
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble is None:
            logger.info("serving", extra={"worker": self.id, "slots": self._offer.slots})
        else:
            logger.warning("not serving", extra={"worker": self.id, "why": trouble})
        if self._changed is not None:
            self._changed(trouble)
