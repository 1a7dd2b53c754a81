"""The books of one chunk: what is still owed, who is suspected, what a death means. Pure.

Each job leaves the ledger exactly once, as an answer.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from rewardd_service.answers import unscored
from rewardd_service.job import SKIPPED, Answer, Chunk
from rewardd_service.pool.process import Cause, Death
from rewardd_verifiers import Reason

_OWN_DEATHS: Final = 2
"""Workers that a job may take with it before it is put away."""
_PATIENCE: Final = 32
"""Workers in a row that may be killed from outside before they begin with a batch."""
_SCORED: Final = frozenset(reason.value for reason in Reason if reason.scored)
_UNSCORED: Final = frozenset(reason.value for reason in Reason if not reason.scored)


class BadAnswerError(ValueError):
    """A worker answered what it was not asked, or what no verdict can be."""


class Ledger:
    """What is owed on one chunk.

    Args:
        retries: of a job, or of a batch, whose worker somebody outside killed.

    Attributes:
        quarantined: jobs that were put away for good, newest last.
    """

    def __init__(self, chunk: Chunk, *, retries: int) -> None:
        self._chunk = chunk
        self._retries = retries
        self._open = dict.fromkeys(range(len(chunk.jobs)))
        self._shut: dict[int, int] = {}
        self._expected: deque[int] = deque()
        self._suspects: set[int] = set()
        self._own_deaths: Counter[int] = Counter()
        self._losses: Counter[int] = Counter()
        self._stalls: Counter[int] = Counter()
        self._blameless = 0
        self._disturbed = False
        self._sent = 0
        self.quarantined: list[int] = []

    def next_batch(self) -> list[int]:
        """Return the jobs to send to one worker, in order; none if nothing is owed.

        Suspects come last and each alone; what stands behind a suspected gate waits for it.
        """
        if not self._suspects:
            batch = list(self._open)
        else:
            batch = [job for job in self._open if not self._waits(job)]
            batch = batch or [min(self._suspects)]
        self._expected = deque(batch)
        self._sent = len(batch)
        return batch

    def accept(self, answers: Sequence[Answer], *, reached: int, finished: bool) -> list[Answer]:
        """Return the answers, checked, as they may be delivered.

        `reached` is the job that the worker has come to: what it has not begun it cannot answer.

        Raises:
            BadAnswerError: one is not the answer that comes next, or no verdict; none is taken.
        """
        if len(answers) > len(self._expected):
            raise BadAnswerError("more answers than jobs")
        if finished and len(answers) < len(self._expected):
            raise BadAnswerError(f"{len(self._expected) - len(answers)} jobs have no answer")
        self._check(answers, reached)
        for _ in answers:
            self._expected.popleft()
        self._blameless = 0
        return [self._settle(answer) for answer in answers]

    def bury(self, batch: int, death: Death) -> list[Answer]:
        """Return the answers that follow from a worker's death in the middle of a batch."""
        self._disturbed = True
        suspect = death.at.job if death.at.batch == batch else None
        if suspect not in self._expected:
            suspect = None
        answers = self._blame(suspect, death) if suspect is not None else self._blame_nobody(death)
        self._expected.clear()
        return self._with_skipped(answers)

    def close(self, reason: Reason, detail: str, jobs: Iterable[int] | None = None) -> list[Answer]:
        """Answer these jobs, by default all that are still owed, as unscored."""
        owed = list(self._open) if jobs is None else [job for job in jobs if job in self._open]
        answers = [self._settle(unscored(job, reason, detail)) for job in owed]
        return self._with_skipped(answers)

    def take_over(self, answers: Sequence[Answer]) -> list[Answer]:
        """Return those of another ledger's answers that are still owed here."""
        owed = [answer for answer in answers if answer.job in self._open]
        for answer in owed:
            del self._open[answer.job]
        return owed

    def _waits(self, job: int) -> bool:
        subject = self._chunk.jobs[job].subject
        return job in self._suspects or any(
            self._chunk.jobs[other].gate
            and self._chunk.jobs[other].subject == subject
            and other < job
            for other in self._suspects
        )

    def _check(self, answers: Sequence[Answer], reached: int) -> None:
        shut = dict(self._shut)
        for answer, job in zip(answers, self._expected, strict=False):
            if answer.job != job or job > reached:
                raise BadAnswerError(f"job {answer.job} where {job} is next, {reached} begun last")
            if not _is_verdict(answer) and not self._is_skipped(answer, shut):
                raise BadAnswerError(f"score {answer.score} with reason {answer.reason!r}")
            if self._chunk.jobs[job].gate:
                self._note_gate(answer, shut)

    def _settle(self, answer: Answer) -> Answer:
        """Strike a job off, and note whether it was a gate that stays shut."""
        del self._open[answer.job]
        self._suspects.discard(answer.job)
        if self._chunk.jobs[answer.job].gate:
            self._note_gate(answer, self._shut)
        before = self._failed_starts(answer.job)
        return msgspec.structs.replace(answer, attempts=before + 1) if before else answer

    def _note_gate(self, answer: Answer, shut: dict[int, int]) -> None:
        if answer.score is None or answer.score < 1.0:
            shut.setdefault(self._chunk.jobs[answer.job].subject, answer.job)

    def _is_skipped(self, answer: Answer, shut: Mapping[int, int]) -> bool:
        skipped = answer.reason == SKIPPED and answer.score is None
        return skipped and self._skips(answer.job, shut)

    def _skips(self, job: int, shut: Mapping[int, int]) -> bool:
        return job > shut.get(self._chunk.jobs[job].subject, job)

    def _failed_starts(self, job: int) -> int:
        if not self._disturbed:
            return 0
        return self._own_deaths[job] + self._losses[job] + self._stalls[job]

    def _with_skipped(self, answers: list[Answer]) -> list[Answer]:
        if not self._shut:
            return answers
        owed = [job for job in self._open if self._skips(job, self._shut)]
        return answers + [self._settle(Answer(job, None, SKIPPED)) for job in owed]

    def _blame(self, job: int, death: Death) -> list[Answer]:
        match death.cause:
            case Cause.TIMEOUT:
                return self._blame_for_time(job, death)
            case Cause.CRASH | Cause.MEMORY:
                return self._blame_for_death(job, death)
            case Cause.EXTERNAL:
                return self._regret(job)
            case Cause.RECYCLED:
                return []

    def _blame_for_time(self, job: int, death: Death) -> list[Answer]:
        charge = death.charge
        if charge is None or charge.at != death.at:
            return []  # it had gone on to this job when the kill for the one before struck
        if charge.wall_only and not self._stalls[job]:
            self._stalls[job] += 1
            self._suspects.add(job)
            return []
        limit = f"took longer than {charge.limit_seconds:g} s of CPU time"
        detail = f"{limit} allow on the wall" if charge.wall_only else limit
        return self._answer(job, Reason.TIMEOUT, detail)

    def _blame_for_death(self, job: int, death: Death) -> list[Answer]:
        if death.distrusted and self._sent > 1:
            self._suspects.update(other for other in self._expected if other <= job)
            return []  # one of those that had begun; each shows alone what it does
        self._own_deaths[job] += 1
        if self._own_deaths[job] < _OWN_DEATHS:
            self._suspects.add(job)
            return []
        self.quarantined.append(job)
        detail = f"ended {_OWN_DEATHS} workers: {death.cause}, status {death.status}"
        return self._answer(job, Reason.QUARANTINED, detail)

    def _regret(self, job: int) -> list[Answer]:
        self._losses[job] += 1
        if self._losses[job] <= self._retries:
            self._suspects.add(job)
            return []
        detail = f"{self._losses[job]} workers were killed from outside while it ran"
        return self._answer(job, Reason.WORKER_LOST, detail)

    def _blame_nobody(self, death: Death) -> list[Answer]:
        """The worker died before it began, or between two jobs.

        Killed from outside, that says nothing of the chunk, and another try costs nothing; ended
        by itself, it may be the chunk that it cannot even read.
        """
        self._blameless += 1
        outside = death.cause in (Cause.EXTERNAL, Cause.RECYCLED)
        if self._blameless <= (_PATIENCE if outside else self._retries):
            return []
        detail = f"{self._blameless} workers were lost, none while it ran"
        return self.close(Reason.WORKER_LOST, detail, list(self._expected))

    def _answer(self, job: int, reason: Reason, detail: str) -> list[Answer]:
        starts = self._failed_starts(job)
        answer = self._settle(unscored(job, reason, detail))
        # The last start is among those that came to nothing, but for a timeout.
        attempts = starts if reason is not Reason.TIMEOUT else starts + 1
        return [msgspec.structs.replace(answer, attempts=attempts)]


def _is_verdict(answer: Answer) -> bool:
    if answer.score is None:
        return answer.reason in _UNSCORED
    return 0.0 <= answer.score <= 1.0 and answer.reason in _SCORED
