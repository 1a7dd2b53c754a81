"""Rate a length against the one that a completion should have: a parameter, or the reference."""

import re
from typing import Any

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import lengths
from rewardd_verifiers.text.excerpt import excerpt
from rewardd_verifiers.text.lengths import LengthUnit
from rewardd_verifiers.verdict import Reason, Verdict

_DIGITS = re.compile(r"\s*[0-9]{1,12}\s*")


def inputs(target: int | None, unit: LengthUnit) -> frozenset[str]:
    """Return "reference" without a target, and "length" unless it is counted here."""
    without = frozenset({"reference"}) if target is None else frozenset[str]()
    return without | lengths.inputs(unit)


def rate(
    sample: Sample[Any], target: int | None, *, scale: int, unit: LengthUnit, shorter: bool
) -> Verdict:
    """Return 1 at the target, falling by 1 over `scale` beyond it, never below 0.

    Args:
        sample: what is measured; it holds the target where `target` is None.
        target: in `unit`.
        scale: distance at which the score is 0.
        unit: of lengths.
        shorter: whether a shorter completion scores 1 too, instead of falling likewise.
    """
    wanted = read(sample.reference) if target is None else target
    if wanted is None:
        shown = excerpt(repr(sample.reference), characters=80)
        return Verdict.unscored(Reason.INVALID_REFERENCE, f"{shown} is no length")
    length = lengths.measure(sample, unit)
    if length is None:
        return Verdict.unscored(Reason.UNDECIDED, "the sample carries no length")
    distance = length - wanted if shorter else abs(length - wanted)
    return Verdict.share(
        min(1.0, max(0.0, 1.0 - distance / scale)),
        evidence={"length": length, "target": wanted, "unit": unit},
    )


def read(reference: object) -> int | None:
    """Return a whole number that is not negative, also as text; None if it is none."""
    if isinstance(reference, int) and not isinstance(reference, bool):
        return reference if reference >= 0 else None
    if isinstance(reference, str) and _DIGITS.fullmatch(reference):
        return int(reference)
    return None
