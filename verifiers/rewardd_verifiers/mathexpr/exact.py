"""Rational arithmetic on trees, of bounded size: what it returns is proved."""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from rewardd_verifiers.mathexpr.limits import MAX_EXACT_BITS, MAX_FACTORIAL
from rewardd_verifiers.mathexpr.tree import Based, Call, Number, Operation, Ordinal, Tree

_HUNDRED = 100
_MAX_FLOAT_BITS = 1000


class UndefinedError(Exception):
    """The value does not exist: a division by zero, the logarithm of zero."""


def rational(tree: Tree) -> Fraction | None:
    """Return the exact value; None if it is not rational, or too large to write out.

    Raises:
        UndefinedError: it has none.
    """
    match tree:
        case Number(value=value):
            return value
        case Operation(kind=kind, args=args):
            return _applied(_RULES.get(kind), args)
        case Call(name=name, args=args):
            return _applied(_CALLS.get(name), args)
        case Based(digits=digits, base=base):
            return Fraction(int(digits, base))
        case Ordinal(value=place):
            return Fraction(place)
        case _:
            return None


def _applied(rule: "_Rule | None", args: Sequence[Tree]) -> Fraction | None:
    if rule is None:
        return None
    values: list[Fraction] = []
    for arg in args:
        value = rational(arg)
        if value is None:
            return None
        values.append(value)
    return rule(values)


def bits(value: Fraction) -> int:
    """Return the size of numerator and denominator."""
    return value.numerator.bit_length() + value.denominator.bit_length()


def _bounded(value: Fraction) -> Fraction | None:
    return value if bits(value) <= MAX_EXACT_BITS else None


def _sum(values: Sequence[Fraction]) -> Fraction | None:
    total = Fraction(0)
    for value in values:
        if bits(total) + bits(value) > MAX_EXACT_BITS:
            return None
        total += value
    return total


def _product(values: Sequence[Fraction]) -> Fraction | None:
    total = Fraction(1)
    for value in values:
        if bits(total) + bits(value) > MAX_EXACT_BITS:
            return None
        total *= value
    return total


def _quotient(values: Sequence[Fraction]) -> Fraction | None:
    top, bottom = values
    if bottom == 0:
        raise UndefinedError("division by zero")
    return _bounded(top / bottom)


def _power(values: Sequence[Fraction]) -> Fraction | None:
    base, exponent = values
    if exponent.denominator != 1:
        root = _root([base, Fraction(exponent.denominator)])
        return None if root is None else _power([root, Fraction(exponent.numerator)])
    if base == 0 and exponent <= 0:
        raise UndefinedError("zero to a power that is not positive")
    if base in {0, 1}:
        return base
    if bits(base) * abs(exponent.numerator) > MAX_EXACT_BITS:
        return None
    return base**exponent.numerator


def _root(values: Sequence[Fraction]) -> Fraction | None:
    """Return an exact root; odd roots of negative numbers are negative."""
    radicand, degree = values
    if degree.denominator != 1 or not 1 <= degree.numerator <= MAX_FACTORIAL:
        return None
    index = degree.numerator
    if radicand < 0:
        if index % 2 == 0:
            return None
        positive = _root([-radicand, degree])
        return None if positive is None else -positive
    top, bottom = _whole_root(radicand.numerator, index), _whole_root(radicand.denominator, index)
    return None if top is None or bottom is None else Fraction(top, bottom)


def _whole_root(value: int, index: int) -> int | None:
    if index == 2:  # noqa: PLR2004  the square root
        root = math.isqrt(value)
    elif value.bit_length() > _MAX_FLOAT_BITS:
        return None
    else:
        root = round(value ** (1 / index)) if value else 0
    return root if root**index == value else None


def _factorial(values: Sequence[Fraction]) -> Fraction | None:
    (value,) = values
    if value.denominator != 1 or not 0 <= value <= MAX_FACTORIAL:
        return None
    return Fraction(math.factorial(value.numerator))


def _binomial(values: Sequence[Fraction]) -> Fraction | None:
    top, bottom = values
    whole = top.denominator == bottom.denominator == 1
    if not whole or not 0 <= top <= MAX_FACTORIAL or bottom < 0:
        return None
    return Fraction(math.comb(top.numerator, bottom.numerator))


def _combinations(values: Sequence[Fraction]) -> Fraction | None:
    return _binomial(values) if values[0] >= values[1] else None


def _arrangements(values: Sequence[Fraction]) -> Fraction | None:
    chosen = _combinations(values)
    return None if chosen is None else _product([chosen, Fraction(math.factorial(int(values[1])))])


def _double_factorial(values: Sequence[Fraction]) -> Fraction | None:
    (value,) = values
    if value.denominator != 1 or not 0 <= value <= MAX_FACTORIAL:
        return None
    return _bounded(Fraction(math.prod(range(value.numerator, 0, -2))))


def _modulo(values: Sequence[Fraction]) -> Fraction | None:
    value, modulus = values
    if modulus == 0:
        raise UndefinedError("remainder of a division by zero")
    return value % modulus


def _whole_numbers(
    join: Callable[..., int],
) -> Callable[[Sequence[Fraction]], Fraction | None]:
    def read(values: Sequence[Fraction]) -> Fraction | None:
        if any(value.denominator != 1 for value in values):
            return None
        return Fraction(join(*(value.numerator for value in values)))

    return read


def _sign(values: Sequence[Fraction]) -> Fraction:
    (value,) = values
    return Fraction((value > 0) - (value < 0))


_Rule = Callable[[Sequence[Fraction]], Fraction | None]
_RULES: Mapping[str, _Rule] = {
    "sum": _sum,
    "product": _product,
    "quotient": _quotient,
    "power": _power,
    "root": _root,
    "factorial": _factorial,
    "negative": lambda values: -values[0],
    "percent": lambda values: values[0] / _HUNDRED,
}
_CALLS: Mapping[str, _Rule] = {
    "abs": lambda values: abs(values[0]),
    "floor": lambda values: Fraction(math.floor(values[0])),
    "ceil": lambda values: Fraction(math.ceil(values[0])),
    "sqrt": lambda values: _root([values[0], Fraction(2)]),
    "cbrt": lambda values: _root([values[0], Fraction(3)]),
    "max": max,
    "min": min,
    "gcd": _whole_numbers(math.gcd),
    "lcm": _whole_numbers(math.lcm),
    "binomial": _binomial,
    "C": _combinations,
    "P": _arrangements,
    "double factorial": _double_factorial,
    "mod": _modulo,
    "sign": _sign,
}
