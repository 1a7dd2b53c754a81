"""Read fields of a reference that came as JSON: typed, or refused with what stood there."""

import ast
import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

_SHOWN = 80


class ShapeError(ValueError):
    """A reference that fits no shape; the message says what was wrong with it."""


def mapping(value: object, name: str) -> Mapping[str, Any]:
    """Return an object."""
    if not isinstance(value, Mapping):
        raise ShapeError(f"{name} is no object: {_show(value)}")
    return cast("Mapping[str, Any]", value)


def sequence(value: object, name: str) -> Sequence[Any]:
    """Return a list."""
    if not isinstance(value, list | tuple):
        raise ShapeError(f"{name} is no list: {_show(value)}")
    return cast("Sequence[Any]", value)


def text(value: object, name: str) -> str:
    """Return text."""
    if not isinstance(value, str):
        raise ShapeError(f"{name} is no text: {_show(value)}")
    return value


def number(value: object, name: str) -> float:
    """Return a number that is at least 0; a duration may be {seconds, nanos}."""
    if isinstance(value, Mapping):
        parts = cast("Mapping[str, Any]", value)
        return number(parts.get("seconds") or 0, name) + number(parts.get("nanos") or 0, name) / 1e9
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:  # noqa: PLR2004  beyond every unit
        raise ShapeError(f"{name} is no number: {_show(value)}")
    return float(value)


def decoded(value: object) -> object:
    """Return what JSON text holds; other values as they are.

    Raises:
        ShapeError: text that is no JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return cast(object, json.loads(value))
    except (ValueError, RecursionError) as error:
        raise ShapeError(f"no JSON: {_show(value)} ({str(error)[:_SHOWN]})") from error


def literal(source: object) -> object:
    """Return the value of a Python literal.

    Raises:
        ShapeError: it is none.
    """
    try:
        return cast(object, ast.literal_eval(text(source, "a Python literal").strip()))
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError) as error:
        raise ShapeError(f"no Python literal: {_show(source)}") from error


def stdio(value: object, name: str) -> bytes:
    """Return what is fed or expected: text, or a list of its lines."""
    if isinstance(value, list | tuple):
        return b"\n".join(_line(line, name) for line in cast("Sequence[object]", value))
    return _line(value, name)


def _line(value: object, name: str) -> bytes:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value).encode()
    return _encoded(text(value, name))


def file(value: object, name: str) -> bytes:
    """Return a file's content: text, or {"base64": ...}."""
    if isinstance(value, Mapping):
        packed = cast("Mapping[str, object]", value).get("base64")
        try:
            return base64.b64decode(text(packed, name), validate=True)
        except binascii.Error as error:
            raise ShapeError(f"{name} is no base64: {_show(packed)}") from error
    return _encoded(text(value, name))


def _encoded(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _show(value: object) -> str:
    shown = repr(value)[:_SHOWN]
    return shown if value is not None else "nothing"
