"""Compare a value given by cases with one formula for all of them: `|x - 3|` and its two halves."""

from collections.abc import Iterator
from fractions import Fraction

from rewardd_verifiers.mathexpr import pieces, relations, sets
from rewardd_verifiers.mathexpr.exact import UndefinedError, rational
from rewardd_verifiers.mathexpr.identity import Context, free_names, same
from rewardd_verifiers.mathexpr.outcome import PROBED, Outcome, differ
from rewardd_verifiers.mathexpr.secret import digits
from rewardd_verifiers.mathexpr.tree import Call, Cases, Number, Tree, walk

_BENT = frozenset({"abs", "max", "min"})
_NEAR = Fraction(1, 10**9)
"""So close to an end of a branch that no bend lies between."""

_FAR = (1, 40, 10**6)
_INNER = 3


def compare_bent(cases: Cases, formula: Tree, context: Context) -> Outcome | None:
    """Return whether a formula with bars is each branch where that holds; None where unclear."""
    if not any(isinstance(node, Call) and node.name in _BENT for node in walk(formula)):
        return None
    names = free_names(formula)
    if len(names) != 1:
        return None
    (name,) = names
    parts = _domains(cases, name, context)
    if parts is None:
        return None
    for (value, _), part in zip(cases.branches, parts, strict=True):
        for point in _points(part, name):
            put = {name: Number(point)}
            outcome = same(relations.put(value, put), relations.put(formula, put), context)
            if not outcome.equal:
                return differ(f"the values differ at a point of {name}")
    return PROBED


def _domains(cases: Cases, name: str, context: Context) -> list[pieces.RealSet] | None:
    """Return where each branch holds; None unless they cover the reals with rational ends."""
    found: list[pieces.RealSet] = []
    for value, condition in cases.branches:
        rest = pieces.complement(pieces.united(found, context))
        part = rest if condition is None else sets.read(condition, context)
        if part is None or (condition and part.variable != name) or not free_names(value) <= {name}:
            return None
        found.append(part)
    whole = pieces.united(found, context)
    ends = [end for part in found for piece in part.pieces for end in (piece.low, piece.high)]
    known = all(pieces.infinite(end) or _value(end) is not None for end in ends)
    return found if known and whole.pieces == pieces.EVERYTHING.pieces else None


def _value(end: Tree) -> Fraction | None:
    try:
        return rational(end)
    except UndefinedError:
        return None


def _points(part: pieces.RealSet, name: str) -> Iterator[Fraction]:
    """Give points of each piece: its closed ends, close to its ends, between, and far away."""
    for piece in part.pieces:
        low, high = _value(piece.low), _value(piece.high)
        if low is not None and piece.low_closed:
            yield low
        if high is not None and piece.high_closed:
            yield high
        yield from _inside(low, high, name)


def _inside(low: Fraction | None, high: Fraction | None, name: str) -> Iterator[Fraction]:
    shares = [digits(f"branch {name}", place) for place in range(_INNER)]
    if low is not None and high is not None:
        width = high - low
        for share in (_NEAR, *shares, 1 - _NEAR):
            yield low + width * share
        return
    start, way = (low, 1) if low is not None else (high, -1)
    if start is None:
        start = Fraction(0)
        yield from (-far * share for far, share in zip(_FAR, shares, strict=True))
    if low is not None or high is not None:
        yield start + way * _NEAR
    yield from (start + way * far * share for far, share in zip(_FAR, shares, strict=True))
