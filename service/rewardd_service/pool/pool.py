"""Run chunks on workers that may hang, crash or be killed: every job is answered, exactly once."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from rewardd_service import frames
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.job import Answer, Chunk, Setup, SetupReport, VerifierCard
from rewardd_service.pool.counters import Counters
from rewardd_service.pool.ledger import BadAnswerError, Ledger
from rewardd_service.pool.limits import PoolSettings
from rewardd_service.pool.messages import Answers, Inspect, Reports, Run, Warm
from rewardd_service.pool.process import Cause, Death, Event, Phase, WorkerProcess
from rewardd_service.pool.quarantine import Quarantine, job_key
from rewardd_service.pool.workforce import Workforce
from rewardd_verifiers import Reason

Deliver = Callable[[Sequence[Answer]], None]

_INSPECTION_SECONDS: Final = 60.0
"""How long an inspection waits for a worker."""


class WorkerPool:
    """Worker processes for the verifiers of one need.

    Lives in one event loop; start it in the thread in which that loop runs to the end, as the
    kernel ends the workers with that thread.

    Attributes:
        counters: what happened so far, for metrics.
        quarantine: jobs that are answered without a worker.
    """

    def __init__(self, settings: PoolSettings | None = None) -> None:
        self.settings = settings or PoolSettings()
        self.counters = Counters()
        self.quarantine = Quarantine(self.settings.limits.quarantine_seconds)
        self._force = Workforce(self.settings, self.counters)
        self._warm: Warm | None = None
        self._batches = 0
        self._closing = False
        self._strays: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Return when the workers are warm.

        Raises:
            BackendUnavailableError: they do not come up; the message says why.
        """
        try:
            self._warm = await self._force.start()
        except BackendUnavailableError:
            await self._force.close()
            raise

    async def close(self) -> None:
        """End the workers; what still runs is answered as cancelled."""
        self._closing = True
        await self._force.close()
        await asyncio.gather(*self._strays)

    def ready(self) -> str | None:
        """Return None if work can run now, else why not."""
        return self._force.trouble()

    def phases(self) -> dict[Phase, int]:
        """Return how many workers are at what."""
        return dict(self._force.phases())

    def resident_bytes(self) -> dict[int, int]:
        """Return the resident memory of each worker by its process id."""
        return self._force.resident_bytes()

    async def describe(self) -> list[VerifierCard]:
        """Return a card for each verifier that the preload found.

        Raises:
            BackendUnavailableError: there is no preload.
        """
        if self._warm is None:
            raise BackendUnavailableError(self.ready() or "the pool has not been started")
        return self._warm.cards

    async def process(self, chunk: Chunk, deliver: Deliver) -> None:
        """Run a chunk; on return each of its jobs has been delivered exactly once.

        If the caller cancels, the worker stops after the job that runs, and nothing more is
        delivered.
        """
        errand = _Errand(chunk, Ledger(chunk, retries=self.settings.limits.retries), deliver)
        self._answer_from_quarantine(errand)
        try:
            errand.encoded = msgspec.Raw(frames.encode_chunk(chunk))
        except frames.FrameError as error:
            errand.give_up(Reason.FAULT, str(error))
        first = False
        while batch := errand.ledger.next_batch():
            worker = await self._borrow(errand, first=first)
            if worker is None:
                return
            await self._run(worker, errand, batch)
            first = True

    async def inspect(self, setups: Sequence[Setup]) -> list[SetupReport]:
        """Check parameters; one report per setup, in order.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        reports: list[SetupReport] = []
        width, losses = len(setups), 0
        while len(reports) < len(setups):
            worker = await self._force.borrow(_INSPECTION_SECONDS, first=True)
            if worker is None or losses > self.settings.limits.retries:
                raise BackendUnavailableError(self.ready() or "no worker could be asked")
            part = setups[len(reports) : len(reports) + width]
            event = await self._inspect(worker, part)
            if isinstance(event, Reports):
                reports += event.reports
            elif width > 1:
                width = 1  # one of them ends workers: which one shows when each is asked alone
            elif event.cause is Cause.EXTERNAL:
                losses += 1
            else:
                reports.append(_fatal(part[0], event))
        return reports

    def _answer_from_quarantine(self, errand: "_Errand") -> None:
        held = self.quarantine.holds(errand.chunk)
        if held:
            self.counters.quarantine_hits += len(held)
            detail = "it has ended two workers before"
            errand.deliver(errand.ledger.close(Reason.QUARANTINED, detail, held))

    async def _borrow(self, errand: "_Errand", *, first: bool) -> WorkerProcess | None:
        """Return a worker, or answer all that is owed."""
        remaining = errand.remaining_seconds()
        if self._closing:
            errand.give_up(Reason.CANCELLED, "the pool is closed")
            return None
        if remaining <= 0:
            errand.give_up(Reason.DEADLINE, "not started before the deadline")
            return None
        worker = await self._force.borrow(remaining, first=first)
        if worker is not None:
            return worker
        if self._closing:
            errand.give_up(Reason.CANCELLED, "the pool is closed")
        elif errand.remaining_seconds() <= 0:
            errand.give_up(Reason.DEADLINE, "no worker was free before the deadline")
        else:
            errand.give_up(Reason.WORKER_LOST, f"no live worker: {self.ready()}")
        return None

    async def _run(self, worker: WorkerProcess, errand: "_Errand", batch: list[int]) -> None:
        """Have a worker run a batch; on return it is given back, or dead and buried."""
        self._batches += 1
        message = Run(self._batches, errand.remaining_seconds(), batch, errand.encoded)
        try:
            worker.assign(message, self._limits_of(errand.chunk))
        except frames.FrameError as error:
            self._force.give_back(worker)
            errand.give_up(Reason.OVERLOADED, str(error))
            return
        try:
            while not self._take(worker, errand, await worker.receive()):
                pass
        except BaseException:
            self._call_off(worker)
            raise
        self._force.give_back(worker)

    def _take(self, worker: WorkerProcess, errand: "_Errand", events: list[Event]) -> bool:
        """Deliver what a worker sent; return whether it is done with the batch."""
        for event in events:
            if worker.distrusted and not isinstance(event, Death):
                continue
            match event:
                case Death():
                    self._bury(worker, errand, event)
                    return True
                case Answers(batch, answers, finished) if batch == worker.assigned:
                    try:
                        accepted = errand.ledger.accept(answers, finished=finished)
                    except BadAnswerError:
                        worker.distrust()
                        continue
                    worker.jobs_done += len(accepted)
                    errand.deliver(accepted)
                    if finished:
                        return True
                case _:
                    worker.distrust()
        return False

    def _bury(self, worker: WorkerProcess, errand: "_Errand", death: Death) -> None:
        ledger = errand.ledger
        before = len(ledger.quarantined)
        answers = ledger.bury(worker.assigned, death)
        if self._closing:
            answers += ledger.close(Reason.CANCELLED, "the pool is closed")
        for job in ledger.quarantined[before:]:
            self.counters.quarantined += 1
            self.quarantine.add(job_key(errand.chunk, job))
        errand.deliver(answers)

    def _limits_of(self, chunk: Chunk) -> list[float]:
        default = self.settings.limits.cpu_seconds
        by_setup = [
            default if setup.cpu_seconds is None else setup.cpu_seconds for setup in chunk.setups
        ]
        return [by_setup[job.setup] for job in chunk.jobs]

    def _call_off(self, worker: WorkerProcess) -> None:
        """Nobody wants the batch any more: let the worker finish its job, unheard."""
        if worker.phase is Phase.DEAD:
            return
        worker.slot.stop(worker.assigned)
        stray = asyncio.create_task(self._see_out(worker))
        self._strays.add(stray)
        stray.add_done_callback(self._strays.discard)

    async def _see_out(self, worker: WorkerProcess) -> None:
        while True:
            for event in await worker.receive():
                if isinstance(event, Death):
                    return
                if isinstance(event, Reports) or (isinstance(event, Answers) and event.finished):
                    self._force.give_back(worker)
                    return

    async def _inspect(self, worker: WorkerProcess, setups: Sequence[Setup]) -> Reports | Death:
        self._batches += 1
        worker.assign(Inspect(self._batches, list(setups)), ())
        try:
            while True:
                for event in await worker.receive():
                    if isinstance(event, Death):
                        return event
                    if isinstance(event, Reports) and len(event.reports) == len(setups):
                        self._force.give_back(worker)
                        return event
                    worker.distrust()
        except BaseException:
            self._call_off(worker)
            raise


class _Errand:
    """A chunk on its way: the chunk, its books, who takes the answers, how long there is."""

    def __init__(self, chunk: Chunk, ledger: Ledger, deliver: Deliver) -> None:
        self.chunk = chunk
        self.ledger = ledger
        self.encoded = msgspec.Raw()
        self._deliver = deliver
        self._deadline = time.monotonic() + chunk.remaining_seconds

    def remaining_seconds(self) -> float:
        """Return the time until the deadline."""
        return self._deadline - time.monotonic()

    def deliver(self, answers: Sequence[Answer]) -> None:
        """Hand over answers, if there are any."""
        if answers:
            self._deliver(answers)

    def give_up(self, reason: Reason, detail: str) -> None:
        """Answer all that is owed as unscored."""
        self.deliver(self.ledger.close(reason, detail))


def _fatal(setup: Setup, death: Death) -> SetupReport:
    did = "takes too long" if death.cause is Cause.TIMEOUT else "ends the worker"
    return SetupReport(f"building {setup.verifier!r} with these parameters {did}")
