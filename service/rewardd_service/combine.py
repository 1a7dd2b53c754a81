"""The verdicts on one sample to its reward: gates, weights, points. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rewardd_client.schema import Recipe, Term
from rewardd_service.job import SKIPPED, Answer
from rewardd_service.plan import Task
from rewardd_service.recipes import BoundTerm
from rewardd_service.recipes.bind import OTHERWISE
from rewardd_verifiers import Reason

UNFINISHED = "unfinished"
"""The reason of a sample whose reward is the recipe's `unfinished`: no verifier was asked."""


@dataclass(slots=True)
class Judged:
    """One sample with its reward before group rules.

    Attributes:
        reward: None if a needed term has no score.
        terms: as the wire shows them; those that a failed gate kept from running are absent.
        scores: by the term's name, of the terms that ran.
    """

    task: Task
    reward: float | None
    reason: str
    terms: list[dict[str, Any]]
    scores: dict[str, float | None]


def judge(task: Task) -> Judged:
    """Combine the answers to a task's terms."""
    recipe = task.recipe.recipe
    if not task.finished:
        return Judged(task, recipe.unfinished, UNFINISHED, [], {})
    ran = [
        (bound, answer)
        for bound, answer in zip(task.terms, task.answers, strict=True)
        if answer is not None and answer.reason != SKIPPED
    ]
    contributions = [contribution(bound.term, answer) for bound, answer in ran]
    shown = [_shown(*pair, value) for pair, value in zip(ran, contributions, strict=True)]
    scores = {bound.name: answer.score for bound, answer in ran}
    lacking = next((answer for bound, answer in ran if _leaves_unscored(bound, answer)), None)
    if lacking is not None:
        return Judged(task, None, lacking.reason, shown, scores)
    reward = _combine(recipe, ran, contributions)
    if not math.isfinite(reward):
        return Judged(task, None, Reason.FAULT, shown, scores)
    return Judged(task, reward, _reason(ran), shown, scores)


def contribution(term: Term, answer: Answer) -> float | None:
    """Return what an answer is worth under a term; None without a score."""
    if answer.score is None:
        return None
    if term.points is not None:
        return term.points.get(answer.reason, term.points[OTHERWISE])
    return term.weight * answer.score


def _leaves_unscored(bound: BoundTerm, answer: Answer) -> bool:
    return answer.score is None and (bound.term.needed or bound.term.gate)


def _counts(term: Term) -> bool:
    return term.points is not None or term.weight != 0


def _combine(
    recipe: Recipe,
    ran: Sequence[tuple[BoundTerm, Answer]],
    contributions: Sequence[float | None],
) -> float:
    values = [
        value
        for (bound, _), value in zip(ran, contributions, strict=True)
        if value is not None and _counts(bound.term)
    ]
    if recipe.combine == "product":
        return math.prod(values) if values else 0.0
    if recipe.combine == "min":
        return min(values, default=0.0)
    return sum(values) * (_scale(ran) if recipe.rescale else 1.0)


def _scale(ran: Sequence[tuple[BoundTerm, Answer]]) -> float:
    """Return by how much the scored terms' weights grow so that the total stays the same."""
    total = sum(abs(bound.term.weight) for bound, _ in ran)
    scored = sum(abs(bound.term.weight) for bound, answer in ran if answer.score is not None)
    return total / scored if scored else 1.0


def _reason(ran: Sequence[tuple[BoundTerm, Answer]]) -> str:
    for _, answer in ran:
        if answer.score is not None and answer.reason != Reason.MATCH:
            return answer.reason
    return Reason.MATCH


def _shown(bound: BoundTerm, answer: Answer, value: float | None) -> dict[str, Any]:
    verifier = bound.term.verifier
    return {
        "name": bound.name,
        "verifier": f"{verifier}@{answer.version}" if answer.version else verifier,
        "score": answer.score,
        "weight": bound.term.weight,
        "contribution": value,
        "reason": answer.reason,
        "detail": answer.detail,
        "evidence": answer.evidence,
        "seconds": round(answer.seconds, 6),
        "attempts": answer.attempts,
    }
