"""A key by which trees that differ in spelling alone are the same: order of terms, of factors."""

from collections.abc import Hashable, Mapping
from typing import cast

from rewardd_verifiers.mathexpr.expand import rebuild
from rewardd_verifiers.mathexpr.tree import (
    Call,
    Constant,
    Group,
    Number,
    Operation,
    Relation,
    SetOperation,
    Symbol,
    Text,
    Tree,
    walk,
)

_INDEXED = frozenset({"sum", "prod"})
_DEEPEST = 4
"""Sums within each other whose indices are renamed: each takes a walk through all of its own."""

_MINUS_ONE = ("number", -1, 1)


def key(tree: Tree) -> Hashable:  # noqa: C901, PLR0911  one line a kind
    """Return a key; equal keys mean equal trees, different keys mean nothing."""
    match tree:
        case Number(value=value):
            return ("number", value.numerator, value.denominator)
        case Symbol(name=name):
            return ("symbol", name)
        case Constant(name=name):
            return ("constant", name)
        case Text(words=words):
            return ("text", words)
        case Operation(kind=kind, args=args):
            return _operation(kind, args)
        case Call(name="sum" | "prod", args=(Relation(sides=(Symbol(name=index), _)), _, _)):
            return _indexed(tree, index)
        case Call(name=name, args=args):
            return ("call", name, *(key(arg) for arg in args))
        case SetOperation(kind=kind, args=args):
            parts = [key(arg) for arg in args]
            return (kind, *parts) if kind == "difference" else _commuting(kind, parts)
        case Group(bracket=bracket, items=items):
            return ("group", bracket, *(key(item) for item in items))
        case Relation(signs=signs, sides=sides):
            return ("relation", signs, *(key(side) for side in sides))
        case _:
            return (type(tree).__name__, tree)


def _indexed(tree: Call, index: str) -> Hashable:
    """Return the key of a sum whatever its index is called, in subscripts too: `a_i`."""
    within = sum(isinstance(node, Call) and node.name in _INDEXED for node in walk(tree))
    if within > _DEEPEST:
        return ("call", tree.name, *(key(arg) for arg in tree.args))
    table = {index: f"index {within}"}
    for node in walk(tree):
        if isinstance(node, Symbol) and node.name.partition("_")[2] == index:
            table[node.name] = f"{node.name.partition('_')[0]}_index {within}"
    return ("call", tree.name, *(key(_renamed(arg, table)) for arg in tree.args))


def _renamed(tree: Tree, table: Mapping[str, str]) -> Tree:
    if isinstance(tree, Symbol):
        return Symbol(table.get(tree.name, tree.name))
    return rebuild(tree, lambda part: _renamed(part, table))


def _operation(kind: str, args: tuple[Tree, ...]) -> Hashable:
    parts = [key(arg) for arg in args]
    if kind == "negative":
        if isinstance(args[0], Number):
            return ("number", -args[0].value.numerator, args[0].value.denominator)
        return _commuting("product", [_MINUS_ONE, *parts])
    if kind in {"sum", "product"}:
        return _commuting(kind, parts)
    return (kind, *parts)


def _commuting(kind: str, parts: list[Hashable]) -> Hashable:
    flat: list[Hashable] = []
    for part in parts:
        if isinstance(part, tuple) and part and part[0] == kind:
            flat.extend(cast("tuple[Hashable, ...]", part)[1:])
        else:
            flat.append(cast("Hashable", part))
    return (kind, *sorted(flat, key=hash))
