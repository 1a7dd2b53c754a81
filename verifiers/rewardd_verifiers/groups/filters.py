"""Filters say whether a group is worth a training step; they never change a reward."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from rewardd_verifiers.groups.member import Member, Parameters

Share = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Keep:
    """Whether to keep a group, and in words why not."""

    keep: bool
    detail: str = ""


class GroupFilter(Parameters, ABC):
    """A pure function of one group."""

    @abstractmethod
    def keep(self, group: Sequence[Member]) -> Keep:
        """Judge the scored members of a group."""


def _scores(group: Sequence[Member]) -> list[float]:
    """Return the named term's scores; a term that a gate kept from running counts as 0."""
    return [member.score or 0.0 for member in group]


@dataclass(frozen=True)
class DynamicSampling(GroupFilter):
    """Drop groups whose samples are all right or all wrong: they carry no gradient.

    Source: Yu et al. 2025 (DAPO), section 3.2. It looks at the named term, not at the reward,
    so that length shaping does not hide that all samples are equally right.

    Attributes:
        min_scored: with fewer scored samples the group is not kept.
    """

    min_scored: Annotated[int, Field(ge=1)] = 2

    def keep(self, group: Sequence[Member]) -> Keep:
        """Keep a group with at least two different scores."""
        if len(group) < self.min_scored:
            return Keep(keep=False, detail=f"undecided: {len(group)} scored samples")
        scores = _scores(group)
        if min(scores) == max(scores):
            return Keep(keep=False, detail=f"all scores are {scores[0]:g}")
        return Keep(keep=True)


@dataclass(frozen=True)
class AccuracyRange(GroupFilter):
    """Keep groups that are neither too easy nor too hard.

    Source: Cui et al. 2025 (PRIME) keeps 0.2 to 0.8, both included; open-r1 0.1 to 0.9, both
    excluded.

    Attributes:
        low, high: bounds of the mean score.
        inclusive: whether the bounds themselves are kept.
        drop_truncated: whether one sample that was cut off drops the whole group.
        min_scored: with fewer scored samples the group is not kept.
    """

    low: Share = 0.2
    high: Share = 0.8
    inclusive: bool = True
    drop_truncated: bool = False
    min_scored: Annotated[int, Field(ge=1)] = 2

    def inputs(self) -> frozenset[str]:
        """Return "finish_reason" if truncation matters."""
        return frozenset({"finish_reason"}) if self.drop_truncated else frozenset()

    def keep(self, group: Sequence[Member]) -> Keep:
        """Keep a group whose mean score lies within the bounds."""
        if len(group) < self.min_scored:
            return Keep(keep=False, detail=f"undecided: {len(group)} scored samples")
        if self.drop_truncated and any(member.finish_reason != "stop" for member in group):
            return Keep(keep=False, detail="a sample was cut off")
        mean = sum(_scores(group)) / len(group)
        inside = self.low <= mean <= self.high
        if not self.inclusive:
            inside = self.low < mean < self.high
        return Keep(inside, "" if inside else f"accuracy {mean:g} is out of range")


FILTERS: Mapping[str, type[GroupFilter]] = {
    "accuracy_range": AccuracyRange,
    "dynamic_sampling": DynamicSampling,
}
