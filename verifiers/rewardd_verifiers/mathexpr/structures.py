"""Compare what no other rule speaks of: sets by condition, set operations, statements."""

from rewardd_verifiers.mathexpr import logic, relations
from rewardd_verifiers.mathexpr.canon import key
from rewardd_verifiers.mathexpr.identity import Context
from rewardd_verifiers.mathexpr.matching import Compare
from rewardd_verifiers.mathexpr.outcome import EXACT, Outcome, differ, undecided
from rewardd_verifiers.mathexpr.tree import (
    Builder,
    Group,
    Relation,
    SetOperation,
    Symbol,
    Tree,
    walk,
)


def compare_structures(gold: Tree, answer: Tree, context: Context, compare: Compare) -> Outcome:
    """Compare by structure: if it is equal that is a match, else the kinds decide."""
    gold, answer = _unbound(gold), _unbound(answer)
    if gold == answer or key(gold) == key(answer):
        return Outcome(equal=True, strength="proved")
    truth = logic.same(gold, answer)
    if truth is not None:
        return EXACT if truth else differ("the sets differ")
    if isinstance(gold, Builder) and isinstance(answer, Builder):
        return _loci(gold, answer, context, compare) or undecided("sets by condition")
    if type(gold) is type(answer) or isinstance(gold, Builder | SetOperation):
        return undecided("a structure that is only compared as a whole")
    return differ("different kinds", "exact")


def _unbound(tree: Tree) -> Tree:
    if not isinstance(tree, Builder):
        return tree
    names = [node.name for node in walk(tree.element) if isinstance(node, Symbol)]
    table = {name: f"bound {place}" for place, name in enumerate(dict.fromkeys(names))}
    conditions = tuple(relations.rename(condition, table) for condition in tree.conditions)
    return Builder(relations.rename(tree.element, table), conditions)


def _loci(gold: Builder, answer: Builder, context: Context, compare: Compare) -> Outcome | None:
    """Compare sets of points that one equation each describes; None where they are no such."""
    match gold, answer:
        case (
            Builder(element=Group() as point, conditions=(Relation() as first,)),
            Builder(element=Group() as other, conditions=(Relation() as second,)),
        ) if key(point) == key(other):
            return compare(first, second, context)
        case _:
            return None
