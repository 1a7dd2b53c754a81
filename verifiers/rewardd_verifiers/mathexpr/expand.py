"""Bring a tree into the shape that is compared: open signs expanded, matrices recognised."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

from rewardd_verifiers.mathexpr.limits import MAX_ELEMENTS, MAX_SIGNS, UndecidedError
from rewardd_verifiers.mathexpr.linear import simplify
from rewardd_verifiers.mathexpr.numerals import read_number
from rewardd_verifiers.mathexpr.tree import (
    Builder,
    Call,
    Cases,
    Constant,
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
    walk,
)

_OPEN = frozenset({"plusminus", "minusplus"})
_COUNTERS = frozenset("kmn")


def expand(tree: Tree) -> Tree:
    """Return the tree with each plus-minus replaced by both of its values, as a list."""
    if _is_settled(tree):
        return tree
    if isinstance(tree, Builder):
        tree = Builder(tree.element, tuple(map(_excluded, tree.conditions)))
    tree = _solutions(_matrix(_paired(_conditioned(_by_cases(_indexed(tree))))))
    if isinstance(tree, Group) and tree.bracket in {"", "and", "or", "{}"}:
        items = [value for item in tree.items for value in _values(_matrix(item))]
        return tree if len(items) == len(tree.items) else Group(tree.bracket, tuple(items))
    values = _values(tree)
    return values[0] if len(values) == 1 else Group("", tuple(values))


def _excluded(condition: Tree) -> Tree:
    r"""Return both values of `x \ne \pm 2` within a set that is given by conditions."""
    if not isinstance(condition, Relation) or not _open_signs(condition):
        return condition
    joint = "and" if condition.signs == ("!=",) else "or"
    return Group(joint, tuple(_values(condition)))


def _is_settled(tree: Tree) -> bool:
    """Whether the tree is plain arithmetic, without anything that could be brought into shape."""
    for node in walk(tree):
        if isinstance(node, Operation):
            if node.kind in _OPEN:
                return False
        elif isinstance(node, Symbol):
            if node.name.startswith("vec "):
                return False
        elif not isinstance(node, Number | Constant):
            return False
    return True


def _indexed(tree: Tree) -> Tree:
    """Read the i over which a sum runs as a name, not as the imaginary unit."""
    if not any(isinstance(node, Call) and _runs_over_i(node) for node in walk(tree)):
        return tree
    return _with_name(tree)


def _runs_over_i(call: Call) -> bool:
    match call:
        case Call(name="sum" | "prod", args=(Relation(sides=(Constant(name="i"), *_)), *_)):
            return True
        case _:
            return False


def _with_name(tree: Tree) -> Tree:
    if isinstance(tree, Constant) and tree.name == "i":
        return Symbol("i")
    return rebuild(tree, _with_name)


def _solutions(tree: Tree) -> Tree:
    r"""Read `x = 1 \lor x = 3` as a list, and R minus a set as a difference of sets."""
    match tree:
        case SetOperation(kind="∨", args=args) if all(_is_solution(arg) for arg in args):
            return Group("or", args)
        case Operation(kind="sum", args=(Constant(name="R") as reals, Operation() as taken)):
            if taken.kind == "negative" and isinstance(taken.args[0], Group):
                return SetOperation("difference", (reals, *taken.args))
            return tree
        case _:
            return tree


def _paired(tree: Tree) -> Tree:
    r"""Return the pairs of `\{1, 2\} \times \{3\}`."""
    match tree:
        case Operation(kind="product", args=(Group("{}", left), Group("{}", right))):
            if len(left) * len(right) > MAX_ELEMENTS:
                raise UndecidedError("too many pairs")
            pairs = (Group("()", pair) for pair in product(left, right))
            return Group("{}", tuple(pairs))
        case _:
            return tree


def _transposed(tree: Operation) -> Tree:
    """Return the column that `(1, 2, 3)^T` is, or the matrix turned."""
    inner, power = tree.args[0], tree.args[-1]
    if tree.kind != "power" or power not in {Symbol("T"), Symbol("\\top")}:
        return tree
    if isinstance(inner, Group) and inner.bracket in {"()", "[]", "⟨⟩"}:
        return Group("⟨⟩", inner.items)
    return Matrix(tuple(zip(*inner.rows, strict=True))) if isinstance(inner, Matrix) else tree


def _is_solution(tree: Tree) -> bool:
    return isinstance(tree, Relation) and tree.signs == ("=",) and isinstance(tree.sides[0], Symbol)


def _by_cases(tree: Tree) -> Tree:
    """Read "n/2 if n is even, 0 if n is odd" as one value that is given by cases."""
    if not isinstance(tree, Group) or tree.bracket not in {"", "and", "or"}:
        return tree
    branches = [
        branch for item in tree.items if isinstance(item, Cases) for branch in item.branches
    ]
    whole = any(is_whole_number_condition(condition) for _, condition in branches)
    if len(branches) != len(tree.items) or whole or not _distinct(branches):
        return tree
    return Cases(tuple(branches))


def _distinct(branches: list[tuple[Tree, Tree | None]]) -> bool:
    conditions = [condition for _, condition in branches]
    return all(one not in conditions[:place] for place, one in enumerate(conditions))


def _conditioned(tree: Tree) -> Tree:
    """Read `n pi, n in Z` as a value with a condition, and "y = x if x > 0" as a list of both."""
    match tree:
        case Cases(branches=((Relation(signs=("=",)) as value, Relation() as said),)):
            orders = {"<", ">", "<=", ">="}.issuperset(said.signs)
            return Group("", (value, said)) if orders else tree
        case _:
            pass
    if not (isinstance(tree, Group) and tree.bracket in {"", "and"}):
        return tree
    *values, last = tree.items
    if len(values) == 1 and isinstance(values[0], Relation) and _is_real(last):
        return Cases(((values[0], last),)) if _is_counter(values[0], last) else values[0]
    if not values or not (is_whole_number_condition(last) or _is_domain(values, last)):
        return tree
    if _bounds_of(values, last):
        return Builder(last, tuple(values))
    value = values[0] if len(values) == 1 else Group(tree.bracket, tuple(values))
    return Cases(((value, last),))


def _bounds_of(values: list[Tree], domain: Tree) -> bool:
    """Whether all that is said of a whole number is what it lies between."""
    if not isinstance(domain, Relation) or domain.signs != ("in",):
        return False
    orders = {"<", ">", "<=", ">=", "!="}
    return all(
        isinstance(value, Relation)
        and orders.issuperset(value.signs)
        and symbols(value) == symbols(domain)
        for value in values
    )


def _is_real(tree: Tree) -> bool:
    r"""Whether `C \in \mathbb{R}` behind an equation says what goes without saying."""
    return (
        isinstance(tree, Relation)
        and tree.signs == ("in",)
        and isinstance(tree.sides[0], Symbol)
        and tree.sides[1] == Constant("R")
    )


def _is_counter(value: Relation, domain: Tree) -> bool:
    r"""Whether the name that runs through the reals is what else counts: k beside pi."""
    names = symbols(domain)
    counted = any(node == Constant("pi") for node in walk(value)) or value.sides[0] == Symbol("n")
    return counted and names <= _COUNTERS


def _is_domain(values: list[Tree], last: Tree) -> bool:
    """Whether "x >= 0" behind one expression in x says where it holds."""
    if len(values) != 1 or isinstance(values[0], Relation) or not isinstance(last, Relation):
        return False
    signs = {"<", ">", "<=", ">=", "!="}
    names = symbols(last)
    return set(last.signs) <= signs and bool(names) and names <= symbols(values[0])


def is_whole_number_condition(tree: Tree | None) -> bool:
    """Whether a condition only says that names stand for whole numbers."""
    match tree:
        case Relation(signs=("in",), sides=(Symbol(), Constant(name=name))):
            return name in {"Z", "N", "Z+", "Z0+"}
        case Relation(signs=("=",), sides=(Symbol(), Text(words=words))):
            return "integer" in words or "natural number" in words
        case Text(words=words):
            return "integer" in words
        case _:
            return False


def _values(tree: Tree) -> list[Tree]:
    signs = _open_signs(tree)
    if not signs:
        return [tree]
    free = sum(1 for kind in signs if kind == "plusminus") or 1
    if free > MAX_SIGNS:
        raise UndecidedError("too many open signs")
    return [simplify(_Signs(choice).fill(tree)) for choice in product((False, True), repeat=free)]


def _open_signs(tree: Tree) -> list[str]:
    return [node.kind for node in walk(tree) if isinstance(node, Operation) and node.kind in _OPEN]


class _Signs:
    """Puts chosen signs into a tree from left to right; a minus-plus is tied to its plus-minus."""

    def __init__(self, negative: tuple[bool, ...]) -> None:
        self._negative = negative
        self._next = 0

    def fill(self, tree: Tree) -> Tree:
        if isinstance(tree, Operation):
            return self._operation(tree)
        return rebuild(tree, self.fill)

    def _operation(self, tree: Operation) -> Tree:
        if tree.kind not in _OPEN:
            return Operation(tree.kind, tuple(self.fill(arg) for arg in tree.args))
        if tree.kind == "plusminus":
            index = self._next
            self._next += 1
            negative = self._negative[index]
        else:
            negative = not self._negative[max(self._next - 1, 0)]
        inner = self.fill(tree.args[0])
        return Operation("negative", (inner,)) if negative else inner


def rebuild(  # noqa: PLR0911  one line a kind
    tree: Tree, change: Callable[[Tree], Tree]
) -> Tree:
    """Return the tree with `change` applied to each part directly below."""
    match tree:
        case Operation(args=args) | Call(args=args):
            return replace(tree, args=tuple(change(arg) for arg in args))
        case Group(items=items):
            return replace(tree, items=tuple(change(item) for item in items))
        case Relation(sides=sides):
            return replace(tree, sides=tuple(change(side) for side in sides))
        case Matrix(rows=rows):
            return Matrix(tuple(tuple(change(entry) for entry in row) for row in rows))
        case Cases(branches=branches):
            return Cases(tuple((change(v), None if c is None else change(c)) for v, c in branches))
        case Quantity(value=value, unit=unit):
            return Quantity(change(value), unit)
        case _:
            return tree


def _matrix(tree: Tree) -> Tree:
    """Read `[[1,2],[3,4]]` and sums of unit vectors as what they are."""
    if isinstance(tree, Group) and tree.bracket == "[]":
        rows = [item.items for item in tree.items if isinstance(item, Group)]
        square = all(isinstance(item, Group) and item.bracket == "[]" for item in tree.items)
        if square and rows and len({len(row) for row in rows}) == 1:
            return Matrix(tuple(rows))
    if isinstance(tree, Relation) and tree.signs == ("=",):
        return Relation(tree.signs, tuple(map(_matrix, tree.sides)))
    if isinstance(tree, Operation):
        turned = _transposed(tree)
        return turned if turned is not tree else _vector(tree) or simplify(tree)
    return simplify(tree) if isinstance(tree, Call) else tree


def _vector(tree: Operation) -> Tree | None:
    """Return the components of `3i - j` in unit vectors; None if it has none."""
    names = {node.name for node in walk(tree) if isinstance(node, Symbol)}
    basis = ["vec i", "vec j", "vec k"] if "vec k" in names else ["vec i", "vec j"]
    if not names & set(basis):
        return None
    components: list[Tree] = []
    for name in basis:
        chosen = {other: "1" if other == name else "0" for other in basis}
        components.append(_substituted(tree, chosen))
    return Group("⟨⟩", tuple(components))


def _substituted(tree: Tree, chosen: dict[str, str]) -> Tree:
    if isinstance(tree, Symbol) and tree.name in chosen:
        return read_number(chosen[tree.name])
    return rebuild(tree, lambda part: _substituted(part, chosen))
