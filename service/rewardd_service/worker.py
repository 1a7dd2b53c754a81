"""What a worker does with a chunk: build, type, verify; whatever is raised becomes a verdict here.

No process, no socket, no clock of a supervisor: the same in a worker process and inline.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Protocol

from rewardd_sandbox import Sandbox, SandboxError
from rewardd_service.answers import scored_or_not, unscored
from rewardd_service.job import SKIPPED, Answer, Chunk, Job, Setup, SetupReport, VerifierCard
from rewardd_verifiers import (
    Catalog,
    InvalidParamsError,
    InvalidReferenceError,
    JudgeVerifier,
    Need,
    PureVerifier,
    Reason,
    Sample,
    UnknownVerifierError,
    Verifier,
    VerifierError,
    type_reference,
)

logger = logging.getLogger(__name__)


class Progress(Protocol):
    """Where a worker says what it is about to do, and learns that nobody wants it any more."""

    def begin(self, job: int) -> None:
        """Job `job` starts now: what it takes from here on is its own."""
        ...

    def stopped(self) -> bool:
        """Whether the rest of the chunk is no longer wanted."""
        ...


class Unwatched:
    """A progress that nobody looks at."""

    def begin(self, job: int) -> None:
        """Say nothing."""

    def stopped(self) -> bool:
        """Go on."""
        return False


class Worker:
    """Judges chunks with the verifiers of a catalog.

    Args:
        sandbox: where the verifiers that need one run programs.
    """

    def __init__(
        self, catalog: Catalog, progress: Progress | None = None, sandbox: Sandbox | None = None
    ) -> None:
        self._catalog = catalog
        self._progress: Progress = progress or Unwatched()
        self._sandbox = sandbox
        self._runner: asyncio.Runner | None = None
        self._logged: set[tuple[str, str]] = set()

    def handle(self, chunk: Chunk, jobs: Iterable[int] | None = None) -> Iterator[Answer]:
        """Yield the answer of each job in turn, as soon as it is there.

        Ends early, between two jobs, once `Progress.stopped`.

        `jobs` are the indices of those to run, ascending; None means all.

        Raises:
            MemoryError: there is none left, for which a neighbour may be to blame; the job that
                ran has no answer, and the worker should be retired.
        """
        deadline = time.monotonic() + chunk.remaining_seconds
        bench = _Bench(self._catalog, chunk, self._progress)
        closed: set[int] = set()
        for index in range(len(chunk.jobs)) if jobs is None else jobs:
            if self._progress.stopped():
                return
            job = chunk.jobs[index]
            if job.subject in closed:
                yield Answer(index, None, SKIPPED)
                continue
            if time.monotonic() >= deadline:
                answer = unscored(index, Reason.DEADLINE, "not started before the deadline")
            else:
                answer = self._judge(index, job, bench)
            if job.gate and (answer.score is None or answer.score < 1.0):
                closed.add(job.subject)
            yield answer

    def inspect(self, setups: Sequence[Setup]) -> list[SetupReport]:
        """Report on each setup, in order."""
        return [self._inspect(index, setup) for index, setup in enumerate(setups)]

    def close(self) -> None:
        """Give back the event loop that verifiers with a sandbox ran in."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def _judge(self, index: int, job: Job, bench: "_Bench") -> Answer:
        """Answer one job. The only place in the project that catches everything."""
        started = _Stopwatch()
        version = 0
        try:
            self._progress.begin(index)
            verifier, reference = bench.prepare(index, job)
            version, started = verifier.version, _Stopwatch()
            verdict = self._verify(verifier, bench.sample(job, reference))
            seconds = started.seconds(verifier)
            return scored_or_not(index, verdict, version=version, seconds=seconds)
        except MemoryError:
            raise
        except InvalidReferenceError as error:
            reason, detail = Reason.INVALID_REFERENCE, str(error)
        except SandboxError as error:
            reason, detail = Reason.SANDBOX_UNAVAILABLE, str(error)
        except _NoJudgeError as error:
            reason, detail = Reason.JUDGE_FAILED, str(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001  the one place: see the module
            reason, detail = Reason.FAULT, self._fault(bench.verifier_name(job), error)
        return unscored(index, reason, detail, version=version, seconds=started.cpu_seconds())

    def _verify(self, verifier: Verifier, sample: Sample[object]) -> object:
        if isinstance(verifier, PureVerifier):
            return verifier.verify(sample)
        if isinstance(verifier, JudgeVerifier):
            raise _NoJudgeError("a worker has no judge")
        if self._sandbox is None:
            raise SandboxError("this worker has no sandbox")
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(verifier.verify(sample, self._sandbox))

    def _fault(self, verifier: str, error: BaseException) -> str:
        """Log where it was raised, once for each place, and say so.

        The message of an exception may repeat a completion: it is for DEBUG only.
        """
        where = _place(error)
        detail = f"{type(error).__name__} at {where}"
        if (verifier, detail) not in self._logged:
            self._logged.add((verifier, detail))
            logger.warning("verifier %s raised %s", verifier, detail)
            logger.debug("verifier %s raised", verifier, exc_info=error)
        return detail

    def _inspect(self, index: int, setup: Setup) -> SetupReport:
        self._progress.begin(index)
        try:
            verifier = self._catalog.build(setup.verifier, setup.params)
        except (VerifierError, RecursionError) as error:
            return SetupReport(str(error))
        return SetupReport(None, verifier.version, sorted(verifier.inputs()))


def describe(catalog: Catalog, need: Need) -> list[VerifierCard]:
    """Return a card for each verifier of the catalog with this need; this imports them.

    Raises:
        BrokenVerifierError: the package of one is broken.
    """
    cards: list[VerifierCard] = []
    for name in catalog.names():
        if catalog.need(name) is not need:
            continue
        told = catalog.describe(name)
        cards.append(
            VerifierCard(name, told.need, told.version, told.summary, told.params, told.reference)
        )
    return cards


class _NoJudgeError(Exception):
    """Judge jobs run in the gateway, not in workers."""


class _Stopwatch:
    """CPU seconds of this thread for what computes, wall seconds for what waits elsewhere."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.thread_time()

    def cpu_seconds(self) -> float:
        return time.thread_time() - self._cpu

    def seconds(self, verifier: Verifier) -> float:
        if isinstance(verifier, PureVerifier):
            return self.cpu_seconds()
        return time.monotonic() - self._wall


class _Bench:
    """What the jobs of one chunk share: built verifiers, typed references.

    A failure is kept as well: one bad reference of a group of sixteen is read once.
    """

    def __init__(self, catalog: Catalog, chunk: Chunk, progress: Progress) -> None:
        self._catalog = catalog
        self._chunk = chunk
        self._progress = progress
        self._verifiers: dict[int, Verifier | InvalidParamsError | UnknownVerifierError] = {}
        self._references: dict[tuple[int, int], object | InvalidReferenceError] = {}

    def verifier_name(self, job: Job) -> str:
        return self._chunk.setups[job.setup].verifier

    def prepare(self, index: int, job: Job) -> tuple[Verifier, object]:
        """Return the job's verifier and typed reference.

        What had to be made for it is made once for its neighbours too, so the job's own clock
        starts anew behind it: no verdict depends on who came first.
        """
        key = (job.setup, job.reference)
        if key not in self._references:
            verifier = self._verifier(job.setup)
            self._references[key] = self._typed(verifier, job.reference)
            self._progress.begin(index)
        reference = self._references[key]
        if isinstance(reference, InvalidReferenceError):
            raise reference.with_traceback(None)
        return self._verifier(job.setup), reference

    def sample(self, job: Job, reference: object) -> Sample[object]:
        subject = self._chunk.subjects[job.subject]
        return Sample(
            completion=subject.completion,
            reference=reference,
            prompt=subject.prompt,
            reasoning=subject.reasoning,
            length=subject.length,
            finish_reason=subject.finish_reason,
            metadata=subject.metadata,
        )

    def _verifier(self, setup: int) -> Verifier:
        if setup not in self._verifiers:
            told = self._chunk.setups[setup]
            try:
                self._verifiers[setup] = self._catalog.build(told.verifier, told.params)
            except (InvalidParamsError, UnknownVerifierError) as error:
                self._verifiers[setup] = error
        built = self._verifiers[setup]
        if isinstance(built, VerifierError):
            raise built.with_traceback(None)
        return built

    def _typed(self, verifier: Verifier, reference: int) -> object | InvalidReferenceError:
        try:
            return type_reference(verifier, self._chunk.references[reference])
        except InvalidReferenceError as error:
            return error


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    return f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}"
