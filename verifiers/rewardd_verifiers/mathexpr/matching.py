"""Pair off the elements of two unordered lists without trying every permutation."""

import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import acb

from rewardd_verifiers.mathexpr import balls, probe
from rewardd_verifiers.mathexpr.canon import key
from rewardd_verifiers.mathexpr.exact import UndefinedError, rational
from rewardd_verifiers.mathexpr.identity import Context, free_names, same
from rewardd_verifiers.mathexpr.limits import UndecidedError
from rewardd_verifiers.mathexpr.outcome import Outcome, both, differ
from rewardd_verifiers.mathexpr.secret import digits
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
_RATIONAL = (Number, Operation, Call)
_SIGNED = frozenset({"percent", "degrees", "plusminus", "minusplus"})
_NEAR = 1e-9
_NEAR_ROUNDED = 1e-2
"""A rounded decimal of three digits may be that far from what it stands for."""

_PAIR_STEPS = 40
_LEAST = 1e-9
_MOST = 1e300
"""Beyond, the absolute value of a complex number overflows."""

_BITS = 256
"""Of a mark: what it tells apart needs no comparison."""

Compare = Callable[[Tree, Tree, Context], Outcome]


class Element:
    """One member of a list with what tells it from others, each found when first asked for.

    Attributes:
        exact: its value where that is rational and bears no sign, base or place.
        decimals: whether it may stand for a value that was rounded.
    """

    __slots__ = ("_context", "_key", "_mark", "_marked", "decimals", "exact", "tree")

    def __init__(self, tree: Tree, context: Context) -> None:
        self.tree = tree
        self.decimals = False
        self.exact = self._exact()
        self._context = context
        self._key: Hashable = None
        self._mark: _Mark | None = None
        self._marked = False

    def _exact(self) -> Fraction | None:
        plain = True
        for node in walk(self.tree):
            if isinstance(node, Number):
                self.decimals |= bool(node.places)
            elif not isinstance(node, _RATIONAL) or (
                isinstance(node, Operation) and node.kind in _SIGNED
            ):
                plain = False
        try:
            return rational(self.tree) if plain else None
        except UndefinedError:
            return None

    @property
    def key(self) -> Hashable:
        """Equal keys mean equal elements, different keys mean nothing."""
        if self._key is None:
            self._key = key(self.tree) if self.exact is None else ("number", self.exact)
        return self._key

    @property
    def mark(self) -> "_Mark | None":
        """What it comes to at a secret point; None where there is no such value."""
        if not self._marked:
            self._mark, self._marked = _fingerprint(self.tree, self._context), True
        return self._mark

    @property
    def is_braced(self) -> bool:
        """Whether it is a set itself: within a set, {2} is not 2."""
        return isinstance(self.tree, Group) and self.tree.bracket == "{}"

    def is_far(self, other: "Element") -> bool:
        """Whether the two cannot be equal."""
        if self.is_braced != other.is_braced:
            return True
        mine, theirs = self.mark, other.mark
        if mine is None or theirs is None:
            return False
        if self.decimals or other.decimals:
            return not _near(mine.size, theirs.size, _NEAR_ROUNDED)
        if self.exact is not None and other.exact is not None:
            return self.exact != other.exact
        if not _near(mine.size, theirs.size, _NEAR):
            return True
        return mine.ball is not None and theirs.ball is not None and not mine.meets(theirs)


@dataclass(frozen=True, slots=True)
class _Mark:
    """An approximate value, and for a single number a ball that holds it."""

    size: complex
    ball: acb | None = None

    def meets(self, other: "_Mark") -> bool:
        return self.ball is None or other.ball is None or bool(self.ball.overlaps(other.ball))


class _Shelf:
    """Elements by the size of their marks: what is near an element is found at once."""

    def __init__(self, items: Iterable[Element]) -> None:
        self._places: dict[int | None, list[int]] = {}
        self._known: list[Element | None] = []
        for item in items:
            self._places.setdefault(_size(item.mark), []).append(len(self._known))
            self._known.append(item)

    def near(self, item: Element) -> Iterator[tuple[int, Element]]:
        """Give the elements that may be equal, in the order in which they came."""
        size = _size(item.mark)
        if size is None:
            places: Iterable[int] = range(len(self._known))
        else:
            sizes = (None, size - 1, size, size + 1)
            places = sorted(place for one in sizes for place in self._places.get(one, ()))
        for place in places:
            known = self._known[place]
            if known is not None and not item.is_far(known):
                yield place, known

    def remove(self, place: int) -> None:
        """Take an element off the shelf."""
        self._known[place] = None

    def rest(self) -> list[Element]:
        """Return what is left."""
        return [item for item in self._known if item is not None]


def _size(mark: _Mark | None) -> int | None:
    """Return a coarse logarithm: near marks are of the same size, or of neighbouring ones."""
    return None if mark is None else round(16 * math.log2(max(abs(mark.size), _LEAST)))


def elements(items: Sequence[Tree], context: Context) -> list[Element]:
    """Return the members of a list, ready to be paired off."""
    return [Element(item, context) for item in items]


def distinct(items: Sequence[Tree], context: Context) -> list[Tree]:
    """Return the items without repeats."""
    kept: list[Element] = []
    for item in _unlike(elements(items, context)):
        if not _is_repeat(item, kept, context):
            kept.append(item)
    return [item.tree for item in kept]


def _unlike(items: Iterable[Element]) -> list[Element]:
    return list({item.key: item for item in items}.values())


def matched_sets(
    gold: Sequence[Tree], answer: Sequence[Tree], context: Context, compare: Compare
) -> Outcome:
    """Pair off the elements of two sets; what finds no partner has to repeat another element."""
    first, second = _unlike(elements(gold, context)), _unlike(elements(answer, context))
    left, rest = _left_over(first, second)
    shelf = _Shelf(rest)
    outcomes: list[Outcome] = []
    for item in left:
        outcome = _take(item, shelf, context, compare)
        if not outcome.equal:
            repeated = _is_repeat(item, first, context)
            outcome = Outcome(equal=True, strength="probed") if repeated else outcome
        outcomes.append(outcome)
        if outcome.equal is False:
            return outcome
    joined = both(outcomes)
    if joined.equal and not all(_is_repeat(item, second, context) for item in shelf.rest()):
        return differ("an element of the answer that the gold does not have")
    return joined


def _is_repeat(item: Element, others: Iterable[Element], context: Context) -> bool:
    """Whether another element of the same set has the same value, in another spelling."""
    if item.mark is None:
        return False
    for other in others:
        if other is item or other.mark is None or item.is_far(other):
            continue
        context.steps.take(_PAIR_STEPS)
        if same(item.tree, other.tree, context).equal:
            return True
    return False


def matched(
    gold: Sequence[Tree], answer: Sequence[Tree], context: Context, compare: Compare
) -> Outcome:
    """Pair off equal elements: by equal keys first, then by comparing what is close."""
    if len(gold) != len(answer):
        return differ(f"{len(gold)} elements in the gold, {len(answer)} in the answer", "exact")
    left, rest = _left_over(elements(gold, context), elements(answer, context))
    shelf = _Shelf(rest)
    return both(_take(item, shelf, context, compare) for item in left)


def _left_over(
    gold: Sequence[Element], answer: Sequence[Element]
) -> tuple[list[Element], list[Element]]:
    """Return the elements without a partner of the same key."""
    rest: dict[Hashable, list[Element]] = {}
    for item in answer:
        rest.setdefault(item.key, []).append(item)
    left: list[Element] = []
    for item in gold:
        twins = rest.get(item.key)
        if twins:
            twins.pop()
        else:
            left.append(item)
    return left, [item for twins in rest.values() for item in twins]


def _take(item: Element, rest: _Shelf, context: Context, compare: Compare) -> Outcome:
    """Find the partner of an element among the rest, and remove it."""
    doubtful: Outcome | None = None
    for place, other in rest.near(item):
        context.steps.take(_PAIR_STEPS)
        outcome = compare(item.tree, other.tree, context)
        if outcome.equal:
            rest.remove(place)
            return outcome
        if outcome.equal is None:
            doubtful = doubtful or outcome
    return doubtful or differ("an element of the gold has no partner in the answer")


def _near(left: complex, right: complex, share: float) -> bool:
    return abs(left - right) <= share * max(abs(left), abs(right), _LEAST)


def _fingerprint(tree: Tree, context: Context) -> _Mark | None:
    """Return an approximate value at a secret point; None where there is none."""
    for node in walk(tree):
        if isinstance(node, Group) and node.bracket == "{}":
            return None
        if not isinstance(node, _PLAIN) or (isinstance(node, Operation) and node.kind in _SIGNED):
            return None
    if not isinstance(tree, Group):
        return _value(tree, context)
    marks = [_fingerprint(item, context) for item in tree.items]
    known = [mark.size for mark in marks if mark is not None]
    weights = (float(digits("weight", place)) + 1 for place in range(len(marks)))
    total = sum((mark * weight for mark, weight in zip(known, weights, strict=False)), 0j)
    return _Mark(total) if len(known) == len(marks) else None


def _value(tree: Tree, context: Context) -> _Mark | None:
    values = {name: digits(name, 0) + 1 for name in free_names(tree)}
    try:
        with balls.precision(_BITS):
            ball = probe.Evaluator(values, context.steps).value(tree)
    except (UndefinedError, UndecidedError):
        return None
    size = complex(ball)
    return _Mark(size, ball) if max(abs(size.real), abs(size.imag)) < _MOST else None
