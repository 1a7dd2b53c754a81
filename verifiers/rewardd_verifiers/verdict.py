"""What a verifier concluded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

Evidence = Mapping[str, object]
"""What supports a verdict, for people and logs: plain JSON values, valid UTF-8, bounded in size."""


Record = Mapping[str, object]
"""All that a verifier saw, for who asks for it: plain values and bytes, larger than evidence."""


class Reason(StrEnum):
    """Why a verdict is what it is: a closed list, safe to use as a metric's label."""

    # Scored: what the policy did.
    MATCH = "match"
    PARTIAL = "partial"
    MISMATCH = "mismatch"
    NO_ANSWER = "no_answer"
    BAD_FORMAT = "bad_format"
    UNPARSEABLE_ANSWER = "unparseable_answer"
    LIMIT_EXCEEDED = "limit_exceeded"
    COMPILE_ERROR = "compile_error"
    RUNTIME_ERROR = "runtime_error"

    # Unscored: what we could not do.
    INVALID_REFERENCE = "invalid_reference"
    UNDECIDED = "undecided"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    QUARANTINED = "quarantined"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    JUDGE_FAILED = "judge_failed"
    DEADLINE = "deadline"
    OVERLOADED = "overloaded"
    CANCELLED = "cancelled"
    FAULT = "fault"

    @property
    def scored(self) -> bool:
        """Whether a verdict with this reason carries a score."""
        return self in _SCORED


_SCORED = frozenset(
    {
        Reason.MATCH,
        Reason.PARTIAL,
        Reason.MISMATCH,
        Reason.NO_ANSWER,
        Reason.BAD_FORMAT,
        Reason.UNPARSEABLE_ANSWER,
        Reason.LIMIT_EXCEEDED,
        Reason.COMPILE_ERROR,
        Reason.RUNTIME_ERROR,
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A score in [0, 1], or None when the sample could not be judged.

    None is never the policy's doing: trainers mask such a sample, they do not punish it.

    Attributes:
        record: makes the record where one was asked for; None where there is nothing to record.

    Raises:
        ValueError: the score is outside [0, 1] (NaN included), or does not fit the reason.
    """

    score: float | None
    reason: Reason
    detail: str = ""
    evidence: Evidence = field(default_factory=dict[str, object])
    record: Callable[[], Record] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what no reader could interpret."""
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ValueError(f"score {self.score} is outside [0, 1]")
        if (self.score is not None) is not self.reason.scored:
            raise ValueError(f"score {self.score} does not go with reason {self.reason}")

    @classmethod
    def of(cls, *, correct: bool, detail: str = "", evidence: Evidence | None = None) -> Self:
        """Full score or none."""
        reason = Reason.MATCH if correct else Reason.MISMATCH
        return cls(float(correct), reason, detail, evidence or {})

    @classmethod
    def share(cls, score: float, detail: str = "", evidence: Evidence | None = None) -> Self:
        """A score between none and full; the reason follows from it."""
        if score >= 1.0:
            reason = Reason.MATCH
        elif score > 0.0:
            reason = Reason.PARTIAL
        else:
            reason = Reason.MISMATCH
        return cls(score, reason, detail, evidence or {})

    @classmethod
    def zero(cls, reason: Reason, detail: str = "", evidence: Evidence | None = None) -> Self:
        """Nothing, by the policy's own doing."""
        return cls(0.0, reason, detail, evidence or {})

    @classmethod
    def unscored(cls, reason: Reason, detail: str = "", evidence: Evidence | None = None) -> Self:
        """Nothing can be concluded."""
        return cls(None, reason, detail, evidence or {})
