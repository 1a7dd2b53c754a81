"""Rewards as tensors: the only module that imports torch, and nothing imports it unasked."""

import math
from importlib import import_module
from typing import Any, TypeAlias

from rewardd_client.batch import Batch, Tensor

# torch is no dependency: where it is absent its types are too, and this module is not imported.
_torch: Any = import_module("torch")

Device: TypeAlias = Any
"""Whatever torch takes for a device: a string, an index, a `torch.device`, or None."""

# As TRL's GRPO: keeps groups whose rewards differ by a rounding error from blowing up.
EPSILON = 1e-4


def tensors(batch: Batch, device: Device = None) -> tuple[Tensor, Tensor]:
    """Return rewards (float32, NaN where unscored) and mask (bool), both of shape (n,)."""
    rewards = [math.nan if reward is None else reward for reward in batch.rewards]
    return (
        _torch.tensor(rewards, dtype=_torch.float32, device=device),
        _torch.tensor(batch.scored, dtype=_torch.bool, device=device),
    )


def group_advantages(
    rewards: Tensor, scored: Tensor, group_size: int, *, epsilon: float = EPSILON
) -> Tensor:
    """Return (reward - mean) / (std + epsilon) within each group, over scored samples only.

    Args:
        rewards: float, shape (n,); what stands where nothing is scored does not matter.
        scored: bool, shape (n,).
        epsilon: added to the standard deviation.
        group_size: samples of a group stand together; divides n.

    Returns:
        Shape (n,), the dtype of `rewards`; 0 for unscored samples and for groups with fewer
        than two scored ones.

    Raises:
        ValueError: group_size does not divide n, or the shapes differ.

    Source: Shao et al. 2024 (DeepSeekMath), with the sample standard deviation as in TRL. An
    unscored sample has no part in its group's mean, so our failures do not shift its siblings.
    """
    if group_size < 1 or len(rewards) % group_size or rewards.shape != scored.shape:
        raise ValueError(
            f"{tuple(rewards.shape)} rewards and {tuple(scored.shape)} marks "
            f"do not make groups of {group_size}"
        )
    mask = scored.reshape(-1, group_size)
    # `where` and not a product: NaN * 0 is NaN.
    values = _torch.where(mask, rewards.reshape(-1, group_size), 0.0)
    count = mask.sum(dim=1, keepdim=True)
    mean = values.sum(dim=1, keepdim=True) / count.clamp(min=1)
    centred = _torch.where(mask, values - mean, 0.0)
    variance = centred.square().sum(dim=1, keepdim=True) / (count - 1).clamp(min=1)
    advantages = centred / (variance.sqrt() + epsilon)
    return _torch.where(count > 1, advantages, 0.0).reshape(-1)
