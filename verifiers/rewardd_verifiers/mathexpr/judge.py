"""Judge an answer's text against a gold's text: all readings, one outcome."""

import re
from dataclasses import replace

from rewardd_verifiers.mathexpr import form, relations
from rewardd_verifiers.mathexpr.compare import compare
from rewardd_verifiers.mathexpr.identity import Context
from rewardd_verifiers.mathexpr.normalise import DOUBLED
from rewardd_verifiers.mathexpr.outcome import SAME_TEXT, Outcome, differ, undecided
from rewardd_verifiers.mathexpr.policy import Policy
from rewardd_verifiers.mathexpr.prover import Allowance
from rewardd_verifiers.mathexpr.read import Expression
from rewardd_verifiers.mathexpr.tree import Constant, Number, Symbol, Tree, symbols, walk

_ABOUT = ("\\approx", "\\simeq", "\\sim", "\\doteq", "~")

_KINDS = re.compile("real|integer|rational|positive|natural|complex")
_LOOSE = frozenset({"plain_times", "plain_bold", "plain_powers"})
"""Readings that only help where one side writes the sign, or the face, and the other does not."""


def judge(
    gold: Expression, answer: Expression, policy: Policy, allowance: Allowance | None = None
) -> Outcome:
    """Return whether the answer is the gold in a reading that both share."""
    fault = form.fault(gold.tree, answer.tree, policy.form)
    if gold.text == answer.text and not fault:
        return SAME_TEXT
    if _is_rough(answer) and not _is_rough(gold) and _is_exact(gold.tree, answer.tree, policy):
        return differ("an approximate value of an exact gold")
    if fault:  # it is wrong whether equal or not: nothing to prove
        policy = replace(policy, symbolic="off")
    context = Context(policy, allowance=allowance or Allowance())
    outcome = _compared(gold.tree, answer.tree, context)
    for name in _other_readings(gold, answer):
        if outcome.equal:
            break
        pair = gold.others.get(name, gold.tree), answer.others.get(name, answer.tree)
        other = _compared(*pair, context)
        if other.equal or (other.equal is None and outcome.equal is False):
            outcome = other
    if outcome.equal is not False and fault:
        known = "equal, but " if outcome.equal else ""
        return differ(f"{known}in another form: {fault}")
    return _doubted(gold, answer, outcome)


def _other_readings(gold: Expression, answer: Expression) -> list[str]:
    shared = gold.others.keys() & answer.others.keys() & _LOOSE
    return sorted((gold.others.keys() | answer.others.keys()) - shared)


def _is_rough(side: Expression) -> bool:
    return side.text.startswith(_ABOUT)


def _is_exact(gold: Tree, answer: Tree, policy: Policy) -> bool:
    """Whether a gold has no decimals, and the answer not so many that chance cannot hit them."""
    if any(isinstance(node, Number) and node.places for node in walk(gold)):
        return False
    needed = policy.rounded_answer
    written = [node.digits for node in walk(answer) if isinstance(node, Number) and node.places]
    return policy.tolerant is False and (needed is None or max(written, default=0) < needed)


def _compared(gold: Tree, answer: Tree, context: Context) -> Outcome:
    if context.policy.case == "folded":
        gold, answer = _folded(gold), _folded(answer)
    return compare(gold, answer, context)


def _folded(tree: Tree) -> Tree:
    return relations.rename(tree, {name: name.lower() for name in symbols(tree)})


def _is_strange(gold: Tree, answer: Tree) -> bool:
    """Whether an unknown command might have joined two sides that were then exchanged."""
    rows = [[n.name for n in walk(side) if isinstance(n, Symbol)] for side in (gold, answer)]
    known = all(not name.startswith("\\") for row in rows for name in row)
    return not known and rows[0] != rows[1]


def _doubted(gold: Expression, answer: Expression, outcome: Outcome) -> Outcome:
    """Turn into undecided what rests on a mended gold, or on a sign that we do not know."""
    if outcome.equal and _is_strange(gold.tree, answer.tree):
        return undecided("a sign that we do not know stands between other names")
    doubtful = [repair for repair in gold.repairs if repair != DOUBLED]
    if outcome.equal and gold.tree == answer.tree == Constant("empty"):
        kinds = [set(_KINDS.findall(side.text.lower())) for side in (gold, answer)]
        if all(kinds) and kinds[0] != kinds[1]:
            return differ("no numbers of one kind, and of another")
    if outcome.equal is False and doubtful and outcome.strength != "exact":
        return undecided(f"the gold was mended: {doubtful[0]}")
    return outcome
