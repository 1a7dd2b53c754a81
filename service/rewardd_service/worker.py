"""What a worker does with a chunk: build, type, verify; whatever is raised becomes a verdict here.

No process, no socket, no clock of a supervisor: the same in a worker process and inline.
"""

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import ParamSpec, Protocol, TypeVar

from rewardd_sandbox import SandboxError
from rewardd_service.answers import scored_or_not, unscored
from rewardd_service.built import BuiltVerifiers
from rewardd_service.job import SKIPPED, Answer, Chunk, Job, Setup, SetupReport, VerifierCard
from rewardd_service.sandboxed import OpenSandbox, SandboxRunner
from rewardd_verifiers import (
    Catalog,
    InvalidReferenceError,
    JudgeVerifier,
    Need,
    PureVerifier,
    Reason,
    Sample,
    Verifier,
    VerifierError,
    type_reference,
)

logger = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")


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
        open_sandbox: makes the place where the verifiers that need one run programs.
    """

    def __init__(
        self,
        catalog: Catalog,
        progress: Progress | None = None,
        open_sandbox: OpenSandbox | None = None,
    ) -> None:
        self._catalog = catalog
        self._built = BuiltVerifiers(catalog)
        self._progress: Progress = progress or Unwatched()
        self._open_sandbox = open_sandbox
        self._sandboxed: SandboxRunner | None = None
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
        bench = _Bench(self._built, chunk, self._progress)
        closed: set[int] = set()
        for index in range(len(chunk.jobs)) if jobs is None else jobs:
            if self._progress.stopped():
                return
            self._progress.begin(index)
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
        """End the sandbox, if one was needed."""
        if self._sandboxed is not None:
            self._sandboxed.close()
            self._sandboxed = None

    def _judge(self, index: int, job: Job, bench: "_Bench") -> Answer:
        started = time.thread_time()
        answer = self._guard(bench.verifier_name(job), self._answer, index, job, bench)
        if isinstance(answer, Answer):
            return answer
        seconds = time.thread_time() - started
        return unscored(index, answer.reason, answer.detail, seconds=seconds)

    def _answer(self, index: int, job: Job, bench: "_Bench") -> Answer:
        verifier, reference = bench.prepare(index, job)
        sample = bench.sample(job, reference)
        # CPU seconds of what computes, wall seconds of what waits for others.
        clock = time.thread_time if isinstance(verifier, PureVerifier) else time.monotonic
        started = clock()
        verdict = self._verify(verifier, sample)
        seconds = clock() - started
        return scored_or_not(
            index,
            verdict,
            version=verifier.version,
            seconds=seconds,
            recorded=bench.recorded(job),
        )

    def _guard(
        self, name: str, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> "_T | _Failure":
        """Return what `work` returns, or what its exception means.

        The only place in the project that catches everything: what a verifier raises says
        nothing about the completion, and must not reach its neighbours.
        """
        try:
            return work(*args, **kwargs)
        except MemoryError:
            raise
        except InvalidReferenceError as error:
            return _Failure(Reason.INVALID_REFERENCE, str(error))
        except SandboxError as error:
            return _Failure(Reason.SANDBOX_UNAVAILABLE, str(error))
        except _NoJudgeError as error:
            return _Failure(Reason.JUDGE_FAILED, str(error))
        except VerifierError as error:
            return _Failure(Reason.FAULT, str(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001  the one place: see above
            return _Failure(Reason.FAULT, self._fault(name, error))

    def _verify(self, verifier: Verifier, sample: Sample[object]) -> object:
        if isinstance(verifier, PureVerifier):
            return verifier.verify(sample)
        if isinstance(verifier, JudgeVerifier):
            raise _NoJudgeError("a worker has no judge")
        if self._open_sandbox is None:
            raise SandboxError("this worker has no sandbox")
        if self._sandboxed is None:
            self._sandboxed = SandboxRunner(self._open_sandbox)
        return self._sandboxed.verify(verifier, sample)

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
        report = self._guard(setup.verifier, self._report, setup)
        return report if isinstance(report, SetupReport) else SetupReport(report.detail)

    def _report(self, setup: Setup) -> SetupReport:
        verifier = self._catalog.build(setup.verifier, setup.params)
        return SetupReport(None, verifier.version, sorted(verifier.inputs()))


def describe(
    catalog: Catalog, need: Need, names: Sequence[str] | None = None
) -> list[VerifierCard]:
    """Return a card for each verifier of the catalog with this need; this imports them.

    With `names`, only those.

    Raises:
        UnknownVerifierError: there is no verifier of one of these names.
        BrokenVerifierError: the package of one is broken.
    """
    cards: list[VerifierCard] = []
    for name in catalog.names() if names is None else names:
        if catalog.need(name) is need:
            told = catalog.describe(name)
            schemas = told.params, told.reference
            cards.append(VerifierCard(name, told.need, told.version, told.summary, *schemas))
    return cards


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no verdict."""

    reason: Reason
    detail: str


class _NoJudgeError(Exception):
    """Judge jobs run in the gateway, not in workers."""


class _Bench:
    """What the jobs of one chunk share: typed references.

    A failure is kept as well: one bad reference of a group of sixteen is read once.
    """

    def __init__(self, built: BuiltVerifiers, chunk: Chunk, progress: Progress) -> None:
        self._built = built
        self._chunk = chunk
        self._progress = progress
        self._made: dict[tuple[int, int], tuple[Verifier, object | InvalidReferenceError]] = {}

    def verifier_name(self, job: Job) -> str:
        return self._chunk.setups[job.setup].verifier

    def recorded(self, job: Job) -> bool:
        return self._chunk.setups[job.setup].recorded

    def prepare(self, index: int, job: Job) -> tuple[Verifier, object]:
        """Return the job's verifier and typed reference.

        What had to be made for it is made once for its neighbours too, so the job's own clock
        starts anew behind it: no verdict depends on who came first.
        """
        key = (job.setup, job.reference)
        made = self._made.get(key)
        if made is None:
            verifier = self._built.get(self._chunk.setups[job.setup])
            made = self._made[key] = (verifier, self._typed(verifier, job.reference))
            self._progress.begin(index)
        if isinstance(made[1], InvalidReferenceError):
            raise made[1].with_traceback(None)
        return made

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
