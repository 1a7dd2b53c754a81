"""The program that proves differences zero with SymPy: `python -m` this, by `prover` alone.

Nothing is parsed: SymPy's objects are made from our trees, by constructors from a closed table. It
reads length-prefixed JSON and answers in kind, and the kernel ends it when a proof takes too long.
"""

import ctypes
import json
import math
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO, Protocol, cast

import sympy

_HEAD = struct.Struct(">I")
_MAX_BYTES = 512 * 1024 * 1024
_CPU_SECONDS = 2
"""Of one proof, as the kernel counts whole seconds; beyond, its signal ends the process."""

_SET_DEATH_SIGNAL = 1
_MAX_POWER = 64
"""Whole exponents above are not built: SymPy would write them out."""


class UnbuildableError(Exception):
    """A tree holds something that has no constructor here."""


class _Made(Protocol):
    """What we take of a SymPy expression."""

    is_Integer: bool  # noqa: N815  SymPy's name

    def __sub__(self, other: "_Made", /) -> "_Made": ...
    def __int__(self) -> int: ...
    def has(self, *kinds: object) -> bool: ...
    def doit(self) -> "_Made": ...


def _maker(name: str) -> Callable[..., _Made]:
    return cast("Callable[..., _Made]", getattr(sympy, name))


def _constant(name: str) -> _Made:
    return cast("_Made", getattr(sympy, name))


_ADD, _MUL, _POW, _RATIONAL = (_maker(name) for name in ("Add", "Mul", "Pow", "Rational"))
_SYMBOL, _SIMPLIFY = _maker("Symbol"), _maker("simplify")
_PI, _INFINITY = _constant("pi"), _constant("oo")
_CONSTANTS = {"pi": _PI, "e": _constant("E"), "i": _constant("I")}
_NAMES = {
    **{name: name for name in ("sin", "cos", "tan", "cot", "sec", "csc", "exp", "sinh", "cosh")},
    **{name: name for name in ("tanh", "coth", "sech", "csch", "floor", "sign", "binomial")},
    "ceil": "ceiling",
    "ln": "log",
    "abs": "Abs",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "sqrt": "sqrt",
}
_FUNCTIONS = {(name, 2 if name == "binomial" else 1): _maker(own) for name, own in _NAMES.items()}
_FUNCTIONS["max", 2], _FUNCTIONS["min", 2] = _maker("Max"), _maker("Min")
_INDEXED = {"sum": _maker("Sum"), "prod": _maker("Product")}
_UNDEFINED = tuple(getattr(sympy, name) for name in ("nan", "zoo", "oo"))

Node = Sequence[object]
"""A tree as JSON: a kind, then its parts."""


class _Builder:
    """Makes expressions; names are real unless an imaginary unit is about."""

    def __init__(self, integers: Sequence[str], *, real: bool) -> None:
        self._integers = frozenset(integers)
        self._real = real or None

    def build(self, node: Node) -> _Made:
        """Return the expression of a tree.

        Raises:
            UnbuildableError: there is none.
        """
        kind, parts = str(node[0]), node[1:]
        rule = _RULES.get(kind)
        if rule is None:
            raise UnbuildableError(kind)
        return rule(self, parts)

    def number(self, parts: Node) -> _Made:
        """Make a rational from two hexadecimal numbers."""
        return _RATIONAL(int(str(parts[0]), 16), int(str(parts[1]), 16))

    def symbol(self, parts: Node) -> _Made:
        """Make a name."""
        name = str(parts[0])
        if name in self._integers:
            return _SYMBOL(name, integer=True)
        return _SYMBOL(name, real=self._real)

    def constant(self, parts: Node) -> _Made:
        """Return pi, e or i."""
        found = _CONSTANTS.get(str(parts[0]))
        if found is None:
            raise UnbuildableError(str(parts[0]))
        return found

    def operation(self, parts: Node) -> _Made:
        """Make arithmetic."""
        kind = str(parts[0])
        args = [self.build(cast("Node", part)) for part in parts[1:]]
        rule = _OPERATIONS.get(kind)
        if rule is None:
            raise UnbuildableError(kind)
        return rule(*args)

    def call(self, parts: Node) -> _Made:
        """Apply a known function; a name without meaning has no constructor here."""
        name, *given = parts
        args = [self.build(cast("Node", part)) for part in given]
        rule = _FUNCTIONS.get((str(name), len(args)))
        if rule is None:
            raise UnbuildableError(str(name))
        return rule(*args)

    def indexed(self, parts: Node) -> _Made:
        """Make a sum or product over whole numbers, without writing it out."""
        kind, name, low, high, body = parts
        inner = _Builder([*self._integers, str(name)], real=bool(self._real))
        ends = (self._end(cast("Node", low)), self._end(cast("Node", high)))
        index = inner.symbol([name])
        return _INDEXED[str(kind)](inner.build(cast("Node", body)), (index, *ends))

    def _end(self, node: Node) -> _Made:
        return _INFINITY if list(node) == ["constant", "infinity"] else self.build(node)


def _power(base: _Made, exponent: _Made) -> _Made:
    if exponent.is_Integer and abs(int(exponent)) > _MAX_POWER:
        raise UnbuildableError("a large power")
    return _POW(base, exponent)


def _root(radicand: _Made, degree: _Made) -> _Made:
    if not degree.is_Integer or int(degree) != 2:  # noqa: PLR2004  odd roots are real with us, not there
        raise UnbuildableError("a root that is no square root")
    return _POW(radicand, _RATIONAL(1, 2))


def _negative(value: _Made) -> _Made:
    return _MUL(_RATIONAL(-1), value)


def _quotient(top: _Made, bottom: _Made) -> _Made:
    return _MUL(top, _POW(bottom, _RATIONAL(-1)))


def _percent(value: _Made) -> _Made:
    return _MUL(value, _RATIONAL(1, 100))


def _degrees(value: _Made) -> _Made:
    return _MUL(value, _PI, _RATIONAL(1, 180))


_OPERATIONS: Mapping[str, Callable[..., _Made]] = {
    "sum": _ADD,
    "product": _MUL,
    "negative": _negative,
    "quotient": _quotient,
    "power": _power,
    "root": _root,
    "factorial": _maker("factorial"),
    "percent": _percent,
    "degrees": _degrees,
}
_RULES: Mapping[str, Callable[[_Builder, Node], _Made]] = {
    "number": _Builder.number,
    "symbol": _Builder.symbol,
    "constant": _Builder.constant,
    "operation": _Builder.operation,
    "call": _Builder.call,
    "indexed": _Builder.indexed,
}


def prove(left: Node, right: Node, *, integers: Sequence[str], real: bool) -> bool:
    """Return whether the difference of two trees simplifies to zero; False proves nothing."""
    builder = _Builder(integers, real=real)
    try:
        first, second = builder.build(left).doit(), builder.build(right).doit()
    except (UnbuildableError, ValueError, TypeError, NotImplementedError):
        return False
    if first.has(*_UNDEFINED) or second.has(*_UNDEFINED):
        return False
    try:
        return _SIMPLIFY(first - second) == _RATIONAL(0)
    except (ValueError, TypeError, AttributeError, NotImplementedError, RecursionError):
        return False


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer questions until there are no more."""
    while len(head := source.read(_HEAD.size)) == _HEAD.size:
        asked = json.loads(source.read(_HEAD.unpack(head)[0]))
        _limit_work()
        proved = prove(
            asked["left"], asked["right"], integers=asked["integers"], real=asked["real"]
        )
        reply = json.dumps({"proved": proved}).encode()
        target.write(_HEAD.pack(len(reply)) + reply)
        target.flush()


def _limit_work() -> None:
    used = math.floor(time.process_time())
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    bound = used + _CPU_SECONDS
    soft = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def main(arguments: Sequence[str]) -> None:
    """Set the limits, then serve; with `tied` the process dies with the thread that started it."""
    if "tied" in arguments:
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    for kind, limit in ((resource.RLIMIT_AS, _MAX_BYTES), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (bound, bound))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main(sys.argv[1:])
