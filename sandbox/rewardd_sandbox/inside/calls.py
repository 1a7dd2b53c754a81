"""Calls of a submission's function: arguments in, plain value out, both as `codec` has them."""

import importlib
from collections.abc import Callable
from typing import Any, cast

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


def prelude() -> dict[str, object]:
    """Return the names that programs written for the usual harnesses take for granted."""
    names: dict[str, object] = {}
    for module in map(importlib.import_module, _STARRED.split()):
        public = getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")])
        names |= {name: getattr(module, name) for name in public if hasattr(module, name)}
    names |= {name: importlib.import_module(name) for name in _MODULES.split()}
    return names


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
    try:
        result: object = function(*arguments, **keywords)
    except Exception as error:
        if not request.get("catch"):
            raise
        return orders.VALUE, encode({"raised": _builtin_name(error), "text": _text(error)})
    if request.get("result_of") is not None:
        result = arguments[request["result_of"]]
    if request.get("catch"):
        result = {"result": result, "args": arguments, "kwargs": keywords}
    try:
        return orders.VALUE, encode(result)
    except UnsupportedError as error:
        return orders.UNSUPPORTED, str(error).encode("utf-8", "replace")[:200] or b"?"


def _find(names: dict[str, object], entry: str, owner: str | None) -> Callable[..., object] | None:
    """Return the function, or the method of a fresh instance; None if there is none."""
    if owner is None:
        found = names.get(entry)
    else:
        kind = names.get(owner)
        found = getattr(kind(), entry, None) if callable(kind) else None
    return found if callable(found) else None


def _builtin_name(error: Exception) -> str:
    """Return the nearest builtin exception's name: only such can be raised again elsewhere."""
    for kind in type(error).__mro__:
        if kind.__module__ == "builtins":
            return kind.__name__
    return "Exception"


def _text(error: Exception) -> str:
    try:
        return str(error)[:1000]
    except Exception:  # noqa: BLE001  a program's own exception may not even print
        return ""
