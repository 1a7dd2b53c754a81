"""Labels, chains, equations and functions: what stands to the left of an equals sign."""

from collections.abc import Mapping
from dataclasses import dataclass

from rewardd_verifiers.mathexpr import denominators, lexicon, logic
from rewardd_verifiers.mathexpr.expand import rebuild
from rewardd_verifiers.mathexpr.identity import Context, free_names, proportional, same
from rewardd_verifiers.mathexpr.outcome import Outcome, both, differ, undecided
from rewardd_verifiers.mathexpr.rounding import distance_within
from rewardd_verifiers.mathexpr.tree import (
    Call,
    Cases,
    Constant,
    Group,
    Matrix,
    Number,
    Operation,
    Ratio,
    Relation,
    Symbol,
    Text,
    Tree,
    symbols,
    walk,
)

_EQUAL = frozenset({"=", "~", "≡"})
_ALGEBRAIC = _EQUAL | {"≢", "!=", "<", ">", "<=", ">="}
_MUTUAL = frozenset({"⊥", "≅"})
_ASKED = frozenset({"lim", "int", "iint", "iiint", "oint"})
_COORDINATES = frozenset("xyz")
_INDEXED = frozenset({"sum", "prod"})
_KNOWN = lexicon.FUNCTIONS | lexicon.ACCENTS | {"digits", "binomial", "det"}
"""Functions of which nobody writes a definition: `tan(a) = 2` speaks of a."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A value with what it is called; `label` is "" where it has no name."""

    label: str
    value: Tree


def is_equation(tree: Tree) -> bool:
    """Whether all signs of a relation say that its sides are equal."""
    return isinstance(tree, Relation) and all(sign in _EQUAL for sign in tree.signs)


def label_of(side: Tree) -> str | None:  # noqa: C901, PLR0911  one line a kind
    """Return what a left side calls its value; None if it is an expression of its own."""
    match side:
        case Symbol(name=name):
            return name
        case Text(words=words):
            return None if lexicon.WEIGHTY & set(words.split()) else words
        case Call(name="overline", args=(Operation(kind="product") as inner,)):
            return label_of(inner)
        case Call(name="digits", args=args):
            return _spelling(Operation("product", args))
        case Call(name=name, args=args) if name not in {"log", "sum", "prod", "int", "lim"}:
            if any(isinstance(node, Number) and len(args) > 1 for node in walk(side)):
                return None
            return f"{name}({','.join(_spelling(arg) for arg in args)})"
        case Operation() | Ratio():
            plain = not any(isinstance(node, Number | Constant) for node in walk(side))
            return _spelling(side) if plain else None
        case Group(bracket="()", items=items) if all(isinstance(i, Symbol) for i in items):
            return _spelling(side)
        case _:
            return None


def _spelling(tree: Tree) -> str:
    match tree:
        case Symbol(name=name) | Constant(name=name):
            return name
        case Number(value=value):
            return str(value)
        case Operation(kind=kind, args=args):
            return f"{kind}({','.join(_spelling(arg) for arg in args)})"
        case Call(name=name, args=args):
            return f"{name}({','.join(_spelling(arg) for arg in args)})"
        case Group(items=items) | Ratio(items=items):
            return f"({','.join(_spelling(item) for item in items)})"
        case _:
            return repr(tree)


def split(tree: Tree) -> Labelled:
    """Return a relation's label and value; a tree without label is its own value."""
    if isinstance(tree, Relation) and is_equation(tree) and len(tree.sides) == 2:  # noqa: PLR2004  name and value
        left, right = tree.sides
        label = label_of(left)
        if label is not None and not free_names(left) & free_names(right):
            return Labelled(label, right)
        turned = label_of(right)
        if turned is not None and not free_names(left) and isinstance(right, Symbol):
            return Labelled(turned, left)
    if isinstance(tree, Relation) and tree.signs == ("in",):
        label = label_of(tree.sides[0]) if isinstance(tree.sides[0], Symbol | Group) else None
        return Labelled(label, tree.sides[1]) if label is not None else Labelled("", tree)
    return Labelled("", tree)


def is_locus(tree: Relation) -> bool:
    """Whether x + y = 1 or |z - 1| = 2 says where points lie, rather than what a sum comes to."""
    left = tree.sides[0]
    names = symbols(left)
    joined = isinstance(left, Operation) or (isinstance(left, Call) and left.name == "abs")
    return joined and bool(names) and names <= _COORDINATES and len(tree.sides) == 2  # noqa: PLR2004  no chain


def prose(tree: Relation) -> str:
    """Return the words that "player A" is, which reads like a label with its value."""
    match tree:
        case Relation(signs=("=",), sides=(Text(words=words), Symbol(name=name))):
            return f"{words} {name.lower()}"
        case _:
            return ""


def same_names(gold: Relation, answer: Relation) -> bool:
    """Whether `y(x) = ...` or `f(x) = ...`, and `y = ...`, define one function."""
    match gold.sides, answer.sides:
        case ((Call(name=name, args=(Symbol(name=of),)), _), (Symbol(name=other), _)) | (
            (Symbol(name=other), _),
            (Call(name=name, args=(Symbol(name=of),)), _),
        ):
            return name == other or (name in {"f", "g", "h"} and (of, other) == ("x", "y"))
        case _:
            return False


def point(tree: Tree) -> Tree:
    """Return the coordinates of `P(1, -2)`."""
    if (
        isinstance(tree, Call)
        and len(tree.name) == 1
        and tree.name.isupper()
        and len(tree.args) > 1
    ):
        return Group("()", tree.args)
    return tree


def renamed(tree: Tree) -> Tree:
    """Return a definition `f(x) = ...` or `a_n = ...` with its bound names numbered by position.

    A capital that the right side does not use is an event, as in P(A) = 1/2.
    """
    tree = _sequence(tree)
    if not (isinstance(tree, Relation) and is_equation(tree) and isinstance(tree.sides[0], Call)):
        return tree
    if tree.sides[0].name in _KNOWN:
        return tree
    used = free_names(tree.sides[-1])
    names = [arg.name for arg in tree.sides[0].args if isinstance(arg, Symbol)]
    names = [name for name in names if name in used or name.islower()]
    table = {name: f"bound {place}" for place, name in enumerate(names)}
    return rename(tree, table)


def _sequence(tree: Tree) -> Tree:
    """Read the index of `a_n = 2n + 1` as what the sequence depends on."""
    match tree:
        case Relation(signs=("=",), sides=(Symbol(name=name), right)):
            letter, _, index = name.partition("_")
            if index.isalpha() and len(index) == 1 and index in free_names(right):
                return Relation(("=",), (Call(f"{letter}_", (Symbol(index),)), right))
            return tree
        case _:
            return tree


def rename(tree: Tree, table: dict[str, str]) -> Tree:
    """Return the tree with names exchanged."""
    if isinstance(tree, Symbol):
        return Symbol(table.get(tree.name, tree.name))
    return rebuild(tree, lambda part: rename(part, table))


def unchained(tree: Tree, context: Context) -> "tuple[tuple[Tree, ...], Outcome]":
    """Return the values that a chain of equalities offers, and whether all its links hold.

    A label in front is no link. Exact values come first; what follows an approximate sign has to
    agree to the digits written.
    """
    if not (isinstance(tree, Relation) and is_equation(tree)):
        return (tree,), Outcome(equal=True)
    sides, signs = list(tree.sides), list(tree.signs)
    while len(sides) > 1 and _names_value(sides[0]):
        if not isinstance(sides[0], Text | Call) and free_names(sides[0]) & free_names(sides[1]):
            break
        sides.pop(0)
        signs.pop(0)
    for place, sign in enumerate(signs):
        outcome = _link(sides[place], sides[place + 1], sign, context)
        if not outcome.equal:
            return tuple(sides), outcome
    return tuple(sides), Outcome(equal=True)


def _names_value(side: Tree) -> bool:
    """Whether a first side only says what is asked for: a name, f(3), a limit, an integral."""
    if isinstance(side, Call):
        if side.name in _ASKED or (side.name in _INDEXED and free_names(side)):
            return True
        if len(side.name) == 1 or side.name[1] in "'_^":
            return label_of(side) is not None
    return bool(free_names(side)) and label_of(side) is not None


def _link(left: Tree, right: Tree, sign: str, context: Context) -> Outcome:
    outcome = same(left, right, context)
    if outcome.equal or (sign != "~" and not _is_decimal(right)):
        return outcome if outcome.equal else _broken(outcome)
    for exact, literal in ((left, right), (right, left)):
        if _is_decimal(literal) and _agrees(exact, literal, context):
            return Outcome(equal=True, strength="proved")
    return differ("a link of the chain does not hold")


def _broken(outcome: Outcome) -> Outcome:
    if outcome.equal is None:
        return outcome
    return differ("a link of the chain does not hold")


def _is_decimal(tree: Tree) -> bool:
    if isinstance(tree, Operation) and tree.kind in {"negative", "percent", "degrees"}:
        return _is_decimal(tree.args[0])
    return isinstance(tree, Number) and tree.places is not None


def _agrees(exact: Tree, literal: Tree, context: Context) -> bool:
    if isinstance(literal, Operation) and literal.kind == "negative":
        return _agrees(Operation("negative", (exact,)), literal.args[0], context)
    if not isinstance(literal, Number):
        return False
    half = 10 ** (literal.places or 0) * 2
    return distance_within(exact, literal.value, 1 / (literal.value * 0 + half), context)


def difference(tree: Relation) -> Tree:
    """Return left side minus right side."""
    left, right = tree.sides[0], tree.sides[-1]
    return Operation("sum", (left, Operation("negative", (right,))))


def equations(gold: Relation, answer: Relation, context: Context) -> Outcome:
    """Compare two equations, or two inequalities, by the difference of their sides."""
    first, second = renamed(gold), renamed(answer)
    if not (isinstance(first, Relation) and isinstance(second, Relation)):
        return undecided("not two relations")
    if len(first.signs) != 1 or len(second.signs) != 1:
        return differ("chains of different length")
    algebraic = {first.signs[0], second.signs[0]} <= _ALGEBRAIC
    return (_two_equations if algebraic else _directed)(first, second, context)


def _two_equations(gold: Relation, answer: Relation, context: Context) -> Outcome:
    first, second = gold, answer
    if _named_functions(gold) != _named_functions(answer):
        return differ("different functions")
    if is_composite(gold) or is_composite(answer):
        return _labels_differ(gold, answer)
    if not free_names(difference(first)) and not free_names(difference(second)):
        return _closed_equations(first, second, context)
    outcome, positive = proportional(difference(first), difference(second), context)
    signs = (first.signs[0], second.signs[0])
    if outcome.equal is False and {*signs} <= _EQUAL:
        return _without_denominators(first, second, context) or outcome
    if outcome.equal and not _signs_agree(*signs, positive=positive):
        return differ("the relation points the other way")
    return outcome


def _directed(first: Relation, second: Relation, context: Context) -> Outcome:
    """Compare relations that are no equations, as A within B: side by side, or as statements."""
    truth = logic.same(first, second)
    if truth is not None:
        return Outcome(equal=True, strength="proved") if truth else differ("other statements")
    outcome = _closed_equations(first, second, context)
    if outcome.equal or not {first.signs[0], second.signs[0]} <= _MUTUAL:
        return outcome
    turned = Relation(second.signs, second.sides[::-1])
    return _closed_equations(first, turned, context)


def _without_denominators(first: Relation, second: Relation, context: Context) -> Outcome | None:
    """Compare `y = 1/x` with `xy = 1`; None where that finds no match."""
    whole = [denominators.cleared(difference(side)) for side in (first, second)]
    if all(one is None for one in whole):
        return None
    left, right = whole[0] or difference(first), whole[1] or difference(second)
    outcome, _ = proportional(left, right, context)
    return outcome if outcome.equal else None


def is_composite(tree: Relation) -> bool:
    """Whether a side is no single value: a matrix, a tuple, cases."""
    return any(isinstance(side, Matrix | Group | Cases) for side in tree.sides)


def _labels_differ(gold: Relation, answer: Relation) -> Outcome:
    if is_composite(gold) != is_composite(answer):
        return differ("different kinds")
    labels = label_of(gold.sides[0]), label_of(answer.sides[0])
    if None not in labels and labels[0] != labels[1]:
        return differ("different labels")
    return undecided("equations of matrices or tuples")


def _closed_equations(first: Relation, second: Relation, context: Context) -> Outcome:
    """Compare relations without a free name, as f(2) = 3: side by side, or not at all."""
    if first.signs != second.signs:
        return differ("different relations")
    pairs = zip(first.sides, second.sides, strict=True)
    return both(same(one, other, context) for one, other in pairs)


def _named_functions(tree: Relation) -> set[str]:
    return {side.name for side in tree.sides if isinstance(side, Call)}


TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _signs_agree(first: str, second: str, *, positive: bool) -> bool:
    if first in _EQUAL and second in _EQUAL:
        return True
    return first == (second if positive else TURNED.get(second, second))


def put(tree: Tree, values: Mapping[str, Tree]) -> Tree:
    """Return the tree with values in place of names."""
    if isinstance(tree, Symbol):
        return values.get(tree.name, tree)
    return rebuild(tree, lambda part: put(part, values))
