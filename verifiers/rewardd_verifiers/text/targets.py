"""Read the length that a completion should have: a parameter, or the sample's reference."""

import re

_DIGITS = re.compile(r"\s*[0-9]{1,12}\s*")


def read(reference: object) -> int | None:
    """Return a whole number that is not negative, also as text; None if it is none."""
    if isinstance(reference, int) and not isinstance(reference, bool):
        return reference if reference >= 0 else None
    if isinstance(reference, str) and _DIGITS.fullmatch(reference):
        return int(reference)
    return None


def closeness(length: int, target: int, *, scale: int) -> float:
    """Return 1 at the target, falling by 1 over `scale` to either side, never below 0."""
    return max(0.0, 1.0 - abs(length - target) / scale)
