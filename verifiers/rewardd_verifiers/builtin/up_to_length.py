"""Whether a completion keeps to a length, and how far it goes beyond."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import lengths, targets
from rewardd_verifiers.verdict import Verdict
from rewardd_verifiers.verifier import PureVerifier


@dataclass(frozen=True)
class UpToLength(PureVerifier[object]):
    """1 up to the target length, falling beyond.

    Beyond the target the score is 1 - (length - target) / scale, never below 0.

    Source: open-instruct's `up_to_max_length`; the published one turns negative, against
    its comment.

    Attributes:
        target: in `length_unit`; None takes the sample's reference, a whole number.
        scale: distance beyond the target at which the score is 0.
        length_unit: tokens as the trainer counts them, or characters or words as counted here.
    """

    target: Annotated[int, Field(ge=0)] | None = None
    scale: Annotated[int, Field(gt=0)] = 32_768
    length_unit: lengths.LengthUnit = "tokens"

    def inputs(self) -> frozenset[str]:
        """Return "reference" without a target, and "length" unless it is counted here."""
        return targets.inputs(self.target, self.length_unit)

    def verify(self, sample: Sample[object]) -> Verdict:
        """Score how little the length exceeds the target."""
        return targets.rate(
            sample, self.target, scale=self.scale, unit=self.length_unit, shorter=True
        )
