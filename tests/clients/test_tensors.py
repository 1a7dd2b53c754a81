import math
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_client import Batch, Result

torch: Any = pytest.importorskip(
    "torch", reason="TENSORS NOT TESTED: torch is not installed, and is in no lock"
)
tensors: Any = import_module("rewardd_client.tensors")


def batch(rewards: list[float | None]) -> Batch:
    return Batch(
        [
            Result(reward=each, status="unscored" if each is None else "scored", reason="partial")
            for each in rewards
        ],
        [None] * len(rewards),
    )


def test_rewards_are_float32_with_nan_where_there_is_no_verdict() -> None:
    some = batch([1.0, None, 0.25])

    assert some.tensor().dtype == torch.float32
    assert some.tensor().shape == some.mask().shape == (3,)
    assert some.mask().dtype == torch.bool
    assert some.mask().tolist() == [True, False, True]
    assert some.tensor()[some.mask()].tolist() == [1.0, 0.25]
    assert math.isnan(some.tensor()[1].item())
    assert math.isnan(some.tensor().mean().item())


def test_an_empty_batch_has_empty_tensors() -> None:
    assert (batch([]).tensor().shape, batch([]).mask().dtype) == ((0,), torch.bool)


def test_tensors_are_made_on_the_device_that_was_named() -> None:
    rewards, scored = tensors.tensors(batch([1.0]), "meta")

    assert (rewards.device.type, scored.device.type) == ("meta", "meta")


def test_advantages_are_taken_over_scored_samples_only() -> None:
    some = batch([1.0, 0.0, None, None, 1.0, 1.0, 1.0, None])

    advantages = tensors.group_advantages(some.tensor(), some.mask(), 4).tolist()

    assert advantages == pytest.approx([0.707, -0.707, 0, 0, 0, 0, 0, 0], abs=1e-3)


def test_a_group_with_one_scored_sample_gives_nothing() -> None:
    some = batch([1.0, None, None, None])

    assert tensors.group_advantages(some.tensor(), some.mask(), 2).tolist() == [0.0] * 4


@given(
    st.lists(
        st.lists(st.none() | st.sampled_from([0.0, 0.1, 0.5, 1.0]), min_size=4, max_size=4),
        min_size=1,
        max_size=6,
    )
)
def test_an_unscored_sample_never_moves_its_siblings(groups: list[list[float | None]]) -> None:
    some = batch([reward for group in groups for reward in group])
    rewards, scored = some.tensor(), some.mask()

    advantages = tensors.group_advantages(rewards, scored, 4)
    other = tensors.group_advantages(torch.where(scored, rewards, 99.0), scored, 4)

    assert torch.isfinite(advantages).all()
    assert torch.equal(advantages, other)
    assert (advantages[~scored] == 0).all()
    assert advantages.reshape(-1, 4).sum(dim=1).abs().max() < 1e-2


@pytest.mark.parametrize("group_size", [0, -1, 3])
def test_groups_that_do_not_come_out_even_are_refused(group_size: int) -> None:
    some = batch([1.0] * 4)

    with pytest.raises(ValueError, match="do not make groups"):
        tensors.group_advantages(some.tensor(), some.mask(), group_size)
