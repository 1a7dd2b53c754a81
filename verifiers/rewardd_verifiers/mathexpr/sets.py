"""Sets of real numbers: intervals, inequalities, set-builders and unions are one type."""

from fractions import Fraction

from rewardd_verifiers.mathexpr.identity import Context
from rewardd_verifiers.mathexpr.limits import UndecidedError
from rewardd_verifiers.mathexpr.pieces import (
    BRACKETS,
    EVERYTHING,
    Piece,
    RealSet,
    absolute_ray,
    complement,
    infinite,
    intersect,
    merge,
    point,
    ray,
    united,
)
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

_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def read(tree: Tree, context: Context) -> RealSet | None:  # noqa: C901, PLR0911  one line a kind
    """Return the set of reals that the tree describes; None if it describes none.

    Raises:
        UndecidedError: its ends cannot be put in order.
    """
    match tree:
        case Group(bracket=bracket, items=(low, high)) if bracket in BRACKETS:
            return RealSet((Piece(low, high, *BRACKETS[bracket]),))
        case Group(bracket="{}", items=items):
            return None if _is_composite(items) else merge([point(i) for i in items], context)
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
    return any(infinite(item) for item in items)


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
        return _shifted(side.args[0]) is not None
    return isinstance(side, Symbol) or (
        isinstance(side, Call) and all(isinstance(arg, Symbol) for arg in side.args)
    )


def _shifted(inner: Tree) -> tuple[str, Tree] | None:
    """Return name and centre of `x`, `x - 3`, `x + a`; None for all else."""
    match inner:
        case Symbol(name=name):
            return name, Number(Fraction(0))
        case Operation(kind="sum", args=(Symbol(name=name), term)) if not symbols(term):
            return name, Operation("negative", (term,))
        case _:
            return None


def _bounded(tree: Relation, middle: int, context: Context) -> RealSet | None:
    side = tree.sides[middle]
    names = symbols(side)
    others = [other for index, other in enumerate(tree.sides) if index != middle]
    if any(names & symbols(other) for other in others):
        return None
    label = side.name if isinstance(side, Symbol | Call) else ""
    absolute = isinstance(side, Call) and side.name == "abs"
    shifted = _shifted(side.args[0]) if isinstance(side, Call) and absolute else None
    centre = shifted[1] if shifted else Number(Fraction(0))
    found = EVERYTHING
    for index, sign in enumerate(tree.signs):
        if middle not in {index, index + 1}:
            return None
        end = tree.sides[index + 1] if index == middle else tree.sides[index]
        turned = sign if index == middle else _FLIPPED.get(sign, sign)
        part = absolute_ray(turned, centre, end) if absolute else ray(turned, end)
        found = intersect(found, part, context)
    return RealSet(found.pieces, next(iter(names)) if absolute else label)


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
        listed = all(isinstance(item, Group) for item in items)
        if joint == "and" and not common.pieces and not listed:
            raise UndecidedError("conditions that exclude each other, joined by 'and'")
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
        return RealSet((point(item.sides[1]),), item.sides[0].name)
    return None


def _operation(kind: str, args: tuple[Tree, ...], context: Context) -> RealSet | None:
    braced = any(isinstance(arg, Group) and arg.bracket == "{}" for arg in args)
    first = _taken("difference" if braced else kind, args[0], context)
    others = (_taken("difference" if braced else kind, arg, context) for arg in args[1:])
    parts = [first, *others]
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
        return RealSet((point(arg),))
    return read(arg, context)
