"""Evaluate trees in ball arithmetic: unequal is a proof, equal is evidence at secret points.

Source of the method: identity testing at random points (Schwartz 1980, Zippel 1979), with
rigorous error bounds from Arb (Johansson 2017) in place of floating point.
"""

import math
import secrets
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from threading import RLock

from flint import acb, arb, ctx, fmpq

from rewardd_verifiers.mathexpr.exact import UndefinedError, bits, rational
from rewardd_verifiers.mathexpr.lexicon import words
from rewardd_verifiers.mathexpr.limits import (
    MAX_EXACT_BITS,
    MAX_TERMS,
    Steps,
    UndecidedError,
)
from rewardd_verifiers.mathexpr.tree import (
    Based,
    Call,
    Constant,
    Number,
    Operation,
    Ordinal,
    Symbol,
    Text,
    Tree,
)

_LOCK = RLock()
# python-flint keeps its precision per process, not per thread: one lock round every evaluation.

_MAX_ARGUMENT_BITS = 4096
_LEAST_FLOAT = 1e-290


@contextmanager
def precision(bits_: int) -> Generator[None]:
    """Hold the lock and work with so many bits."""
    with _LOCK:
        before = ctx.prec
        ctx.prec = bits_
        try:
            yield
        finally:
            ctx.prec = before


class _Secret:
    """What the points are drawn from: one secret a process."""

    drawn = secrets.token_bytes(16)


def share_secret(secret: bytes) -> None:
    """Draw points from this secret from now on, so that a fleet agrees to the last digit."""
    _Secret.drawn = secret
    digits.cache_clear()


@lru_cache(maxsize=4096)
def digits(name: str, place: int) -> Fraction:
    """Return a secret rational in (0, 1) for a name at a point; its denominator is 2^64."""
    drawn = blake2b(f"{place}:{name}".encode("utf-8", "replace"), key=_Secret.drawn, digest_size=8)
    return Fraction(int.from_bytes(drawn.digest(), "big") | 1, 2**64)


class Evaluator:
    """Evaluates trees at one point.

    Attributes:
        least: exponent of two of the smallest addend met; what is below its precision is unseen.
    """

    def __init__(self, values: Mapping[str, Fraction], steps: Steps) -> None:
        self._values = {name: _ball(value) for name, value in values.items()}
        self._steps = steps
        self._depth = 0
        self.least = 0

    def value(self, tree: Tree) -> acb:
        """Return a ball that holds the value.

        Raises:
            UndefinedError: the value does not exist.
            UndecidedError: we cannot evaluate this.
        """
        self._steps.take()
        match tree:
            case Number(value=value):
                found = _ball(value)
            case Symbol(name=name):
                found = self._symbol(name)
            case Constant(name=name):
                found = _constant(name)
            case Operation(kind=kind, args=args):
                found = self._operation(kind, args)
            case Call(name=name, args=args):
                found = self._call(name, args)
            case Text(words=prose):
                found = self._symbol("text " + prose)
            case _:
                found = _whole(tree)
        return found

    def _symbol(self, name: str) -> acb:
        found = self._values.get(name)
        if found is None:
            raise UndecidedError(f"no value for {name}")
        return found

    def note(self, value: acb) -> None:
        """Remember how small an addend is."""
        size = _size(value)
        if size is not None and size < self.least:
            self.least = size

    def _operation(self, kind: str, args: tuple[Tree, ...]) -> acb:
        if kind == "sum":
            total = self.value(args[0])
            self.note(total)
            for arg in args[1:]:
                term = self.value(arg)
                self.note(term)
                total += term
            return total
        if kind == "product":
            total = self.value(args[0])
            for arg in args[1:]:
                total *= self.value(arg)
            return total
        return _OPERATIONS[kind](self, args) if kind in _OPERATIONS else _refuse(kind)

    def negative(self, args: Sequence[Tree]) -> acb:
        """Return the opposite."""
        return -self.value(args[0])

    def quotient(self, args: Sequence[Tree]) -> acb:
        """Return the first by the second."""
        top, bottom = self.value(args[0]), self.value(args[1])
        if bottom.is_zero():
            raise UndefinedError("division by zero")
        return top / bottom

    def power(self, args: Sequence[Tree]) -> acb:
        """Return the principal value, or the real one of an odd root."""
        exponent = _safe_rational(args[1])
        base = self.value(args[0])
        if exponent is not None:
            return _rational_power(base, exponent)
        raised = self.value(args[1])
        if base.is_zero():
            raise UndecidedError("a power of zero")
        _check_growth(base, raised)
        return base**raised

    def root(self, args: Sequence[Tree]) -> acb:
        """Return the root of the first, of the degree of the second."""
        degree = _safe_rational(args[1])
        radicand = self.value(args[0])
        if degree is None:
            return radicand ** (1 / self.value(args[1]))
        if degree == 0:
            raise UndefinedError("root of degree zero")
        return _rational_power(radicand, 1 / degree)

    def factorial(self, args: Sequence[Tree]) -> acb:
        """Return it by the gamma function."""
        value = self.value(args[0])
        _check_size(value, 40)
        return (value + 1).gamma()

    def percent(self, args: Sequence[Tree]) -> acb:
        """Return a hundredth."""
        return self.value(args[0]) / 100

    def degrees(self, args: Sequence[Tree]) -> acb:
        """Return radians."""
        return self.value(args[0]) * acb.pi() / 180

    def _call(self, name: str, args: tuple[Tree, ...]) -> acb:
        if name in {"sum", "prod"}:
            return self._indexed(name, args)
        values = [self.value(arg) for arg in args]
        for value in values:
            _check_size(value, _MAX_ARGUMENT_BITS)
        rule = _FUNCTIONS.get((name, len(values)))
        if rule is not None:
            return rule(*values)
        if name in _FOLDS and values:
            return _fold(_FOLDS[name], values)
        if name in _NAMES or name in {"det", "over", "int", "lim"}:
            return _refuse(name)
        return self._unknown(name, values)

    def _unknown(self, name: str, values: Sequence[acb]) -> acb:
        """Stand in a secret polynomial for a function that is only a name."""
        point = acb(0)
        for place, value in enumerate(values):
            point += value * _ball(digits(f"argument {name}", place) + 1)
        total = acb(0)
        for place in range(6):
            total = total * point + _ball(digits(f"function {name}", place) * 2 - 1)
        return total

    def _indexed(self, kind: str, args: tuple[Tree, ...]) -> acb:
        variable, first, last, body = _bounds(args)
        if last - first >= MAX_TERMS:
            raise UndecidedError("too many terms")
        before = self._values.get(variable)
        total = acb(0 if kind == "sum" else 1)
        for index in range(first, last + 1):
            self._values[variable] = acb(index)
            term = self.value(body)
            total = total + term if kind == "sum" else total * term
        self._values.pop(variable, None)
        if before is not None:
            self._values[variable] = before
        return total


def _whole(tree: Tree) -> acb:
    value = rational(tree) if isinstance(tree, Based | Ordinal) else None
    if value is None:
        raise UndecidedError(f"cannot evaluate a {type(tree).__name__.lower()}")
    return _ball(value)


def _refuse(kind: str) -> acb:
    raise UndecidedError(f"cannot evaluate {kind}")


def _bounds(args: tuple[Tree, ...]) -> tuple[str, int, int, Tree]:
    """Return variable, first, last and body of an indexed sum."""
    if len(args) != 3:  # noqa: PLR2004  lower end, upper end, body
        raise UndecidedError("an indexed sum without both ends")
    low, high, body = args
    sides = getattr(low, "sides", ())
    last = _safe_rational(high)
    if len(sides) != 2 or not isinstance(sides[0], Symbol | Constant) or last is None:  # noqa: PLR2004  i = 1
        raise UndecidedError("an indexed sum to a free end")
    first = _safe_rational(sides[1])
    if first is None or first.denominator != 1 or last.denominator != 1:
        raise UndecidedError("an indexed sum to a free end")
    return sides[0].name, first.numerator, last.numerator, body


def _safe_rational(tree: Tree) -> Fraction | None:
    value = rational(tree)
    return value if value is not None and bits(value) < MAX_EXACT_BITS else None


@lru_cache(maxsize=8192)
def _rational_ball(numerator: int, denominator: int, prec: int) -> acb:  # noqa: ARG001  part of the key
    return acb(fmpq(numerator, denominator)) if denominator != 1 else acb(numerator)


def _ball(value: Fraction) -> acb:
    return _rational_ball(value.numerator, value.denominator, ctx.prec)


def _constant(name: str) -> acb:
    if name == "pi":
        return acb.pi()
    if name == "e":
        return acb(1).exp()
    if name == "i":
        return acb(0, 1)
    raise UndecidedError(f"{name} is no number")


def _size(value: acb) -> int | None:
    """Return the exponent of two of a value; None for balls around zero."""
    near = abs(complex(value))
    if _LEAST_FLOAT < near < math.inf:
        return math.frexp(near)[1]
    lower = value.abs_lower()
    if not lower > 0:
        return None
    mantissa, exponent = lower.man_exp()
    return int(mantissa).bit_length() + int(exponent)


def magnitude(value: acb) -> int | None:
    """Return the exponent of two of a value; None for balls around zero."""
    return _size(value)


def _check_size(value: acb, bits_: int) -> None:
    size = _size(value) if value.is_finite() else bits_ + 1
    if size is not None and size > bits_:
        raise UndecidedError("an argument too large to evaluate")


def _check_growth(base: acb, exponent: acb) -> None:
    """Refuse powers whose own exponent would not fit: power towers."""
    _check_size(exponent, 64)
    _check_size(base, _MAX_ARGUMENT_BITS)


def _rational_power(base: acb, exponent: Fraction) -> acb:
    """Raise to a rational power; odd roots of negative reals are real."""
    _check_growth(base, _ball(exponent))
    if exponent.denominator == 1:
        if base.is_zero() and exponent <= 0:
            raise UndefinedError("zero to a power that is not positive")
        return base ** _ball(exponent) if base.is_zero() else base ** int(exponent)
    negative = base.imag.is_zero() and base.real < 0
    if negative and exponent.denominator % 2:
        root = (-base) ** _ball(exponent)
        return -root if exponent.numerator % 2 else root
    if exponent == Fraction(1, 2):
        return base.sqrt()
    return base ** _ball(exponent)


def _log(base: acb, value: acb) -> acb:
    if value.is_zero():
        raise UndefinedError("logarithm of zero")
    return value.log() / base.log()


def _ln(value: acb) -> acb:
    if value.is_zero():
        raise UndefinedError("logarithm of zero")
    return value.log()


def _exp(value: acb) -> acb:
    _check_size(value, 64)
    return value.exp()


def _absolute(value: acb) -> acb:
    return acb(abs(value))


def _real(value: acb) -> arb:
    if not value.imag.contains(0):
        raise UndecidedError("order of complex values")
    return value.real


def _step(method: str) -> Callable[[acb], acb]:
    def read(value: acb) -> acb:
        result = getattr(_real(value), method)()
        return acb(result)

    return read


def _sign(value: acb) -> acb:
    return acb(_real(value).sgn())


def _modulo(value: acb, modulus: acb) -> acb:
    quotient = _real(value / modulus).floor()
    return value - modulus * acb(quotient)


def _binomial(top: acb, bottom: acb) -> acb:
    _check_size(top, 40)
    _check_size(bottom, 40)
    return (top + 1).gamma() * (bottom + 1).rgamma() * (top - bottom + 1).rgamma()


def _inverse(method: str) -> Callable[[acb], acb]:
    def read(value: acb) -> acb:
        result: acb = getattr(1 / value, method)()
        return result

    return read


def _method(method: str) -> Callable[[acb], acb]:
    def read(value: acb) -> acb:
        result: acb = getattr(value, method)()
        return result

    return read


def _cube_root(value: acb) -> acb:
    return _rational_power(value, Fraction(1, 3))


def _real_part(value: acb) -> acb:
    return acb(value.real)


def _imaginary_part(value: acb) -> acb:
    return acb(value.imag)


def _argument(value: acb) -> acb:
    return acb(value.arg())


def _gamma(value: acb) -> acb:
    _check_size(value, 40)
    return value.gamma()


_OPERATIONS: Mapping[str, Callable[[Evaluator, Sequence[Tree]], acb]] = {
    "negative": Evaluator.negative,
    "quotient": Evaluator.quotient,
    "power": Evaluator.power,
    "root": Evaluator.root,
    "factorial": Evaluator.factorial,
    "percent": Evaluator.percent,
    "degrees": Evaluator.degrees,
}
_FUNCTIONS: Mapping[tuple[str, int], Callable[..., acb]] = {
    **{(name, 1): _method(name) for name in words("sin cos tan cot sec csc sinh cosh tanh coth")},
    **{(name, 1): _method(name) for name in words("sech csch erf")},
    **{("arc" + name, 1): _method("a" + name) for name in words("sin cos tan sinh cosh tanh")},
    ("arccot", 1): _inverse("atan"),
    ("arcsec", 1): _inverse("acos"),
    ("arccsc", 1): _inverse("asin"),
    ("ln", 1): _ln,
    ("log", 2): _log,
    ("exp", 1): _exp,
    ("sqrt", 1): _method("sqrt"),
    ("cbrt", 1): _cube_root,
    ("abs", 1): _absolute,
    ("floor", 1): _step("floor"),
    ("ceil", 1): _step("ceil"),
    ("sign", 1): _sign,
    ("Gamma", 1): _gamma,
    ("mod", 2): _modulo,
    ("binomial", 2): _binomial,
    ("Re", 1): _real_part,
    ("Im", 1): _imaginary_part,
    ("arg", 1): _argument,
    ("conj", 1): _method("conjugate"),
    ("overline", 1): _method("conjugate"),
}
_NAMES = frozenset(name for name, _ in _FUNCTIONS)
_FOLDS: Mapping[str, Callable[[arb, arb], arb]] = {"max": arb.max, "min": arb.min}


def _fold(join: Callable[[arb, arb], arb], values: Sequence[acb]) -> acb:
    total = _real(values[0])
    for value in values[1:]:
        total = join(total, _real(value))
    return acb(total)


def upper_exponent(value: acb) -> int | None:
    """Return an exponent of two that the absolute value does not reach; None for exact zero."""
    if value.is_zero():
        return None
    mantissa, exponent = value.abs_upper().man_exp()
    return int(mantissa).bit_length() + int(exponent)
