"""Tell rational functions apart without rounding: their exact values at secret points.

Two of them that differ agree at a point of 2^63 values for each name with a chance of at most
their degree in 2^63 (Schwartz 1980, Zippel 1979), so one point does what balls need several for:
unequal is a proof, equal is evidence. Roots, angles and steps have no place here.
"""

from collections.abc import Callable, Mapping, Sequence

from flint import fmpq

from rewardd_verifiers.mathexpr.limits import MAX_EXACT_BITS, Steps
from rewardd_verifiers.mathexpr.secret import digits
from rewardd_verifiers.mathexpr.tree import Number, Operation, Symbol, Tree


class _BeyondError(Exception):
    """This is no rational function, has no value at the point, or one that is too large."""


def values(trees: Sequence[Tree], place: int, steps: Steps) -> list[fmpq] | None:
    """Return the values at one of the secret points; None if one of the trees has none here.

    Raises:
        UndecidedError: no steps are left.
    """
    try:
        return [_value(tree, place, steps) for tree in trees]
    except _BeyondError:
        return None


def _value(tree: Tree, place: int, steps: Steps) -> fmpq:
    steps.take()
    if isinstance(tree, Number):
        return fmpq(tree.value.numerator, tree.value.denominator)
    if isinstance(tree, Symbol):
        return fmpq(digits(tree.name, place).numerator)
    if not isinstance(tree, Operation):
        raise _BeyondError
    if tree.kind == "power":
        return _power(_value(tree.args[0], place, steps), tree.args[1])
    rule = _RULES.get(tree.kind)
    if rule is None:
        raise _BeyondError
    found = rule([_value(arg, place, steps) for arg in tree.args])
    if found.height_bits() > MAX_EXACT_BITS:
        raise _BeyondError
    return found


def _power(base: fmpq, exponent: Tree) -> fmpq:
    power = _whole(exponent)
    if base == 0 or base.height_bits() * abs(power) > MAX_EXACT_BITS:
        raise _BeyondError
    return base**power


def _whole(exponent: Tree) -> int:
    """Return an exponent that is a whole number in digits; a name in it is no number."""
    if isinstance(exponent, Operation) and exponent.kind == "negative":
        return -_whole(exponent.args[0])
    if isinstance(exponent, Number) and exponent.value.denominator == 1:
        return exponent.value.numerator
    raise _BeyondError


def _sum(terms: Sequence[fmpq]) -> fmpq:
    total = terms[0]
    for term in terms[1:]:
        total += term
    return total


def _product(factors: Sequence[fmpq]) -> fmpq:
    total = factors[0]
    for factor in factors[1:]:
        total *= factor
        if total.height_bits() > MAX_EXACT_BITS:
            raise _BeyondError
    return total


def _quotient(parts: Sequence[fmpq]) -> fmpq:
    top, bottom = parts
    if bottom == 0:
        raise _BeyondError
    return top / bottom


def _negative(parts: Sequence[fmpq]) -> fmpq:
    return -parts[0]


_RULES: Mapping[str, Callable[[Sequence[fmpq]], fmpq]] = {
    "sum": _sum,
    "product": _product,
    "quotient": _quotient,
    "negative": _negative,
}
