"""What an answer is once read: a small typed tree, frozen and hashable."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from operator import attrgetter
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Number:
    """A rational literal.

    Attributes:
        places: digits that were written behind the point; None without a point.
        digits: significant digits as written.
    """

    value: Fraction
    places: int | None = None
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Symbol:
    """A free name; case, subscript and primes belong to it."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """`pi`, `e`, `i`, `infinity`, `undefined`, `empty`, and the number sets `R`, `Z`, ..."""

    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Arithmetic: sum, product, quotient, power, root, negative, factorial, degrees, percent.

    `plusminus` and `minusplus` stand for a sign that is still open.
    """

    kind: str
    args: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Call:
    """A function by name; `log` has its base first; unknown names stay uninterpreted."""

    name: str
    args: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Group:
    """Values between brackets; `bracket` is opener and closer, or "" for a bare list."""

    bracket: str
    items: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Builder:
    """A set by condition."""

    element: "Tree"
    conditions: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class SetOperation:
    """`union`, `intersection` or `difference` of sets."""

    kind: str
    args: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Relation:
    """Sides with one sign between each two: a single relation, or a chain."""

    signs: tuple[str, ...]
    sides: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of equal length."""

    rows: "tuple[tuple[Tree, ...], ...]"


@dataclass(frozen=True, slots=True)
class Cases:
    """Values with their conditions; a condition of None means "otherwise"."""

    branches: "tuple[tuple[Tree, Tree | None], ...]"


@dataclass(frozen=True, slots=True)
class Unit:
    """A product of base dimensions with a factor to the base units.

    Attributes:
        dimension: sorted (name, exponent); a count noun is a dimension of its own.
        factor, offset: base value = factor * (value + offset).
        turns: powers of pi in the factor: 1 for degrees.
        name: as written, for people.
    """

    dimension: tuple[tuple[str, Fraction], ...]
    factor: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    turns: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its unit."""

    value: "Tree"
    unit: Unit


@dataclass(frozen=True, slots=True)
class Based:
    """Digits in a base."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Ratio:
    """Values between colons; `clock` is the text as a time of day would be written, else ""."""

    items: "tuple[Tree, ...]"
    clock: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day in seconds since midnight."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Date:
    """A day; `month` and `day` may be in either order where `vague`."""

    year: int | None
    month: int
    day: int
    vague: bool = False


@dataclass(frozen=True, slots=True)
class Ordinal:
    """A place in a row."""

    value: int


@dataclass(frozen=True, slots=True)
class Text:
    """Prose, folded: lower case, single blanks, no stops."""

    words: str


@dataclass(frozen=True, slots=True)
class Dots:
    """An ellipsis."""


Tree: TypeAlias = (
    Number
    | Symbol
    | Constant
    | Operation
    | Call
    | Group
    | Builder
    | SetOperation
    | Relation
    | Matrix
    | Cases
    | Quantity
    | Based
    | Ratio
    | Clock
    | Date
    | Ordinal
    | Text
    | Dots
)


def _parts_of_builder(tree: Builder) -> "tuple[Tree, ...]":
    return (tree.element, *tree.conditions)


def _parts_of_matrix(tree: Matrix) -> "tuple[Tree, ...]":
    return tuple(entry for row in tree.rows for entry in row)


def _parts_of_quantity(tree: Quantity) -> "tuple[Tree, ...]":
    return (tree.value,)


def _parts_of_cases(tree: Cases) -> "tuple[Tree, ...]":
    return tuple(part for branch in tree.branches for part in branch if part is not None)


# By type, as nothing is asked more often of a tree than what stands below.
_CHILDREN: Mapping[type, "Callable[..., tuple[Tree, ...]]"] = {
    Operation: attrgetter("args"),
    Call: attrgetter("args"),
    SetOperation: attrgetter("args"),
    Group: attrgetter("items"),
    Ratio: attrgetter("items"),
    Relation: attrgetter("sides"),
    Builder: _parts_of_builder,
    Matrix: _parts_of_matrix,
    Cases: _parts_of_cases,
    Quantity: _parts_of_quantity,
}


def children(tree: Tree) -> "tuple[Tree, ...]":
    """Return the trees directly below."""
    read = _CHILDREN.get(type(tree))
    return read(tree) if read is not None else ()


def walk(tree: Tree) -> list[Tree]:
    """Return the tree and all below it, level by level."""
    found = [tree]
    for node in found:  # which grows on the way
        read = _CHILDREN.get(type(node))
        if read is not None:
            found += read(node)
    return found


def symbols(tree: Tree) -> set[str]:
    """Return the free names."""
    return {node.name for node in walk(tree) if isinstance(node, Symbol)}
