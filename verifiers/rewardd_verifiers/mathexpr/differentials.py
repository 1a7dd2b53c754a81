r"""Derivatives that are written as quotients, as `\frac{dy}{dx}`."""

from collections.abc import Iterator

from rewardd_verifiers.mathexpr.expand import rebuild
from rewardd_verifiers.mathexpr.tree import Call, Number, Operation, Symbol, Tree

_SIGNS = frozenset({"d", "partial"})
_USUAL = frozenset({"x", "t"})
"""Names by which a mark derives."""

_MOST_MARKS = 4


def read(tree: Tree) -> Tree:
    r"""Return the tree with derivatives as names: `y'` for `dy/dx`, `u_xx` with partial signs."""
    match tree:
        case Operation(kind="quotient", args=(top, bottom)):
            found = _derivative(top, bottom)
            return rebuild(tree, read) if found is None else found
        case _:
            return rebuild(tree, read)


def begins(top: Tree) -> bool:
    """Whether a sign of a differential is the first factor above a line."""
    if not isinstance(top, Operation) or top.kind != "product":
        return False
    first = top.args[0]
    if isinstance(first, Operation) and first.kind == "power":
        first = first.args[0]
    return isinstance(first, Symbol) and first.name in _SIGNS


def _derivative(top: Tree, bottom: Tree) -> Tree | None:
    sign, order, of = _top(top)
    by = list(_bottom(bottom, sign))
    if not sign or not by or None in by or len(by) != order:
        return None
    names = "".join(sorted(name for name in by if name))
    if not isinstance(of, Symbol):
        return None if of is None else Call(f"{sign} {names}", (of,))
    if sign == "partial":
        return Symbol(f"{of.name}_{names}")
    if set(by) <= _USUAL and len(by) <= _MOST_MARKS and not of.name.endswith("'"):
        return Symbol(of.name + "'" * len(by))
    return Symbol(f"{of.name}'_{names}")


def _top(tree: Tree) -> tuple[str, int, Tree | None]:
    """Return the sign above the line, how often it derives, and what; "" if there is none."""
    match tree:
        case Operation(kind="product", args=(Symbol(name=sign), *rest)) if sign in _SIGNS:
            order = 1
        case Operation(
            kind="product",
            args=(Operation(kind="power", args=(Symbol(name=sign), Number(value=many))), *rest),
        ) if sign in _SIGNS and many.denominator == 1:
            order = many.numerator
        case _:
            return "", 0, None
    return sign, order, rest[0] if len(rest) == 1 else Operation("product", tuple(rest))


def _bottom(tree: Tree, sign: str) -> Iterator[str | None]:
    """Give the name of each derivation below the line; None for what is none."""
    parts = tree.args if isinstance(tree, Operation) and tree.kind == "product" else (tree,)
    for place, part in enumerate(parts):
        if place % 2 == 0:
            if part != Symbol(sign) or place == len(parts) - 1:
                yield None
            continue
        match part:
            case Symbol(name=name):
                yield name
            case Operation(kind="power", args=(Symbol(name=name), Number(value=many))):
                yield from [name] * min(many.numerator, _MOST_MARKS + 1)
            case _:
                yield None
