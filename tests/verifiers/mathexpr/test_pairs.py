"""Pairs of gold and answer, by kind: what is equal, and what only looks so."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from rewardd_verifiers.builtin.math import Math
from rewardd_verifiers.sample import Sample

_CASES = Path(__file__).parents[2] / "cases"
_FILES = ("math_pairs.jsonl", "math_forms.jsonl", "math_styles.jsonl", "math_contests.jsonl")


class Pair(NamedTuple):
    kind: str
    gold: str
    answer: str
    equal: bool


def _pairs() -> list[Pair]:
    found: list[Pair] = []
    lines = [line for name in _FILES for line in (_CASES / name).read_text("utf-8").splitlines()]
    for line in lines:
        case = json.loads(line)
        found.append(Pair(case["kind"], case["gold"], case["answer"], case["equal"]))
        if case["both_ways"]:
            found.append(Pair(case["kind"], case["answer"], case["gold"], case["equal"]))
    return found


_PAIRS = _pairs()
_MATH = Math()


def _score(pair: Pair) -> float | None:
    completion = f"So it is $\\boxed{{{pair.answer}}}$."
    return _MATH.verify(Sample(completion=completion, reference=pair.gold)).score


@pytest.mark.parametrize(
    "pair",
    [pair for pair in _PAIRS if pair.equal],
    ids=lambda pair: f"{pair.kind}: {pair.gold} <- {pair.answer}",
)
def test_an_answer_that_says_the_gold_in_other_words_is_right(pair: Pair) -> None:
    assert _score(pair) == 1.0


@pytest.mark.parametrize(
    "pair",
    [pair for pair in _PAIRS if not pair.equal],
    ids=lambda pair: f"{pair.kind}: {pair.gold} <- {pair.answer}",
)
def test_an_answer_that_only_looks_like_the_gold_is_not_right(pair: Pair) -> None:
    assert _score(pair) != 1.0
