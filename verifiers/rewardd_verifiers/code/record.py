"""All that a run left behind, for callers who asked to see it: plain values and bytes.

What policies print can be large: the outputs of one record share a budget, those of the first
tests come first, and what is beyond it is cut.
"""

from collections.abc import Mapping, Sequence

from rewardd_sandbox import Answer, BuildFailure
from rewardd_verifiers.code.outcomes import Outcome
from rewardd_verifiers.verdict import Record

_BUDGET_BYTES = 6 << 20
_LEAST_BYTES = 1 << 10
"""Of each output, also where the budget is spent: a thousand tests take a megabyte then."""


def of_build(language: str, source: str, failure: BuildFailure, seconds: float = 0.0) -> Record:
    """Return the record of a program that could not be built."""
    limit = None if failure.limit is None else failure.limit.value
    build = {"failed": True, "log": _text(failure.log), "limit": limit, "seconds": seconds}
    return _record(language, source, build, [])


def of_run(language: str, answer: Answer, build_seconds: float) -> Record:
    """Return the record of one run without a test."""
    ran = _Ledger().entry(answer, passed=None, number=0)
    return _record(language, "", _built(build_seconds), [ran])


def of_trial(language: str, source: str, outcomes: Sequence[Outcome]) -> Record:
    """Return the record of the tests that were run, in order."""
    ledger = _Ledger()
    ran = [ledger.entry(o.answer, passed=o.judged.passed, number=o.number) for o in outcomes]
    return _record(language, source, _built(0.0), ran)


def _built(seconds: float) -> dict[str, object]:
    return {"failed": False, "log": "", "limit": None, "seconds": seconds}


def _record(
    language: str, source: str, build: Mapping[str, object], tests: list[dict[str, object]]
) -> Record:
    return {"language": language, "source": _text(source), "build": build, "tests": tests}


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


class _Ledger:
    """Bytes that one record may still hold."""

    def __init__(self) -> None:
        self._left = _BUDGET_BYTES

    def entry(self, answer: Answer, *, passed: bool | None, number: int) -> dict[str, object]:
        return {
            "number": number,
            "passed": passed,
            "end": answer.end.value,
            "exit_code": answer.exit_code,
            "signal": answer.signal,
            "stdout": self._take(answer.stdout),
            "stderr": self._take(answer.stderr_tail),
            "cpu_seconds": answer.cpu_seconds,
            "wall_seconds": answer.wall_seconds,
            "files": {name: self._take(content) for name, content in answer.files.items()},
            "note": _text(answer.note),
        }

    def _take(self, content: bytes) -> bytes:
        kept = content[: max(self._left, _LEAST_BYTES)]
        self._left -= len(kept)
        return kept
