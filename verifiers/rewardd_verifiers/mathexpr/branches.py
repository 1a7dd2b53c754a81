"""Compare what is given by cases: branch by branch, value and condition."""

from rewardd_verifiers.mathexpr import bent as bent_values
from rewardd_verifiers.mathexpr import families, pieces, sets, wholes
from rewardd_verifiers.mathexpr.expand import is_whole_number_condition
from rewardd_verifiers.mathexpr.identity import Context
from rewardd_verifiers.mathexpr.matching import Compare
from rewardd_verifiers.mathexpr.outcome import EXACT, Outcome, both, differ
from rewardd_verifiers.mathexpr.tree import Cases, Relation, Symbol, Tree, symbols

_Branch = tuple[Tree, Tree | None]


def compare_cases(gold: Tree, answer: Tree, context: Context, compare: Compare) -> Outcome:
    """Compare two trees of which at least one is given by cases."""
    if not (isinstance(gold, Cases) and isinstance(answer, Cases)):
        return _conditional(gold, answer, context, compare)
    if len(gold.branches) != len(answer.branches):
        return differ("a different number of branches")
    answer = families.aligned(gold, answer)
    for _, condition in gold.branches:
        if condition is not None and is_whole_number_condition(condition):
            context = context.with_integers(symbols(condition))
    if _has_rest(gold) != _has_rest(answer):
        gold, answer = _closed(gold, context), _closed(answer, context)
    rest = list(answer.branches)
    outcome = both(_take_branch(branch, rest, context, compare) for branch in gold.branches)
    return families.outcome_of(gold, answer, outcome, context)


def _has_rest(cases: Cases) -> bool:
    return any(condition is None for _, condition in cases.branches)


def _closed(cases: Cases, context: Context) -> Cases:
    """Return the cases with "otherwise" as what the other conditions leave of the reals."""
    said = [condition for _, condition in cases.branches if condition is not None]
    if len(said) != len(cases.branches) - 1:
        return cases
    remainders = [wholes.residues(condition, context) for condition in said]
    counted = [part for part in remainders if part is not None and part.variable]
    if len(counted) == len(said):
        together = wholes.united(counted)
        return cases if together is None else _with_rest(cases, together.outside().written())
    found = [sets.read(condition, context) for condition in said]
    known = [part for part in found if part is not None]
    names = {part.variable for part in known}
    if len(known) != len(said) or len(names) != 1 or "" in names:
        return cases
    left = pieces.complement(pieces.united(known, context))
    rest = Relation(("in",), (Symbol(names.pop()), pieces.written(left)))
    return _with_rest(cases, rest)


def _with_rest(cases: Cases, rest: Tree) -> Cases:
    return Cases(tuple((value, condition or rest) for value, condition in cases.branches))


def _take_branch(
    branch: _Branch, rest: list[_Branch], context: Context, compare: Compare
) -> Outcome:
    outcome = differ("a branch without partner")
    for place, other in enumerate(rest):
        outcome = _condition(branch[1], other[1], context, compare)
        if outcome.equal:
            rest.pop(place)
            return both([outcome, compare(branch[0], other[0], context)])
    return outcome


def _condition(
    gold: Tree | None, answer: Tree | None, context: Context, compare: Compare
) -> Outcome:
    if is_whole_number_condition(gold) and is_whole_number_condition(answer):
        alike = families.same_domain(gold, answer)
        return EXACT if alike else differ("other whole numbers")
    if families.is_membership(gold) and families.is_membership(answer):
        alike = gold.sides[1] == answer.sides[1]
        return EXACT if alike else differ("numbers of another kind")
    if gold is None or answer is None:
        return EXACT if gold is answer else differ("otherwise on one side only")
    return compare(gold, answer, context)


def _conditional(gold: Tree, answer: Tree, context: Context, compare: Compare) -> Outcome:
    """Compare "value if condition" with a value; the condition may only repeat a domain."""
    cases, other = (gold, answer) if isinstance(gold, Cases) else (answer, gold)
    if not isinstance(cases, Cases) or len(cases.branches) != 1:
        bent = bent_values.compare_bent(cases, other, context) if isinstance(cases, Cases) else None
        return bent or differ("cases and a single value")
    value, condition = cases.branches[0]
    domain = isinstance(condition, Relation) and condition.signs in {("in",), ("!=",)}
    if is_whole_number_condition(condition) and condition is not None:
        context, domain = context.with_integers(symbols(condition)), True
    if cases is answer and not domain:
        return differ("a condition that the gold does not have")
    pair = (value, other) if cases is gold else (other, value)
    outcome = compare(*pair, context)
    index, alias = families.index_of(condition), families.unstated_index(other)
    if outcome.equal or not index or not alias:
        return outcome
    stated = families.aligned(cases, Cases(((other, families.whole(alias)),)))
    both_stated = (cases, stated) if cases is gold else (stated, cases)
    return families.outcome_of(*both_stated, outcome, context)
