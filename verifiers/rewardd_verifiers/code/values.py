"""Compare results of calls: plain values that were decoded outside of the jail."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import cast

_TOLERANCE = 1e-9
_SHOWN = 200


def same(expected: object, got: object, *, plain: bool) -> bool:
    """Whether a result is what is expected.

    Python's equality, floats within 1e-9 where a float is expected. `plain`: the expected value
    was JSON, which knows no tuples, and no keys but text.
    """
    if isinstance(expected, float):
        return _near(expected, got)
    if isinstance(expected, list | tuple):
        return _same_items(cast("Sequence[object]", expected), got, plain=plain)
    if isinstance(expected, Mapping):
        return _same_mapping(cast("Mapping[object, object]", expected), got, plain=plain)
    if expected is None or got is None:
        return expected is got
    return expected == got


def show(value: object) -> str:
    """Return a value's beginning, for people."""
    try:
        text = repr(value)
    except ValueError:  # an integer too long to be printed
        text = f"a {type(value).__name__} too long to print"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _near(expected: float, got: object) -> bool:
    if not isinstance(got, int | float):
        return expected == got
    if math.isnan(expected):
        return isinstance(got, float) and math.isnan(got)
    try:
        return math.isclose(expected, got, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    except OverflowError:
        return False


def _same_items(expected: Sequence[object], got: object, *, plain: bool) -> bool:
    if not isinstance(got, list | tuple):
        return False
    given = cast("Sequence[object]", got)
    if not plain and isinstance(expected, tuple) is not isinstance(given, tuple):
        return False
    return len(expected) == len(given) and all(
        same(one, other, plain=plain) for one, other in zip(expected, given, strict=True)
    )


def _same_mapping(expected: Mapping[object, object], got: object, *, plain: bool) -> bool:
    if not isinstance(got, dict):
        return False
    given = cast("dict[object, object]", got)
    if len(expected) != len(given):
        return False
    if plain:
        expected, given = _by_text(expected), cast("dict[object, object]", _by_text(given))
        if len(expected) != len(given):
            return False
    return all(
        key in given and same(value, given[key], plain=plain) for key, value in expected.items()
    )


def _by_text(mapping: Mapping[object, object]) -> Mapping[object, object]:
    return {_key(key): value for key, value in mapping.items()}


def _key(key: object) -> object:
    """Return a key as JSON writes it."""
    if isinstance(key, bool | int | float) or key is None:
        try:
            return json.dumps(key)
        except ValueError:
            return key
    return key
