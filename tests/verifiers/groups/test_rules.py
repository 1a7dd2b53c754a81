import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_verifiers.groups import Member
from rewardd_verifiers.groups.rules import Cosine, KimiLength


def _member(length: int, *, correct: bool) -> Member:
    return Member(reward=float(correct), score=float(correct), length=length)


def test_kimi_length_gives_the_published_values() -> None:
    group = [
        _member(100, correct=True),
        _member(200, correct=True),
        _member(300, correct=False),
        _member(400, correct=False),
    ]
    assert KimiLength().values(group) == pytest.approx([0.5, 1 / 6, -1 / 6, -0.5])


def test_a_short_wrong_answer_earns_nothing_for_being_short() -> None:
    group = [_member(100, correct=False), _member(300, correct=True)]
    assert KimiLength().values(group) == [0.0, -0.5]


@pytest.mark.parametrize("lengths", [[7], [7, 7, 7]], ids=["lone", "equal"])
def test_without_a_spread_of_lengths_nobody_is_shorter(lengths: list[int]) -> None:
    group = [_member(length, correct=True) for length in lengths]
    assert KimiLength().values(group) == [0.0] * len(lengths)


def test_a_term_that_a_gate_skipped_is_not_correct() -> None:
    group = [Member(reward=0.0, length=100), _member(300, correct=True)]
    assert KimiLength().values(group) == [0.0, -0.5]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.booleans()), min_size=1), st.randoms())
def test_the_order_of_a_group_is_irrelevant(
    group: list[tuple[int, bool]], order: random.Random
) -> None:
    members = [_member(length, correct=correct) for length, correct in group]
    shuffled = members.copy()
    order.shuffle(shuffled)
    values = KimiLength().values(members)
    assert sorted(values) == sorted(KimiLength().values(shuffled))
    assert all(-0.5 <= value <= 0.5 for value in values)


@pytest.mark.parametrize(
    ("length", "value"),
    [(0, 1.0), (250, 0.9267766), (500, 0.75), (1000, 0.5), (2000, 0.5)],
)
def test_cosine_falls_for_correct_answers_and_stays_down(length: int, value: float) -> None:
    assert Cosine().values([_member(length, correct=True)]) == pytest.approx([value])


def test_cosine_punishes_a_short_wrong_answer_most() -> None:
    short, long = Cosine().values([_member(0, correct=False), _member(1000, correct=False)])
    assert (short, long) == pytest.approx((-1.0, -0.5))
