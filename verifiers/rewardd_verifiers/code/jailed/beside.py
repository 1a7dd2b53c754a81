"""Run test code in one process with the program that it is about, or collect it without one."""

import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

from rewardd_verifiers.code.jailed import plainness, pytest_like, running
from rewardd_verifiers.code.jailed.collection import Collection, collect
from rewardd_verifiers.code.jailed.exchange import Value, is_a
from rewardd_verifiers.code.jailed.offered import FIXTURES

_TESTS = "tests"
_NAMES = ("solution", "main", "submission")
_SKIPS = ("skip", "Skip")


def run(source: str, own: ModuleType, skips: list[str], offered: Value) -> dict[str, Value]:
    """Run the tests; those of the names in `skips` may leave themselves out."""
    held = {n: v for n, v in vars(own).items() if not n.startswith("__")}
    collection = _collected(source, held, offered)
    report = _run(source, collection, skips.__contains__)
    name, text = report.first
    return {
        "ran": report.ran,
        "failed": report.failed,
        "passed": report.passed,
        "name": name,
        "text": text,
    }


def survey(source: str, entry: str, offered: Value) -> dict[str, Value]:
    """Count the tests where the program is not, and find those that leave themselves out."""
    for name in _NAMES:
        sys.modules[name] = _Stub(name)
    names: dict[str, Value] = {entry: _nothing} if entry else {}
    collection = _collected(source, names, offered)
    told: dict[str, Value] = {"count": collection.count, "skips": []}
    if any(word in source for word in _SKIPS):
        allowed: list[str] = []
        _run(source, collection, lambda name: allowed.append(name) is None)
        told["skips"] = allowed
    return told


def _collected(source: str, names: dict[str, Value], offered: Value) -> Collection:
    sys.modules["pytest"] = pytest_like.StandIn()
    tree = plainness.watched(source, running.TEST_FILE)
    module = ModuleType(_TESTS)
    mine = {"__builtins__": dict(offered), plainness.NAME: plainness.plainly}
    module.__dict__.update({**names, **mine, "__file__": "test.py"})
    sys.modules[_TESTS] = module
    before = dict(module.__dict__)
    exec(compile(tree, running.TEST_FILE, "exec", dont_inherit=True), module.__dict__)  # noqa: S102  what a jail is for
    added = {n: v for n, v in vars(module).items() if n not in before or before[n] is not v}
    for found in added.values():
        _seal(found)
    return collect(added, _TESTS, FIXTURES)


def _run(source: str, collection: Collection, allowed: Callable[[str], bool]) -> running.Report:
    return running.Run(source, FIXTURES, (), _begins, allowed).all(collection)


def _begins() -> None:
    """Nobody keeps count of tests here."""


def _seal(found: Value) -> None:
    """Give test cases assertions of their own, which look at what they are given."""
    framework: Value = sys.modules.get("unittest")
    if framework is None or not is_a(found, type) or found.__module__ != _TESTS:
        return
    if not issubclass(found, framework.TestCase):
        return
    space = {**vars(sys.modules["unittest.case"])}
    for name, value in list(framework.TestCase.__dict__.items()):
        inherited = next(k for k in found.__mro__ if name in vars(k))
        if is_a(value, FunctionType) and inherited is framework.TestCase:
            setattr(found, name, _sealed(name, value, space))


def _sealed(name: str, value: FunctionType, space: dict[str, Value]) -> Callable[..., Any]:
    copy = FunctionType(value.__code__, space, name, value.__defaults__, value.__closure__)
    copy.__kwdefaults__ = value.__kwdefaults__
    if not name.startswith("assert"):
        return copy

    def checked(*args: Value, **kwargs: Value) -> Value:
        for one in args[1:]:
            if not isinstance(one, type):
                plainness.plainly(one)
        return copy(*args, **kwargs)

    checked.__name__ = name
    return checked


class _Stub(ModuleType):
    def __getattr__(self, name: str) -> Value:
        if name.startswith("__"):
            raise AttributeError(name)
        return _nothing


def _nothing(*_: Value, **__: Value) -> None:
    """Stand for a function of the program's."""
