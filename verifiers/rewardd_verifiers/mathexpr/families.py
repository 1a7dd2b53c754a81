r"""Families over the whole numbers: `\frac{\pi}{4} + k\pi` for every integer k."""

from typing import TypeGuard

from rewardd_verifiers.mathexpr import balls, probe, relations
from rewardd_verifiers.mathexpr.exact import UndefinedError
from rewardd_verifiers.mathexpr.identity import Context, free_names, same
from rewardd_verifiers.mathexpr.limits import UndecidedError
from rewardd_verifiers.mathexpr.numerals import read_number
from rewardd_verifiers.mathexpr.outcome import Outcome
from rewardd_verifiers.mathexpr.tree import (
    Builder,
    Cases,
    Constant,
    Group,
    Operation,
    Relation,
    Symbol,
    Text,
    Tree,
    walk,
)

_BITS = 64
_MOST_STEPS = 1000
_INDICES = frozenset("kmn")


def index_of(condition: Tree | None) -> str:
    """Return the name that a condition lets run through all integers; "" if it does not."""
    match condition:
        case Relation(signs=("in",), sides=(Symbol(name=name), Constant(name="Z"))):
            return name
        case _:
            return ""


def is_membership(condition: Tree | None) -> TypeGuard[Relation]:
    """Whether a condition says in which system of numbers a name lies."""
    match condition:
        case Relation(signs=("in",), sides=(Symbol(), Constant())):
            return True
        case _:
            return False


def same_domain(gold: Tree | None, answer: Tree | None) -> bool:
    """Whether two conditions let their names run through the same whole numbers."""
    return _is_natural(gold) == _is_natural(answer)


def _is_natural(condition: Tree | None) -> bool:
    match condition:
        case Relation(signs=("in",), sides=(_, Constant(name=name))):
            return name in {"N", "Z+", "Z0+"}
        case Relation(sides=(_, Text(words=words))) | Text(words=words):
            return any(word in words for word in ("positive", "negative", "natural"))
        case _:
            return False


def opened(tree: Tree) -> Tree:
    r"""Read `\{k\pi : k \in Z\}` as a value with a condition."""
    if isinstance(tree, Relation) and tree.signs == ("in",) and isinstance(tree.sides[1], Builder):
        return opened(tree.sides[1])
    if not isinstance(tree, Builder) or isinstance(tree.element, Symbol | Relation | Group):
        return tree
    if len(tree.conditions) != 1 or not index_of(tree.conditions[0]):
        return tree
    return Cases(((tree.element, tree.conditions[0]),))


def aligned(gold: Cases, answer: Cases) -> Cases:
    """Return the answer with its running index called as the gold's."""
    if len(gold.branches) != 1 or len(answer.branches) != 1:
        return answer
    (_, condition), (other, condition_too) = gold.branches[0], answer.branches[0]
    name, alias = index_of(condition), index_of(condition_too)
    if not name or not alias or name == alias or name in free_names(other):
        return answer
    return Cases(((relations.rename(other, {alias: name}), condition),))


def whole(name: str) -> Tree:
    """Return the condition that a name runs through all integers."""
    return Relation(("in",), (Symbol(name), Constant("Z")))


def unstated_index(tree: Tree) -> str:
    r"""Return the one name of `\frac{\pi}{2} + 2k\pi` that stands for a whole number; "" if none.

    Only the names that authors give to it, and only beside multiples of pi or degrees.
    """
    value = relations.split(tree).value
    names = free_names(value)
    if len(names) != 1 or not names <= _INDICES:
        return ""
    return names.pop() if any(_is_angle(node) for node in walk(value)) else ""


def renamed_across(gold: Tree, answer: Tree) -> Tree | None:
    """Return the answer with its one index called as the gold's; None where neither has one.

    An index is a name of whole numbers on one side alone, beside multiples of pi or in what n is.
    """
    names, others = free_names(gold), free_names(answer)
    mine, theirs = names - others, others - names
    if len(mine) != 1 or len(theirs) != 1 or not mine | theirs <= _INDICES:
        return None
    if not (_runs(gold, *mine) and _runs(answer, *theirs)):
        return None
    return relations.rename(answer, {theirs.pop(): mine.pop()})


def _runs(tree: Tree, name: str) -> bool:
    """Whether a name can only stand for the whole numbers that a family runs through."""
    if isinstance(tree, Group) and tree.bracket in {"", "or", "and", "{}"}:
        return any(_runs(item, name) for item in tree.items)
    if unstated_index(tree) == name:
        return True
    return isinstance(tree, Relation) and tree.signs == ("=",) and tree.sides[0] == Symbol("n")


def _is_angle(node: Tree) -> bool:
    return node == Constant("pi") or (isinstance(node, Operation) and node.kind == "degrees")


def renamed_index(gold: Tree, answer: Tree, context: Context) -> Outcome | None:
    """Compare two families whose index nobody declared, under different names; None if not so."""
    name, alias = unstated_index(gold), unstated_index(answer)
    if not name or not alias or name == alias:
        return None
    return same(gold, relations.rename(answer, {alias: name}), context)


def same_progression(gold: Tree, answer: Tree, name: str, context: Context) -> bool:
    """Whether two values that are linear in an integer run through the same numbers."""
    labels = relations.split(gold).label, relations.split(answer).label
    if all(labels) and labels[0] != labels[1]:
        return False
    gold, answer = relations.split(gold).value, relations.split(answer).value
    if isinstance(gold, Group | Relation) or isinstance(answer, Group | Relation):
        return False
    start, step = linear(gold, name, context)
    other, pace = linear(answer, name, context)
    if start is None or step is None or other is None or pace is None:
        return False
    if not (same(step, pace, context).equal or same(step, _negative(pace), context).equal):
        return False
    gap = Operation("sum", (start, _negative(other)))
    count = _whole(Operation("quotient", (gap, step)), context)
    if count is None:
        return False
    times = read_number(str(abs(count)))
    moved = Operation("product", (_negative(times) if count < 0 else times, step))
    return bool(same(gap, moved, context).equal)


def outcome_of(gold: Cases, answer: Cases, outcome: Outcome, context: Context) -> Outcome:
    """Return a match where two families differ in where they start to count alone."""
    name = index_of(gold.branches[0][1])
    single = len(gold.branches) == len(answer.branches) == 1
    if not (single and name and index_of(answer.branches[0][1]) == name) or outcome.equal:
        return outcome
    pair = gold.branches[0][0], answer.branches[0][0]
    found = same_progression(*pair, name, context)
    return Outcome(equal=True, strength="probed") if found else outcome


def linear(tree: Tree, name: str, context: Context) -> tuple[Tree | None, Tree | None]:
    """Return start and step of a value that is linear in a name; None twice where it is not."""
    start = relations.put(tree, {name: read_number("0")})
    after = relations.put(tree, {name: read_number("1")})
    step = Operation("sum", (after, _negative(start)))
    line = Operation("sum", (start, Operation("product", (step, Symbol(name)))))
    return (start, step) if same(tree, line, context).equal else (None, None)


def _negative(tree: Tree) -> Tree:
    return Operation("negative", (tree,))


def _whole(tree: Tree, context: Context) -> int | None:
    try:
        with balls.precision(_BITS):
            value = complex(probe.Evaluator({}, context.steps).value(tree))
    except (UndefinedError, UndecidedError):
        return None
    return round(value.real) if abs(value) < _MOST_STEPS else None
