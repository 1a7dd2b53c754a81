"""Pair off the elements of two unordered lists without trying every permutation."""

import cmath
from collections.abc import Callable, Hashable, Sequence

from rewardd_verifiers.mathexpr import balls, probe
from rewardd_verifiers.mathexpr.canon import key
from rewardd_verifiers.mathexpr.exact import UndefinedError
from rewardd_verifiers.mathexpr.identity import Context, free_names, same
from rewardd_verifiers.mathexpr.limits import UndecidedError
from rewardd_verifiers.mathexpr.outcome import Outcome, both, differ
from rewardd_verifiers.mathexpr.tree import (
    Call,
    Constant,
    Group,
    Number,
    Operation,
    Symbol,
    Tree,
    walk,
)

_PLAIN = (Number, Symbol, Constant, Operation, Call, Group)
_SIGNED = frozenset({"percent", "degrees", "plusminus", "minusplus"})
_NEAR = 1e-9
_NEAR_ROUNDED = 1e-2
"""A rounded decimal of three digits may be that far from what it stands for."""

_PAIR_STEPS = 40
_LEAST_DIGITS = 64

Compare = Callable[[Tree, Tree, Context], Outcome]


def distinct(items: Sequence[Tree], context: Context) -> list[Tree]:
    """Return the items without repeats."""
    kept: list[Tree] = []
    prints: list[complex | None] = []
    keys: set[Hashable] = set()
    for item in items:
        mark = fingerprint(item, context)
        twins = [
            other
            for other, known in zip(kept, prints, strict=True)
            if _near(mark, known, _NEAR) and mark is not None
        ]
        if key(item) in keys or any(same(item, other, context).equal for other in twins):
            continue
        keys.add(key(item))
        kept.append(item)
        prints.append(mark)
    return kept


def matched(
    gold: Sequence[Tree], answer: Sequence[Tree], context: Context, compare: Compare
) -> Outcome:
    """Pair off equal elements: by equal keys first, then by comparing what is close."""
    if len(gold) != len(answer):
        return differ(f"{len(gold)} elements in the gold, {len(answer)} in the answer", "exact")
    rest: dict[Hashable, list[Tree]] = {}
    for item in answer:
        rest.setdefault(key(item), []).append(item)
    left: list[Tree] = []
    for item in gold:
        twins = rest.get(key(item))
        if twins:
            twins.pop()
        else:
            left.append(item)
    candidates = [(item, fingerprint(item, context)) for twins in rest.values() for item in twins]
    return both(_take(item, candidates, context, compare) for item in left)


def _take(
    item: Tree, rest: list[tuple[Tree, complex | None]], context: Context, compare: Compare
) -> Outcome:
    """Find the partner of an element among the rest, and remove it."""
    mark = fingerprint(item, context)
    doubtful: Outcome | None = None
    for place, (other, known) in enumerate(rest):
        rounded = _has_decimals(item) or _has_decimals(other)
        if not _near(mark, known, _NEAR_ROUNDED if rounded else _NEAR):
            continue
        context.steps.take(_PAIR_STEPS)
        outcome = compare(item, other, context)
        if outcome.equal:
            rest.pop(place)
            return outcome
        if outcome.equal is None:
            doubtful = doubtful or outcome
    return doubtful or differ("an element of the gold has no partner in the answer")


def _near(left: complex | None, right: complex | None, share: float) -> bool:
    if left is None or right is None:
        return True
    return abs(left - right) <= share * max(abs(left), abs(right), 1e-9)


def _has_decimals(tree: Tree) -> bool:
    return any(isinstance(node, Number) and node.places for node in walk(tree))


def fingerprint(tree: Tree, context: Context) -> complex | None:
    """Return an approximate value at a secret point; None where there is none."""
    for node in walk(tree):
        if not isinstance(node, _PLAIN) or (isinstance(node, Operation) and node.kind in _SIGNED):
            return None
    if isinstance(tree, Group):
        marks = [fingerprint(item, context) for item in tree.items]
        known = [mark for mark in marks if mark is not None]
        weights = (float(probe.digits("weight", place)) + 1 for place in range(len(marks)))
        total = sum((mark * weight for mark, weight in zip(known, weights, strict=False)), 0j)
        return total if len(known) == len(marks) else None
    return _value(tree, context)


def _value(tree: Tree, context: Context) -> complex | None:
    values = {name: probe.digits(name, 0) + 1 for name in free_names(tree)}
    try:
        with balls.precision(_LEAST_DIGITS):
            value = complex(probe.Evaluator(values, context.steps).value(tree))
    except (UndefinedError, UndecidedError):
        return None
    return value if cmath.isfinite(value) else None
