"""Chains and lists of equations: whose values they tell, and whether they tell the same."""

from rewardd_verifiers.mathexpr import matching
from rewardd_verifiers.mathexpr.canon import key
from rewardd_verifiers.mathexpr.identity import Context, free_names
from rewardd_verifiers.mathexpr.matching import Compare
from rewardd_verifiers.mathexpr.outcome import Outcome, differ
from rewardd_verifiers.mathexpr.relations import TURNED, is_equation, label_of, split
from rewardd_verifiers.mathexpr.tree import Cases, Group, Matrix, Operation, Relation, Symbol, Tree


def compare_lines(gold: Tree, answer: Tree, context: Context, compare: Compare) -> Outcome | None:
    """Compare lists of equations that are no definitions, or that name other things; else None."""
    names = shared_name(gold), shared_name(answer)
    if all(names) and names[0] != names[1]:
        return differ("different labels")
    if not (isinstance(gold, Group) and isinstance(answer, Group)):
        return None
    if len(gold.items) != len(answer.items) or gold.bracket == "{}" or answer.bracket == "{}":
        return None
    items = (*gold.items, *answer.items)
    if not all(isinstance(item, Relation) and is_equation(item) for item in items):
        return None
    if all(split(item).label for item in items):
        return None
    outcome = matching.matched(gold.items, answer.items, context, compare)
    return outcome if outcome.equal else None


def shared_name(tree: Tree) -> str:
    """Return the name of which each member of a list is a value; "" where there is none."""
    if not isinstance(tree, Group):
        return ""
    names = {_name(item) for item in tree.items}
    return names.pop() if len(names) == 1 else ""


def _name(tree: Tree) -> str:
    match tree:
        case Relation(signs=("=",), sides=(Symbol(name=name), _)):
            return name
        case _:
            return ""


def leading_names(tree: Relation) -> set[str]:
    """Return the names of one kind that a chain gives one value: letters, angles, or segments."""
    *sides, value = tree.sides
    labels = [label_of(side) for side in sides if _is_name(side)]
    if len(labels) < len(sides) or len(labels) < 2 or free_names(value):  # noqa: PLR2004  two names
        return set()
    names = {label for label in labels if label}
    alike = {name.partition(" ")[0] if " " in name else len(name) for name in names}
    return names if len(alike) == 1 else set()


def _is_name(side: Tree) -> bool:
    """Whether a side is a letter, an angle, or a segment between two points."""
    match side:
        case Symbol():
            return True
        case Operation(kind="product", args=args):
            return all(isinstance(arg, Symbol) and arg.name.isupper() for arg in args)
        case _:
            return False


def each_named(tree: Relation) -> Group | None:
    """Return `x = y = z = 1` as three labelled values; None for all else."""
    *names, value = tree.sides
    plain = all(isinstance(name, Symbol) for name in names)
    if len(names) < 2 or set(tree.signs) != {"="} or not plain or free_names(value):  # noqa: PLR2004  two names
        return None
    return Group("", tuple(Relation(("=",), (name, value)) for name in names))


def same_sides(gold: Relation, answer: Relation) -> bool:
    """Whether two chains join the same sides in another order, as signs and direction allow."""
    if len(gold.sides) < 3 or len(answer.sides) != len(gold.sides):  # noqa: PLR2004  two sides are an equation
        return False
    if {*gold.signs, *answer.signs} == {"="}:
        return {key(side) for side in gold.sides} == {key(side) for side in answer.sides}
    first, second = _rising(gold), _rising(answer)
    alike = zip(first.sides, second.sides, strict=True)
    return first.signs == second.signs and all(key(one) == key(other) for one, other in alike)


def _rising(tree: Relation) -> Relation:
    """Return `c > b > a` as `a < b < c`."""
    if not {*tree.signs} <= {">", ">="}:
        return tree
    return Relation(tuple(TURNED[sign] for sign in reversed(tree.signs)), tree.sides[::-1])


def sides_of_one_thing(gold: Tree, answer: Tree) -> tuple[Tree, Tree] | None:
    """Return what f(x) or a_n is on both sides where neither is one value; None otherwise."""
    match gold, answer:
        case (
            Relation(signs=("=",), sides=(name, Matrix() | Group() | Cases() as value)),
            Relation(signs=("=",), sides=(alias, Matrix() | Group() | Cases() as other)),
        ) if key(name) == key(alias):
            return value, other
        case _:
            return None
