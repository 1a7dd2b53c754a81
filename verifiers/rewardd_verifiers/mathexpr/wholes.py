r"""Sets of whole numbers: congruences, integers between bounds, and rows that go on with dots."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from rewardd_verifiers.mathexpr import families, pieces, relations, sets
from rewardd_verifiers.mathexpr.exact import UndefinedError, rational
from rewardd_verifiers.mathexpr.identity import Context
from rewardd_verifiers.mathexpr.limits import MAX_ELEMENTS, UndecidedError
from rewardd_verifiers.mathexpr.matching import Compare
from rewardd_verifiers.mathexpr.numerals import read_number
from rewardd_verifiers.mathexpr.ordering import order
from rewardd_verifiers.mathexpr.outcome import EXACT, Outcome, differ
from rewardd_verifiers.mathexpr.tree import (
    Builder,
    Call,
    Cases,
    Constant,
    Dots,
    Group,
    Operation,
    Relation,
    SetOperation,
    Symbol,
    Text,
    Tree,
    symbols,
)

_LARGEST_MODULUS = 10_000
_LEAST_SHOWN = 3
"""Members of an endless row that have to be written before it is told how it goes on."""

_Run = tuple[int | None, int | None]
"""First and last of whole numbers in a row; None where they go on for ever."""

_WHOLE_NAMES = frozenset("nmk")
_ALL = Constant("Z")
_SYSTEMS = {"Z": None, "N": None, "Z+": 1, "Z0+": 0}
"""Systems of whole numbers with where they begin; N begins at one or at nought."""


@dataclass(frozen=True, slots=True)
class Residues:
    """The whole numbers that leave one of some remainders."""

    variable: str
    modulus: int
    left: frozenset[int]

    def lifted(self, modulus: int) -> frozenset[int]:
        """Return the remainders that these are for a multiple of the modulus."""
        steps = range(0, modulus, self.modulus)
        return frozenset(one + step for one in self.left for step in steps)

    def outside(self) -> "Residues":
        """Return all other whole numbers."""
        left = frozenset(range(self.modulus)) - self.left
        return Residues(self.variable, self.modulus, left)

    def written(self) -> Tree:
        """Return them as congruences."""
        modulus = read_number(str(self.modulus))
        rows = tuple(
            Relation(
                ("≡",),
                (Symbol(self.variable), Call("modulo", (read_number(str(one)), modulus))),
            )
            for one in sorted(self.left)
        )
        return rows[0] if len(rows) == 1 else Group("or", rows)


def compare_wholes(gold: Tree, answer: Tree, context: Context, compare: Compare) -> Outcome | None:
    """Compare where one side is a congruence or a set of integers; None where that is not so."""
    if is_congruence(gold) or is_congruence(answer):
        return _congruences(gold, answer, context)
    if _is_bounded(gold) or _is_bounded(answer):
        return _listed(gold, answer, context, compare)
    return None


def is_congruence(tree: Tree) -> bool:
    """Whether it says what remainder a number leaves, or lists what do."""
    match tree:
        case Group(items=(first, *_)):
            return is_congruence(first)
        case Relation(signs=("≡" | "≢",)) | Call(name="modulo"):
            return True
        case _:
            return False


def _congruences(gold: Tree, answer: Tree, context: Context) -> Outcome | None:
    first, second = residues(gold, context), residues(answer, context)
    if first is None or second is None:
        return None
    if first.variable and second.variable and first.variable != second.variable:
        return differ("congruences of different names")
    modulus = math.lcm(first.modulus, second.modulus)
    if modulus > _LARGEST_MODULUS:
        return None
    alike = first.lifted(modulus) == second.lifted(modulus)
    return EXACT if alike else differ("different remainders", "exact")


def residues(  # noqa: PLR0911  one line a kind
    tree: Tree, context: Context
) -> Residues | None:
    """Return the whole numbers of a congruence or a parity; None for all else."""
    match tree:
        case Group(bracket="" | "or" | "{}", items=items):
            return _joined(items, context)
        case Relation(
            signs=("≡",), sides=(Symbol(name=name), Call(name="modulo" | "mod") as right)
        ):
            found = residues(Call("modulo", right.args), context)
            return found and Residues(name, found.modulus, found.left)
        case Relation(signs=("≢",), sides=sides):
            found = residues(Relation(("≡",), sides), context)
            return found and found.outside()
        case Relation(signs=("=",), sides=(Symbol(name=name), Text(words="odd" | "even" as kind))):
            return Residues(name, 2, frozenset({int(kind == "odd")}))
        case Call(name="modulo", args=(left, right)):
            return _remainder("", _whole(left), _whole(right))
        case Cases(branches=((value, condition),)) if families.index_of(condition):
            return _progression(value, families.index_of(condition), context)
        case _:
            return None


def _remainder(name: str, left: int | None, modulus: int | None) -> Residues | None:
    if left is None or not modulus or abs(modulus) > _LARGEST_MODULUS:
        return None
    return Residues(name, abs(modulus), frozenset({left % abs(modulus)}))


def united(parts: Sequence[Residues]) -> Residues | None:
    """Return what leaves the remainders of any; None where they speak of different names."""
    modulus = math.lcm(*(part.modulus for part in parts))
    names = {part.variable for part in parts}
    if modulus > _LARGEST_MODULUS or len(names) != 1:
        return None
    left = frozenset[int]().union(*(part.lifted(modulus) for part in parts))
    return Residues(names.pop(), modulus, left)


def _joined(items: Sequence[Tree], context: Context) -> Residues | None:
    r"""Unite congruences; in `n \equiv 1, 3 \pmod 4` the last one lends its modulus."""
    last = items[-1]
    if isinstance(last, Relation) and last.signs == ("≡",):
        last = last.sides[1]
    modulus = last.args[1] if isinstance(last, Call) and last.name in {"modulo", "mod"} else None
    found: list[Residues] = []
    for item in items:
        part = residues(item, context) or _lent(item, modulus, context)
        if part is None or part.modulus != (found or [part])[0].modulus:
            return None
        found.append(part)
    names = {part.variable for part in found if part.variable}
    if len(names) > 1:
        return None
    left = frozenset[int]().union(*(part.left for part in found))
    return Residues(next(iter(names), ""), found[0].modulus, left)


def _lent(item: Tree, modulus: Tree | None, context: Context) -> Residues | None:
    if modulus is None or isinstance(item, Call):
        return None
    if isinstance(item, Relation) and item.signs == ("≡",):
        inner = Relation(item.signs, (item.sides[0], Call("modulo", (item.sides[1], modulus))))
        return None if isinstance(item.sides[1], Call) else residues(inner, context)
    return residues(Call("modulo", (item, modulus)), context)


def _progression(value: Tree, index: str, context: Context) -> Residues | None:
    labelled = relations.split(value)
    start, step = families.linear(labelled.value, index, context)
    if start is None or step is None:
        return None
    return _remainder(labelled.label, _whole(start), _whole(step))


def _whole(tree: Tree) -> int | None:
    value = _value(tree)
    return value.numerator if value is not None and value.denominator == 1 else None


def _value(tree: Tree) -> Fraction | None:
    try:
        return rational(tree)
    except UndefinedError:
        return None


def _is_bounded(tree: Tree) -> bool:
    match tree:
        case Builder() | SetOperation(kind="intersection"):
            return any(_is_system(part) for part in _conditions(tree))
        case _:
            return False


def _conditions(tree: Tree) -> tuple[Tree, ...]:
    if isinstance(tree, SetOperation):
        return tree.args
    return (tree.element, *tree.conditions) if isinstance(tree, Builder) else ()


def _is_system(part: Tree) -> bool:
    match part:
        case Relation(signs=("in",), sides=(Symbol(), Constant(name=name))) | Constant(name=name):
            return name in _SYSTEMS
        case _:
            return False


def _listed(gold: Tree, answer: Tree, context: Context, compare: Compare) -> Outcome | None:
    endless = _endless(gold, answer, context)
    if endless is not None:
        return endless
    outcome: Outcome | None = None
    for first, second in zip(_members(gold, context), _members(answer, context), strict=True):
        if first is None or second is None:
            return outcome
        outcome = compare(first, second, context)
        if outcome.equal:
            break
    return outcome


def _endless(gold: Tree, answer: Tree, context: Context) -> Outcome | None:
    """Compare runs of integers of which one has no end; None where all of them have two."""
    for least in (1, 0):
        first, second = _runs(gold, least, context), _runs(answer, least, context)
        if first is None or second is None or None not in {*sum(first, ()), *sum(second, ())}:
            return None
        if first == second:
            return EXACT
    return differ("other whole numbers", "exact")


def _runs(tree: Tree, least: int, context: Context) -> list[_Run] | None:
    if isinstance(tree, Constant) and tree.name in _SYSTEMS:
        tree = Builder(Relation(("in",), (Symbol("n"), tree)), ())
    if isinstance(tree, Relation) and symbols(tree) <= _WHOLE_NAMES:
        tree = Builder(Relation(("in",), (Symbol(min(symbols(tree), default="n")), _ALL)), (tree,))
    found = _bounds(tree, least, context) if _is_bounded(tree) else None
    return None if found is None else _run_together(found, context)


def _run_together(whole: pieces.RealSet, context: Context) -> list[_Run] | None:
    runs: list[_Run] = []
    for piece in whole.pieces:
        low = _first(piece.low, context, closed=piece.low_closed, up=True)
        high = _first(piece.high, context, closed=piece.high_closed, up=False)
        fixed = low is not None or pieces.infinite(piece.low)
        if not fixed or (high is None and not pieces.infinite(piece.high)):
            return None
        if low is not None and high is not None and low > high:
            continue
        if runs and runs[-1][1] is not None and low == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], high)
        else:
            runs.append((low, high))
    return runs


def _members(tree: Tree, context: Context) -> Iterator[Tree | None]:
    """Give the members with the natural numbers from one, and from nought."""
    for least in (1, 0):
        yield _enumerated(tree, least, context) if _is_bounded(tree) else tree


def _enumerated(tree: Tree, least: int, context: Context) -> Tree | None:
    """Return the members of a bounded set; None where it has no end, or too many members."""
    if isinstance(tree, Builder) and isinstance(tree.element, Operation):
        return _images(tree, least, context)
    found = _bounds(tree, least, context)
    counted = None if found is None else _integers(found, context)
    if counted is None:
        return None
    return Group("{}", tuple(_literal(one) for one in counted)) if counted else Constant("empty")


def _images(tree: Builder, least: int, context: Context) -> Tree | None:
    """Return the values of `k/3` where k is a whole number between two others."""
    names = symbols(tree.element)
    name = next(iter(names), "")
    counter = Builder(Symbol(name), tree.conditions)
    if len(names) != 1 or not _is_bounded(counter):
        return None
    counted = _enumerated(counter, least, context)
    if not isinstance(counted, Group):
        return counted
    values = (relations.put(tree.element, {name: one}) for one in counted.items)
    return Group("{}", tuple(values))


def _bounds(tree: Tree, least: int, context: Context) -> pieces.RealSet | None:
    """Return the reals between which the integers of a set lie; None where that is not said."""
    parts = _conditions(tree)
    system = next(part for part in parts if _is_system(part))
    known = system.sides[1] if isinstance(system, Relation) else system
    name = known.name if isinstance(known, Constant) else ""
    variable = system.sides[0] if isinstance(system, Relation) else None
    begin = least if name == "N" else _SYSTEMS.get(name)
    found = pieces.EVERYTHING
    for part in parts:
        if part is system or part == variable:
            continue
        read = sets.read(part, context)
        if read is None or (variable and read.variable and Symbol(read.variable) != variable):
            return None
        found = pieces.intersect(found, read, context)
    if begin is not None:
        floor = Relation((">=",), (Symbol("n"), read_number(str(begin))))
        found = pieces.intersect(found, sets.read(floor, context) or found, context)
    return found


def _literal(value: int) -> Tree:
    literal = read_number(str(abs(value)))
    return Operation("negative", (literal,)) if value < 0 else literal


def _integers(whole: pieces.RealSet, context: Context) -> list[int] | None:
    counted: list[int] = []
    for piece in whole.pieces:
        low = _first(piece.low, context, closed=piece.low_closed, up=True)
        high = _first(piece.high, context, closed=piece.high_closed, up=False)
        if low is None or high is None or high - low + len(counted) >= MAX_ELEMENTS:
            return None
        counted.extend(range(low, high + 1))
    return counted


def _first(end: Tree, context: Context, *, closed: bool, up: bool) -> int | None:
    """Return the first whole number on the inner side of an end."""
    value = _value(end)
    if value is None:
        return None if pieces.infinite(end) else _beside(end, context, up=up)
    found = math.ceil(value) if up else math.floor(value)
    if found == value and not closed:
        return found + 1 if up else found - 1
    return found


def _beside(end: Tree, context: Context, *, up: bool) -> int | None:
    """Return the whole number beside an irrational end of moderate size."""
    step = 1 if up else -1
    for size in range(MAX_ELEMENTS):
        for found in {size, -size}:
            inner = order(_literal(found), end, context) * step > 0
            outer = order(_literal(found - step), end, context) * step < 0
            if inner and outer:
                return found
    raise UndecidedError("a bound too large to count to")


def same_row(gold: Sequence[Tree], answer: Sequence[Tree]) -> bool:
    """Whether two rows with dots are one arithmetic progression, with the same end or none."""
    first, second = _row(gold), _row(answer)
    return first is not None and first == second


def _row(items: Sequence[Tree]) -> tuple[Fraction, Fraction, Fraction | None] | None:
    place = items.index(Dots())
    shown = [_value(item) for item in items[:place]]
    after = [_value(item) for item in items[place + 1 :]]
    known = [value for value in shown if value is not None]
    steps = {later - one for one, later in pairwise(known)}
    if len(known) < len(shown) or len(steps) != 1 or len(after) > 1 or Dots() in items[place + 1 :]:
        return None
    step = steps.pop()
    if not after:
        return (known[0], step, None) if len(known) >= _LEAST_SHOWN else None
    last = after[0]
    if last is None or step == 0 or ((last - known[0]) / step).denominator != 1:
        return None
    return known[0], step, last


def is_system(row: Sequence[Tree], system: Tree) -> bool:
    r"""Whether `0, \pm1, \pm2, \ldots` or `1, 2, 3, \ldots` shows all of a system of numbers."""
    if not isinstance(system, Constant) or system.name not in {"Z", "Z+", "Z0+"}:
        return False
    shown = [_whole(item) for item in row if item != Dots()]
    known = sorted(value for value in shown if value is not None)
    if len(known) < len(shown) or len(known) < _LEAST_SHOWN or Dots() != row[-1]:
        return False
    begin = _SYSTEMS[system.name]
    if begin is not None:
        return shown == list(range(begin, begin + len(known)))
    return known == list(range(-known[-1], known[-1] + 1))
