"""Formulas of sets or statements: equal where all assignments of truth agree."""

from collections.abc import Mapping
from itertools import product

from rewardd_verifiers.mathexpr.tree import SetOperation, Symbol, Tree, symbols

_MOST_NAMES = 6


def same(left: Tree, right: Tree) -> bool | None:
    """Return whether two formulas agree everywhere; None if one of them is no formula."""
    names = sorted({name.rstrip("'") for name in symbols(left) | symbols(right)})
    if len(names) > _MOST_NAMES or not (_is_formula(left) and _is_formula(right)):
        return None
    return all(
        _truth(left, known) == _truth(right, known)
        for choice in product((False, True), repeat=len(names))
        for known in [dict(zip(names, choice, strict=True))]
    )


def _is_formula(tree: Tree) -> bool:
    if isinstance(tree, SetOperation):
        return all(_is_formula(arg) for arg in tree.args)
    return isinstance(tree, Symbol)


def _truth(tree: Tree, known: Mapping[str, bool]) -> bool:
    if isinstance(tree, SetOperation):
        values = [_truth(arg, known) for arg in tree.args]
        if tree.kind in {"union", "∨"}:
            return any(values)
        if tree.kind == "difference":
            return values[0] and not any(values[1:])
        return all(values)
    name = tree.name if isinstance(tree, Symbol) else ""
    primes = len(name) - len(name.rstrip("'"))
    return known[name.rstrip("'")] ^ bool(primes % 2)
