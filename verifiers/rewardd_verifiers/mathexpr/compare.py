"""Compare a gold with an answer, by kind, down to pairs of single values."""

from collections.abc import Callable, Sequence

from rewardd_verifiers.mathexpr import (
    branches,
    chains,
    constants,
    families,
    intervals,
    matching,
    progressions,
    relations,
    scalars,
    sets,
    structures,
    wholes,
)
from rewardd_verifiers.mathexpr.canon import key
from rewardd_verifiers.mathexpr.identity import Context, free_names
from rewardd_verifiers.mathexpr.limits import UndecidedError
from rewardd_verifiers.mathexpr.outcome import EXACT, Outcome, both, differ, undecided
from rewardd_verifiers.mathexpr.tree import (
    Based,
    Builder,
    Call,
    Cases,
    Dots,
    Group,
    Matrix,
    Number,
    Operation,
    Quantity,
    Relation,
    SetOperation,
    Symbol,
    Text,
    Tree,
    symbols,
)

_BARE = frozenset({"", "and", "or"})
_ORDERED = frozenset({"()", "[]", "⟨⟩"})
_VECTORS = frozenset({"⟨⟩", "()"})
_SINGLE = frozenset({Number, Symbol, Operation, Quantity, Based, Text})
"""Types of which no rule speaks that is for more than single values."""


def compare(gold: Tree, answer: Tree, context: Context) -> Outcome:
    """Return whether the answer is the gold.

    Symmetric but for the switches of the policy that speak of gold and answer.
    """
    try:
        outcome = _compare(gold, answer, context)
        renamed = None if outcome.equal else families.renamed_across(gold, answer)
        return outcome if renamed is None else _compare(gold, renamed, context)
    except UndecidedError as error:
        return undecided(str(error))


def _compare(gold: Tree, answer: Tree, context: Context) -> Outcome:
    if type(gold) in _SINGLE and type(answer) in _SINGLE:
        return _single(gold, answer, context)
    united = progressions.compare(gold, answer, context)
    if united is not None:
        return united
    counted = wholes.compare_wholes(gold, answer, context, _compare)
    if counted is not None:
        return counted
    if sets.is_set_like(gold) or sets.is_set_like(answer):
        outcome = intervals.compare_sets(gold, answer, context)
        if outcome is not None:
            return outcome
    for concerns, rule in _RULES:
        if concerns(gold) or concerns(answer):
            return rule(gold, answer, context)
    return _single(gold, answer, context)


def _single(gold: Tree, answer: Tree, context: Context) -> Outcome:
    outcome = scalars.compare(gold, answer, context)
    if outcome.equal is not False or not (free_names(gold) and free_names(answer)):
        return outcome
    if context.policy.constants == "renamable":
        free = constants.free_constants(gold, answer, context)
        if free is not None and free.equal:
            return free
    renamed = families.renamed_index(gold, answer, context)
    return renamed if renamed is not None and renamed.equal else outcome


def _is_list(tree: Tree) -> bool:
    return isinstance(tree, Group) and (tree.bracket in _BARE or tree.bracket == "{}")


def _lists(gold: Tree, answer: Tree, context: Context) -> Outcome:
    lines = chains.compare_lines(gold, answer, context, _compare)
    if lines is not None:
        return lines
    gold, answer = _spread(gold, answer), _spread(answer, gold)
    if not (isinstance(gold, Group) and isinstance(answer, Group)):
        return _list_and_value(gold, answer, context)
    if not (_is_list(gold) and _is_list(answer)):
        lone = any(_is_list(s) and len(s.items) == 1 and s.bracket == "{}" for s in (gold, answer))
        return (_list_and_value if lone else _list_and_tuple)(gold, answer, context)
    if Dots() in gold.items or Dots() in answer.items:
        shown = Dots() in gold.items and Dots() in answer.items
        if shown and wholes.same_row(gold.items, answer.items):
            return EXACT
        return _in_order(gold.items, answer.items, context)
    return _unordered(gold, answer, context)


def _spread(tree: Tree, beside: Tree | None = None) -> Tree:
    """Give a leading label to the values behind it, and unite labels that all agree.

    Beside a list `x = y = 1` is a list too.
    """
    if isinstance(tree, Relation) and isinstance(beside, Group) and beside.bracket != "or":
        tree = chains.each_named(tree) or tree
    if not isinstance(tree, Group) or not _is_list(tree):
        labelled = relations.split(tree)
        inner = labelled.value
        if labelled.label and isinstance(inner, Group) and inner.bracket in {"", "{}", "()"}:
            return _coordinates(tree, inner) or (inner if inner.bracket == "{}" else tree)
        return tree
    first, *rest = [relations.split(item) for item in tree.items]
    plain = all(not other.label for other in rest)
    alike = all(other.label == first.label for other in rest)
    if first.label and (plain or alike):
        return Group(tree.bracket, (first.value, *(other.value for other in rest)))
    return tree


def _coordinates(tree: Tree, inner: Group) -> Tree | None:
    """Read `(p, q) = (3, 8)` as labelled values."""
    if not isinstance(tree, Relation) or not isinstance(tree.sides[0], Group) or "in" in tree.signs:
        return None
    names = tree.sides[0].items
    if len(names) != len(inner.items):
        return None
    pairs = zip(names, inner.items, strict=True)
    return Group("", tuple(Relation(("=",), pair) for pair in pairs))


def _list_and_value(gold: Tree, answer: Tree, context: Context) -> Outcome:
    listed, other = (gold, answer) if isinstance(gold, Group) and _is_list(gold) else (answer, gold)
    if not isinstance(listed, Group):
        return differ("a list and a value")
    single = len(listed.items) == 1 and listed.bracket == "{}"
    if isinstance(other, Group) and not (single and isinstance(listed.items[0], Group)):
        return _list_and_tuple(gold, answer, context)
    if single:
        pair = (listed.items[0], other) if listed is gold else (other, listed.items[0])
        return _compare(*pair, context)
    shown = Dots() in listed.items and wholes.is_system(listed.items, other)
    if shown or _says_one_value(listed, other, context, gold_first=listed is gold):
        return EXACT
    if listed is answer:
        return differ("hedge: several values for one", "exact")
    return differ(f"{len(listed.items)} values in the gold, one in the answer", "exact")


def _says_one_value(listed: Group, other: Tree, context: Context, *, gold_first: bool) -> bool:
    """Whether all that is joined by "or" is the other side, as in "7/3 or 2 1/3"."""
    if listed.bracket != "or" or isinstance(other, Group):
        return False
    pairs = [(item, other) if gold_first else (other, item) for item in listed.items]
    return all(_compare(*pair, context).equal for pair in pairs)


def _list_and_tuple(gold: Tree, answer: Tree, context: Context) -> Outcome:
    """Compare a tuple with labelled or bare values; a set is none."""
    listed, other = (gold, answer) if _is_list(gold) else (answer, gold)
    if not (isinstance(listed, Group) and isinstance(other, Group)):
        return differ("a list and a value")
    if listed.bracket == "{}" or other.bracket not in _VECTORS:
        return differ("brackets of different meaning")
    values = [relations.split(item) for item in listed.items]
    if not all(value.label for value in values):
        return differ("a bare list and a tuple", "exact")
    values.sort(key=lambda value: value.label)
    plain = tuple(value.value for value in values)
    pair = (plain, other.items) if listed is gold else (other.items, plain)
    return _in_order(*pair, context)


def _in_order(gold: Sequence[Tree], answer: Sequence[Tree], context: Context) -> Outcome:
    if len(gold) != len(answer):
        return differ(f"{len(gold)} elements in the gold, {len(answer)} in the answer", "exact")
    pairs = enumerate(zip(gold, answer, strict=True), start=1)
    return both(_compare(g, a, context).at(f"element {place}") for place, (g, a) in pairs)


def _unordered(gold: Group, answer: Group, context: Context) -> Outcome:
    if {gold.bracket, answer.bracket} == {"and", "or"} and _is_told(gold) and _is_told(answer):
        return differ("joined by 'and' on one side, by 'or' on the other", "exact")
    labels = [[relations.split(item) for item in side.items] for side in (gold, answer)]
    named = [all(value.label for value in side) for side in labels]
    if any(named) and not all(named) and context.policy.labels == "optional":
        first, second = (_roots(*pair) for pair in zip((gold, answer), labels, strict=True))
        if {gold.bracket, answer.bracket} != {""} and (first, second) != (gold, answer):
            return _unordered(first, second, context)
        plain = [[value.value for value in side] for side in labels]
        return _in_order(plain[0], plain[1], context)
    first, second = list(gold.items), list(answer.items)
    is_set = "{}" in {gold.bracket, answer.bracket}
    if context.policy.order == "ordered":
        if is_set:
            first, second = matching.distinct(first, context), matching.distinct(second, context)
        return _in_order(first, second, context)
    match = matching.matched_sets if is_set else matching.matched
    return match(first, second, context, _compare)


def _is_told(tree: Group) -> bool:
    """Whether "and" and "or" say different things between the items: words, conditions, names."""
    values = [relations.split(item) for item in tree.items]
    if all(isinstance(item, Text) for item in tree.items):
        return True
    bounds = any(isinstance(i, Relation) and not relations.is_equation(i) for i in tree.items)
    names = {value.label for value in values if value.label}
    return bounds or len(names) == len(values) > 1


def _roots(tree: Group, labels: Sequence[relations.Labelled]) -> Group:
    """Read x_1 = 3, x_2 = 1, the roots of one equation, as a set; all else stays."""
    names = {value.label.partition("_")[0] for value in labels}
    numbered = all(value.label.partition("_")[2].isdigit() for value in labels)
    if len(names) != 1 or not numbered:
        return tree
    return Group("{}", tuple(value.value for value in labels))


def _relations(gold: Tree, answer: Tree, context: Context) -> Outcome:
    if isinstance(gold, Relation) and isinstance(answer, Relation):
        if chains.same_sides(gold, answer):
            return EXACT
        return _two_relations(gold, answer, context)
    relation, other = (gold, answer) if isinstance(gold, Relation) else (answer, gold)
    if not isinstance(relation, Relation) or not relations.is_equation(relation):
        return differ("a relation and a value")
    locus = relation is gold and not isinstance(other, Group) and relations.is_locus(relation)
    if locus or context.policy.labels == "required":
        return differ("an equation, or a label, on one side only")
    return _relation_and_value(relation, other, context, gold_first=relation is gold)


def _relation_and_value(
    relation: Relation, other: Tree, context: Context, *, gold_first: bool
) -> Outcome:
    coordinates = _spread(relation, other)
    if isinstance(coordinates, Group) and isinstance(other, Group):
        pair = (coordinates, other) if gold_first else (other, coordinates)
        return _lists(*pair, context)
    if isinstance(other, Text) and relations.prose(relation) == other.words:
        return Outcome(equal=True, strength="string")
    labelled = relations.split(relation)
    if labelled.value is relation.sides[0]:
        pair = (labelled.value, other) if gold_first else (other, labelled.value)
        return _compare(*pair, context)
    values, holds = relations.unchained(relation, context)
    if not holds.equal:
        return holds
    if len(values) == len(relation.sides) and symbols(relation.sides[0]):
        return differ("an equation and a value")
    outcome = differ("no value")
    for value in dict.fromkeys(values):
        pair = (value, other) if gold_first else (other, value)
        outcome = _compare(*pair, context)
        if outcome.equal:
            break
    return outcome


def _two_relations(gold: Relation, answer: Relation, context: Context) -> Outcome:
    if relations.is_equation(gold) and relations.is_equation(answer):
        named = chains.each_named(gold), chains.each_named(answer)
        coordinates = _spread(gold), _spread(answer)
        for one, other in ((named[0], coordinates[1]), (coordinates[0], named[1])):
            if isinstance(one, Group) and isinstance(other, Group):
                return _lists(one, other, context)
        outcome = _two_definitions(gold, answer, context)
        if outcome is not None:
            return outcome
        coordinates = _spread(gold), _spread(answer)
        if all(isinstance(side, Group) for side in coordinates):
            return _lists(*coordinates, context)
        if isinstance(gold.sides[0], Text) or isinstance(answer.sides[0], Text):
            return differ("different labels")
    return relations.equations(gold, answer, context)


def _two_definitions(gold: Relation, answer: Relation, context: Context) -> Outcome | None:
    """Compare equations whose left sides name one thing, or that are chains; None if neither."""
    first, second = relations.renamed(gold), relations.renamed(answer)
    one, other = relations.split(first), relations.split(second)
    sides = chains.sides_of_one_thing(first, second)
    if sides is not None:
        return _compare(*sides, context)
    if one.label and one.label == other.label:
        return _compare(one.value, other.value, context)
    if gold.signs == answer.signs and key(gold.sides[0]) == key(answer.sides[0]):
        right = _in_order(gold.sides[1:], answer.sides[1:], context)
        if right.equal:
            return right
    if relations.same_names(gold, answer):
        return _compare(gold.sides[-1], answer.sides[-1], context)
    return _chains(gold, answer, context) if _is_long(gold) or _is_long(answer) else None


def _is_long(tree: Relation) -> bool:
    return len(tree.sides) > 2  # noqa: PLR2004  a chain has three


def _chains(gold: Relation, answer: Relation, context: Context) -> Outcome:
    labels = [relations.label_of(side.sides[0]) for side in (gold, answer)]
    if chains.leading_names(gold) != chains.leading_names(answer):
        return differ("of other names")
    if labels[0] != labels[1] and None not in labels:
        return differ("different labels")
    firsts, holds = relations.unchained(gold, context)
    seconds, also = relations.unchained(answer, context)
    joined = both([holds, also])
    return _compare(firsts[0], seconds[0], context) if joined.equal else joined


def _matrices(gold: Tree, answer: Tree, context: Context) -> Outcome:
    first, second = _grid(gold), _grid(answer)
    if first is None or second is None:
        return _structures(gold, answer, context)
    shapes = [(len(grid), len(grid[0])) for grid in (first, second)]
    if shapes[0] != shapes[1]:
        return differ(f"shapes {shapes[0]} and {shapes[1]}", "exact")
    return both(
        _compare(g, a, context).at(f"row {r}, column {c}")
        for r, rows in enumerate(zip(first, second, strict=True), start=1)
        for c, (g, a) in enumerate(zip(*rows, strict=True), start=1)
    )


def _grid(tree: Tree) -> Sequence[Sequence[Tree]] | None:
    if isinstance(tree, Matrix):
        return tree.rows
    if isinstance(tree, Group) and tree.bracket in _VECTORS:
        return [[item] for item in tree.items]
    if isinstance(tree, Call) and tree.name == "binomial":
        return [[item] for item in tree.args]
    return None


def _cases(gold: Tree, answer: Tree, context: Context) -> Outcome:
    return branches.compare_cases(gold, answer, context, _compare)


def _groups(gold: Tree, answer: Tree, context: Context) -> Outcome:
    gold, answer = relations.point(gold), relations.point(answer)
    if not (isinstance(gold, Group) and isinstance(answer, Group)):
        return differ("brackets and a single value", "exact")
    if gold.bracket != answer.bracket and not {gold.bracket, answer.bracket} <= _VECTORS:
        return differ(f"brackets {gold.bracket} and {answer.bracket}", "exact")
    return _in_order(gold.items, answer.items, context)


def _structures(gold: Tree, answer: Tree, context: Context) -> Outcome:
    return structures.compare_structures(gold, answer, context, _compare)


def _ellipses(gold: Tree, answer: Tree, _context: Context) -> Outcome:
    return EXACT if gold == answer else differ("an ellipsis and a value")


def _is(*kinds: type) -> Callable[[Tree], bool]:
    return lambda tree: isinstance(tree, kinds)


_RULES: tuple[tuple[Callable[[Tree], bool], Callable[[Tree, Tree, Context], Outcome]], ...] = (
    (_is_list, _lists),
    (_is(Relation), _relations),
    (_is(Matrix), _matrices),
    (_is(Cases), _cases),
    (_is(Builder, SetOperation), _structures),
    (_is(Group), _groups),
    (_is(Dots), _ellipses),
)
