"""Advantages as common optimisers compute them: a preview, which never changes a reward.

All look at scored samples only. An unscored sample that counted as 0 would over-pay its right
siblings and punish our own failure.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from rewardd_verifiers.groups.member import Parameters


class Advantage(Parameters, ABC):
    """A pure function of the rewards of one group."""

    @abstractmethod
    def advantages(self, rewards: Sequence[float]) -> list[float]:
        """Return one value per reward, in order; `rewards` is never empty."""


@dataclass(frozen=True)
class Grpo(Advantage):
    """Group-relative advantage, (r - mean) / (std + eps).

    Source: Shao et al. 2024 (DeepSeekMath), as verl computes it: sample standard deviation,
    eps 1e-6, and a lone sample keeps its reward. A group without variance gets 0.

    Attributes:
        ddof: 1 for the sample standard deviation, 0 for the population's.
        eps: added to the standard deviation.
    """

    ddof: Literal[0, 1] = 1
    eps: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-6

    def advantages(self, rewards: Sequence[float]) -> list[float]:
        """Return the normalised rewards."""
        if len(rewards) == 1:
            return [rewards[0] / (1.0 + self.eps)]
        return _normalised(rewards, ddof=self.ddof, eps=self.eps)


@dataclass(frozen=True)
class GrpoTrl(Advantage):
    """Group-relative advantage as TRL computes it: eps 1e-4, and a lone sample gets 0.

    Attributes:
        eps: added to the sample standard deviation.
        scale: `none` leaves the division out (Dr. GRPO).
    """

    eps: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1e-4
    scale: Literal["group", "none"] = "group"

    def advantages(self, rewards: Sequence[float]) -> list[float]:
        """Return the normalised, or only centred, rewards."""
        if self.scale == "none" or len(rewards) == 1:
            return _centred(rewards)
        return _normalised(rewards, ddof=1, eps=self.eps)


@dataclass(frozen=True)
class DrGrpo(Advantage):
    """Reward minus the group's mean.

    Source: Liu et al. 2025 (Understanding R1-Zero-Like Training). Also Magistral's first step.
    """

    def advantages(self, rewards: Sequence[float]) -> list[float]:
        """Return the centred rewards."""
        return _centred(rewards)


@dataclass(frozen=True)
class Rloo(Advantage):
    """Reward minus the mean of the other samples; a lone sample gets 0.

    Source: Ahmadian et al. 2024 (Back to Basics), equal to G / (G - 1) * (r - mean).
    """

    def advantages(self, rewards: Sequence[float]) -> list[float]:
        """Return the rewards over a leave-one-out baseline."""
        size = len(rewards)
        if size == 1:
            return [0.0]
        return [value * size / (size - 1) for value in _centred(rewards)]


def _centred(rewards: Sequence[float]) -> list[float]:
    mean = math.fsum(rewards) / len(rewards)
    return [reward - mean for reward in rewards]


def _normalised(rewards: Sequence[float], *, ddof: int, eps: float) -> list[float]:
    if min(rewards) == max(rewards):
        return [0.0] * len(rewards)
    centred = _centred(rewards)
    variance = math.fsum(value * value for value in centred) / (len(rewards) - ddof)
    deviation = math.sqrt(variance) + eps
    if deviation == 0:  # squares of numbers as small as 1e-200 are 0, and so may eps be
        return [0.0] * len(rewards)
    return [value / deviation for value in centred]


ADVANTAGES: Mapping[str, type[Advantage]] = {
    "dr_grpo": DrGrpo,
    "grpo": Grpo,
    "grpo_trl": GrpoTrl,
    "rloo": Rloo,
}
