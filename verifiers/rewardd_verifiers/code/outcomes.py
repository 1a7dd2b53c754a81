"""From what a test left behind to what it is worth: the table of reasons."""

from dataclasses import dataclass

from rewardd_sandbox import Answer, End, Limits
from rewardd_verifiers.code.compare import head
from rewardd_verifiers.verdict import Reason

_STDERR_CHARACTERS = 2048
_HURT = {
    End.SIGNALLED: "it was killed by signal {signal}",
    End.NO_ENTRY: "the function is not there",
    End.BROKEN: "it ended, or spoke, out of turn",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one test is worth, and why.

    Attributes:
        expected, got: heads of both, for people.
        lost: nothing can be said of this test, by no fault of the program.
    """

    score: float
    reason: Reason
    detail: str = ""
    expected: str = ""
    got: str = ""
    lost: bool = False

    @property
    def passed(self) -> bool:
        """Whether it got full score."""
        return self.score >= 1.0


PASSED = Judged(score=1.0, reason=Reason.MATCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One test: its number, its input's head, how it was judged, and the answer behind it."""

    number: int
    given: str
    judged: Judged
    answer: Answer
    weight: float = 1.0
    subtask: str = ""


def troubled(answer: Answer, limits: Limits, *, ignore_exit_code: bool = False) -> Judged | None:
    """Return why an answer counts for nothing whatever it says; None if it may count."""
    if answer.end.limit:
        return Judged(
            score=0.0, reason=Reason.LIMIT_EXCEEDED, detail=answer.note or _limit(answer, limits)
        )
    if answer.end is End.UNSUPPORTED:
        return Judged(score=0.0, reason=Reason.MISMATCH, detail=answer.note)
    if answer.end is not End.EXITED:
        detail = _HURT[answer.end].format(signal=answer.signal)
        return Judged(score=0.0, reason=Reason.RUNTIME_ERROR, detail=answer.note or detail)
    if answer.exit_code and not ignore_exit_code:
        return Judged(
            score=0.0, reason=Reason.RUNTIME_ERROR, detail=f"exit status {answer.exit_code}"
        )
    return None


def evidence(outcome: Outcome) -> dict[str, object]:
    """Return what to show of a failing test."""
    answer = outcome.answer
    shown: dict[str, object] = {
        "test": outcome.number,
        "input": outcome.given,
        "expected": outcome.judged.expected,
        "output": outcome.judged.got or head(answer.stdout),
        "stderr": answer.stderr_tail.decode("utf-8", "replace")[-_STDERR_CHARACTERS:],
        "end": str(answer.end),
        "cpu_seconds": round(answer.cpu_seconds, 4),
        "wall_seconds": round(answer.wall_seconds, 4),
    }
    optional = {name: getattr(answer, name) for name in ("exit_code", "signal", "peak_mib")}
    return shown | {name: value for name, value in optional.items() if value is not None}


def _limit(answer: Answer, limits: Limits) -> str:
    return {
        End.CPU_LIMIT: f"{answer.cpu_seconds:.2f} s of CPU, {limits.cpu_seconds:g} allowed",
        End.WALL_LIMIT: f"idle: {answer.wall_seconds:.1f} s, {limits.wall_net_seconds:g} allowed",
        End.MEMORY_LIMIT: f"more than {limits.memory_mib} MiB of memory",
        End.OUTPUT_LIMIT: f"{len(answer.stdout)} bytes of output and more",
        End.FILE_LIMIT: f"a file larger than {limits.file_mib} MiB",
    }[answer.end]
