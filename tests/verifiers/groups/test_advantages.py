from collections.abc import Sequence

import pytest

from rewardd_verifiers.groups import Advantage
from rewardd_verifiers.groups.advantages import DrGrpo, Grpo, GrpoTrl, Rloo


@pytest.mark.parametrize(
    ("advantage", "magnitude"),
    [
        pytest.param(Grpo(), 0.8660, id="grpo"),
        pytest.param(Grpo(ddof=0), 1.0000, id="population"),
        pytest.param(GrpoTrl(), 0.8659, id="trl"),
        pytest.param(DrGrpo(), 0.5, id="dr_grpo"),
        pytest.param(GrpoTrl(scale="none"), 0.5, id="trl_unscaled"),
        pytest.param(Rloo(), 0.6667, id="rloo"),
    ],
)
def test_two_right_and_two_wrong_give_the_published_values(
    advantage: Advantage, magnitude: float
) -> None:
    expected = [magnitude, -magnitude, -magnitude, magnitude]
    assert advantage.advantages([1, 0, 0, 1]) == pytest.approx(expected, abs=5e-5)


def test_an_unscored_sample_left_out_does_not_overpay_the_others() -> None:
    assert GrpoTrl().advantages([1, 0, 1]) == pytest.approx([0.5773, -1.1545, 0.5773], abs=1e-4)


@pytest.mark.parametrize("rewards", [[1.0, 1.0, 1.0], [0.1, 0.1, 0.1]])
def test_a_group_without_variance_has_no_advantage(rewards: Sequence[float]) -> None:
    assert Grpo().advantages(rewards) == [0.0, 0.0, 0.0]


def test_a_lone_sample_follows_each_trainer() -> None:
    assert Grpo().advantages([2.0]) == pytest.approx([2.0], abs=1e-5)
    assert GrpoTrl().advantages([2.0]) == [0.0]
    assert Rloo().advantages([2.0]) == [0.0]


def test_rewards_too_small_to_square_have_no_variance() -> None:
    assert Grpo(eps=0).advantages([1e-200, 0.0]) == [0.0, 0.0]
