"""The gateway's side: run chunks on workers elsewhere, or here while those cannot be reached."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from rewardd_service.answers import unscored
from rewardd_service.backends.backend import Deliver
from rewardd_service.backends.local import NO_SLOTS
from rewardd_service.backends.redis import names
from rewardd_service.backends.redis.fleet import Fleet
from rewardd_service.backends.redis.keeper import Keeper
from rewardd_service.backends.redis.link import Link
from rewardd_service.backends.redis.node import Served
from rewardd_service.backends.redis.parcel import BadAnswerError, Outcome, Reply, checked
from rewardd_service.backends.redis.post import Fate, Post
from rewardd_service.backends.redis.roster import Roster
from rewardd_service.backends.redis.sharing import Sharing
from rewardd_service.backends.redis.store import RedisError, Store, open_broker
from rewardd_service.backends.rhythm import Rhythm
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.frames import FrameError
from rewardd_service.job import Answer, Chunk, Setup, SetupReport, VerifierCard
from rewardd_service.metrics import Metrics
from rewardd_service.pool import WorkerPool
from rewardd_service.pool.errand import parts_by_subject
from rewardd_verifiers import Need, Reason

logger = logging.getLogger(__name__)

_REFUSALS: Final = 40
"""With the pauses between them ten seconds, in which another worker may take the chunk."""
_INSPECTION_SECONDS: Final = 60.0


class RedisBackend:
    """Runs chunks on the workers that share a Redis; see `Backend`.

    Args:
        url: of the Redis, with its password.
        local: where chunks run while Redis or all workers cannot be reached; without it new
            requests are refused, and chunks that are out wait for Redis or their deadline.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self,
        url: str,
        *,
        local: Served | None = None,
        metrics: Metrics | None = None,
        rhythm: Rhythm | None = None,
    ) -> None:
        self._rhythm = rhythm or Rhythm()
        self._metrics = metrics or Metrics()
        self._local = local
        self._local_versions: dict[str, int] = {}
        self._broker = open_broker(url, self._rhythm)
        self._fleet = Fleet(self._rhythm.grace)
        self._keeper = Keeper()
        self._link = Link(self._probe, self._rhythm, self._link_changed)
        self._closed = False
        self._post: Post
        self._roster: Roster
        self._sharing: Sharing
        self._store: Store

    @property
    def pools(self) -> Mapping[Need, WorkerPool]:
        """Return the pools of this process, by need."""
        return {} if self._local is None else self._local.pools

    async def start(self) -> None:
        """Return when Redis has been asked once; if it does not serve, it is waited for later.

        Raises:
            BackendUnavailableError: the pool of this process does not come up.
        """
        if self._local is not None:
            await self._local.start()
            self._local_versions = {c.name: c.version for c in await self._local.describe()}
        self._store = Store(await self._broker.connect())
        self._roster = Roster(self._store, forget_seconds=self._rhythm.forget)
        self._sharing = Sharing(self._store, self.pools.values())
        self._post = Post(
            self._broker, self._store, self._metrics, self._rhythm, lambda: self._fleet.versions
        )
        await self._link.ask()
        await self._tend_once()
        self._keeper.keep(self._link.watch)
        self._keeper.keep(self._post.receive)
        self._keeper.keep(self._tend)

    async def close(self) -> None:
        """Let workers elsewhere be; what is out is answered as cancelled."""
        self._closed = True
        await self._keeper.close()
        if hasattr(self, "_post"):
            await self._post.close()
        await self._broker.stop()
        if self._local is not None:
            await self._local.close()

    def slots(self) -> Mapping[Need, int]:
        """Return how many chunks can run at once, by need."""
        if self._local is None:
            return self._fleet.slots()
        if not self._link.up:
            return self._local.slots()
        return {**self._local.slots(), **self._fleet.slots()}

    def window(self) -> Mapping[Need, int]:
        """Return how many chunks may be out at once, by need."""
        return {**self.slots(), **self._fleet.window()} if self._link.up else self.slots()

    def ready(self) -> str | None:
        """Return None if work can run now, else why not."""
        if self._closed:
            return "closed"
        trouble = self.degraded()
        if trouble is None or self._local is None:
            return trouble
        return self._local.ready()

    def degraded(self) -> str | None:
        """Return why work does not run as configured; None if it does."""
        if not self._link.up:
            return f"redis does not serve: {self._link.why}"
        return None if self._fleet.slots() else "no worker has joined"

    def outage(self) -> str | None:
        """Return why new requests are to be refused; None while there is a place to run them."""
        if self._link.up or self._local is not None:
            return None
        return self.degraded()

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        """Run a chunk; on return each of its jobs has been delivered exactly once."""
        if not chunk.jobs:
            return
        deadline = asyncio.get_running_loop().time() + chunk.remaining_seconds
        for _ in range(_REFUSALS):
            if self._runs_here(need, chunk):
                await self._process_here(need, chunk, deliver, deadline)
                return
            if self._hopeless(need):
                _give_up(chunk, deliver, NO_SLOTS[need], self._no_place(need))
                return
            try:
                fate = await self._post.ask(need, chunk, deadline)
            except FrameError as error:
                _give_up(chunk, deliver, Reason.FAULT, str(error))
                return
            if await self._settled(need, chunk, fate, deliver, deadline):
                return
        _give_up(chunk, deliver, Reason.FAULT, "each worker that was asked refused the chunk")

    async def inspect(self, need: Need, setups: Sequence[Setup]) -> list[SetupReport]:
        """Check parameters where the verifiers are installed; one report per setup, in order.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        chunk = Chunk(list(setups), [], [], [], _INSPECTION_SECONDS)
        deadline = asyncio.get_running_loop().time() + _INSPECTION_SECONDS
        for _ in range(_REFUSALS):
            if self._local is not None and self._runs_here(need, chunk):
                return await self._local.inspect(need, setups)
            if self._hopeless(need) or self.outage() is not None:
                raise BackendUnavailableError(self._no_place(need))
            fate = await self._post.ask(need, chunk, deadline)
            if isinstance(fate, Reply) and len(fate.reports) == len(setups):
                return fate.reports
            if not isinstance(fate, Reply) and fate is not Fate.MOVED:
                break
            await asyncio.sleep(self._rhythm.refused)
        raise BackendUnavailableError(f"no worker for the need {need!r} could be asked")

    async def describe(self) -> list[VerifierCard]:
        """Return a card for each verifier that can run here.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        cards: dict[str, VerifierCard] = {}
        if self._local is not None:
            cards = {card.name: card for card in await self._local.describe()}
        if self._link.up:
            try:
                cards |= {card.name: card for card in await self._roster.cards()}
            except RedisError as error:
                logger.warning("cards cannot be read", extra={"why": str(error)})
        if not cards:
            raise BackendUnavailableError(self.degraded() or "no worker could be asked")
        return [cards[name] for name in sorted(cards)]

    async def _settled(
        self, need: Need, chunk: Chunk, fate: Reply | Fate, deliver: Deliver, deadline: float
    ) -> bool:
        """Deliver what follows from a fate; return False if the chunk is to be tried again."""
        match fate:
            case Reply(outcome=Outcome.DONE, answers=answers):
                return self._deliver_checked(chunk, answers, deliver)
            case Reply(outcome=Outcome.LOST, detail=detail):
                await self._process_apart(need, chunk, deliver, deadline, detail)
                return True
            case Reply(detail=detail):
                logger.warning("a worker refused a chunk", extra={"why": detail})
                await asyncio.sleep(self._rhythm.refused)
                return False
            case Fate.MOVED:
                return False
            case Fate.LATE:
                _give_up(chunk, deliver, Reason.DEADLINE, "no worker answered in time")
            case Fate.VANISHED:
                _give_up(chunk, deliver, Reason.FAULT, "the chunk vanished as often as it was sent")
            case Fate.CLOSED:
                _give_up(chunk, deliver, Reason.CANCELLED, "the backend is closed")
        return True

    def _deliver_checked(self, chunk: Chunk, answers: list[Answer], deliver: Deliver) -> bool:
        try:
            deliver(checked(chunk, answers))
        except BadAnswerError as error:
            logger.warning("a reply holds no answers of ours", extra={"why": str(error)})
            return False
        return True

    async def _process_apart(
        self, need: Need, chunk: Chunk, deliver: Deliver, deadline: float, detail: str
    ) -> None:
        """Spare the neighbours of what ends whole workers: send each sample alone."""
        parts = parts_by_subject(chunk)
        if len(parts) <= 1:
            _give_up(chunk, deliver, Reason.WORKER_LOST, detail)
            return
        for part, jobs in parts:

            def deliver_part(answers: Sequence[Answer], jobs: Sequence[int] = jobs) -> None:
                deliver([msgspec.structs.replace(told, job=jobs[told.job]) for told in answers])

            await self.process(need, _with_remaining(part, deadline), deliver_part)

    async def _process_here(
        self, need: Need, chunk: Chunk, deliver: Deliver, deadline: float
    ) -> None:
        if self._local is None:
            raise BackendUnavailableError("there is no pool here")
        await self._local.process(need, _with_remaining(chunk, deadline), deliver)

    def _runs_here(self, need: Need, chunk: Chunk) -> bool:
        """Return whether a chunk is to run in this process: only in need, in the same version."""
        if self._local is None or need not in self._local.slots():
            return False
        if self._link.up and need in self._fleet.slots():
            return False
        return all(
            self._fleet.versions.get(setup.verifier, version) == version
            for setup in chunk.setups
            if (version := self._local_versions.get(setup.verifier)) is not None
        )

    def _hopeless(self, need: Need) -> bool:
        """Return whether there is nowhere to run this need, nor anything worth waiting for."""
        if not self._link.up:
            return self._local is not None
        return need not in self._fleet.slots()

    def _no_place(self, need: Need) -> str:
        return self.degraded() or f"no live worker serves the need {need!r}"

    async def _probe(self) -> None:
        await self._store.put(names.gateway(self._post.gateway), b"1", seconds=self._rhythm.forget)

    def _link_changed(self, link: Link) -> None:
        if link.up:
            self._fleet.forgive(asyncio.get_running_loop().time())
        elif self._local is not None:
            self._post.move()

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(self._rhythm.sweep)
            await self._tend_once()

    async def _tend_once(self) -> None:
        """Look who works, and after what is out."""
        if self._link.up:
            try:
                members = await self._roster.members()
                for lost in self._fleet.look(members, asyncio.get_running_loop().time()):
                    self._post.move(lost)
                for need in self._fleet.slots():
                    await self._store.ensure_group(names.chunks(need))
                await self._post.sweep()
                await self._sharing.exchange()
            except RedisError as error:
                logger.warning("redis could not be tended", extra={"why": str(error)})
        self._metrics.backend("redis", up=self._link.up)
        self._metrics.degraded(degraded=self.degraded() is not None)


def _with_remaining(chunk: Chunk, deadline: float) -> Chunk:
    remaining = max(0.0, deadline - asyncio.get_running_loop().time())
    return msgspec.structs.replace(chunk, remaining_seconds=remaining)


def _give_up(chunk: Chunk, deliver: Deliver, reason: Reason, detail: str) -> None:
    deliver([unscored(job, reason, detail) for job in range(len(chunk.jobs))])
