"""Prove a difference zero with SymPy: the only module that imports it, and only in the prover.

Nothing is parsed: SymPy's objects are made from our questions, by constructors of a closed table.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

import sympy

from rewardd_verifiers.mathexpr import quadrature

_MAX_POWER = 64
"""Whole exponents above are not built: SymPy would write them out."""

_MAX_FACTORIAL = 1000
_CHECKED_AT = ((3, 7), (17, 11), (-5, 13))
"""Values by turns for free names, where a proof about integrals is tried with numbers."""

_CHECKED_DIGITS = 15
_NEAR, _DOUBT = 1e-5, 20.0
"""Relative gap, and times the error of quadrature, beyond which numbers contradict a proof."""


class UnbuildableError(Exception):
    """A question holds something that has no constructor here."""


class Made(Protocol):  # its methods are SymPy's own
    """What we take of a SymPy expression."""

    is_Integer: bool  # noqa: N815  SymPy's name
    is_Rational: bool  # noqa: N815  SymPy's name
    is_nonnegative: bool | None
    is_real: bool | None
    free_symbols: set["Made"]
    name: str
    args: tuple["Made", ...]
    q: int

    def __sub__(self, other: "Made", /) -> "Made": ...
    def __int__(self) -> int: ...
    def __complex__(self) -> complex: ...
    def __float__(self) -> float: ...
    def has(self, *kinds: object) -> bool:
        """Say whether one of these is in it."""
        ...

    def doit(self) -> "Made":
        """Work out sums, integrals and limits."""
        ...

    def replace(self, old: object, new: "Callable[..., Made]", /) -> "Made":
        """Put what `new` makes of the arguments of each `old`."""
        ...

    def xreplace(self, rule: Mapping["Made", "Made"], /) -> "Made":
        """Put values for names."""
        ...

    def evalf(self, digits: int, /) -> "Made":
        """Work out in numbers."""
        ...


class _Grid(Protocol):
    def det(self, *, method: str) -> Made: ...


def _home(name: str) -> object:
    return sympy if hasattr(sympy, name) else sympy.S


def _maker(name: str) -> Callable[..., Made]:
    return cast("Callable[..., Made]", getattr(_home(name), name))


def _constant(name: str) -> Made:
    return cast("Made", getattr(_home(name), name))


_ADD, _MUL, _POW, _RATIONAL = (_maker(name) for name in ("Add", "Mul", "Pow", "Rational"))
_SYMBOL, _FUNCTION = _maker("Symbol"), cast("Callable[[str], Callable[..., Made]]", sympy.Function)
_FLOOR, _CEILING, _FLOAT = _maker("floor"), _maker("ceiling"), _maker("Float")
_EXPAND, _SIMPLIFY = _maker("expand"), _maker("simplify")
_ABS, _SIGN, _LOG, _FACTORIAL = (_maker(name) for name in ("Abs", "sign", "log", "factorial"))
_INTEGRAL, _LIMIT, _PIECEWISE = (_maker(name) for name in ("Integral", "Limit", "Piecewise"))
_MATRIX = cast("Callable[[list[list[Made]]], _Grid]", getattr(sympy, "Matrix"))  # noqa: B009  untyped
_PI, _ZERO, _TWO = _constant("pi"), _RATIONAL(0), 2
_CONSTANTS = {
    "pi": _PI,
    "e": _constant("E"),
    "i": _constant("I"),
    "infinity": _constant("oo"),
    "minus infinity": _constant("NegativeInfinity"),
}
_NAMES = {
    **{name: name for name in ("sin", "cos", "tan", "cot", "sec", "csc", "exp", "sinh", "cosh")},
    **{name: name for name in ("tanh", "coth", "sech", "csch", "floor", "sign", "binomial")},
    "ceil": "ceiling",
    "ln": "log",
    "abs": "Abs",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "sqrt": "sqrt",
}
_FUNCTIONS = {(name, 2 if name == "binomial" else 1): _maker(own) for name, own in _NAMES.items()}
_FUNCTIONS["max", 2], _FUNCTIONS["min", 2] = _maker("Max"), _maker("Min")
_INDEXED = {"sum": _maker("Sum"), "prod": _maker("Product")}
_UNDEFINED = tuple(_maker(name) for name in ("nan", "zoo", "oo", "AccumBounds"))
_UNDONE = tuple(_maker(name) for name in ("Sum", "Product", "Integral", "Limit"))
_EQUALITY, _INEQUALITY = _maker("Eq"), _maker("Ne")

_INFINITIES = (_CONSTANTS["infinity"], _CONSTANTS["minus infinity"])

Node = Sequence[object]
"""A tree as JSON: a kind, then its parts."""


class Builder:
    """Makes expressions; names are real unless an imaginary unit is about."""

    def __init__(self, integers: Sequence[str], *, real: bool) -> None:
        self._integers = frozenset(integers)
        self._real = real or None

    def build(self, node: object) -> Made:
        """Return the expression of a tree.

        Raises:
            UnbuildableError: there is none.
        """
        kind, *parts = cast("Node", node)
        rule = _RULES.get(str(kind))
        if rule is None:
            raise UnbuildableError(str(kind))
        return rule(self, parts)

    def number(self, parts: Node) -> Made:
        """Make a rational from two hexadecimal numbers."""
        return _RATIONAL(int(str(parts[0]), 16), int(str(parts[1]), 16))

    def symbol(self, parts: Node) -> Made:
        """Make a name."""
        name = str(parts[0])
        if name in self._integers:
            return _SYMBOL(name, integer=True)
        return _SYMBOL(name, real=self._real)

    def constant(self, parts: Node) -> Made:
        """Return pi, e, i, or an infinity."""
        found = _CONSTANTS.get(str(parts[0]))
        if found is None:
            raise UnbuildableError(str(parts[0]))
        return found

    def operation(self, parts: Node) -> Made:
        """Make arithmetic."""
        kind, *given = parts
        rule = _OPERATIONS.get(str(kind))
        if rule is None:
            raise UnbuildableError(str(kind))
        return rule(*(self.build(part) for part in given))

    def call(self, parts: Node) -> Made:
        """Apply a known function; any other name is a function of which nothing is known."""
        name, *given = parts
        args = [self.build(part) for part in given]
        if name == "log" and len(args) == _TWO:
            return _quotient(_LOG(args[1]), _LOG(args[0]))
        rule = _FUNCTIONS.get((str(name), len(args)))
        return rule(*args) if rule is not None else _FUNCTION(f"own {name}")(*args)

    def indexed(self, parts: Node) -> Made:
        """Make a sum or product over whole numbers, without writing it out."""
        kind, low, high, name, body = parts
        inner = Builder([*self._integers, str(name)], real=bool(self._real))
        ends = self.build(low), self.build(high)
        return _INDEXED[str(kind)](inner.build(body), (inner.symbol([name]), *ends))

    def integral(self, parts: Node) -> Made:
        """Make an integral between two ends."""
        low, high, name, body = parts
        inner = self._over_reals(name)
        ends = self.build(low), self.build(high)
        return _INTEGRAL(inner.build(body), (inner.symbol([name]), *ends))

    def limit(self, parts: Node) -> Made:
        """Make a limit; at a point from both sides, unless one is named."""
        end, name, body, *side = parts
        inner, point = self._over_reals(name), self.build(end)
        sides = "-" if point.has(*_UNDEFINED) or cast("Node", end)[1] == "minus infinity" else "+-"
        if side:
            sides = str(side[0])
        return _LIMIT(inner.build(body), inner.symbol([name]), point, sides)

    def determinant(self, parts: Node) -> Made:
        """Work a determinant out."""
        rows = [[self.build(entry) for entry in cast("Node", row)] for row in parts]
        return _MATRIX(rows).det(method="berkowitz")

    def _over_reals(self, name: object) -> "Builder":
        return Builder(sorted(self._integers - {str(name)}), real=bool(self._real))


def _power(base: Made, exponent: Made) -> Made:
    if exponent.is_Integer and abs(int(exponent)) > _MAX_POWER:
        raise UnbuildableError("a large power")
    if exponent.is_Rational and not exponent.is_Integer and exponent.q % 2:
        return _odd_root(base, exponent)
    return _POW(base, exponent)


def _odd_root(base: Made, exponent: Made) -> Made:
    """Return the real power with us; SymPy's own is the principal one."""
    if base.is_nonnegative:
        return _POW(base, exponent)
    if not base.is_real:
        raise UnbuildableError("an odd root of what may be complex")
    return _MUL(
        _POW(_SIGN(base), _MUL(exponent, _RATIONAL(exponent.q))), _POW(_ABS(base), exponent)
    )


def _root(radicand: Made, degree: Made) -> Made:
    if not degree.is_Rational and degree.is_nonnegative is None and not degree.free_symbols:
        raise UnbuildableError("a root of a strange degree")
    return _power(radicand, _POW(degree, _RATIONAL(-1)))


def _negative(value: Made) -> Made:
    return _MUL(_RATIONAL(-1), value)


def _quotient(top: Made, bottom: Made) -> Made:
    return _MUL(top, _POW(bottom, _RATIONAL(-1)))


def _factorial(value: Made) -> Made:
    if value.is_Integer and int(value) > _MAX_FACTORIAL:
        raise UnbuildableError("a large factorial")
    return _FACTORIAL(value)


def _percent(value: Made) -> Made:
    return _MUL(value, _RATIONAL(1, 100))


def _degrees(value: Made) -> Made:
    return _MUL(value, _PI, _RATIONAL(1, 180))


_OPERATIONS: Mapping[str, Callable[..., Made]] = {
    "sum": _ADD,
    "product": _MUL,
    "negative": _negative,
    "quotient": _quotient,
    "power": _power,
    "root": _root,
    "factorial": _factorial,
    "percent": _percent,
    "degrees": _degrees,
}
_RULES: Mapping[str, Callable[[Builder, Node], Made]] = {
    "number": Builder.number,
    "symbol": Builder.symbol,
    "constant": Builder.constant,
    "operation": Builder.operation,
    "call": Builder.call,
    "indexed": Builder.indexed,
    "integral": Builder.integral,
    "limit": Builder.limit,
    "determinant": Builder.determinant,
}


def prove(left: object, right: object, *, integers: Sequence[str], real: bool) -> bool:
    """Return whether the difference of two questions is shown to be zero; False says nothing."""
    builder = Builder(integers, real=real)
    try:
        sides = builder.build(left), builder.build(right)
        done = [_generic(side.doit()) for side in sides]
        if done[0] == done[1] and done[0] in _INFINITIES:
            return True
        if any(side.has(*_UNDEFINED) for side in done):
            return False
        return _is_zero(done[0] - done[1]) and not _is_contradicted(*sides, integers)
    except (
        UnbuildableError, ValueError, TypeError, AttributeError, ArithmeticError,
        NotImplementedError, RecursionError, IndexError, KeyError, AssertionError,
    ):  # fmt: skip
        # SymPy raises any of these where it is out of its depth.
        return False


def _is_zero(difference: Made) -> bool:
    if difference == _ZERO or _EXPAND(_floored(difference)) == _ZERO:
        return True
    # What SymPy could not work out it will not simplify away, but it would try for long.
    return not difference.has(*_UNDONE) and _SIMPLIFY(difference) == _ZERO


def _floored(value: Made) -> Made:
    return value.replace(_CEILING, _ceiling_by_floor)


def _ceiling_by_floor(inner: Made) -> Made:
    return _negative(_FLOOR(_negative(inner)))


def _generic(value: Made) -> Made:
    """Take what SymPy found under a condition of convergence, or away from single points.

    Beyond the one it left the sum undone, at the others it has another formula: sides are
    compared where both exist, and points do not count.
    """
    return value.replace(_PIECEWISE, _branch)


def _branch(*branches: Made) -> Made:
    value, condition = branches[0].args
    others = [branch.args[0] for branch in branches[1:]]
    undone = all(other.has(*_UNDONE) for other in others) and not condition.has(_EQUALITY)
    if undone or isinstance(condition, cast("type", _INEQUALITY)):
        return value
    return _PIECEWISE(*branches)


def _is_contradicted(left: Made, right: Made, integers: Sequence[str]) -> bool:
    """Whether numbers show that the sides differ: SymPy's integrals have been wrong before."""
    if not (left.has(_INTEGRAL) or right.has(_INTEGRAL)):
        return False
    names = sorted(left.free_symbols | right.free_symbols, key=lambda symbol: symbol.name)
    for turn in range(len(_CHECKED_AT) if names else 1):
        values = {
            name: _value(place + turn, whole=name.name in integers)
            for place, name in enumerate(names)
        }
        if _differ(*(side.xreplace(values) for side in (left, right))):
            return True
    return False


def _value(place: int, *, whole: bool) -> Made:
    top, bottom = _CHECKED_AT[place % len(_CHECKED_AT)]
    return _RATIONAL(place + 1) if whole else _RATIONAL(top, bottom)


def _differ(left: Made, right: Made) -> bool:
    """Whether the sides are other numbers; what cannot be worked out in numbers shows nothing."""
    errors: list[float] = []

    def number(body: Made, limits: Made) -> Made:
        name, low, high = limits.args
        value, error = quadrature.integral(
            lambda place: complex(body.xreplace({name: _FLOAT(place)})), float(low), float(high)
        )
        errors.append(error)
        return _ADD(_FLOAT(value.real), _MUL(_FLOAT(value.imag), _CONSTANTS["i"]))

    try:
        first, second = (
            complex(side.replace(_INTEGRAL, number).evalf(_CHECKED_DIGITS))
            for side in (left, right)
        )
    except (TypeError, ValueError, OverflowError, ZeroDivisionError, AttributeError):
        return False
    return abs(first - second) > _NEAR * max(abs(first), 1.0) + _DOUBT * sum(errors)
