"""Count what came of a request, once for all its samples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rewardd_service.metrics import GroupOutcome, Metrics


def count(
    metrics: Metrics, results: Sequence[Mapping[str, Any]], groups: Sequence[Mapping[str, Any]]
) -> None:
    """Add verdicts, scores, rewards and groups of a request to the metrics."""
    verdicts: Counter[tuple[str, str, str]] = Counter()
    scores: dict[str, list[float]] = {}
    seconds: dict[str, list[float]] = {}
    rewards: list[float] = []
    for result in results:
        if result["reward"] is not None:
            rewards.append(result["reward"])
        for term in result["terms"]:
            verifier, score = term["verifier"], term["score"]
            if score is None:
                verdicts[verifier, "unscored", term["reason"]] += 1
                continue
            verdicts[verifier, "scored", term["reason"]] += 1
            scores.setdefault(verifier, []).append(score)
            if term["attempts"]:
                # Not of verdicts that were taken over: they say nothing of what work costs.
                seconds.setdefault(verifier, []).append(term["seconds"])
    metrics.verdicts_settled(verdicts)
    metrics.rewarded(rewards)
    for verifier, values in scores.items():
        metrics.scored(verifier, values, seconds.get(verifier, []))
    metrics.groups_settled(Counter(_outcome(group) for group in groups))


def _outcome(group: Mapping[str, Any]) -> GroupOutcome:
    """Tell whether a group carries a signal: without variance there is nothing to learn."""
    if group["mean"] is None:
        return GroupOutcome.UNSCORED
    if group["std"] > 0:
        return GroupOutcome.MIXED
    return GroupOutcome.ALL_ONE if group["mean"] > 0 else GroupOutcome.ALL_ZERO
