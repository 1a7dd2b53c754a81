"""Split an assert into a call with plain arguments and a test of its result.

The call runs in the jail; the test runs here, on a plain value, so what is expected never enters.
What cannot be split is left to a checker jail; see `dialogue`.
"""

import ast
import builtins
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, cast

from rewardd_verifiers.code.values import show

_MOST_CRAFTED = 1000
_PLAIN_INTEGER = 1 << 53
_MOST_DENOMINATORS = 1 << 17
"""Bits of all denominators together, in a sum."""


def _as_set(items: Any = ()) -> set[object]:  # noqa: ANN401  any plain value
    """Return a set, refusing numbers whose hashes can be made to collide where they are many."""
    listed: list[object] = list(items)
    crafted = sum(not _tame(item) for item in listed)
    if crafted > _MOST_CRAFTED:
        raise ValueError("too many unusual items to make a set of")
    return set(listed)


def _as_sum(items: Any, *start: Any) -> Any:  # noqa: ANN401  any plain value
    """Return a sum, refusing fractions whose common denominator would grow without end."""
    listed: list[object] = list(items)
    digits = sum(i.denominator.bit_length() for i in listed if isinstance(i, Fraction))
    if digits > _MOST_DENOMINATORS:
        raise ValueError("too many long fractions to add up")
    return sum(cast("list[Any]", listed), *start)


def _tame(item: object) -> bool:
    if isinstance(item, int):
        return abs(item) < _PLAIN_INTEGER
    return isinstance(item, str | bytes | float) or item is None


_WRAPPERS: Mapping[str, Callable[..., object]] = {
    "set": _as_set, "sorted": sorted, "list": list, "tuple": tuple, "len": len, "str": str,
    "sum": _as_sum, "round": round, "abs": abs, "bool": bool, "int": int, "float": float,
    "frozenset": _as_set, "max": max, "min": min, "type": type,
}  # fmt: skip
_OPERATORS: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Is: lambda a, b: a is b,
    ast.IsNot: lambda a, b: a is not b,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}
_SINGLETONS = (ast.Is, ast.IsNot)
_ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], object]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
_LARGEST = 1 << 20
"""Sizes and numbers beyond which no arithmetic is done here."""


class UnsplittableError(Exception):
    """An assert that has to run as it is."""


@dataclass(frozen=True, slots=True)
class Split:
    """One call and a test of its result.

    Attributes:
        test: whether a result passes; never raises.
        expected: what was compared with, for people.
    """

    entry: str
    owner: str | None
    arguments: tuple[object, ...]
    keywords: Mapping[str, object]
    test: Callable[[object], bool]
    expected: str


@dataclass(slots=True)
class _Site:
    """The one call in an assert, once found."""

    entry: str
    calls: list[ast.Call] = field(default_factory=list[ast.Call])


def split(source: str, entry: str, owner: str | None = None) -> Split:
    """Return call and test of one assert on a call of `entry`.

    Raises:
        UnsplittableError: it is more than one call with literal arguments and a plain test.
    """
    condition = _condition(source)
    site = _Site(entry)
    evaluate = _compiled(condition, site)
    if len(site.calls) != 1:
        raise UnsplittableError(f"{len(site.calls)} calls of {entry}")
    call = site.calls[0]
    if any(keyword.arg is None for keyword in call.keywords):
        raise UnsplittableError("unpacked keywords")
    return Split(
        entry=entry,
        owner=owner,
        arguments=tuple(_literal(argument) for argument in call.args),
        keywords={str(keyword.arg): _literal(keyword.value) for keyword in call.keywords},
        test=lambda result: _holds(evaluate, result),
        expected=ast.unparse(condition)[:200],
    )


def entry_of(sources: Iterable[str], known: Iterable[str] = ()) -> str:
    """Return the function that asserts are about: the first called that Python does not know.

    `known` names what the set-up defines. Empty if there is none.
    """
    passed_over = {*known, *dir(builtins), "isclose"}
    nodes = [node for source in sources for node in ast.walk(_parsed(source))]
    passed_over |= {name for node in nodes for name in _bound(node)}
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    named = [node.func for node in calls]
    # Else it is handed to a function of the test code's own.
    named += [argument for node in calls for argument in node.args]
    names = (node.id for node in named if isinstance(node, ast.Name))
    return next((name for name in names if name not in passed_over), "")


def _bound(node: ast.AST) -> Iterable[str]:
    """Return the names that a piece of source binds itself."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return (node.name,)
    if isinstance(node, ast.arg):
        return (node.arg,)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return (node.id,)
    if isinstance(node, ast.alias):
        return ((node.asname or node.name).partition(".")[0],)
    return ()


def parses(source: str) -> bool:
    """Whether this is Python."""
    return bool(_parsed(source).body)


def defined(source: str) -> set[str]:
    """Return the names that a set-up defines at its top."""
    names: set[str] = set()
    for node in _parsed(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    return names


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _condition(source: str) -> ast.expr:
    body = _parsed(source).body
    if len(body) != 1 or not isinstance(body[0], ast.Assert):
        raise UnsplittableError("more than one assert")
    return body[0].test


Evaluate = Callable[[object], Any]


def _holds(evaluate: Evaluate, result: object) -> bool:
    """Run a test on a plain value; what it raises means that it does not hold."""
    try:
        return bool(evaluate(result))
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError):
        return False


def _compiled(node: ast.expr, site: _Site) -> Evaluate:
    """Return a function from the call's result to the expression's value."""
    for kinds, make in _EXPRESSIONS:
        if isinstance(node, kinds):
            return make(node, site)
    value = _literal(node)
    return lambda _: value


def _call(node: ast.Call, site: _Site) -> Evaluate:
    name = _dotted(node.func)
    if name in (site.entry, f"Solution().{site.entry}", f"candidate.{site.entry}"):
        site.calls.append(node)
        return lambda result: result
    if name in ("math.isclose", "isclose"):
        return _is_close(node, site)
    function = _WRAPPERS.get(name)
    if function is None or node.keywords:
        raise UnsplittableError(f"a call of {name or 'something'}")
    arguments = [_compiled(argument, site) for argument in node.args]
    return lambda result: function(*(argument(result) for argument in arguments))


def _is_close(node: ast.Call, site: _Site) -> Evaluate:
    arguments = [_compiled(argument, site) for argument in node.args]
    keywords = {str(k.arg): cast(float, _literal(k.value)) for k in node.keywords}
    return lambda result: math.isclose(*(a(result) for a in arguments), **keywords)


def _comparison(node: ast.Compare, site: _Site) -> Evaluate:
    if len(node.ops) != 1:
        raise UnsplittableError("a chain of comparisons")
    operator = _OPERATORS[type(node.ops[0])]
    left, right = _compiled(node.left, site), _compiled(node.comparators[0], site)
    if isinstance(node.ops[0], _SINGLETONS) and not isinstance(node.comparators[0], ast.Constant):
        raise UnsplittableError("identity with what is no singleton")
    return lambda result: operator(left(result), right(result))


def _not(node: ast.UnaryOp, site: _Site) -> Evaluate:
    operand = _compiled(node.operand, site)
    if isinstance(node.op, ast.Not):
        return lambda result: not operand(result)
    if isinstance(node.op, ast.USub):
        return lambda result: -operand(result)
    raise UnsplittableError("an operator")


def _boolean(node: ast.BoolOp, site: _Site) -> Evaluate:
    parts = [_compiled(value, site) for value in node.values]
    join = all if isinstance(node.op, ast.And) else any
    return lambda result: join(part(result) for part in parts)


def _arithmetic(node: ast.BinOp, site: _Site) -> Evaluate:
    operator = _ARITHMETIC.get(type(node.op))
    if operator is None:
        raise UnsplittableError("an operator")
    left, right = _compiled(node.left, site), _compiled(node.right, site)
    return lambda result: operator(_modest(left(result)), _modest(right(result)))


def _modest(value: object) -> object:
    """Refuse operands that would make arithmetic here expensive."""
    if isinstance(value, int) and abs(value) > _LARGEST**4:
        raise ValueError("too large")
    if isinstance(value, str | bytes | list | tuple):
        raise TypeError("no number")
    return value


def _subscript(node: ast.Subscript, site: _Site) -> Evaluate:
    if isinstance(node.slice, ast.Slice):
        raise UnsplittableError("a slice")
    value, index = _compiled(node.value, site), _compiled(node.slice, site)
    return lambda result: value(result)[index(result)]


_EXPRESSIONS: Sequence[tuple[type[ast.expr], Callable[[Any, _Site], Evaluate]]] = (
    (ast.Call, _call),
    (ast.Compare, _comparison),
    (ast.UnaryOp, _not),
    (ast.BoolOp, _boolean),
    (ast.BinOp, _arithmetic),
    (ast.Subscript, _subscript),
)


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f"{node.value.id}.{node.attr}"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call):
        return f"{_dotted(node.value.func)}().{node.attr}"
    return ""


def _literal(node: ast.expr) -> object:
    try:
        return cast(object, ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise UnsplittableError(f"no literal: {show(ast.dump(node))}") from error
