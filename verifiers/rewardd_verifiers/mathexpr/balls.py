"""Arithmetic on complex balls: what python-flint offers, within limits that keep it quick."""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from threading import RLock

from flint import acb, arb, ctx, fmpq

from rewardd_verifiers.mathexpr.exact import UndefinedError
from rewardd_verifiers.mathexpr.lexicon import words
from rewardd_verifiers.mathexpr.limits import UndecidedError

LOCK = RLock()
# python-flint keeps its precision per process, not per thread: one lock round every evaluation.

MAX_ARGUMENT_BITS = 4096
_MAX_EXPONENT_BITS = 40
_LEAST_FLOAT = 1e-290


class precision:  # noqa: N801  a context manager, used like a function
    """Hold the lock and work with so many bits."""

    __slots__ = ("_before", "_bits")

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._before = 0

    def __enter__(self) -> None:
        LOCK.acquire()
        self._before = ctx.prec
        ctx.prec = self._bits

    def __exit__(self, *_: object) -> None:
        ctx.prec = self._before
        LOCK.release()


@lru_cache(maxsize=8192)
def _rational_ball(numerator: int, denominator: int, prec: int) -> acb:  # noqa: ARG001  part of the key
    return acb(fmpq(numerator, denominator)) if denominator != 1 else acb(numerator)


def ball(value: Fraction) -> acb:
    """Return a ball around a rational, at the working precision."""
    return _rational_ball(value.numerator, value.denominator, ctx.prec)


def constant(name: str) -> acb:
    """Return pi, e or i."""
    if name == "pi":
        return acb.pi()
    if name == "e":
        return acb(1).exp()
    if name == "i":
        return acb(0, 1)
    raise UndecidedError(f"{name} is no number")


def exponent_of(value: acb) -> int | None:
    """Return the exponent of two of a value; None for balls around zero."""
    near = abs(complex(value))
    if _LEAST_FLOAT < near < math.inf:
        return math.frexp(near)[1]
    lower = value.abs_lower()
    if not lower > 0:
        return None
    mantissa, exponent = lower.man_exp()
    return int(mantissa).bit_length() + int(exponent)


def check_size(value: acb, bits_: int) -> None:
    """Refuse what would take long: a call of flint cannot be interrupted."""
    size = exponent_of(value) if value.is_finite() else bits_ + 1
    if size is not None and size > bits_:
        raise UndecidedError("an argument too large to evaluate")


def check_growth(base: acb, exponent: acb) -> None:
    """Refuse powers whose own exponent would not fit: power towers."""
    check_size(exponent, 64)
    size = exponent_of(base) if base.is_finite() else None
    power = exponent_of(exponent)
    if abs(size or 0).bit_length() + max(power or 0, 0) > _MAX_EXPONENT_BITS:
        raise UndecidedError("a power too large to evaluate")


def rational_power(base: acb, exponent: Fraction) -> acb:
    """Raise to a rational power; odd roots of negative reals are real."""
    check_growth(base, ball(exponent))
    if exponent.denominator == 1:
        if base.is_zero() and exponent <= 0:
            raise UndefinedError("zero to a power that is not positive")
        return base ** ball(exponent) if base.is_zero() else base ** int(exponent)
    negative = base.imag.is_zero() and base.real < 0
    if negative and exponent.denominator % 2:
        root = (-base) ** ball(exponent)
        return -root if exponent.numerator % 2 else root
    if exponent == Fraction(1, 2):
        return base.sqrt()
    return base ** ball(exponent)


def _log(base: acb, value: acb) -> acb:
    if value.is_zero():
        raise UndefinedError("logarithm of zero")
    return value.log() / base.log()


def _ln(value: acb) -> acb:
    if value.is_zero():
        raise UndefinedError("logarithm of zero")
    return value.log()


def _exp(value: acb) -> acb:
    check_size(value, 64)
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
    check_size(top, 40)
    check_size(bottom, 40)
    return (top + 1).gamma() * (bottom + 1).rgamma() * (top - bottom + 1).rgamma()


def _combinations(top: acb, bottom: acb) -> acb:
    _check_chosen(top, bottom)
    return _binomial(top, bottom)


def _check_chosen(top: acb, bottom: acb) -> None:
    """Refuse to choose from fewer: that may as well be the point P(3, 5)."""
    if not (top - bottom).real >= 0:
        raise UndecidedError("more chosen than there are")


def _arrangements(top: acb, bottom: acb) -> acb:
    check_size(top, 40)
    check_size(bottom, 40)
    _check_chosen(top, bottom)
    return (top + 1).gamma() * (top - bottom + 1).rgamma()


def _double_factorial(value: acb) -> acb:
    """Return it by the gamma function: at whole numbers alone it is what one means."""
    check_size(value, 40)
    odd = (1 - (value * acb.pi()).cos()) / 4
    return acb(2) ** (value / 2) * (value / 2 + 1).gamma() * (2 / acb.pi()) ** odd


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
    return rational_power(value, Fraction(1, 3))


def _real_part(value: acb) -> acb:
    return acb(value.real)


def _imaginary_part(value: acb) -> acb:
    return acb(value.imag)


def _argument(value: acb) -> acb:
    return acb(value.arg())


def _gamma(value: acb) -> acb:
    check_size(value, 40)
    return value.gamma()


def _zeta(value: acb) -> acb:
    check_size(value, 10)
    return value.zeta()


FUNCTIONS: Mapping[tuple[str, int], Callable[..., acb]] = {
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
    ("zeta", 1): _zeta,
    ("mod", 2): _modulo,
    ("binomial", 2): _binomial,
    ("double factorial", 1): _double_factorial,
    ("C", 2): _combinations,
    ("P", 2): _arrangements,
    ("Re", 1): _real_part,
    ("Im", 1): _imaginary_part,
    ("arg", 1): _argument,
    ("conj", 1): _method("conjugate"),
    ("overline", 1): _method("conjugate"),
}
NAMES = frozenset(name for name, _ in FUNCTIONS if len(name) > 1)
"""Names that mean nothing else; `P` with one argument may be a polynomial."""

FOLDS: Mapping[str, Callable[[arb, arb], arb]] = {"max": arb.max, "min": arb.min}


def fold(join: Callable[[arb, arb], arb], values: Sequence[acb]) -> acb:
    """Return the largest or smallest of several."""
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
