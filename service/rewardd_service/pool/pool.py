"""Run chunks on workers that may hang, crash or be killed: every job is answered, exactly once."""

import logging
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from rewardd_service import frames
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.job import Answer, Chunk, Setup, SetupReport, VerifierCard
from rewardd_service.pool.canary import canary_chunk, mistakes
from rewardd_service.pool.conversation import Conversation
from rewardd_service.pool.counters import Counters
from rewardd_service.pool.errand import MAX_CHUNK_BYTES, Deliver, Errand, parts_by_subject
from rewardd_service.pool.limits import PoolSettings
from rewardd_service.pool.messages import KnownSample, Reports, Warm
from rewardd_service.pool.process import Cause, Death, Phase, WorkerProcess
from rewardd_service.pool.quarantine import Quarantine
from rewardd_service.pool.workforce import Workforce
from rewardd_verifiers import Reason

logger = logging.getLogger(__name__)

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
        self._talk = Conversation(
            self._force,
            self.counters,
            self.quarantine,
            default_cpu_seconds=self.settings.limits.cpu_seconds,
        )
        self._warm: Warm | None = None

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
        self._talk.closing = True
        await self._force.close()
        await self._talk.end()

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
        errand = Errand(chunk, deliver, retries=self.settings.limits.retries)
        self._answer_from_quarantine(errand)
        try:
            encoded = frames.encode_chunk(chunk)
        except frames.FrameError as error:
            errand.give_up(Reason.FAULT, str(error))
            return
        if len(encoded) <= MAX_CHUNK_BYTES:
            errand.encoded = msgspec.Raw(encoded)
            await self._process(errand)
        else:
            await self._process_in_parts(errand, len(encoded))

    async def inspect(self, setups: Sequence[Setup]) -> list[SetupReport]:
        """Check parameters; one report per setup, in order.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        reports: list[SetupReport] = []
        width, losses = len(setups), 0
        while len(reports) < len(setups):
            if losses > self.settings.limits.retries:
                raise BackendUnavailableError("the workers that were asked were killed")
            worker = await self._force.borrow(_INSPECTION_SECONDS, first=True)
            if worker is None:
                raise BackendUnavailableError(self.ready() or "no worker was free to be asked")
            part = setups[len(reports) : len(reports) + width]
            event = await self._talk.inspect(worker, part)
            if isinstance(event, Reports):
                reports += event.reports
            elif width > 1:
                width = 1  # one of them ends workers: which one shows when each is asked alone
            elif event.cause is Cause.EXTERNAL:
                losses += 1
            else:
                reports.append(_fatal(part[0], event))
        return reports

    async def _process(self, errand: Errand) -> None:
        again = False
        while batch := errand.ledger.next_batch():
            worker = await self._borrow(errand, first=again)
            if worker is None:
                return
            self.counters.resent += len(batch) if again else 0
            await self._run(worker, errand, batch)
            again = True

    async def _process_in_parts(self, errand: Errand, size_bytes: int) -> None:
        parts = parts_by_subject(errand.chunk)
        if len(parts) <= 1:
            detail = f"{size_bytes} bytes, and a worker takes at most {MAX_CHUNK_BYTES}"
            errand.give_up(Reason.OVERLOADED, detail)
            return
        for part, jobs in parts:
            remaining = msgspec.structs.replace(part, remaining_seconds=errand.remaining_seconds())
            await self.process(remaining, errand.for_part(jobs))

    def _answer_from_quarantine(self, errand: Errand) -> None:
        held = self.quarantine.holds(errand.chunk)
        if held:
            self.counters.quarantine_hits += len(held)
            detail = "it has ended two workers before"
            errand.deliver(errand.ledger.close(Reason.QUARANTINED, detail, held))

    async def _borrow(self, errand: Errand, *, first: bool) -> WorkerProcess | None:
        """Return a worker, or answer all that is owed."""
        remaining = errand.remaining_seconds()
        if self._talk.closing:
            errand.give_up(Reason.CANCELLED, "the pool is closed")
            return None
        if remaining <= 0:
            errand.give_up(Reason.DEADLINE, "not started before the deadline")
            return None
        worker = await self._force.borrow(remaining, first=first)
        if worker is not None:
            return worker
        if self._talk.closing:
            errand.give_up(Reason.CANCELLED, "the pool is closed")
        elif errand.remaining_seconds() <= 0:
            errand.give_up(Reason.DEADLINE, "no worker was free before the deadline")
        else:
            errand.give_up(Reason.WORKER_LOST, f"no live worker: {self.ready()}")
        return None

    async def _run(self, worker: WorkerProcess, errand: Errand, batch: list[int]) -> None:
        """Have a worker run a batch; on return it is given back, or dead and buried."""
        await self._talk.judge(worker, errand, batch)
        if self._canary_is_due(worker):
            self._talk.see_to(self._try_canary(worker))
        else:
            self._force.give_back(worker)

    def _canary_is_due(self, worker: WorkerProcess) -> bool:
        if worker.phase is not Phase.BUSY or worker.retiring or not self._canaries():
            return False
        now = time.monotonic()
        if now - max(worker.checked_at, worker.began) < self.settings.limits.canary_seconds:
            return False
        worker.checked_at = now
        return True

    def _canaries(self) -> list[KnownSample]:
        known = [] if self._warm is None else self._warm.samples
        return [sample for sample in known if sample.score is not None]

    async def _try_canary(self, worker: WorkerProcess) -> None:
        """Check a worker that has just done its batch, then give it back or end it."""
        samples = self._canaries()
        answers: list[Answer] = []
        errand = Errand(canary_chunk(samples), answers.extend, retries=0)
        errand.encoded = msgspec.Raw(frames.encode_chunk(errand.chunk))
        await self._talk.judge(worker, errand, errand.ledger.next_batch())
        wrong = mistakes(samples, answers)
        if wrong:
            self.counters.wrong_canaries += 1
            logger.error("worker %d judges known samples wrongly: %s", worker.pid, wrong[0])
            worker.kill(Cause.RECYCLED)
        else:
            self._force.give_back(worker)


def _fatal(setup: Setup, death: Death) -> SetupReport:
    did = "takes too long" if death.cause is Cause.TIMEOUT else "ends the worker"
    return SetupReport(f"building {setup.verifier!r} with these parameters {did}")
