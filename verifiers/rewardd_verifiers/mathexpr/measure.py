"""One measured value: a number with its unit and the digits that it was written with."""

import re
from dataclasses import dataclass
from fractions import Fraction

from rewardd_verifiers.mathexpr import balls, probe, relations
from rewardd_verifiers.mathexpr.exact import UndefinedError, rational
from rewardd_verifiers.mathexpr.identity import free_names
from rewardd_verifiers.mathexpr.limits import Steps, UndecidedError, UnreadableError
from rewardd_verifiers.mathexpr.read import read
from rewardd_verifiers.mathexpr.tree import Operation, Quantity, Tree, Unit

_UNCERTAINTY = re.compile(
    r"(?:\\pm|±|\+/-|\+\\?-)\s?(?:\d++(?:\.\d++)?+(?:[eE][-+]?\d++)?+)"
    r"(?:\s?\\times\s?10\^\{?-?\d++\}?+)?+"
)
_BRACKETS = re.compile(r"\(\s?([-+\d.eE]++)\s?\)")
_WRITTEN = re.compile(r"(\d++)(?:\.(\d*+))?+([eE][-+]?\d|\s?(?:\\times|\\cdot|[×·*xX])\s?10)?")
_MOST_EXPONENT_BITS = 1400
"""Of two: beyond 10^400 nothing is measured."""

_PRECISION = 256


@dataclass(frozen=True, slots=True)
class Measure:
    """A value as it was given.

    Attributes:
        value: in the unit that was written; irrational values to 200 bits.
        digits: significant digits, where a point or an exponent shows that it was rounded.
        percent: whether a percent sign stood behind it; `value` is then the share of one.
    """

    value: Fraction
    unit: Unit | None = None
    digits: int | None = None
    percent: bool = False

    def converted(self, unit: Unit) -> Fraction | None:
        """Return the value in another unit; None where the two measure different things."""
        own = self.unit
        if own is None:
            return self.value
        if own.dimension != unit.dimension:
            return None
        return (self.value + own.offset) * own.factor / unit.factor - unit.offset


def read_measure(text: str) -> Measure:
    """Read one number with its unit; of `x ± e` the x.

    Raises:
        LimitError: it is larger than we read.
        UnreadableError: it is not one number.
    """
    certain = _BRACKETS.sub(r"\1", _UNCERTAINTY.sub(" ", text))
    tree = relations.split(read(certain).tree).value
    unit: Unit | None = None
    if isinstance(tree, Quantity):
        tree, unit = tree.value, tree.unit
    percent = isinstance(tree, Operation) and tree.kind == "percent"
    if isinstance(tree, Operation) and tree.kind == "degrees":
        tree, unit = tree.args[0], Unit((("degree", Fraction(1)),), name="degrees")
    return Measure(_number(tree), unit, _digits(certain), percent)


def _digits(text: str) -> int | None:
    match = _WRITTEN.search(text.replace("{,}", "").replace(",", ""))
    if match is None or (match[2] is None and match[3] is None):
        return None
    return len((match[1] + (match[2] or "")).lstrip("0")) or 1


def _number(tree: Tree) -> Fraction:
    try:
        value = rational(tree)
        value = _approximate(tree) if value is None else value
    except (UndefinedError, UndecidedError) as error:
        raise UnreadableError(f"no number: {error}") from error
    sizes = value.numerator.bit_length(), value.denominator.bit_length()
    if abs(sizes[0] - sizes[1]) > _MOST_EXPONENT_BITS:
        raise UnreadableError("no measured value is that large or small")
    return value


def _approximate(tree: Tree) -> Fraction:
    if free_names(tree):
        raise UnreadableError("a name where a number should stand")
    with balls.precision(_PRECISION):
        value = probe.Evaluator({}, Steps()).value(tree)
        if not (value.is_finite() and value.imag.contains(0)):
            raise UndecidedError("no real number")
        mantissa, exponent = value.real.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
