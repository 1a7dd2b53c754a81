"""Compare sets of reals: piece by piece, ends in order and judged like scalars."""

from rewardd_verifiers.mathexpr import inequalities, pieces, relations, scalars, sets
from rewardd_verifiers.mathexpr.identity import Context
from rewardd_verifiers.mathexpr.outcome import Outcome, both, differ
from rewardd_verifiers.mathexpr.tree import Tree, symbols


def compare_sets(gold: Tree, answer: Tree, context: Context) -> Outcome | None:
    """Compare sets of reals; None if one of them is something else."""
    first = _as_set(gold, context) or _as_set(inequalities.solved(gold), context)
    second = _as_set(answer, context)
    if first is None or second is None:
        return None
    names = {first.variable, second.variable} - {""}
    if len(names) > 1:
        if symbols(gold) == symbols(answer) and len(symbols(gold)) > 1:
            return None
        return differ(f"the variables differ: {', '.join(sorted(names))}")
    if len(first.pieces) != len(second.pieces):
        return differ(f"{len(first.pieces)} pieces in the gold, {len(second.pieces)} in the answer")
    pairs = zip(first.pieces, second.pieces, strict=True)
    return both(_piece(one, other, context) for one, other in pairs)


def _as_set(tree: Tree, context: Context) -> pieces.RealSet | None:
    found = sets.read(tree, context)
    if found is None:
        labelled = relations.split(tree)
        if labelled.label and labelled.value is not tree:
            return sets.read(labelled.value, context)
    return found


def _piece(gold: pieces.Piece, answer: pieces.Piece, context: Context) -> Outcome:
    if gold.low_closed != answer.low_closed:
        return differ(_end("left", closed=gold.low_closed))
    if gold.high_closed != answer.high_closed:
        return differ(_end("right", closed=gold.high_closed))
    low = scalars.compare(gold.low, answer.low, context).at("left end")
    if not low.equal:
        return low
    return both([low, scalars.compare(gold.high, answer.high, context).at("right end")])


def _end(side: str, *, closed: bool) -> str:
    kinds = ("closed", "open") if closed else ("open", "closed")
    return f"{side} end is {kinds[0]} in the gold and {kinds[1]} in the answer"
