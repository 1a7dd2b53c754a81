"""Fixtures that pytest brings along and that need the program in the tests' process."""

import importlib
import io
import os
import sys
import tempfile
from collections import namedtuple
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rewardd_verifiers.code.jailed.exchange import Value
from rewardd_verifiers.code.jailed.fixtures import Undoing
from rewardd_verifiers.code.jailed.pytest_like import LackingError

_MISSING = object()
_Captured: Callable[..., Any] = namedtuple("CaptureResult", "out err")  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]  texts, as pytest's


class _Capture:
    """Standard streams, taken over."""

    def __init__(self, undoing: Undoing) -> None:
        before = sys.stdout, sys.stderr
        self._streams = io.StringIO(), io.StringIO()
        sys.stdout, sys.stderr = self._streams

        def undo() -> None:
            sys.stdout, sys.stderr = before

        undoing.steps.append(undo)

    def readouterr(self) -> Any:  # noqa: ANN401  a named tuple
        """Return what was written since the last time."""
        texts = [stream.getvalue() for stream in self._streams]
        for stream in self._streams:
            stream.seek(0)
            stream.truncate()
        return _Captured(*texts)


class _MonkeyPatch:
    """Changes that are undone after the test."""

    def __init__(self, undoing: Undoing) -> None:
        self._undoing = undoing

    def setattr(
        self, target: Value, name: Value, value: Value = _MISSING, *, raising: bool = True
    ) -> None:
        """Set an attribute of an object, or of what a dotted name means."""
        if value is _MISSING:
            path, _, attribute = str(target).rpartition(".")
            target, name, value = _imported(path), attribute, name
        before = getattr(target, name, _MISSING)
        if before is _MISSING and raising:
            raise AttributeError(f"{target!r} has no attribute {name!r}")
        own: Mapping[str, Value] = getattr(target, "__dict__", {})
        held = own.get(name, before)
        setattr(target, name, value)
        self._undoing.steps.append(lambda: _put(target, name, held))

    def delattr(self, target: Value, name: str, *, raising: bool = True) -> None:
        """Take an attribute away."""
        if raising or hasattr(target, name):
            before = getattr(target, name)
            delattr(target, name)
            self._undoing.steps.append(lambda: _put(target, name, before))

    def setitem(self, mapping: Value, key: Value, value: Value) -> None:
        """Set an item."""
        before = mapping.get(key, _MISSING)
        mapping[key] = value
        self._undoing.steps.append(lambda: _put_item(mapping, key, before))

    def delitem(self, mapping: Value, key: Value, *, raising: bool = True) -> None:
        """Take an item away."""
        before = mapping[key] if raising else mapping.get(key, _MISSING)
        mapping.pop(key, None)
        self._undoing.steps.append(lambda: _put_item(mapping, key, before))

    def setenv(self, name: str, value: str, prepend: str | None = None) -> None:
        """Set a variable of the environment."""
        held = os.environ.get(name)  # noqa: TID251  the jail's own
        whole = str(value) if prepend is None or held is None else f"{value}{prepend}{held}"
        self.setitem(os.environ, name, whole)  # noqa: TID251  the same

    def delenv(self, name: str, *, raising: bool = True) -> None:
        """Take a variable of the environment away."""
        self.delitem(os.environ, name, raising=raising)  # noqa: TID251  the same

    def chdir(self, path: Value) -> None:
        """Change to another directory."""
        before = Path.cwd()
        os.chdir(path)
        self._undoing.steps.append(lambda: os.chdir(before))

    def syspath_prepend(self, path: Value) -> None:
        """Look for modules there first."""
        sys.path.insert(0, str(path))
        self._undoing.steps.append(lambda: sys.path.remove(str(path)))

    def __getattr__(self, name: str) -> Value:
        raise LackingError(f"monkeypatch.{name} is not offered")


def _imported(path: str) -> Value:
    """Return what a dotted name means."""
    names = path.split(".")
    found = importlib.import_module(names[0])
    for number, name in enumerate(names[1:], 2):
        if not hasattr(found, name):
            importlib.import_module(".".join(names[:number]))
        found = getattr(found, name)
    return found


def _put(target: Value, name: str, value: Value) -> None:
    if value is _MISSING:
        delattr(target, name)
    else:
        setattr(target, name, value)


def _put_item(mapping: Value, key: Value, value: Value) -> None:
    if value is _MISSING:
        mapping.pop(key, None)
    else:
        mapping[key] = value


def _temporary(_: Undoing) -> Path:
    return Path(tempfile.mkdtemp(dir="."))


FIXTURES: Mapping[str, Callable[[Undoing], Value]] = {
    "capsys": _Capture,
    "monkeypatch": _MonkeyPatch,
    "tmp_path": lambda undoing: _temporary(undoing).resolve(),
}
