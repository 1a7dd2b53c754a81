"""Whether thinking is set out in steps: shaping for the first steps of a run."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import limits, parts
from rewardd_verifiers.verdict import Verdict
from rewardd_verifiers.verifier import PureVerifier

# Each begins with letters that are found fast; that nothing stands before them is asked behind.
_STEP = re.compile(r"step(?<!\wstep)[ \t]++\d++[ \t]*+:")
_ORDINALS = tuple(
    (word, re.compile(rf"{word}(?<!\w{word})"))
    for word in ("first,", "second,", "next,", "finally,")
)
_BULLET = r"[ \t]*+(?:\d{1,4}+\.(?!\d)|[-*](?=[ \t]))"
_FIRST_BULLET = re.compile(_BULLET)
_BULLETS = re.compile(rf"\n{_BULLET}")


@dataclass(frozen=True)
class ReasoningSteps(PureVerifier[object]):
    """min(1, k / steps) for k marks of a step.

    A mark is `Step 3:`, a number with a full stop or a bullet where a line starts, and "First,",
    "Second,", "Next,", "Finally,". Three bullets earn all of it: it is shaping, no measure of
    reasoning. Source: open-r1's `reasoning_steps_reward`.

    Attributes:
        steps: how many earn the full score.
        part: what is read; `whole` holds the thinking too.
        think_tags, prefilled: where the thinking is; see `format`.
    """

    steps: Annotated[int, Field(ge=1)] = 3
    part: parts.Part = "whole"
    think_tags: parts.Tag = "think"
    prefilled: parts.Prefilled = "auto"

    def __post_init__(self) -> None:
        """Refuse marks that cannot be told apart."""
        self._tags()

    def inputs(self) -> frozenset[str]:
        """Return nothing: steps are judged by themselves."""
        return frozenset()

    def verify(self, sample: Sample[object]) -> Verdict:
        """Score the share of the wanted steps."""
        if refusal := limits.refuse(sample):
            return refusal
        found = parts.of(sample, tags=self._tags(), prefilled=self.prefilled)
        text = parts.pick(sample, found, self.part)
        count = _count(text)
        return Verdict.share(min(1.0, count / self.steps), evidence={"steps": count})

    def _tags(self) -> parts.Tags:
        return parts.Tags(think=self.think_tags)


def _count(text: str) -> int:
    """Return the marks of a step: `Step 3:`, `3.` or a bullet at a line's start, "First,"."""
    small = text.lower()
    count = len(_BULLETS.findall(text)) + (_FIRST_BULLET.match(text) is not None)
    if "step" in small:
        count += len(_STEP.findall(small))
    return count + sum(len(pattern.findall(small)) for word, pattern in _ORDINALS if word in small)
