"""From the outcomes of tests to one score."""

from collections.abc import Sequence
from enum import StrEnum

from rewardd_verifiers.code.outcomes import Outcome
from rewardd_verifiers.code.tasks import Test


class Reward(StrEnum):
    """All tests or nothing; the share passed; the same by weight; points of whole subtasks."""

    ALL = "all"
    FRACTION = "fraction"
    WEIGHTED = "weighted"
    SUBTASK = "subtask"


def score(how: Reward, tests: Sequence[Test], outcomes: Sequence[Outcome]) -> float:
    """Return the score; a test that was not run counts as failed."""
    if how is Reward.SUBTASK:
        return _by_subtask(tests, outcomes)
    if how is Reward.ALL:
        whole = len(outcomes) == len(tests)
        return float(whole and all(outcome.judged.passed for outcome in outcomes))
    if how is Reward.FRACTION:
        return sum(outcome.judged.score for outcome in outcomes) / len(tests)
    points = sum(test.weight for test in tests)
    return _share(sum(o.weight * o.judged.score for o in outcomes), points)


def _by_subtask(tests: Sequence[Test], outcomes: Sequence[Outcome]) -> float:
    """Weigh the least test of each subtask by the subtask's points."""
    points: dict[str, float] = {}
    counts: dict[str, int] = {}
    for test in tests:
        points[test.subtask] = points.get(test.subtask, 0.0) + test.weight
        counts[test.subtask] = counts.get(test.subtask, 0) + 1
    least: dict[str, float] = {}
    for outcome in outcomes:
        name = outcome.subtask
        least[name] = min(least.get(name, 1.0), outcome.judged.score)
        counts[name] -= 1
    earned = sum(points[name] * value for name, value in least.items() if counts[name] <= 0)
    return _share(earned, sum(points.values()))


def _share(earned: float, points: float) -> float:
    return min(earned / points, 1.0) if points > 0 else 0.0


def over(how: Reward, outcomes: Sequence[Outcome], upcoming: Test, stop_after: int | None) -> bool:
    """Whether the next test need not be run: nothing that it does could raise the score."""
    failed = [outcome for outcome in outcomes if not outcome.judged.passed]
    if stop_after is not None and len(failed) >= stop_after:
        return True
    if how is Reward.ALL:
        return bool(failed) and stop_after is None
    if how is Reward.SUBTASK:
        return any(o.subtask == upcoming.subtask and o.judged.score <= 0 for o in failed)
    return False
