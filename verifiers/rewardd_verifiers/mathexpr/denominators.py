"""Equations without denominators: what the difference of the sides is the numerator of."""

from collections.abc import Callable, Mapping
from fractions import Fraction

from rewardd_verifiers.mathexpr.identity import free_names
from rewardd_verifiers.mathexpr.tree import Number, Operation, Tree, walk

_MOST_NODES = 60
"""Of a tree that is cleared: each sum multiplies its terms by the denominators of the others."""

_ONE = Number(Fraction(1))
_Parts = tuple[Tree, tuple[Tree, ...]]


def cleared(tree: Tree) -> Tree | None:
    """Return the tree times its denominators; None if none has a free name, or it is large."""
    if sum(1 for _ in walk(tree)) > _MOST_NODES:
        return None
    top, bottoms = _split(tree)
    return top if bottoms else None


def _split(tree: Tree) -> _Parts:
    """Return numerator and denominators; those without a free name stay in the numerator."""
    if not isinstance(tree, Operation):
        return tree, ()
    if tree.kind == "power":
        return _power(tree)
    rule = _RULES.get(tree.kind)
    return (tree, ()) if rule is None else rule([_split(arg) for arg in tree.args])


def _negative(parts: list[_Parts]) -> _Parts:
    ((top, bottoms),) = parts
    return Operation("negative", (top,)), bottoms


def _product(parts: list[_Parts]) -> _Parts:
    tops = tuple(top for top, _ in parts)
    return Operation("product", tops), tuple(one for _, some in parts for one in some)


def _quotient(parts: list[_Parts]) -> _Parts:
    (top, bottoms), (bottom, turned) = parts
    if free_names(bottom):
        return _times(top, turned), (*bottoms, bottom)
    return Operation("quotient", (_times(top, turned), bottom)), bottoms


def _power(tree: Operation) -> _Parts:
    base, exponent = tree.args
    if isinstance(exponent, Operation) and exponent.kind == "negative" and free_names(base):
        return _ONE, (Operation("power", (base, *exponent.args)),)
    return tree, ()


def _sum(parts: list[_Parts]) -> _Parts:
    shared: list[Tree] = []
    for _, bottoms in parts:
        missing = list(bottoms)
        for known in shared:
            if known in missing:
                missing.remove(known)
        shared.extend(missing)
    terms: list[Tree] = []
    for top, bottoms in parts:
        lacking = list(shared)
        for bottom in bottoms:
            lacking.remove(bottom)
        terms.append(_times(top, tuple(lacking)))
    return Operation("sum", tuple(terms)), tuple(shared)


def _times(tree: Tree, factors: tuple[Tree, ...]) -> Tree:
    return Operation("product", (tree, *factors)) if factors else tree


_RULES: Mapping[str, Callable[[list[_Parts]], _Parts]] = {
    "negative": _negative,
    "sum": _sum,
    "product": _product,
    "quotient": _quotient,
}
