r"""Solve what a gold leaves unsolved: `x^2 < 4`, and `x^2 - 5x + 6 \ge 0` within a set."""

from fractions import Fraction

from rewardd_verifiers.mathexpr.exact import UndefinedError, rational
from rewardd_verifiers.mathexpr.expand import rebuild
from rewardd_verifiers.mathexpr.numerals import read_number
from rewardd_verifiers.mathexpr.tree import (
    Builder,
    Constant,
    Group,
    Number,
    Operation,
    Relation,
    SetOperation,
    Symbol,
    Tree,
    symbols,
)

_ORDERS = frozenset({"<", ">", "<=", ">="})
_PLACES = (0, 1, -1, 2, 7, 1009)
"""Where a quadratic has to be what its values at the first three say."""

_INFINITY = Constant("infinity")
_HIGHEST = 2


def solved(tree: Tree) -> Tree:
    """Return a condition, or a set by conditions, with its quadratic inequalities solved."""
    match tree:
        case Builder(element=element, conditions=conditions):
            return Builder(element, tuple(map(solved, conditions)))
        case Relation(signs=(sign,), sides=(left, right)) if sign in _ORDERS:
            gap = Operation("sum", (left, Operation("negative", (right,))))
            names = symbols(gap)
            if len(names) != 1 or isinstance(left, Symbol) or isinstance(right, Symbol):
                return tree
            (name,) = names
            found = _quadratic(gap, name)
            return tree if found is None else _where(sign, found, name) or tree
        case _:
            return tree


def _quadratic(gap: Tree, name: str) -> tuple[Fraction, Fraction, Fraction] | None:
    """Return the three coefficients, highest first; None if it is no quadratic in rationals."""
    values = [_at(gap, name, place) for place in _PLACES]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    last, after, before = known[:3]
    first = (after + before) / 2 - last
    middle = (after - before) / 2
    line = [first * place**_HIGHEST + middle * place + last for place in _PLACES]
    return (first, middle, last) if line == known and first else None


def _at(gap: Tree, name: str, place: int) -> Fraction | None:
    def put(tree: Tree) -> Tree:
        return Number(Fraction(place)) if tree == Symbol(name) else rebuild(tree, put)

    try:
        return rational(put(gap))
    except UndefinedError:
        return None


def _where(sign: str, quadratic: tuple[Fraction, Fraction, Fraction], name: str) -> Tree | None:
    first, middle, last = quadratic
    inner = middle**2 - 4 * first * last
    if inner <= 0:
        return None
    centre, half = Number(-middle / (2 * first)), _half_width(inner, first)
    low = Operation("sum", (centre, Operation("negative", (half,))))
    high = Operation("sum", (centre, half))
    closed = sign.endswith("=")
    if (sign[0] == "<") == (first > 0):
        found: Tree = Group("[]" if closed else "()", (low, high))
    else:
        below = Group("(]" if closed else "()", (Operation("negative", (_INFINITY,)), low))
        above = Group("[)" if closed else "()", (high, _INFINITY))
        found = SetOperation("union", (below, above))
    return Relation(("in",), (Symbol(name), found))


def _half_width(inner: Fraction, first: Fraction) -> Tree:
    root = Operation("root", (Number(inner), read_number("2")))
    exact = rational(root)
    width = root if exact is None else Number(exact)
    return Operation("quotient", (width, Number(abs(2 * first))))
