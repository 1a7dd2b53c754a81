"""Arithmetic of small matrices on trees: sums, products, powers, determinants."""

from collections.abc import Callable, Sequence
from itertools import permutations

from rewardd_verifiers.mathexpr.numerals import read_number
from rewardd_verifiers.mathexpr.tree import Call, Group, Matrix, Number, Operation, Tree, walk

_MOST_ENTRIES = 36
"""Of a matrix that is multiplied, or a determinant's rows squared: six by six."""

_WIDEST_DETERMINANT = 4
_HIGHEST_POWER = 6
_WIDEST_INVERSE = 3
_MINUS_ONE = Operation("negative", (read_number("1"),))
_LINEAR = frozenset({"sum", "product", "negative", "quotient", "plusminus", "minusplus"})


def simplify(tree: Tree) -> Tree:
    """Return a sum or product of matrices as one matrix, where that is little work."""
    if isinstance(tree, Call) and tree.name == "abs":
        return _length(tree)
    if any(isinstance(node, Matrix) for node in walk(tree)):
        return _value(tree)
    if not isinstance(tree, Operation) or not any(_is_vector(node) for node in walk(tree)):
        return tree
    value = _value(_columns(tree))
    if isinstance(value, Matrix) and len(value.rows[0]) == 1:
        return Group("⟨⟩", tuple(row[0] for row in value.rows))
    return tree


def _length(tree: Call) -> Tree:
    """Return the length of a vector between bars."""
    inner = simplify(tree.args[0])
    if isinstance(inner, Matrix) and len(inner.rows[0]) == 1:
        inner = Group("⟨⟩", tuple(row[0] for row in inner.rows))
    if not isinstance(inner, Group) or not _is_vector(inner):
        return tree
    two = read_number("2")
    squares = tuple(Operation("power", (Call("abs", (item,)), two)) for item in inner.items)
    return Operation("root", (Operation("sum", squares), two))


def _is_vector(tree: Tree) -> bool:
    """Whether a group can be multiplied and added: it is no list and no half-open interval."""
    return isinstance(tree, Group) and tree.bracket in {"⟨⟩", "()"} and len(tree.items) > 1


def _columns(tree: Tree) -> Tree:
    if isinstance(tree, Group) and _is_vector(tree):
        return Matrix(tuple((item,) for item in tree.items))
    if isinstance(tree, Operation) and tree.kind in _LINEAR:
        return Operation(tree.kind, tuple(map(_columns, tree.args)))
    return tree


def _value(tree: Tree) -> Tree:
    match tree:
        case Operation(kind=kind, args=args):
            values = [_value(arg) for arg in args]
            return _operation(kind, values) or Operation(kind, tuple(values))
        case Call(name="det", args=(inner,)):
            value = _value(inner)
            found = _determinant(value.rows) if isinstance(value, Matrix) else None
            return found or Call("det", (value,))
        case _:
            return tree


def _operation(kind: str, values: list[Tree]) -> Tree | None:
    if kind == "negative":
        return _scaled(values[0], read_number("1"), negative=True)
    if kind == "sum":
        return _sum(values)
    if kind == "product":
        return _product(values)
    if kind == "quotient" and isinstance(values[0], Matrix) and not isinstance(values[1], Matrix):
        one = read_number("1")
        return _scaled(values[0], Operation("quotient", (one, values[1])), negative=False)
    if kind == "power" and isinstance(values[0], Matrix):
        return _power(values[0], values[1])
    return None


def _power(matrix: Matrix, exponent: Tree) -> Tree | None:
    if exponent == _MINUS_ONE:
        return _inverse(matrix.rows)
    power = exponent.value if isinstance(exponent, Number) else 0
    if power in range(1, _HIGHEST_POWER + 1):
        return _product([matrix] * int(power))
    return None


def _inverse(rows: Sequence[Sequence[Tree]]) -> Tree | None:
    """Return the adjugate by the determinant, of two or three rows."""
    size, whole = len(rows), _determinant(rows)
    if not 2 <= size <= _WIDEST_INVERSE or whole is None:  # noqa: PLR2004  one row is a number
        return None
    return Matrix(
        tuple(
            tuple(Operation("quotient", (_cofactor(rows, j, i), whole)) for j in range(size))
            for i in range(size)
        )
    )


def _cofactor(rows: Sequence[Sequence[Tree]], row: int, column: int) -> Tree:
    minor = [
        [entry for place, entry in enumerate(line) if place != column]
        for number, line in enumerate(rows)
        if number != row
    ]
    value = _determinant(minor) or minor[0][0]
    return Operation("negative", (value,)) if (row + column) % 2 else value


def _scaled(matrix: Tree, factor: Tree, *, negative: bool) -> Tree | None:
    if not isinstance(matrix, Matrix):
        return None
    if negative:
        return _mapped(matrix, lambda entry: Operation("negative", (entry,)))
    return _mapped(matrix, lambda entry: Operation("product", (factor, entry)))


def _mapped(matrix: Matrix, change: Callable[[Tree], Tree]) -> Matrix:
    return Matrix(tuple(tuple(change(entry) for entry in row) for row in matrix.rows))


def _sum(values: Sequence[Tree]) -> Tree | None:
    matrices = [value for value in values if isinstance(value, Matrix)]
    shapes = {(len(matrix.rows), len(matrix.rows[0])) for matrix in matrices}
    if len(matrices) < len(values) or len(shapes) != 1:
        return None
    rows = zip(*(matrix.rows for matrix in matrices), strict=True)
    return Matrix(
        tuple(
            tuple(Operation("sum", entries) for entries in zip(*row, strict=True)) for row in rows
        )
    )


def _product(values: Sequence[Tree]) -> Tree | None:
    scalars = [value for value in values if not isinstance(value, Matrix)]
    matrices = [value for value in values if isinstance(value, Matrix)]
    if not matrices:
        return None
    result = matrices[0]
    for matrix in matrices[1:]:
        joined = _two(result, matrix)
        if joined is None:
            return None
        result = joined
    if not scalars:
        return result
    factor = scalars[0] if len(scalars) == 1 else Operation("product", tuple(scalars))
    return _scaled(result, factor, negative=False)


def _two(left: Matrix, right: Matrix) -> Matrix | None:
    inner = len(left.rows[0])
    entries = len(left.rows) * len(right.rows[0])
    if inner != len(right.rows) or entries * inner > _MOST_ENTRIES:
        return None
    columns = list(zip(*right.rows, strict=True))
    return Matrix(tuple(tuple(_dot(row, column) for column in columns) for row in left.rows))


def _dot(row: Sequence[Tree], column: Sequence[Tree]) -> Tree:
    pairs = zip(row, column, strict=True)
    return Operation("sum", tuple(Operation("product", pair) for pair in pairs))


def _determinant(rows: Sequence[Sequence[Tree]]) -> Tree | None:
    size = len(rows)
    if size > _WIDEST_DETERMINANT or any(len(row) != size for row in rows):
        return None
    terms: list[Tree] = []
    for order in permutations(range(size)):
        term = Operation("product", tuple(rows[row][column] for row, column in enumerate(order)))
        inversions = sum(a > b for place, a in enumerate(order) for b in order[place + 1 :])
        terms.append(Operation("negative", (term,)) if inversions % 2 else term)
    return Operation("sum", tuple(terms))
