"""Whether an answer has the form that was asked for: worked out, reduced, factored, expanded."""

import math
from collections.abc import Callable, Mapping

from rewardd_verifiers.mathexpr.exact import UndefinedError, rational
from rewardd_verifiers.mathexpr.identity import free_names
from rewardd_verifiers.mathexpr.tree import (
    Based,
    Call,
    Group,
    Number,
    Operation,
    Ordinal,
    Quantity,
    Relation,
    Tree,
    children,
    walk,
)

_UNFINISHED = frozenset({"int", "iint", "iiint", "oint", "lim", "limsup", "liminf", "sum", "prod"})
_SIGNS = frozenset({"negative", "percent", "degrees"})


def fault(gold: Tree, answer: Tree, asked: str) -> str:
    """Return what is wrong with the answer's form; "" if nothing is."""
    return _FORMS[asked](gold, answer)


def _evaluated(gold: Tree, answer: Tree) -> str:
    left = _unfinished(answer)
    return "" if not left or _unfinished(gold) else f"left to be worked out: {min(left)}"


def _unfinished(tree: Tree) -> set[str]:
    if isinstance(tree, Relation) and set(tree.signs) <= {"=", "~"}:
        tree = tree.sides[-1]
    return {node.name for node in walk(tree) if isinstance(node, Call) and node.name in _UNFINISHED}


def _number(gold: Tree, answer: Tree) -> str:
    worked_out = all(_is_number(part) for part in _parts(answer))
    return _evaluated(gold, answer) or ("" if worked_out else "arithmetic is left to be done")


def _parts(tree: Tree) -> tuple[Tree, ...]:
    """Return the values of a list, and what stands to the right of equals signs."""
    if isinstance(tree, Group):
        return tuple(part for item in tree.items for part in _parts(item))
    if isinstance(tree, Relation):
        return _parts(tree.sides[-1])
    return (tree.value,) if isinstance(tree, Quantity) else (tree,)


def _is_number(tree: Tree) -> bool:
    if isinstance(tree, Operation) and tree.kind in _SIGNS:
        return _is_number(tree.args[0])
    if isinstance(tree, Operation) and tree.kind == "quotient":
        return all(isinstance(part, Number) for part in tree.args)
    return isinstance(tree, Number | Based | Ordinal)


def _lowest_terms(gold: Tree, answer: Tree) -> str:
    for node in walk(answer):
        if isinstance(node, Operation) and node.kind == "quotient" and not _is_reduced(node):
            return "a fraction that is not in lowest terms"
    return _evaluated(gold, answer)


def _is_reduced(fraction: Operation) -> bool:
    try:
        values = [rational(part) for part in fraction.args]
    except UndefinedError:
        return False
    whole = [value.numerator for value in values if value is not None and value.denominator == 1]
    return len(whole) < len(values) or (math.gcd(*whole) == 1 and abs(whole[-1]) != 1)


def _factored(gold: Tree, answer: Tree) -> str:
    inner = _parts(answer)[0]
    while isinstance(inner, Operation) and inner.kind == "negative":
        inner = inner.args[0]
    is_sum = isinstance(inner, Operation) and inner.kind == "sum" and bool(free_names(inner))
    return "a sum where factors were asked for" if is_sum else _evaluated(gold, answer)


def _expanded(gold: Tree, answer: Tree) -> str:
    for node in walk(answer):
        multiplied = isinstance(node, Operation) and node.kind in {"product", "power"}
        if multiplied and any(_is_open_sum(part) for part in children(node)[: _factors(node)]):
            return "a product of sums where it should be expanded"
    return _evaluated(gold, answer)


def _factors(node: Tree) -> int:
    """Return how many of its parts are factors: of a power only the base."""
    is_power = isinstance(node, Operation) and node.kind == "power"
    return 1 if is_power else len(children(node))


def _is_open_sum(tree: Tree) -> bool:
    return isinstance(tree, Operation) and tree.kind == "sum" and bool(free_names(tree))


def _any(gold: Tree, answer: Tree) -> str:  # noqa: ARG001  the signature of all forms
    return ""


_FORMS: Mapping[str, Callable[[Tree, Tree], str]] = {
    "evaluated": _evaluated,
    "any": _any,
    "number": _number,
    "lowest_terms": _lowest_terms,
    "factored": _factored,
    "expanded": _expanded,
}
