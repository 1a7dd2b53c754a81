"""What comparing two trees came to."""

from collections.abc import Iterable
from dataclasses import dataclass, field

STRENGTHS = ("string", "exact", "proved", "probed", "symbolic")
"""From the surest to the weakest; a whole is as strong as its weakest part."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Equal, unequal, or (None) undecided.

    Attributes:
        strength: one of `STRENGTHS`.
        difference: where and how the two differ, in words; the cause where undecided.
        switches: directed rules without which it would have been a mismatch.
    """

    equal: bool | None
    strength: str = "exact"
    difference: str = ""
    switches: frozenset[str] = field(default_factory=frozenset[str])

    def at(self, place: str) -> "Outcome":
        """Return the same, told of a part of the whole."""
        if not self.difference:
            return self
        return Outcome(self.equal, self.strength, f"{place}: {self.difference}", self.switches)

    def by(self, switch: str) -> "Outcome":
        """Return the same, noting that a switch was needed."""
        return Outcome(self.equal, self.strength, self.difference, self.switches | {switch})


EXACT = Outcome(equal=True)
SAME_TEXT = Outcome(equal=True, strength="string")
PROBED = Outcome(equal=True, strength="probed")


def differ(difference: str, strength: str = "proved") -> Outcome:
    """Return a mismatch with what differs."""
    return Outcome(equal=False, strength=strength, difference=difference)


def undecided(cause: str) -> Outcome:
    """Return that neither was shown."""
    return Outcome(equal=None, difference=cause)


def both(parts: Iterable[Outcome]) -> Outcome:
    """Join parts that must all be equal; reading stops at the first that is not."""
    strength, switches = "exact", frozenset[str]()
    doubtful: Outcome | None = None
    for part in parts:
        if part.equal is False:
            return part
        if part.equal is None:
            doubtful = doubtful or part
        strength = max(strength, part.strength, key=STRENGTHS.index)
        switches |= part.switches
    if doubtful is not None:
        return doubtful
    return Outcome(equal=True, strength=strength, switches=switches)
