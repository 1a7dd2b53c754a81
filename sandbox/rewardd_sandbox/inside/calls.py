"""Calls of a submission's function: arguments in, plain value out, both as `codec` has them."""

import importlib
import os
import struct
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, cast

from rewardd_sandbox.inside import orders
from rewardd_sandbox.inside.codec import UnsupportedError, decode, encode

_STARRED = """
typing collections itertools functools heapq bisect math string operator statistics datetime copy
random re json
"""
_MODULES = """
sys os io re math cmath time json copy heapq bisect queue array types typing string random operator
datetime decimal fractions statistics functools itertools collections threading dataclasses
"""

_USUAL_OWNER = "Solution"


class Caught:
    """Holds what a program raised: in here that is its answer, whatever it is.

    `only` narrows it; what else is raised goes on.
    """

    def __init__(self, only: type[BaseException] | tuple[()] = BaseException) -> None:
        self._only = only
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> bool:
        """Keep the error."""
        kept = isinstance(error, self._only)
        self.error = error if kept else None
        return kept


def prelude() -> dict[str, object]:
    """Return the names that programs written for the usual harnesses take for granted."""
    names: dict[str, object] = {}
    for module in map(importlib.import_module, _STARRED.split()):
        public = getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")])
        names |= {name: getattr(module, name) for name in public if hasattr(module, name)}
    names |= {name: importlib.import_module(name) for name in _MODULES.split()}
    return names


def ask(value: object) -> object:
    """Send a value out in the middle of a call, and return what comes back with the next test."""
    body = encode(value)
    frame = struct.pack(orders.REPORT, orders.VALUE, len(body)) + body
    while frame:
        frame = frame[os.write(orders.CONTROL, frame) :]
    if not os.read(orders.GO, struct.calcsize(orders.GO_FRAME)):
        os._exit(0)
    return decode(whole_input())


def whole_input() -> bytes:
    """Return the test's arguments, and leave standard input at its end."""
    return os.pread(0, os.lseek(0, 0, os.SEEK_END), 0)


def answer(names: dict[str, object], given: bytes) -> tuple[bytes, bytes]:
    """Call what `given` asks for and return a frame's kind and body.

    Raises:
        BaseException: whatever the function raises, unless `given` asks for its name.
    """
    request = cast("dict[str, Any]", decode(given))
    arguments: list[object] = request["args"]
    keywords: dict[str, object] = request.get("kwargs") or {}
    function = _find(names, request["entry"], request.get("class"))
    if function is None:
        return orders.NO_ENTRY, b""
    result: object = None
    with Caught(only=Exception if request.get("catch") else ()) as caught:
        result = function(*arguments, **keywords)
    if caught.error is not None:
        told = {"raised": _builtin_name(caught.error), "text": _text(caught.error)}
        return orders.VALUE, encode(told)
    if request.get("result_of") is not None:
        result = arguments[request["result_of"]]
    if request.get("catch"):
        result = {"result": result, "args": arguments, "kwargs": keywords}
    try:
        return orders.VALUE, encode(result)
    except UnsupportedError as error:
        return orders.UNSUPPORTED, str(error).encode("utf-8", "replace")[:200] or b"?"


def _find(names: dict[str, object], entry: str, owner: str | None) -> Callable[..., object] | None:
    """Return the function, or the method of a fresh instance; None if there is none.

    Where no class is named, the one that all collections of such tasks use is tried last.
    """
    found = names.get(entry) if owner is None else None
    kind = names.get(owner or _USUAL_OWNER)
    if not callable(found) and callable(kind):
        found = getattr(kind(), entry, None)
    return found if callable(found) else None


def _builtin_name(error: BaseException) -> str:
    """Return the nearest builtin exception's name: only such can be raised again elsewhere."""
    for kind in type(error).__mro__:
        if kind.__module__ == "builtins":
            return kind.__name__
    return "Exception"


def _text(error: BaseException) -> str:
    with Caught():
        return str(error)[:1000]
    return ""
