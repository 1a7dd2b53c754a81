"""Constants that an answer is free to name: of integration, of a general solution."""

from itertools import permutations

from rewardd_verifiers.mathexpr.identity import Context, free_names, same
from rewardd_verifiers.mathexpr.outcome import Outcome
from rewardd_verifiers.mathexpr.relations import put, rename
from rewardd_verifiers.mathexpr.secret import digits
from rewardd_verifiers.mathexpr.tree import Number, Operation, Symbol, Tree

_ADDITIVE = frozenset({"C", "c", "K", "k", "C_1", "c_1"})
_FREE = frozenset({"C", "c", "K", "A", "B", "D"}) | {
    f"{letter}_{place}" for letter in "CcKAB" for place in range(5)
}
_TELLING = frozenset({"C", "K"}) | {f"{letter}_{place}" for letter in "CcK" for place in range(5)}
"""Names that can hardly be anything but a constant; one of the two sides has to use them."""

_VARIABLES = frozenset("xytszu") | {"theta", "\\theta"}
_MOST = 3


def free_constants(gold: Tree, answer: Tree, context: Context) -> Outcome | None:
    """Compare up to the names of constants, or their value; None where there are none."""
    additive = constant_difference(gold, answer, context)
    if additive is not None and additive.equal:
        return additive
    return _renamed(gold, answer, context)


def _renamed(gold: Tree, answer: Tree, context: Context) -> Outcome | None:
    r"""Compare `C_1 e^x + C_2 e^{-x}` with `A e^x + B e^{-x}`."""
    names, others = free_names(gold), free_names(answer)
    mine, theirs = sorted(names & _FREE), sorted(others & _FREE)
    rest = names - _FREE
    if not rest or rest != others - _FREE or not rest <= _VARIABLES:
        return None
    if len(mine) != len(theirs) or not 1 <= len(mine) <= _MOST:
        return None
    if not (_TELLING.issuperset(mine) or _TELLING.issuperset(theirs)):
        return None
    for order in permutations(mine):
        outcome = same(gold, rename(answer, dict(zip(theirs, order, strict=True))), context)
        if outcome.equal:
            return outcome
    return None


def constant_difference(gold: Tree, answer: Tree, context: Context) -> Outcome | None:
    """Compare antiderivatives: each with one lone additive constant; None if that is not so."""
    first, second = _lone_constant(gold), _lone_constant(answer)
    if first is None or second is None:
        return None
    (rest, name), (other, other_name) = first, second
    names = sorted(free_names(rest) | free_names(other))
    if name in names or other_name in names or not names:
        return None
    gap = Operation("sum", (rest, Operation("negative", (other,))))
    first_point = {n: Number(digits(n, 1)) for n in names}
    fixed = put(gap, first_point)
    return same(gap, fixed, context)


def _lone_constant(tree: Tree) -> tuple[Tree, str] | None:
    """Return what is left without the lone additive constant, and its name."""
    if not (isinstance(tree, Operation) and tree.kind == "sum"):
        return None
    found = [term for term in tree.args if isinstance(term, Symbol) and term.name in _ADDITIVE]
    if len(found) != 1:
        return None
    rest = tuple(term for term in tree.args if term is not found[0])
    return Operation("sum", rest), found[0].name
