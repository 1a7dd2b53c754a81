"""The points at which expressions are compared: signs and sizes are fixed, digits secret."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import islice

from rewardd_verifiers.mathexpr.secret import digits
from rewardd_verifiers.mathexpr.tree import Call, Number, Operation, Tree, symbols, walk

# (low, high) by turns for the names in order. Signs are fixed, digits secret.
_REGIONS: tuple[tuple[tuple[int, int], ...], ...] = (
    ((1, 3),),
    ((0, 1),),
    ((-3, -1),),
    ((-1, 0),),
    ((1, 3), (-3, -1), (0, 1)),
    ((-2, 0), (0, 2), (2, 5)),
    ((3, 10),),
    ((-10, -3),),
    ((10, 60),),
    ((0, 1), (1, 3)),
    ((1, 3), (0, 1), (3, 10)),
    ((-60, -10),),
)
_PACES = (1, 5, 7)
"""Of whole numbers: two names may begin alike, and must not stay alike; no pace is even."""

_BENT = frozenset({"abs", "max", "min"})
_DOMINANT = 4096
_MOST_DOMINANT = 4
_FAR_POINTS = 5


def signed(names: list[str], integers: set[str]) -> Iterator[dict[str, Fraction]]:
    """Yield points of all signs and usual sizes; whole numbers for the names of integers."""
    for place, regions in enumerate(_REGIONS):
        values: dict[str, Fraction] = {}
        for index, name in enumerate(names):
            low, high = regions[index % len(regions)]
            share = digits(name, place)
            values[name] = low + (high - low) * share
            if name in integers:
                pace = _PACES[index % len(_PACES)]
                values[name] = Fraction(place * pace + 1 + int(digits("base " + name, 0) * 50))
        yield values


def lopsided(names: list[str], integers: set[str]) -> Iterator[dict[str, Fraction]]:
    """Yield points at which one name outweighs the others, each name in turn."""
    for values in islice(signed(names, integers), _FAR_POINTS):
        for name in names[:_MOST_DOMINANT]:
            yield {**values, name: values[name] * _DOMINANT}


def bends(*trees: Tree) -> bool:
    """Whether a sign that several names decide together can change what a tree is.

    `|a-b|` is `a-b` wherever a is larger: points have to lie on both sides.
    """
    return any(_is_bend(node) and len(symbols(node)) > 1 for tree in trees for node in walk(tree))


def _is_bend(node: Tree) -> bool:
    if isinstance(node, Call):
        return node.name in _BENT or node.name == "sqrt"
    if not isinstance(node, Operation):
        return False
    if node.kind == "power":
        exponent = node.args[1]
        whole = isinstance(exponent, Number) and exponent.value.denominator == 1
        return not whole and not symbols(exponent)
    return node.kind == "root"
