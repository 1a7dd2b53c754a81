import pytest

from rewardd_verifiers.groups import Member
from rewardd_verifiers.groups.filters import AccuracyRange, DynamicSampling


def _group(right: int, size: int) -> list[Member]:
    return [Member(reward=0.0, score=float(index < right)) for index in range(size)]


@pytest.mark.parametrize(("right", "keep"), [(0, False), (1, True), (3, True), (4, False)])
def test_dynamic_sampling_drops_groups_without_variance(right: int, *, keep: bool) -> None:
    assert DynamicSampling().keep(_group(right, 4)).keep is keep


def test_dynamic_sampling_looks_at_the_term_and_not_at_shaped_rewards() -> None:
    group = [Member(reward=reward, score=1.0) for reward in (1.0, 1.0, 0.5, 0.0)]
    assert DynamicSampling().keep(group).detail == "all scores are 1"


@pytest.mark.parametrize(("right", "keep"), [(1, False), (2, True), (6, True), (7, False)])
def test_accuracy_range_keeps_what_prime_keeps(right: int, *, keep: bool) -> None:
    assert AccuracyRange().keep(_group(right, 8)).keep is keep


def test_exclusive_bounds_drop_the_bounds_themselves() -> None:
    rule = AccuracyRange(low=0.25, high=0.75, inclusive=False)
    assert [rule.keep(_group(right, 4)).keep for right in (1, 2, 3)] == [False, True, False]


def test_one_truncated_sample_drops_the_group_where_asked() -> None:
    group = [
        Member(reward=1.0, score=1.0, finish_reason="stop"),
        Member(reward=0.0, score=0.0, finish_reason="length"),
    ]
    assert AccuracyRange().keep(group).keep
    assert AccuracyRange(drop_truncated=True).keep(group).detail == "a sample was cut off"


def test_too_few_scored_samples_are_undecided() -> None:
    assert DynamicSampling().keep(_group(1, 1)).detail.startswith("undecided")
    assert AccuracyRange(min_scored=3).keep(_group(1, 2)).detail.startswith("undecided")
