"""Numbers for a trainer's log: flat floats, with the same keys in every step."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from rewardd_client.reasons import OTHER, SCORED, UNSCORED
from rewardd_client.schema import Result

ANSWER = "answer"
"""Key in a verdict's evidence under which verifiers show what they extracted."""


def metrics_of(
    results: Sequence[Result],
    groups: Sequence[str | None],
    terms: Iterable[str],
    wait_seconds: float,
) -> dict[str, float]:
    """Return shares and means over a batch; NaN where there is nothing to take a mean of.

    Args:
        results: one per sample.
        groups: one name per sample, None where it has none.
        terms: names that get a key even if no sample has such a term.
        wait_seconds: how long the trainer waited for this batch.
    """
    seconds = sorted(math.fsum(term.seconds for term in result.terms) for result in results)
    rewards = [result.reward for result in results if result.reward is not None]
    return {
        "reward/mean": _mean(rewards),
        **_term_means(results, terms),
        "unscored": _share(len(results) - len(rewards), len(results)),
        **_reasons(
            "unscored", UNSCORED, [each for each in results if each.reward is None], results
        ),
        **_reasons("zero", SCORED, [each for each in results if each.reward == 0], results),
        "seconds/p50": _quantile(seconds, 0.5),
        "seconds/p99": _quantile(seconds, 0.99),
        "wait_seconds": wait_seconds,
        **_groups(results, groups),
        "answer_top_share": _answer_top_share(results),
    }


def extracted_answer(result: Result) -> str | None:
    """Return what a verifier took for the sample's answer; None if none shows one."""
    for term in result.terms:
        answer = term.evidence.get(ANSWER)
        if answer is not None:
            return answer if isinstance(answer, str) else str(answer)
    return None


def _term_means(results: Sequence[Result], terms: Iterable[str]) -> dict[str, float]:
    scores: dict[str, list[float]] = {name: [] for name in terms}
    for result in results:
        for term in result.terms:
            of_term = scores.setdefault(term.name, [])
            if term.score is not None:
                of_term.append(term.score)
    return {f"{name}/mean": _mean(of_term) for name, of_term in scores.items()}


def _reasons(
    prefix: str, known: Sequence[str], chosen: Sequence[Result], results: Sequence[Result]
) -> dict[str, float]:
    counts = Counter(each.reason if each.reason in known else OTHER for each in chosen)
    return {f"{prefix}/{name}": _share(counts[name], len(results)) for name in (*known, OTHER)}


def _groups(results: Sequence[Result], groups: Sequence[str | None]) -> dict[str, float]:
    rewards: dict[str, list[float]] = {}
    for result, group in zip(results, groups, strict=True):
        if group is not None and result.reward is not None:
            rewards.setdefault(group, []).append(result.reward)
    outcomes = Counter(_outcome(of_group) for of_group in rewards.values())
    return {
        f"groups/{outcome}": _share(outcomes[outcome], len(rewards))
        for outcome in ("all_zero", "all_one", "mixed")
    }


def _outcome(rewards: Sequence[float]) -> str:
    if all(reward == 0 for reward in rewards):
        return "all_zero"
    return "all_one" if all(reward == 1 for reward in rewards) else "mixed"


def _answer_top_share(results: Sequence[Result]) -> float:
    answers = Counter(each for each in map(extracted_answer, results) if each is not None)
    return _share(max(answers.values(), default=0), answers.total())


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _quantile(ascending: Sequence[float], share: float) -> float:
    """Nearest rank: a time that a sample really took."""
    if not ascending:
        return math.nan
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]
