"""Verdicts do not hang on the secret that the points are drawn from."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rewardd_verifiers import Reason, Sample
from rewardd_verifiers.builtin.math import Gold, Math
from rewardd_verifiers.mathexpr import secret

_CASES = Path(__file__).parents[2] / "cases" / "math_pairs.jsonl"
_SECRETS = 100
_TURNS = 5
"""Each secret judges one pair in five: all of them by a hundred take half a minute."""


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rewardd_verifiers.mathexpr.secret._Secret.drawn", b"restored afterwards")
        yield
    secret.digits.cache_clear()


def _judged(pairs: list[Sample[Gold]]) -> list[tuple[Reason, str, object]]:
    verifier = Math(symbolic="off")
    verdicts = [verifier.verify(pair) for pair in pairs]
    return [(v.reason, v.detail, v.evidence.get("strength")) for v in verdicts]


def _sample(answer: str, gold: Gold) -> Sample[Gold]:
    return Sample(completion=rf"\boxed{{{answer}}}", reference=gold)


def _probed() -> list[Sample[Gold]]:
    """Return the pairs that points decide: it is they that could hang on the secret."""
    cases = [json.loads(line) for line in _CASES.read_text("utf-8").splitlines()]
    pairs = [_sample(case["answer"], case["gold"]) for case in cases]
    judged = zip(pairs, _judged(pairs), strict=True)
    return [pair for pair, told in judged if told[2] == "probed" or "at a point" in told[1]]


def test_all_cases_come_to_the_same_under_a_hundred_secrets() -> None:
    pairs = _probed()
    expected = _judged(pairs)
    strays: list[int] = []
    for number in range(_SECRETS):
        secret.share_secret(f"secret {number}".encode())
        turn = slice(number % _TURNS, None, _TURNS)
        strays += [number] if _judged(pairs[turn]) != expected[turn] else []
    assert len(pairs) > 100
    assert strays == []


def test_points_are_the_secrets_and_nobody_elses() -> None:
    secret.share_secret(b"a")
    first = secret.digits("x", 0), secret.digits("x", 1), secret.digits("y", 0)
    secret.share_secret(b"b")
    other = secret.digits("x", 0)
    secret.share_secret(b"a")
    assert (secret.digits("x", 0), secret.digits("x", 1), secret.digits("y", 0)) == first
    assert len({*first, other}) == 4


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        secret.share_secret(b"")


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("|a-b|", "a-b"),
        ("|a-2b|", "2b-a"),
        (r"\sqrt{(p-q)^2}", "p-q"),
        (r"\sqrt{x^2-2xy+y^2}", "y-x"),
        (r"\max\{m,k\}", "m"),
        ("((s-t)^2)^{1/2}", "s-t"),
    ],
)
def test_no_secret_hides_the_other_side_of_a_bend(gold: str, answer: str) -> None:
    reasons: set[Reason] = set()
    for number in range(60):
        secret.share_secret(f"side {number}".encode())
        reasons |= {reason for reason, _, _ in _judged([_sample(answer, gold)])}
    assert reasons == {Reason.MISMATCH}
