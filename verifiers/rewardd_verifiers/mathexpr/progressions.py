r"""Unions of families over the integers: `k\pi` with `\frac{\pi}{2} + k\pi` is `\frac{k\pi}{2}`.

A family is a start and a step, both linear in one and pi, in exact rationals. All of a union are
brought to one period, and what they leave of it is compared.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rewardd_verifiers.mathexpr import families, wholes
from rewardd_verifiers.mathexpr.exact import UndefinedError, rational
from rewardd_verifiers.mathexpr.expand import rebuild
from rewardd_verifiers.mathexpr.identity import Context, free_names
from rewardd_verifiers.mathexpr.outcome import EXACT, Outcome, differ
from rewardd_verifiers.mathexpr.tree import (
    Builder,
    Call,
    Cases,
    Constant,
    Group,
    Number,
    Operation,
    Relation,
    SetOperation,
    Symbol,
    Tree,
)

_Pair = tuple[Fraction, Fraction]
"""A number as its share of one and its share of pi."""

_LISTS = frozenset({"", "and", "or", "{}"})
_SHOWN = (0, 1, 2, 101)
"""Steps at which a family has to be where its first two members put it."""

_INTEGERS = Constant("Z")
_MANY = 7
_MOST_RESIDUES = 1000
_HALF_TURN = Fraction(180)


@dataclass(frozen=True, slots=True)
class _Family:
    start: _Pair
    step: _Pair


@dataclass(frozen=True, slots=True)
class _Leaf:
    """One value, the name that counts in it, and what it is the value of."""

    label: str
    value: Tree
    index: str


class _NoFamilyError(Exception):
    """A tree is no union of families."""


def compare(gold: Tree, answer: Tree, context: Context) -> Outcome | None:
    """Compare two unions of families; None where one of them is none."""
    if not (_declares(gold) or _declares(answer)):
        return None
    try:
        first, label = _read(gold, context)
        second, other = _read(answer, context)
    except (_NoFamilyError, UndefinedError):
        return None
    if label and other and label != other:
        return differ("different labels")
    return _alike(first, second)


def _declares(tree: Tree) -> bool:  # noqa: PLR0911  one kind a line
    """Whether a name is said to run through all integers, or a congruence stands there."""
    match tree:
        case Group(items=items):
            return any(_declares(item) for item in items)
        case Relation(signs=("in",), sides=(_, other)):
            return other == _INTEGERS or _declares(other)
        case Relation(signs=signs):
            return signs == ("≡",)
        case Cases(branches=branches):
            return any(families.index_of(condition) for _, condition in branches)
        case Builder(conditions=conditions):
            return any(families.index_of(condition) for condition in conditions)
        case SetOperation(args=args):
            return any(_declares(arg) for arg in args)
        case _:
            return isinstance(tree, Call) and tree.name == "modulo"


def _read(tree: Tree, context: Context) -> tuple[list[_Family], str]:
    remainders = wholes.residues(tree, context) if wholes.is_congruence(tree) else None
    if remainders is not None:
        step = Fraction(remainders.modulus), Fraction(0)
        found = [_Family((Fraction(one), Fraction(0)), step) for one in remainders.left]
        return found, remainders.variable
    leaves = list(_leaves(tree, "", frozenset()))
    labels = {leaf.label for leaf in leaves if leaf.label}
    if not leaves or len(labels) > 1:
        raise _NoFamilyError
    return [one for leaf in leaves for one in _families(leaf)], next(iter(labels), "")


def _leaves(  # noqa: C901  one kind a case
    tree: Tree, label: str, indices: frozenset[str]
) -> Iterator[_Leaf]:
    match tree:
        case Cases(branches=((value, condition),)) if name := families.index_of(condition):
            yield from _leaves(value, label, indices | {name})
        case Builder(element=value, conditions=(condition,)) if families.index_of(condition):
            yield from _leaves(value, label, indices | {families.index_of(condition)})
        case Builder(element=Symbol(name=name), conditions=conditions) if not label:
            items = (Relation(("=",), (Symbol(name), _value_of(name, conditions))), *conditions[1:])
            yield from _leaves(Group("", items), "", indices)
        case Group(bracket=bracket, items=items) if bracket in _LISTS:
            named = {families.index_of(item) for item in items} - {""}
            for item in items:
                if not families.index_of(item):
                    yield from _leaves(item, label, indices | named)
        case SetOperation(kind="union", args=args):
            for arg in args:
                yield from _leaves(arg, label, indices)
        case Relation(signs=("in",) | ("=",), sides=(Symbol(name=name), value)) if not label:
            yield from _leaves(value, name, indices)
        case Operation() | Symbol():
            yield _Leaf(label, tree, _index(tree, indices))
        case _:
            raise _NoFamilyError


def _value_of(name: str, conditions: Sequence[Tree]) -> Tree:
    r"""Return what x is said to be in `\{x : x = 2k, k \in Z\}`, first of all."""
    match conditions[0]:
        case Relation(signs=("=",), sides=(Symbol(name=first), value)) if first == name:
            return value
        case _:
            raise _NoFamilyError


def _index(tree: Tree, indices: frozenset[str]) -> str:
    names = free_names(tree)
    name = next(iter(names), "")
    if len(names) == 1 and (names <= indices or families.unstated_index(tree) == name):
        return name
    raise _NoFamilyError


def _families(leaf: _Leaf) -> list[_Family]:
    """Return the family that a value runs through; two where a sign changes with its parity."""
    whole = _family(leaf, 1, 0)
    if whole is not None:
        return [whole]
    halves = _family(leaf, 2, 0), _family(leaf, 2, 1)
    found = [half for half in halves if half is not None]
    if len(found) < len(halves):
        raise _NoFamilyError
    return found


def _family(leaf: _Leaf, pace: int, first: int) -> _Family | None:
    pairs = [_pair(leaf, first + pace * place) for place in _SHOWN]
    last = first + pace * _SHOWN[-1]
    if _at(leaf, last, _MANY) != pairs[-1][0] + pairs[-1][1] * _MANY:
        raise _NoFamilyError
    start, second = pairs[0], pairs[1]
    step = second[0] - start[0], second[1] - start[1]
    lines = [(start[0] + step[0] * place, start[1] + step[1] * place) for place in _SHOWN]
    if lines != pairs:
        return None
    if step == (0, 0):
        raise _NoFamilyError
    return _Family(start, step)


def _pair(leaf: _Leaf, index: int) -> _Pair:
    """Return a member as its share of one and of pi, which is taken for nought and for one."""
    plain, one = _at(leaf, index, 0), _at(leaf, index, 1)
    if plain is None or one is None:
        raise _NoFamilyError
    return plain, one - plain


def _at(leaf: _Leaf, index: int, pi: int) -> Fraction | None:
    """Return a member of a family, with a rational number in the place of pi."""

    def put(tree: Tree) -> Tree:
        match tree:
            case Symbol(name=leaf.index):
                return Number(Fraction(index))
            case Constant(name="pi"):
                return Number(Fraction(pi))
            case Operation(kind="degrees", args=(inner,)):
                return Operation("product", (put(inner), Number(Fraction(pi) / _HALF_TURN)))
            case _:
                return rebuild(tree, put)

    return rational(put(leaf.value))


def _alike(first: Sequence[_Family], second: Sequence[_Family]) -> Outcome | None:
    unit = first[0].step
    place = 0 if unit[0] else 1
    paces: list[Fraction] = []
    for family in (*first, *second):
        if family.step[0] * unit[1] != family.step[1] * unit[0]:
            return differ("families of different steps")
        paces.append(abs(family.step[place] / unit[place]))
    period = _common(paces)
    if sum(period / pace for pace in paces) > _MOST_RESIDUES:
        return None
    residues = [_residues(side, unit, place, period) for side in (first, second)]
    return EXACT if residues[0] == residues[1] else differ("families of other numbers")


def _common(paces: Sequence[Fraction]) -> Fraction:
    """Return the least period that all of them share."""
    top = math.lcm(*(pace.numerator for pace in paces))
    return Fraction(top, math.gcd(*(pace.denominator for pace in paces)))


def _residues(side: Sequence[_Family], unit: _Pair, place: int, period: Fraction) -> set[_Pair]:
    found: set[_Pair] = set()
    for family in side:
        pace = abs(family.step[place] / unit[place])
        along = family.start[place] / unit[place]
        beside = family.start[1 - place] - along * unit[1 - place]
        found |= {((along + pace * turn) % period, beside) for turn in range(int(period / pace))}
    return found
