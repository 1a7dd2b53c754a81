"""Arithmetic of small matrices on trees: sums, products, powers, determinants."""

from collections.abc import Callable, Sequence
from itertools import permutations

from rewardd_verifiers.mathexpr.numerals import read_number
from rewardd_verifiers.mathexpr.tree import Call, Matrix, Number, Operation, Tree, walk

_MOST_ENTRIES = 36
"""Of a matrix that is multiplied, or a determinant's rows squared: six by six."""

_WIDEST_DETERMINANT = 4
_HIGHEST_POWER = 6


def simplify(tree: Tree) -> Tree:
    """Return a sum or product of matrices as one matrix, where that is little work."""
    if not any(isinstance(node, Matrix) for node in walk(tree)):
        return tree
    return _value(tree)


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
    if kind == "power" and isinstance(values[0], Matrix) and isinstance(values[1], Number):
        power = values[1].value
        if power.denominator == 1 and 1 <= power <= _HIGHEST_POWER:
            return _product([values[0]] * int(power))
    return None


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
