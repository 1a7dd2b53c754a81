"""Fixtures of pytest's kind: made when a test names them, undone when it is over."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from rewardd_verifiers.code.jailed.exchange import Value, kind_of
from rewardd_verifiers.code.jailed.pytest_like import Fixture, LackingError, ParameterSet

Finalizer = Callable[[], object]
_LASTING = ("class", "module", "package", "session")


@dataclass
class Undoing:
    """What has to be undone, the last first."""

    steps: list[Finalizer] = field(default_factory=list[Finalizer])

    def run(self) -> None:
        """Undo it all; the first problem is raised when everything was tried."""
        problems: list[Exception] = []
        while self.steps:
            step = self.steps.pop()
            try:
                step()
            except (AssertionError, ArithmeticError, LookupError, TypeError, ValueError) as error:
                problems.append(error)
        if problems:
            raise problems[0]


@dataclass
class Lasting:
    """Fixtures that live longer than a test."""

    values: dict[object, Value] = field(default_factory=dict[object, Value])
    undoing: Undoing = field(default_factory=Undoing)


@dataclass
class Making:
    """What one test's fixtures are made of.

    Attributes:
        known: all fixtures by name.
        given: what parameters say already.
        chosen: which parameter each parametrised fixture takes, with its place in the list.
        instance: the test's own object, whose class may define fixtures.
    """

    known: Mapping[str, Fixture]
    offered: Mapping[str, Callable[[Undoing], Value]]
    lasting: Lasting
    given: dict[str, Value]
    chosen: Mapping[str, tuple[int, Value]]
    instance: Value = None
    undoing: Undoing = field(default_factory=Undoing)
    _making: list[str] = field(default_factory=list[str])

    def value(self, name: str) -> Value:
        """Return a fixture's value.

        Raises:
            LackingError: there is no such fixture.
        """
        if name not in self.given:
            if name in self._making and name not in self.known:
                raise LackingError(f"fixture {name!r} asks for itself")
            self._making.append(name)
            self.given[name] = self._made(name)
        return self.given[name]

    def _made(self, name: str) -> Value:
        found = self.known.get(name)
        if found is None:
            if name not in self.offered:
                raise LackingError(f"fixture {name!r} is not offered")
            return self.offered[name](self.undoing)
        scope = found.settings.get("scope", "function")
        if scope not in _LASTING:
            return self._run(found, self.undoing)
        owner = kind_of(self.instance) if scope == "class" else None
        key = (name, self.chosen.get(name, (0, None))[0], owner)
        if key not in self.lasting.values:
            self.lasting.values[key] = self._run(found, self.lasting.undoing)
        return self.lasting.values[key]

    def _run(self, found: Fixture, undoing: Undoing) -> Value:
        function = found.function
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise LackingError(f"fixture {found.name!r} is asynchronous")
        if self.instance is not None and _is_method(function):
            function = function.__get__(self.instance)
        arguments: dict[str, Value] = {}
        for name in arguments_of(function):
            if name == "request":
                arguments[name] = Request(self, undoing, self.chosen.get(found.name, (0, None))[1])
            else:
                arguments[name] = self.value(name)
        made = function(**arguments)
        if not inspect.isgenerator(made):
            return made
        value = next(made)
        undoing.steps.append(lambda: next(made, None))
        return value


class Request:
    """What a fixture may ask of the test that asked for it.

    Attributes:
        param: the parameter that the fixture takes this time.
    """

    def __init__(self, making: Making, undoing: Undoing, param: Value) -> None:
        self._making = making
        self._undoing = undoing
        self.param = param
        self.instance = making.instance

    def addfinalizer(self, finalizer: Finalizer) -> None:
        """Have something done when the fixture is undone."""
        self._undoing.steps.append(finalizer)

    def getfixturevalue(self, name: str) -> Value:
        """Return another fixture's value."""
        return self._making.value(name)

    def __getattr__(self, name: str) -> Value:
        if name.startswith("__"):
            raise AttributeError(name)
        raise LackingError(f"request.{name} is not offered")


def _is_method(function: Callable[..., Any]) -> bool:
    return "." in function.__qualname__ and next(iter(_parameters(function)), "") == "self"


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def arguments_of(function: Callable[..., Any]) -> list[str]:
    """Return the names that a test or a fixture asks for."""
    return [
        name
        for name, parameter in _parameters(function).items()
        if parameter.default is inspect.Parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and name != "self"
    ]


def closure(names: list[str], known: Mapping[str, Fixture]) -> list[str]:
    """Return all fixtures that some names need, in the order in which they are asked for."""
    found: list[str] = []
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name in found:
            continue
        found.append(name)
        if name in known:
            waiting += arguments_of(known[name].function)
    return found


def choices(
    names: list[str], known: Mapping[str, Fixture], given: Mapping[str, Value]
) -> Iterator[dict[str, tuple[int, Value]]]:
    """Return every choice of parameters for the fixtures that have some."""
    several = [
        n for n in names if n in known and n not in given and known[n].settings.get("params")
    ]
    lists = [list(enumerate(map(_bare, known[name].settings["params"]))) for name in several]
    for combination in product(*lists):
        yield dict(zip(several, combination, strict=True))


def _bare(value: Value) -> Value:
    if not isinstance(value, ParameterSet):
        return value
    if value.marks:
        raise LackingError("marks on a fixture's parameters are not offered")
    return value.values[0]
