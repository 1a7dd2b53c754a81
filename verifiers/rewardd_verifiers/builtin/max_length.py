"""How near a completion's length comes to a target."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import lengths, targets
from rewardd_verifiers.verdict import Verdict
from rewardd_verifiers.verifier import PureVerifier


@dataclass(frozen=True)
class MaxLength(PureVerifier[object]):
    """1 at the target length, falling to either side.

    The score is 1 - |length - target| / scale, never below 0.

    Source: open-instruct's `max_length`; the published one turns negative, against its comment.

    Attributes:
        target: in `length_unit`; None takes the sample's reference, a whole number.
        scale: distance from the target at which the score is 0.
        length_unit: tokens as the trainer counts them, or characters or words as counted here.
    """

    target: Annotated[int, Field(ge=0)] | None = None
    scale: Annotated[int, Field(gt=0)] = 32_768
    length_unit: lengths.LengthUnit = "tokens"

    def inputs(self) -> frozenset[str]:
        """Return "reference" without a target, and "length" unless it is counted here."""
        return targets.inputs(self.target, self.length_unit)

    def verify(self, sample: Sample[object]) -> Verdict:
        """Score how near the length is."""
        return targets.rate(
            sample, self.target, scale=self.scale, unit=self.length_unit, shorter=False
        )
