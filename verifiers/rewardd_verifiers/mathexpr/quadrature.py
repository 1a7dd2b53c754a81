"""Integrate a function of one real variable in floating point, with a guess at the error.

Source of the method: double exponential formulas (Takahasi and Mori 1974), which end points do not
disturb; two steps, of which the finer has the nodes of the other.
"""

import math
from collections.abc import Callable
from typing import Final

_STEP: Final = 0.125
_REACH: Final = 26
"""Nodes on either side of the middle: beyond, the weights are nothing."""

_EDGE: Final = 8
"""Nodes at each end whose terms must have died away: those of an oscillation have not."""


def integral(
    function: Callable[[float], complex], low: float, high: float
) -> tuple[complex, float]:
    """Return the integral from `low` to `high`, infinite or not, and how far it may be off.

    Raises:
        ValueError, OverflowError, ZeroDivisionError: a node has no value.
    """
    if low > high:
        value, error = integral(function, high, low)
        return -value, error
    fine = coarse = 0j
    edge = 0.0
    for place in range(-_REACH, _REACH + 1):
        node, weight = _node(place * _STEP, low, high)
        if low < node < high:
            term = weight * function(node)
            fine += term
            coarse += 0 if place % 2 else 2 * term
            if abs(place) > _REACH - _EDGE:
                edge = max(edge, abs(term))
    return fine * _STEP, (abs(fine - coarse) + edge) * _STEP


def _node(place: float, low: float, high: float) -> tuple[float, float]:
    inner, slope = math.pi / 2 * math.sinh(place), math.pi / 2 * math.cosh(place)
    match math.isinf(low), math.isinf(high):
        case True, True:
            return math.sinh(inner), slope * math.cosh(inner)
        case False, True:
            return low + math.exp(inner), slope * math.exp(inner)
        case True, False:
            return high - math.exp(inner), slope * math.exp(inner)
        case _:
            half = (high - low) / 2
            middle = (high + low) / 2
            return middle + half * math.tanh(inner), half * slope / math.cosh(inner) ** 2
