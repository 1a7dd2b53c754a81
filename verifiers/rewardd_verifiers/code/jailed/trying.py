"""Run test code beside stand-ins for the program that it is about."""

import ast
import builtins
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType

from rewardd_verifiers.code.jailed import pytest_like, running
from rewardd_verifiers.code.jailed.catching import Caught
from rewardd_verifiers.code.jailed.collection import Collection, collect
from rewardd_verifiers.code.jailed.exchange import Message, Value
from rewardd_verifiers.code.jailed.peer import (
    TESTS,
    GoneError,
    Peer,
    UnsendableError,
)

_SHOWN = 300
_HALTING = (GoneError, UnsendableError)


class Solution(ModuleType):
    """The module that stands for the program.

    Args:
        wanted: names that the test code uses and has from nowhere else.
    """

    def __init__(self, name: str, peer: Peer, wanted: set[str]) -> None:
        super().__init__(name)
        vars(self).update(_peer=peer, _wanted=wanted, __path__=[])

    def __getattr__(self, name: str) -> Value:
        peer = vars(self)["_peer"]
        if name == "__all__":
            return sorted(one for one in vars(self)["_wanted"] if peer.has(one))
        if name.startswith("__"):
            raise AttributeError(name)
        return peer.get(0, name)

    def __setattr__(self, name: str, value: Value) -> None:
        if name.startswith("__"):
            vars(self)[name] = value
        else:
            vars(self)["_peer"].put(0, name, value)


def run(
    ask: Callable[[Message], Message], offered: Value, source: str, modules: list[str], entry: str
) -> Message:
    """Run the tests, and tell what became of them."""
    peer = Peer(ask)
    trial = _Trial(peer, source, offered, modules, entry)
    with Caught() as caught:
        told = trial.run()
        return {**told, **_faults(peer)}
    return {**_broken(peer, caught.error), **_faults(peer)}


def _faults(peer: Peer) -> Message:
    return {
        "calls": peer.calls,
        "trouble": peer.trouble,
        "unsent": peer.unsent,
        "uncomparable": peer.uncomparable,
        "missing": peer.missing,
        "lacking": pytest_like.LackingError.told,
        "last": peer.last,
        "result": peer.result,
    }


def _broken(peer: Peer, error: BaseException | None) -> Message:
    """Tell of test code that ended before its tests."""
    text = f"{type(error).__name__}: {_text(error)}"[:_SHOWN]
    if isinstance(error, pytest_like.Skipped):
        return {"done": "skipped", "text": text}
    return {"done": "broke", "text": text, "asked": peer.calls > 0}


def _text(error: BaseException | None) -> str:
    with Caught(only=Exception):
        return str(error)
    return ""


class _Trial:
    def __init__(
        self, peer: Peer, source: str, offered: Value, modules: list[str], entry: str
    ) -> None:
        self._peer = peer
        self._source = source
        self._offered: Mapping[str, object] = offered
        self._modules = modules
        self._entry = entry

    def run(self) -> Message:
        code = compile(self._source, running.TEST_FILE, "exec", dont_inherit=True)
        names = self._names()
        module = ModuleType(TESTS)
        module.__dict__.update(names)
        sys.modules[TESTS] = module
        exec(code, module.__dict__)  # noqa: S102  what a jail is for
        collection = collect(module.__dict__, TESTS, ())
        return self._report(collection)

    def _names(self) -> dict[str, Value]:
        sys.modules["pytest"] = pytest_like.StandIn()
        free = free_names(self._source)
        wanted = {name for name in free if name == self._entry or not self._is_known(name)}
        for name in self._modules:
            sys.modules[name] = Solution(name, self._peer, wanted)
        imported = any(f"{name} import" in self._source for name in self._modules)
        names: dict[str, Value] = {"__builtins__": self._offered, "__file__": "test.py"}
        if not imported:
            names |= {n: self._peer.get(0, n) for n in sorted(wanted) if self._peer.has(n)}
        return names

    def _is_known(self, name: str) -> bool:
        return name in self._offered or hasattr(builtins, name) or name.startswith("__")

    def _report(self, collection: Collection) -> Message:
        contacts = _Contacts(self._peer)
        run = running.Run(self._source, {}, _HALTING, contacts.begin, contacts.none_since)
        report = run.all(collection)
        name, text = report.first
        return {
            "done": "ran",
            "collected": collection.count,
            "passed": report.passed,
            "failed": report.failed,
            "left_out": report.left_out + len(report.skipped),
            "ran": report.ran,
            "name": name,
            "text": text,
        }


class _Contacts:
    """Whether the program was asked anything since a test began."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._before = peer.calls

    def begin(self) -> None:
        self._before = self._peer.calls
        self._peer.test += 1

    def none_since(self, _: str) -> bool:
        return self._peer.calls == self._before


def free_names(source: str) -> set[str]:
    """Return the names that a module uses and binds nowhere, in no scope."""
    nodes = list(ast.walk(ast.parse(source)))
    loaded = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return loaded - {name for node in nodes for name in _bound(node)}


def _bound(node: ast.AST) -> Iterator[str]:
    named = getattr(node, "name", None)
    if isinstance(named, str) and not isinstance(node, ast.alias):
        yield named  # a function, a class, what is caught, what a pattern binds
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]
