r"""Products whose order counts: of vectors and sets by `\times`, of matrices as `AB^{-1}`."""

from rewardd_verifiers.mathexpr.expand import rebuild
from rewardd_verifiers.mathexpr.tree import Call, Operation, Symbol, Tree, walk

_TURNING = frozenset({"T", "\\top", "\\dagger", "\\intercal"})
_VECTOR = "vec "


def is_vector(tree: Tree) -> bool:
    """Whether a name with an arrow, or a bold one, stands in it."""
    return any(isinstance(node, Symbol) and node.name.startswith(_VECTOR) for node in walk(tree))


def is_set_name(tree: Tree) -> bool:
    r"""Whether it may name a set: one capital letter, or a product of such by `\times`."""
    match tree:
        case Symbol(name=name):
            return len(name) == 1 and name.isupper()
        case Call(name="cross", args=args):
            return all(is_set_name(arg) for arg in args)
        case _:
            return False


def turns(base: Tree, exponent: Tree) -> bool:
    """Whether an exponent inverts or transposes what may be a matrix, or a product of such."""
    product = isinstance(base, Operation) and base.kind == "product"
    factors = base.args if isinstance(base, Operation) and product else (base,)
    return _inverts(exponent) and all(_is_matrix(factor) for factor in factors)


def ordered(tree: Tree) -> Tree:
    """Return the tree with its products of matrices kept in order."""
    inner = rebuild(tree, ordered)
    return _in_order(inner) if isinstance(inner, Operation) else inner


def _in_order(tree: Operation) -> Tree:
    r"""Read `AB^{-1}` and `A^T B` as products of matrices; all else stays.

    A capital letter that is inverted by an exponent, or transposed, tells them from numbers.
    """
    if tree.kind == "power":
        return _turned_product(tree)
    if tree.kind != "product":
        return tree
    plain = [arg for arg in tree.args if not _is_matrix(arg)]
    factors = [arg for arg in tree.args if _is_matrix(arg)]
    names = {name for factor in factors for name in _names(factor)}
    if len(names) < 2 or not any(_is_turned(factor) for factor in factors):  # noqa: PLR2004  two commute or do not
        return tree
    joined = Call("matrix product", tuple(factors))
    return Operation("product", (*plain, joined)) if plain else joined


def _turned_product(tree: Operation) -> Tree:
    """Return `(AB)^{-1}` as the product of the inverses, in the other order."""
    inner, exponent = tree.args
    if not isinstance(inner, Operation) or inner.kind != "product" or not _inverts(exponent):
        return tree
    if not all(_is_matrix(arg) for arg in inner.args):
        return tree
    turned = (Operation("power", (arg, exponent)) for arg in reversed(inner.args))
    return Call("matrix product", tuple(turned))


def _is_matrix(tree: Tree) -> bool:
    match tree:
        case Symbol(name=name):
            return len(name) == 1 and name.isupper()
        case Operation(kind="power", args=(base, _)):
            return _is_matrix(base)
        case _:
            return False


def _names(tree: Tree) -> list[str]:
    return [
        node.name for node in walk(tree) if isinstance(node, Symbol) and node.name not in _TURNING
    ]


def _is_turned(tree: Tree) -> bool:
    return isinstance(tree, Operation) and tree.kind == "power" and _inverts(tree.args[1])


def _inverts(exponent: Tree) -> bool:
    match exponent:
        case Symbol(name=name):
            return name in _TURNING
        case Operation(kind="negative", args=(Operation() | Symbol() | Call(),)):
            return False
        case Operation(kind="negative"):
            return True
        case _:
            return False
