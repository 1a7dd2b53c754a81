"""One batch on its way through the scorer, apart from the connections that wait for it.

A run outlives a request when it has an idempotency key or is a job, and several requests may
wait for one run. It is dropped when nobody waits any more.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, Self

import msgspec

from rewardd_client.schema import Sample, ScoreRequest
from rewardd_service.edge.answers import Format, encode
from rewardd_service.edge.scoring import PlainResult, Scoring
from rewardd_service.errors import OverloadedError


class Run:
    """A batch that is being scored.

    Attributes:
        total: number of samples.
        arrived: index and result of each sample in the order in which they became final.
        scored, reasons: once it has ended, how many samples have a reward, and those without by
            reason.
    """

    def __init__(
        self,
        total: int,
        *,
        linger_seconds: float,
        settle: Callable[[bytes], Awaitable[bytes]] | None = None,
    ) -> None:
        """Prepare a run.

        Args:
            total: number of samples.
            linger_seconds: how long it goes on after the last who waited for it has left.
            settle: takes the answer as JSON, and returns the one that stands: another gateway
                may have given it first. Raises what the run is to end with instead.
        """
        self.total = total
        self.arrived: list[tuple[int, PlainResult]] = []
        self.scored = 0
        self.reasons: dict[str, int] = {}
        self._linger_seconds = linger_seconds
        self._settle_with_others = settle
        self._listeners = 0
        self._cut = False
        self._bell: asyncio.Future[None] | None = None
        self._drop_timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._plain: dict[str, Any] | None = None
        self._json: bytes | None = None

    def start(self, scorer: Scoring, request: ScoreRequest, tenant: str) -> None:
        """Begin to score, in a task of its own."""
        self._task = asyncio.create_task(self._score(scorer, request, tenant))

    @property
    def task(self) -> asyncio.Task[None]:
        """Return what to wait for; it raises what the scorer raised."""
        if self._task is None:
            raise RuntimeError("the run has not been started")
        return self._task

    @property
    def ended(self) -> bool:
        """Return whether there is an outcome, an error, or neither because it was dropped."""
        return self.task.done()

    def error(self) -> BaseException | None:
        """Return why an ended run has no answer."""
        if self.task.cancelled():
            return asyncio.CancelledError()
        return self.task.exception()

    def answer(self) -> dict[str, Any]:
        """Return results and groups, in the shape of `schema.ScoreResponse`.

        Raises:
            ServiceError: the scorer refused, or the run was dropped.
        """
        if self.task.cancelled():
            raise OverloadedError("draining", "this work was given up", 1.0)
        self.task.result()
        if self._plain is None:
            raise RuntimeError("the run ended without an answer")
        return self._plain

    def answer_json(self) -> bytes:
        """Return the answer as JSON, written once for all who ask."""
        if self._json is None:
            self._json = encode(self.answer(), Format.JSON)
        return self._json

    def on_end(self, callback: Callable[["Run"], None]) -> None:
        """Call back once, in the event loop, when the run has ended."""
        self.task.add_done_callback(lambda _: callback(self))

    def join(self) -> None:
        """Wait for this run: it goes on at least until `leave`."""
        self._listeners += 1
        if self._drop_timer is not None:
            self._drop_timer.cancel()
            self._drop_timer = None

    def leave(self) -> None:
        """Stop waiting; the last to leave drops the run, at once or after `linger_seconds`."""
        self._listeners -= 1
        if self._listeners > 0 or self.ended:
            return
        if self._linger_seconds <= 0:
            self.drop()
        else:
            loop = asyncio.get_running_loop()
            self._drop_timer = loop.call_later(self._linger_seconds, self.drop)

    def drop(self) -> None:
        """Give the work up; nobody will be answered."""
        self.task.cancel()

    def cut(self) -> None:
        """End now: what is not final yet is answered as cancelled."""
        self._cut = True
        self.task.cancel()

    async def news(self, seen: int, *others: asyncio.Future[Any]) -> None:
        """Return when more than `seen` results have arrived, the run or one of `others` ended."""
        if len(self.arrived) > seen or self.ended:
            return
        if self._bell is None or self._bell.done():
            self._bell = asyncio.get_running_loop().create_future()
        await asyncio.wait({self._bell, self.task, *others}, return_when=asyncio.FIRST_COMPLETED)

    async def _score(self, scorer: Scoring, request: ScoreRequest, tenant: str) -> None:
        try:
            outcome = await scorer.score(request, tenant=tenant, deliver=self._deliver)
        except asyncio.CancelledError:
            if not self._cut:
                raise
            self._settle(self._patched(request.samples), [])
        else:
            self._settle(outcome.results, outcome.groups)
            await self._agree()

    async def _agree(self) -> None:
        """Take over the answer that stands, if it is not this one."""
        if self._settle_with_others is None:
            return
        mine = self._json = encode(self._plain, Format.JSON)
        try:
            standing = await self._settle_with_others(mine)
        except asyncio.CancelledError:
            if not self._cut:
                raise
            return
        if standing != mine:
            plain: dict[str, Any] = msgspec.json.decode(standing)
            self._json, self._plain = standing, plain
            self.scored, self.reasons = count_results(plain["results"])

    def _settle(self, results: list[PlainResult], groups: list[dict[str, Any]]) -> None:
        delivered = {index for index, _ in self.arrived}
        for index, result in enumerate(results):
            if index not in delivered:
                self._deliver(index, result)
        self.scored, self.reasons = count_results(results)
        self._plain = {"results": results, "groups": groups}

    def _deliver(self, index: int, result: PlainResult) -> None:
        self.arrived.append((index, result))
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    def _patched(self, samples: list[Sample]) -> list[PlainResult]:
        final = dict(self.arrived)
        return [final.get(index) or _cancelled(sample) for index, sample in enumerate(samples)]


def count_results(results: list[PlainResult]) -> tuple[int, dict[str, int]]:
    """Return how many samples are scored, and the unscored ones by reason."""
    unscored = Counter(result["reason"] for result in results if result["reward"] is None)
    return len(results) - unscored.total(), dict(unscored)


def _cancelled(sample: Sample) -> PlainResult:
    return {
        "id": sample.id,
        "reward": None,
        "status": "unscored",
        "reason": "cancelled",
        "recipe": "",
        "terms": [],
        "rules": [],
        "advantage": None,
    }


class Ending(Protocol):
    """Work that has been started and will end; `Run` is one."""

    @property
    def task(self) -> asyncio.Task[Any]:
        """Return what to wait for."""
        ...

    def on_end(self, callback: Callable[[Self], None]) -> None:
        """Call back once, in the event loop, when it has ended."""
        ...

    def cut(self) -> None:
        """End now, with an answer for who waits."""
        ...


class Runs:
    """The work that has not ended, for the server that goes down."""

    def __init__(self) -> None:
        self._running: set[Ending] = set()

    def __len__(self) -> int:
        return len(self._running)

    def add(self, run: Ending) -> None:
        """Keep a started run until it ends."""
        self._running.add(run)
        run.on_end(self._running.discard)

    async def wait(self, seconds: float) -> bool:
        """Wait for all runs to end; return whether they did in time."""
        tasks = [run.task for run in self._running]
        if not tasks:
            return True
        _, late = await asyncio.wait(tasks, timeout=seconds)
        return not late

    def cut(self) -> None:
        """End all runs now: what is not final yet is answered as cancelled."""
        for run in list(self._running):
            run.cut()
