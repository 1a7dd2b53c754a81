"""Intervals of the real line: put in order, merged, met and taken away."""

from dataclasses import dataclass
from functools import cmp_to_key

from rewardd_verifiers.mathexpr.identity import Context
from rewardd_verifiers.mathexpr.limits import MAX_ELEMENTS, UndecidedError
from rewardd_verifiers.mathexpr.ordering import order
from rewardd_verifiers.mathexpr.tree import (
    Constant,
    Group,
    Number,
    Operation,
    SetOperation,
    Tree,
)

INFINITY = Constant("infinity")
MINUS_INFINITY = Operation("negative", (INFINITY,))
BRACKETS = {
    "()": (False, False), "[]": (True, True), "(]": (False, True), "[)": (True, False),
    "[[": (True, False), "([": (False, False),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """One interval; a point has two closed ends that are equal."""

    low: Tree
    high: Tree
    low_closed: bool
    high_closed: bool


@dataclass(frozen=True, slots=True)
class RealSet:
    """Pieces in order, merged.

    Attributes:
        variable: the name that an inequality speaks of; "" where the set was written as a set.
    """

    pieces: tuple[Piece, ...]
    variable: str = ""


EVERYTHING = RealSet((Piece(MINUS_INFINITY, INFINITY, low_closed=False, high_closed=False),))


def point(value: Tree) -> Piece:
    """Return the interval that a single value is."""
    return Piece(value, value, low_closed=True, high_closed=True)


def ray(sign: str, end: Tree) -> RealSet:
    """Return the reals that stand in this relation to `end`."""
    closed = sign.endswith("=") and sign != "!="
    below = Piece(MINUS_INFINITY, end, low_closed=False, high_closed=closed)
    above = Piece(end, INFINITY, low_closed=closed, high_closed=False)
    if sign == "!=":
        return RealSet((below, above))
    return RealSet((below if sign.startswith("<") else above,))


def absolute_ray(sign: str, centre: Tree, end: Tree) -> RealSet:
    """Return the reals whose distance from a centre stands in this relation to `end`."""
    closed = sign.endswith("=") and sign != "!="
    low, high = _moved(centre, Operation("negative", (end,))), _moved(centre, end)
    if sign.startswith("<"):
        return RealSet((Piece(low, high, closed, closed),))
    below = Piece(MINUS_INFINITY, low, low_closed=False, high_closed=closed)
    above = Piece(high, INFINITY, low_closed=closed, high_closed=False)
    if sign == "!=":
        middle = Piece(low, high, low_closed=False, high_closed=False)
        return RealSet((below, middle, above))
    return RealSet((below, above))


def _moved(centre: Tree, step: Tree) -> Tree:
    if isinstance(centre, Number) and not centre.value:
        return step
    return Operation("sum", (centre, step))


def complement(whole: RealSet) -> RealSet:
    """Return the reals outside."""
    pieces: list[Piece] = []
    low: Tree = MINUS_INFINITY
    closed = False
    for piece in whole.pieces:
        if piece.low != MINUS_INFINITY:
            pieces.append(Piece(low, piece.low, closed, not piece.low_closed))
        low, closed = piece.high, not piece.high_closed
    if low != INFINITY:
        pieces.append(Piece(low, INFINITY, closed, high_closed=False))
    return RealSet(tuple(pieces))


def united(parts: list[RealSet], context: Context) -> RealSet:
    """Return what is in any of them."""
    return merge([piece for part in parts for piece in part.pieces], context)


def written(whole: RealSet) -> Tree:
    """Return a set as a tree again."""
    brackets = {kinds: bracket for bracket, kinds in BRACKETS.items() if "[[" != bracket != "(["}
    intervals = [
        Group(brackets[piece.low_closed, piece.high_closed], (piece.low, piece.high))
        for piece in whole.pieces
    ]
    if not intervals:
        return Constant("empty")
    return intervals[0] if len(intervals) == 1 else SetOperation("union", tuple(intervals))


def intersect(left: RealSet, right: RealSet, context: Context) -> RealSet:
    """Return what is in both."""
    if left == EVERYTHING or left.pieces == EVERYTHING.pieces:
        return right
    if right.pieces == EVERYTHING.pieces:
        return left
    pieces: list[Piece] = []
    for one in left.pieces:
        for other in right.pieces:
            part = _overlap(one, other, context)
            if part is not None:
                pieces.append(part)
    return merge(pieces, context)


def _overlap(one: Piece, other: Piece, context: Context) -> Piece | None:
    lows = compare_ends(one.low, other.low, context)
    highs = compare_ends(one.high, other.high, context)
    low = one if lows > 0 else other
    low_closed = low.low_closed if lows else one.low_closed and other.low_closed
    high = one if highs < 0 else other
    high_closed = high.high_closed if highs else one.high_closed and other.high_closed
    piece = Piece(low.low, high.high, low_closed, high_closed)
    return None if _is_empty(piece, context) else piece


def _is_empty(piece: Piece, context: Context) -> bool:
    width = compare_ends(piece.low, piece.high, context)
    return width > 0 or (width == 0 and not (piece.low_closed and piece.high_closed))


def infinite(end: Tree) -> int:
    """Return 1 or -1 for an infinite end, 0 for all others."""
    if end == INFINITY:
        return 1
    return -1 if end == MINUS_INFINITY else 0


def compare_ends(left: Tree, right: Tree, context: Context) -> int:
    """Return the order of two ends, infinite ones included.

    Raises:
        UndecidedError: they have none that we can see.
    """
    if left == right:
        return 0
    first, second = infinite(left), infinite(right)
    if first or second:
        return (first > second) - (first < second)
    return order(left, right, context)


def merge(pieces: list[Piece], context: Context) -> RealSet:
    """Put pieces in order and join those that touch."""
    if len(pieces) > MAX_ELEMENTS:
        raise UndecidedError("too many pieces")
    merged: list[Piece] = []
    for piece in _sorted(pieces, context):
        last = merged[-1] if merged else None
        if last is not None and _touches(last, piece, context):
            merged[-1] = _united(last, piece, context)
        else:
            merged.append(piece)
    return RealSet(tuple(merged))


def _sorted(pieces: list[Piece], context: Context) -> list[Piece]:
    return sorted(pieces, key=cmp_to_key(lambda one, other: _placed(one, other, context)))


def _placed(one: Piece, other: Piece, context: Context) -> int:
    """Return which of two pieces begins first."""
    lows = compare_ends(one.low, other.low, context)
    return lows or other.low_closed - one.low_closed


def _touches(one: Piece, other: Piece, context: Context) -> bool:
    gap = compare_ends(one.high, other.low, context)
    return gap > 0 or (gap == 0 and (one.high_closed or other.low_closed))


def _united(one: Piece, other: Piece, context: Context) -> Piece:
    highs = compare_ends(one.high, other.high, context)
    last = one if highs > 0 else other
    closed = last.high_closed if highs else one.high_closed or other.high_closed
    return Piece(one.low, last.high, one.low_closed, closed)
