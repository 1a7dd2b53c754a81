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


LARGEST_REWARD = 3.4028234663852886e38
"""What float32 holds, and so a trainer's tensor; sums of its squares are finite, too."""

_Ran = tuple[BoundTerm, Answer, float | None]
"""A term that ran, what came of it, and its contribution."""


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
        (bound, answer, contribution(bound.term, answer))
        for bound, answer in zip(task.terms, task.answers, strict=True)
        if answer is not None and answer.reason != SKIPPED
    ]
    lacking: Answer | None = None
    reason: str = Reason.MATCH
    for bound, answer, value in reversed(ran):
        if value is not None:
            reason = _shortfall(bound.term, answer) or reason
        elif bound.term.needed or bound.term.gate:
            lacking = answer
    shown = [_shown(*entry) for entry in ran]
    scores = {bound.name: answer.score for bound, answer, _ in ran}
    if lacking is not None:
        return Judged(task, None, lacking.reason, shown, scores)
    unscored = _all_unscored(ran)
    if unscored is not None:
        return Judged(task, None, unscored.reason, shown, scores)
    reward = _combine(recipe, ran)
    if not usable(reward):
        return Judged(task, None, Reason.FAULT, shown, scores)
    return Judged(task, reward, reason, shown, scores)


def usable(reward: float) -> bool:
    """Whether a trainer can take this number: it is finite, also as float32."""
    return abs(reward) <= LARGEST_REWARD


def _all_unscored(ran: Sequence[_Ran]) -> Answer | None:
    """Return the first answer if no term that counts has a score: what is left out is no zero."""
    counting = [(answer, value) for bound, answer, value in ran if _counts(bound.term)]
    if not counting or any(value is not None for _, value in counting):
        return None
    return counting[0][0]


def _counts(term: Term) -> bool:
    return term.weight != 0 or term.points is not None


def contribution(term: Term, answer: Answer) -> float | None:
    """Return what an answer is worth under a term; None without a score."""
    if answer.score is None:
        return None
    if term.points is not None:
        return term.points.get(answer.reason, term.points[OTHERWISE])
    return term.weight * answer.score


def _shortfall(term: Term, answer: Answer) -> str | None:
    """Return the reason why a term kept the reward from being full, or None if it did not."""
    score = answer.score or 0.0
    if term.points is not None:
        return None if answer.reason == Reason.MATCH else answer.reason
    if term.weight < 0:
        # The full score of a penalty is its full force.
        return Reason.PARTIAL if score > 0 else None
    counts = term.weight > 0 or term.gate
    return answer.reason if counts and score < 1 else None


def _combine(recipe: Recipe, ran: Sequence[_Ran]) -> float:
    values = [value for bound, _, value in ran if value is not None and _counts(bound.term)]
    if recipe.combine == "product":
        return math.prod(values) if values else 0.0
    if recipe.combine == "min":
        return min(values, default=0.0)
    return sum(values, 0.0) * (_scale(ran) if recipe.rescale else 1.0)


def _scale(ran: Sequence[_Ran]) -> float:
    """Return by how much the scored terms' weights grow so that the total stays the same."""
    total = sum(abs(bound.term.weight) for bound, _, _ in ran)
    scored = sum(abs(bound.term.weight) for bound, answer, _ in ran if answer.score is not None)
    return total / scored if scored else 1.0


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
