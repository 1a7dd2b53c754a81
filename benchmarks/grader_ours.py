"""The `math` verifier as a grader of benchmarks."""

from typing import Final

from benchmarks.graders import Row
from rewardd_verifiers import Sample
from rewardd_verifiers.builtin.math import Gold, Math

_VERIFIER: Final = Math()


def judge(row: Row) -> tuple[bool | None, str]:
    """Return whether the response is right, and the tier that decided."""
    reference: Gold = row.gold
    verdict = _VERIFIER.verify(Sample(completion=row.response, reference=reference))
    accepted = None if verdict.score is None else verdict.score == 1.0
    return accepted, str(verdict.evidence.get("tier", 0))
