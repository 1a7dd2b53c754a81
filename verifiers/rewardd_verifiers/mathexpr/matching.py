"""Pair off the elements of two unordered lists without trying every permutation."""

import math
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
_LEAST = 1e-9
_MOST = 1e300
"""Beyond, the absolute value of a complex number overflows."""

_LEAST_DIGITS = 64

Compare = Callable[[Tree, Tree, Context], Outcome]


class _Shelf:
    """Elements by the size of their fingerprints: what is near an element is found at once."""

    def __init__(self) -> None:
        self._places: dict[int | None, list[int]] = {}
        self._known: list[tuple[Tree, complex | None] | None] = []

    def add(self, item: Tree, mark: complex | None) -> None:
        """Put an element on the shelf."""
        self._places.setdefault(_size(mark), []).append(len(self._known))
        self._known.append((item, mark))

    def near(self, mark: complex | None) -> list[tuple[int, Tree, complex | None]]:
        """Return the elements that may be near, in the order in which they came."""
        size = _size(mark)
        if size is None:
            places = range(len(self._known))
        else:
            sizes = (None, size - 1, size, size + 1)
            places = sorted(place for one in sizes for place in self._places.get(one, ()))
        found = ((place, self._known[place]) for place in places)
        return [(place, *element) for place, element in found if element is not None]

    def remove(self, place: int) -> None:
        """Take an element off the shelf."""
        self._known[place] = None


def _size(mark: complex | None) -> int | None:
    """Return a coarse logarithm: near marks are of the same size, or of neighbouring ones."""
    return None if mark is None else round(16 * math.log2(max(abs(mark), _LEAST)))


def distinct(items: Sequence[Tree], context: Context) -> list[Tree]:
    """Return the items without repeats."""
    kept: list[Tree] = []
    shelf = _Shelf()
    keys: set[Hashable] = set()
    for item in items:
        own = key(item)
        if own in keys:
            continue
        mark = fingerprint(item, context)
        twins = [] if mark is None else shelf.near(mark)
        if any(
            known is not None and _near(mark, known, _NEAR) and same(item, other, context).equal
            for _, other, known in twins
        ):
            continue
        keys.add(own)
        kept.append(item)
        shelf.add(item, mark)
    return kept


def same_keys(gold: Sequence[Tree], answer: Sequence[Tree]) -> bool:
    """Whether two sets hold the same spellings, whatever the order and the repeats."""
    return {key(item) for item in gold} == {key(item) for item in answer}


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
    shelf = _Shelf()
    for twins in rest.values():
        for item in twins:
            shelf.add(item, fingerprint(item, context))
    return both(_take(item, shelf, context, compare) for item in left)


def _take(item: Tree, rest: _Shelf, context: Context, compare: Compare) -> Outcome:
    """Find the partner of an element among the rest, and remove it."""
    mark = fingerprint(item, context)
    doubtful: Outcome | None = None
    decimals = _has_decimals(item)
    for place, other, known in rest.near(mark):
        rounded = decimals or _has_decimals(other)
        if not _near(mark, known, _NEAR_ROUNDED if rounded else _NEAR):
            continue
        if _is_braced(item) != _is_braced(other):
            continue
        context.steps.take(_PAIR_STEPS)
        outcome = compare(item, other, context)
        if outcome.equal:
            rest.remove(place)
            return outcome
        if outcome.equal is None:
            doubtful = doubtful or outcome
    return doubtful or differ("an element of the gold has no partner in the answer")


def _is_braced(item: Tree) -> bool:
    """Whether an element is a set itself: within a set, {2} is not 2."""
    return isinstance(item, Group) and item.bracket == "{}"


def _near(left: complex | None, right: complex | None, share: float) -> bool:
    if left is None or right is None:
        return True
    return abs(left - right) <= share * max(abs(left), abs(right), _LEAST)


def _has_decimals(tree: Tree) -> bool:
    return any(isinstance(node, Number) and node.places for node in walk(tree))


def fingerprint(tree: Tree, context: Context) -> complex | None:
    """Return an approximate value at a secret point; None where there is none."""
    for node in walk(tree):
        if isinstance(node, Group) and node.bracket == "{}":
            return None
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
    return value if max(abs(value.real), abs(value.imag)) < _MOST else None
