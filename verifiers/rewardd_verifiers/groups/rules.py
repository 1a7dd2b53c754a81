"""Rules over a group: one value per sample, which the recipe weighs and adds to the reward."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from rewardd_verifiers.groups.member import Member, Parameters


class GroupRule(Parameters, ABC):
    """A pure function of one group; the order of the samples is irrelevant."""

    @abstractmethod
    def values(self, group: Sequence[Member]) -> list[float]:
        """Return one finite value per member, in order; the group is never empty."""


@dataclass(frozen=True)
class KimiLength(GroupRule):
    """Shorter is better among the samples of one prompt, and long wrong answers are worst.

    With l = 0.5 - (length - min) / (max - min) over the group, a correct sample gets l, a wrong
    one min(0, l); all get 0 if all lengths are equal. Values lie in [-0.5, 0.5].

    Source: Kimi k1.5 (2025), section 2.3.3. Length is that of the whole completion, thinking
    included. open-r1 takes the extremes of the whole batch instead, which mixes prompts.
    """

    def inputs(self) -> frozenset[str]:
        """Return "length"."""
        return frozenset({"length"})

    def values(self, group: Sequence[Member]) -> list[float]:
        """Return the length reward of each member."""
        lengths = [_length(member) for member in group]
        low, high = min(lengths), max(lengths)
        if low == high:
            return [0.0] * len(group)
        slopes = [0.5 - (length - low) / (high - low) for length in lengths]
        return [
            slope if member.correct else min(0.0, slope)
            for member, slope in zip(group, slopes, strict=True)
        ]


@dataclass(frozen=True)
class Cosine(GroupRule):
    """Short correct answers earn most, short wrong ones least, along half a cosine.

    Values lie in [-1, 1] with the default bounds.

    Source: Yeo et al. 2025 (Demystifying Long Chain-of-Thought), as configured in open-r1; here
    lengths are tokens and are clamped at `max_length`, so a longer one cannot climb again.

    Attributes:
        max_length: tokens at which the curve ends.
        correct_min, correct_max, wrong_min, wrong_max: values at its ends. A wrong answer rises
            from `wrong_max` at length 0 to `wrong_min` at the end.
    """

    max_length: Annotated[int, Field(gt=0)] = 1000
    correct_min: Annotated[float, Field(allow_inf_nan=False)] = 0.5
    correct_max: Annotated[float, Field(allow_inf_nan=False)] = 1.0
    wrong_min: Annotated[float, Field(allow_inf_nan=False)] = -0.5
    wrong_max: Annotated[float, Field(allow_inf_nan=False)] = -1.0

    def inputs(self) -> frozenset[str]:
        """Return "length"."""
        return frozenset({"length"})

    def values(self, group: Sequence[Member]) -> list[float]:
        """Return the value of each member; members do not influence each other."""
        return [self._value(member) for member in group]

    def _value(self, member: Member) -> float:
        progress = min(_length(member), self.max_length) / self.max_length
        low, high = (
            (self.correct_min, self.correct_max)
            if member.correct
            else (self.wrong_min, self.wrong_max)
        )
        return low + 0.5 * (high - low) * (1.0 + math.cos(math.pi * progress))


def _length(member: Member) -> int:
    if member.length is None:
        raise ValueError("a length rule was given a sample without a length")
    return member.length


RULES: Mapping[str, type[GroupRule]] = {"cosine": Cosine, "kimi_length": KimiLength}
