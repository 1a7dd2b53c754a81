"""Sets of real numbers: intervals, inequalities, set-builders and unions are one type."""

from dataclasses import dataclass

from rewardd_verifiers.mathexpr.identity import Context, order
from rewardd_verifiers.mathexpr.limits import MAX_ELEMENTS, UndecidedError
from rewardd_verifiers.mathexpr.tree import (
    Builder,
    Call,
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

INFINITY = Constant("infinity")
MINUS_INFINITY = Operation("negative", (INFINITY,))
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_BRACKETS = {
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


def read(tree: Tree, context: Context) -> RealSet | None:  # noqa: C901, PLR0911  one line a kind
    """Return the set of reals that the tree describes; None if it describes none.

    Raises:
        UndecidedError: its ends cannot be put in order.
    """
    match tree:
        case Group(bracket=bracket, items=(low, high)) if bracket in _BRACKETS:
            return RealSet((Piece(low, high, *_BRACKETS[bracket]),))
        case Group(bracket="{}", items=items):
            return None if _is_composite(items) else _merge([_point(i) for i in items], context)
        case Group(bracket=bracket, items=items) if bracket in {"", "and", "or"}:
            return _joined(items, bracket, context)
        case Constant(name="R"):
            return EVERYTHING
        case Constant(name="empty"):
            return RealSet(())
        case SetOperation(kind="∧" | "∨" as kind, args=args):
            return _joined(args, "and" if kind == "∧" else "or", context)
        case SetOperation(kind=kind, args=args):
            return _operation(kind, args, context)
        case Relation():
            return _relation(tree, context)
        case Builder():
            return _builder(tree, context)
        case _:
            return None


def _is_composite(items: tuple[Tree, ...]) -> bool:
    """Whether a set has members that are no numbers: points, sets, equations."""
    return any(isinstance(item, Group | Relation | SetOperation | Builder) for item in items)


def is_set_like(tree: Tree) -> bool:  # noqa: PLR0911  one line a kind
    """Whether only a set of reals can be meant, rather than a pair or an equation."""
    match tree:
        case Group(bracket=bracket, items=items):
            if bracket in {"(]", "[)", "[[", "(["} or (
                bracket == "()" and _has_infinite_end(items)
            ):
                return len(items) == 2  # noqa: PLR2004  two ends
            return bracket in {"", "and", "or"} and any(is_set_like(item) for item in items)
        case Relation(signs=signs):
            return any(sign in {"<", ">", "<=", ">=", "!=", "in", "notin"} for sign in signs)
        case SetOperation(kind="∧" | "∨", args=args):
            return any(is_set_like(arg) for arg in args)
        case SetOperation() | Builder():
            return True
        case Constant(name=name):
            return name in {"R", "empty"}
        case _:
            return False


def _has_infinite_end(items: tuple[Tree, ...]) -> bool:
    return any(_infinite(item) for item in items)


def _point(value: Tree) -> Piece:
    return Piece(value, value, low_closed=True, high_closed=True)


def _relation(tree: Relation, context: Context) -> RealSet | None:
    if len(tree.signs) == 1 and tree.signs[0] in {"in", "notin"}:
        found = read(tree.sides[1], context) if isinstance(tree.sides[0], Symbol) else None
        if found is None or not isinstance(tree.sides[0], Symbol):
            return None
        if tree.signs[0] == "notin":
            found = complement(found)
        return RealSet(found.pieces, tree.sides[0].name)
    if not all(sign in _FLIPPED or sign == "!=" for sign in tree.signs):
        return None
    middle = next((i for i, side in enumerate(tree.sides) if _is_variable(side)), None)
    if middle is None or len(tree.signs) > 2:  # noqa: PLR2004  one end on each side
        return None
    return _bounded(tree, middle, context)


def _is_variable(side: Tree) -> bool:
    if isinstance(side, Call) and side.name == "abs":
        return isinstance(side.args[0], Symbol)
    return isinstance(side, Symbol) or (
        isinstance(side, Call) and all(isinstance(arg, Symbol) for arg in side.args)
    )


def _bounded(tree: Relation, middle: int, context: Context) -> RealSet | None:
    side = tree.sides[middle]
    names = symbols(side)
    others = [other for index, other in enumerate(tree.sides) if index != middle]
    if any(names & symbols(other) for other in others):
        return None
    label = side.name if isinstance(side, Symbol | Call) else ""
    absolute = isinstance(side, Call) and side.name == "abs"
    found = EVERYTHING
    for index, sign in enumerate(tree.signs):
        if middle not in {index, index + 1}:
            return None
        end = tree.sides[index + 1] if index == middle else tree.sides[index]
        turned = sign if index == middle else _FLIPPED.get(sign, sign)
        part = _absolute_ray(turned, end) if absolute else _ray(turned, end)
        found = intersect(found, part, context)
    return RealSet(found.pieces, next(iter(names)) if absolute else label)


def _ray(sign: str, end: Tree) -> RealSet:
    """Return the reals that stand in this relation to `end`."""
    closed = sign.endswith("=") and sign != "!="
    below = Piece(MINUS_INFINITY, end, low_closed=False, high_closed=closed)
    above = Piece(end, INFINITY, low_closed=closed, high_closed=False)
    if sign == "!=":
        return RealSet((below, above))
    return RealSet((below if sign.startswith("<") else above,))


def _absolute_ray(sign: str, end: Tree) -> RealSet:
    """Return the reals whose absolute value stands in this relation to `end`."""
    closed = sign.endswith("=") and sign != "!="
    opposite = Operation("negative", (end,))
    if sign.startswith("<"):
        return RealSet((Piece(opposite, end, closed, closed),))
    below = Piece(MINUS_INFINITY, opposite, low_closed=False, high_closed=closed)
    above = Piece(end, INFINITY, low_closed=closed, high_closed=False)
    if sign == "!=":
        middle = Piece(opposite, end, low_closed=False, high_closed=False)
        return RealSet((below, middle, above))
    return RealSet((below, above))


def _builder(tree: Builder, context: Context) -> RealSet | None:
    element, found = tree.element, EVERYTHING
    if isinstance(element, Relation) and element.signs == ("in",):
        domain = read(element.sides[1], context)
        if domain is None:
            return None
        element, found = element.sides[0], domain
    if not isinstance(element, Symbol):
        return None
    for condition in tree.conditions:
        part = read(condition, context)
        if part is None or part.variable not in {element.name, ""}:
            return None
        found = intersect(found, part, context)
    return RealSet(found.pieces)


def _joined(items: tuple[Tree, ...], joint: str, context: Context) -> RealSet | None:
    """Join conditions: "or" unites, "and" intersects, a comma does what leaves something."""
    parts: list[RealSet] = []
    items = _excluded(items)
    for item in items:
        part = read(item, context) if is_set_like(item) else _solution(item)
        if part is None:
            return None
        parts.append(part)
    if not any(is_set_like(item) for item in items):
        return None
    names = {part.variable for part in parts if part.variable}
    if len(names) > 1:
        return None
    everything = united(parts, context)
    result = everything
    if joint != "or":
        common = parts[0]
        for part in parts[1:]:
            common = intersect(common, part, context)
        result = common if common.pieces else everything
    return RealSet(result.pieces, next(iter(names), ""))


def _excluded(items: tuple[Tree, ...]) -> tuple[Tree, ...]:
    """Read the values behind `x != 1, 2` as excluded too."""
    first, *rest = items
    if not (isinstance(first, Relation) and first.signs == ("!=",)):
        return items
    if any(isinstance(item, Relation | Group | Builder) for item in rest):
        return items
    return (first, *(Relation(("!=",), (first.sides[0], item)) for item in rest))


def _solution(item: Tree) -> RealSet | None:
    if isinstance(item, Relation) and item.signs == ("=",) and isinstance(item.sides[0], Symbol):
        return RealSet((_point(item.sides[1]),), item.sides[0].name)
    return None


def _operation(kind: str, args: tuple[Tree, ...], context: Context) -> RealSet | None:
    parts = [read(args[0], context), *(_taken(kind, arg, context) for arg in args[1:])]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if kind == "union":
        return united(known, context)
    found = known[0]
    for part in known[1:]:
        taken = complement(part) if kind == "difference" else part
        found = intersect(found, taken, context)
    return found


def _taken(kind: str, arg: Tree, context: Context) -> RealSet | None:
    r"""Read what is taken away; the braces of a lone number are often lost, as in `R \ {0}`."""
    if kind == "difference" and isinstance(arg, Number | Operation):
        return RealSet((_point(arg),))
    return read(arg, context)


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
    return _merge([piece for part in parts for piece in part.pieces], context)


def written(whole: RealSet) -> Tree:
    """Return a set as a tree again."""
    brackets = {kinds: bracket for bracket, kinds in _BRACKETS.items() if "[[" != bracket != "(["}
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
    return _merge(pieces, context)


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


def _infinite(end: Tree) -> int:
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
    first, second = _infinite(left), _infinite(right)
    if first or second:
        return (first > second) - (first < second)
    return order(left, right, context)


def _merge(pieces: list[Piece], context: Context) -> RealSet:
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
    result: list[Piece] = []
    for piece in pieces:
        place = len(result)
        while place and _before(piece, result[place - 1], context):
            place -= 1
        result.insert(place, piece)
    return result


def _before(one: Piece, other: Piece, context: Context) -> bool:
    lows = compare_ends(one.low, other.low, context)
    return lows < 0 or (lows == 0 and one.low_closed and not other.low_closed)


def _touches(one: Piece, other: Piece, context: Context) -> bool:
    gap = compare_ends(one.high, other.low, context)
    return gap > 0 or (gap == 0 and (one.high_closed or other.low_closed))


def _united(one: Piece, other: Piece, context: Context) -> Piece:
    highs = compare_ends(one.high, other.high, context)
    last = one if highs > 0 else other
    closed = last.high_closed if highs else one.high_closed or other.high_closed
    return Piece(one.low, last.high, one.low_closed, closed)
