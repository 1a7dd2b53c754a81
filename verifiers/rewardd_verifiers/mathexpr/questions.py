"""Trees as the prover's questions: JSON of a closed set of kinds, bound names made canonical."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction
from typing import Final, NamedTuple, TypedDict, cast

from rewardd_verifiers.mathexpr.tree import (
    Call,
    Constant,
    Matrix,
    Number,
    Operation,
    Relation,
    Symbol,
    Tree,
    walk,
)

MAX_NODES = 300
"""Of both sides together."""

_MAX_SIDE = 8
"""Of a determinant: beyond, its terms fill the memory."""

_INFINITIES: Mapping[Tree, str] = {
    Constant("infinity"): "infinity",
    Operation("negative", (Constant("infinity"),)): "minus infinity",
}
_BINDERS = frozenset({"sum", "prod", "int", "lim", "iint", "iiint", "oint", "det"})
_ONE = Number(Fraction(1))

HEAD: Final = struct.Struct("!I")
"""Before each question: its size."""

REPLY: Final = struct.Struct("!BI")
"""A conclusion, and the calls that it took."""

Node = list[object]


class Conclusion(IntEnum):
    """What became of a proof; `SPENT`: its calls, its memory or its time were used up."""

    PROVED = 0
    UNPROVED = 1
    SPENT = 2


class Question(TypedDict):
    """What is asked: two sides, names of whole numbers, and the calls that it may cost."""

    left: Node
    right: Node
    integers: list[str]
    real: bool
    calls: int


class Reply(NamedTuple):
    """What is answered."""

    conclusion: Conclusion
    calls: int


class UnaskableError(Exception):
    """A tree holds something that the prover does not know."""


def question(left: Tree, right: Tree, integers: frozenset[str], calls: int) -> Question:
    """Return two sides as the prover takes them.

    Raises:
        UnaskableError: they are too large, or hold more than arithmetic and analysis.
    """
    nodes = [*walk(left), *walk(right)]
    if len(nodes) > MAX_NODES:
        raise UnaskableError("too large")
    sides = _side(left), _side(right)
    unit: Node = ["constant", "i"]
    real = not any(_holds(side, unit) for side in sides)
    return Question(
        left=sides[0], right=sides[1], integers=sorted(integers), real=real, calls=calls
    )


def encode(tree: Tree) -> Node:
    """Return a tree as JSON.

    Raises:
        UnaskableError: it holds more than arithmetic and analysis.
    """
    return _Encoder().encode(tree)


def _side(tree: Tree) -> Node:
    infinity = _INFINITIES.get(tree)
    return ["constant", infinity] if infinity is not None else encode(tree)


def _holds(node: object, wanted: Node) -> bool:
    if not isinstance(node, list):
        return False
    parts = cast("Node", node)
    return parts == wanted or any(_holds(part, wanted) for part in parts)


@dataclass(frozen=True, slots=True)
class _Encoder:
    """Encodes below some binders.

    Attributes:
        bound: what stands for a name here; names are numbered by depth, so that two integrals
            that differ in their variable alone are the same question.
    """

    bound: Mapping[Tree, str] = field(default_factory=dict[Tree, str])

    def encode(self, tree: Tree) -> Node:
        if tree in self.bound:
            return ["symbol", self.bound[tree]]
        match tree:
            case Number(value=value):
                return ["number", hex(value.numerator), hex(value.denominator)]
            case Symbol(name=name):
                return ["symbol", name]
            case Constant(name="pi" | "e" | "i" as name):
                return ["constant", name]
            case Operation(kind=kind, args=args):
                return ["operation", kind, *(self.encode(arg) for arg in args)]
            case Call(name=name, args=args):
                return self._call(name, args)
            case _:
                raise UnaskableError(type(tree).__name__)

    def _call(self, name: str, args: tuple[Tree, ...]) -> Node:
        match name, args:
            case "det", (Matrix(rows=rows),) if len(rows) <= _MAX_SIDE:
                return ["determinant", *([self.encode(entry) for entry in row] for row in rows)]
            case "int", (low, high, body):
                body, variable = _without_differential(body)
                return ["integral", *self._between(low, high), *self._below(variable, body)]
            case "lim", (Relation(signs=("->",), sides=(Symbol() as variable, point)), body):
                point, side = _from_side(point)
                return ["limit", self._end(point), *self._below(variable, body), *side]
            case (
                ("sum" | "prod"),
                (
                    Relation(
                        signs=("=",), sides=((Symbol() | Constant(name="i")) as variable, low)
                    ),
                    high,
                    body,
                ),
            ):
                ends = self._between(low, high)
                return ["indexed", name, *ends, *self._below(variable, body)]
            case _ if name in _BINDERS:
                raise UnaskableError(name)
            case _:
                return ["call", name, *(self.encode(arg) for arg in args)]

    def _below(self, variable: Tree, body: Tree) -> tuple[str, Node]:
        name = f"bound {len(self.bound) + 1}"
        return name, _Encoder({**self.bound, variable: name}).encode(body)

    def _between(self, low: Tree, high: Tree) -> tuple[Node, Node]:
        return self._end(low), self._end(high)

    def _end(self, tree: Tree) -> Node:
        return _side(tree) if tree in _INFINITIES else self.encode(tree)


def _from_side(point: Tree) -> tuple[Tree, list[str]]:
    """Return where a limit is taken, and from which side where that is said."""
    match point:
        case Call(name="from above", args=(inner,)):
            return inner, ["+"]
        case Call(name="from below", args=(inner,)):
            return inner, ["-"]
        case _:
            return point, []


def _without_differential(body: Tree) -> tuple[Tree, Tree]:
    """Return what is integrated, and by what: "dx" ends the body, or a fraction's top.

    Raises:
        UnaskableError: there is none at the end.
    """
    match body:
        case Operation(kind="product", args=(*front, Symbol(name="d"), Symbol() as variable)):
            return _product(front), variable
        case Operation(kind="product", args=(*front, last)):
            inner, variable = _without_differential(last)
            return _product([*front, inner]), variable
        case Operation(kind="negative", args=(last,)):
            inner, variable = _without_differential(last)
            return Operation("negative", (inner,)), variable
        case Operation(kind="quotient", args=(top, bottom)):
            inner, variable = _without_differential(top)
            return Operation("quotient", (inner, bottom)), variable
        case Operation(kind="power", args=(Call() as base, exponent)):
            # "sin^2 x dx" is read as the square of sin(x dx).
            inner, variable = _without_differential(base)
            return Operation("power", (inner, exponent)), variable
        case Call(name=name, args=(*front, last)) if name != "lim":
            inner, variable = _without_differential(last)
            return Call(name, (*front, inner)), variable
        case _:
            raise UnaskableError("an integral without differential")


def _product(factors: list[Tree]) -> Tree:
    kept = tuple(factor for factor in factors if factor != _ONE)
    if len(kept) == 1:
        return kept[0]
    return Operation("product", kept) if kept else _ONE
