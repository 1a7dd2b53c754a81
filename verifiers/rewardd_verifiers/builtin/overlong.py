"""How far a completion runs into the last tokens that it may have."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import lengths
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import PureVerifier


@dataclass(frozen=True)
class Overlong(PureVerifier[object]):
    """0 up to `limit - buffer`, then rising to 1 at `limit`, and 1 beyond: weigh it negatively.

    Source: Yu et al. 2025 (DAPO), equation 13, with the sign turned, and with its figures as
    defaults (open-r1 takes 16,384). verl's does not stop at the limit: 30,000 tokens give -3.3.

    Attributes:
        limit, buffer: in `length_unit`; 0 < buffer <= limit.
        length_unit: tokens as the trainer counts them, or characters or words as counted here.
    """

    limit: Annotated[int, Field(gt=0)] = 20_480
    buffer: Annotated[int, Field(gt=0)] = 4_096
    length_unit: lengths.LengthUnit = "tokens"

    def __post_init__(self) -> None:
        """Refuse a buffer that begins before the completion."""
        if self.buffer > self.limit:
            raise ValueError(f"buffer {self.buffer} is more than limit {self.limit}")

    def inputs(self) -> frozenset[str]:
        """Return "length", unless the length is counted here."""
        return lengths.inputs(self.length_unit)

    def verify(self, sample: Sample[object]) -> Verdict:
        """Score the share of the buffer that is used up."""
        length = lengths.measure(sample, self.length_unit)
        if length is None:
            return Verdict.unscored(Reason.UNDECIDED, "the sample carries no length")
        used = (length - (self.limit - self.buffer)) / self.buffer
        evidence = {"length": length, "unit": self.length_unit}
        return Verdict.share(min(1.0, max(0.0, used)), evidence=evidence)
