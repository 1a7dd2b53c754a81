"""Finds results that equal whatever they are compared with, before test code compares them."""

import ast
import random
from collections.abc import Iterator

from rewardd_verifiers.code.jailed.catching import Caught
from rewardd_verifiers.code.jailed.exchange import Value, is_a, kind_of

NAME = "__plainly__"
_PLAIN = frozenset(
    {type(None), bool, int, float, complex, str, bytes, bytearray, range, type, type(len)}
)
_ITEMS = frozenset({list, tuple, set, frozenset})
_DEPTH = 4
_LISTED = 2000


class CheatError(AssertionError):
    """A result that equals everything."""


def plainly(value: Value) -> Value:
    """Return a value.

    Raises:
        CheatError: it, or what it holds, equals what it cannot be.
    """
    for held in _within(value, _DEPTH):
        if _equals_anything(held):
            raise CheatError(f"an object of type {kind_of(held).__name__} equals everything")
    return value


def _within(value: Value, depth: int) -> Iterator[Value]:
    """Return what is no plain value in a value."""
    kind = kind_of(value)
    if kind in _PLAIN or depth == 0:
        return
    if kind in _ITEMS:
        for item in list(value)[:_LISTED]:
            yield from _within(item, depth - 1)
    elif kind is dict:
        for item in list(value.values())[:_LISTED]:
            yield from _within(item, depth - 1)
    else:
        yield value


def _equals_anything(value: Value) -> bool:
    number = random.getrandbits(60)
    text = f"{number:x}"
    probes: list[Value] = [object(), number, text, number / 7, [text], (text,), {text: 0}, {text}]
    equal: list[bool] = []
    for probe in probes:
        with Caught(only=Exception):
            equal.append(is_a(value == probe, bool) and bool(value == probe))
            equal.append(is_a(value != probe, bool) and not value != probe)  # noqa: SIM202  its own word on both
    return any(equal)


class Watching(ast.NodeTransformer):
    """Puts `plainly` around what test code compares."""

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """Wrap both sides."""
        self.generic_visit(node)
        node.left = _wrapped(node.left)
        node.comparators = [_wrapped(one) for one in node.comparators]
        return node


def _wrapped(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Constant):
        return node
    function = ast.copy_location(ast.Name(NAME, ast.Load()), node)
    return ast.copy_location(ast.Call(function, [node], []), node)


def watched(source: str, file: str) -> ast.Module:
    """Return test code whose comparisons look at what they are given."""
    return ast.fix_missing_locations(Watching().visit(ast.parse(source, file)))
