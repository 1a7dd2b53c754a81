"""Judge an answer's text against a gold's text: all readings, one outcome."""

from rewardd_verifiers.mathexpr.compare import compare
from rewardd_verifiers.mathexpr.identity import Context
from rewardd_verifiers.mathexpr.normalise import DOUBLED
from rewardd_verifiers.mathexpr.outcome import SAME_TEXT, Outcome, undecided
from rewardd_verifiers.mathexpr.policy import Policy
from rewardd_verifiers.mathexpr.read import Expression


def judge(gold: Expression, answer: Expression, policy: Policy) -> Outcome:
    """Return whether the answer is the gold in a reading that both share."""
    if gold.text == answer.text:
        return SAME_TEXT
    outcome = compare(gold.tree, answer.tree, Context(policy))
    for name in sorted(gold.others.keys() | answer.others.keys()):
        if outcome.equal:
            break
        other = compare(
            gold.others.get(name, gold.tree), answer.others.get(name, answer.tree), Context(policy)
        )
        if other.equal or (other.equal is None and outcome.equal is False):
            outcome = other
    if outcome.equal is False and outcome.strength != "exact":
        doubtful = [repair for repair in gold.repairs if repair != DOUBLED]
        if doubtful:
            return undecided(f"the gold was mended: {doubtful[0]}")
    return outcome
