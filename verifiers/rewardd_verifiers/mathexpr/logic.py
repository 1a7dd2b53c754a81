"""Formulas of sets or statements: equal where all assignments of truth agree."""

from collections.abc import Mapping
from itertools import product

from rewardd_verifiers.mathexpr.tree import Call, Operation, Relation, SetOperation, Symbol, Tree

_MOST_NAMES = 6
_BARRED = "overline "
_COMPLEMENTS = frozenset({Symbol("c"), Symbol("C"), Symbol("\\complement")})


def same(left: Tree, right: Tree) -> bool | None:
    """Return whether two formulas agree everywhere; None if one of them is no formula."""
    first, second = _formula(left), _formula(right)
    if first is None or second is None:
        return None
    names = sorted(_names(first) | _names(second))
    if len(names) > _MOST_NAMES:
        return None
    return all(
        _truth(first, known) == _truth(second, known)
        for choice in product((False, True), repeat=len(names))
        for known in [dict(zip(names, choice, strict=True))]
    )


def _formula(tree: Tree) -> Tree | None:  # noqa: PLR0911  one line a kind
    """Return a formula of names, joints and denials alone; None for all else."""
    match tree:
        case Symbol(name=name):
            return _denied(name)
        case Operation(kind="power", args=(inner, power)) if power in _COMPLEMENTS:
            return _joined("¬", (inner,))
        case Call(name="overline", args=(inner,)):
            return _joined("¬", (inner,))
        case Operation(kind="sum", args=(whole, Operation(kind="negative", args=(taken,)))):
            return _joined("difference", (whole, taken))
        case Relation(signs=("->",), sides=sides):
            return _joined("->", sides)
        case SetOperation(kind=kind, args=args):
            return _joined(kind, args)
        case _:
            return None


def _denied(name: str) -> Tree:
    """Return the symbol, under a denial for each prime behind it and for a bar above."""
    bare = name.removeprefix(_BARRED).rstrip("'")
    primes = name.count("'") + name.startswith(_BARRED)
    return SetOperation("¬", (Symbol(bare),)) if primes % 2 else Symbol(bare)


def _joined(kind: str, args: tuple[Tree, ...]) -> Tree | None:
    parts = [_formula(arg) for arg in args]
    known = tuple(part for part in parts if part is not None)
    return SetOperation(kind, known) if len(known) == len(parts) else None


def _names(tree: Tree) -> set[str]:
    if isinstance(tree, SetOperation):
        return set[str]().union(*map(_names, tree.args))
    return {tree.name} if isinstance(tree, Symbol) else set()


def _truth(tree: Tree, known: Mapping[str, bool]) -> bool:
    if isinstance(tree, SetOperation):
        values = [_truth(arg, known) for arg in tree.args]
        if tree.kind == "¬":
            return not values[0]
        if tree.kind in {"union", "∨"}:
            return any(values)
        if tree.kind == "difference":
            return values[0] and not any(values[1:])
        if tree.kind == "->":
            return not values[0] or values[-1]
        return all(values)
    return known[tree.name] if isinstance(tree, Symbol) else False
