"""Finds the tests that test code defines, as pytest and unittest would."""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import FunctionType
from typing import Any

from rewardd_verifiers.code.jailed.exchange import Value, is_a
from rewardd_verifiers.code.jailed.fixtures import arguments_of, choices, closure
from rewardd_verifiers.code.jailed.pytest_like import (
    Fixture,
    LackingError,
    Mark,
    ParameterSet,
    as_mark,
)


@dataclass(frozen=True)
class Item:
    """One test.

    Attributes:
        owner: the class whose method it is.
        arguments: fixtures that it names, and fixtures that are used unasked.
        given: arguments that a parameter gives; `chosen`: which parameter a fixture takes.
        suite: tests of unittest's, in place of a function.
    """

    name: str
    function: Callable[..., Any]
    owner: type | None
    marks: tuple[Mark, ...]
    arguments: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
    given: Mapping[str, Value] = field(default_factory=dict[str, Any])
    chosen: Mapping[str, tuple[int, Value]] = field(default_factory=dict[str, Any])
    suite: Value = None

    @property
    def count(self) -> int:
        """How many tests these are."""
        return 1 if self.suite is None else self.suite.countTestCases()


@dataclass(frozen=True)
class Collection:
    """All tests of one piece of test code, and its fixtures; those of a class by its name too."""

    items: list[Item]
    fixtures: Mapping[str, Fixture]
    names: Mapping[str, Value]

    @property
    def count(self) -> int:
        """How many tests there are."""
        return sum(item.count for item in self.items)


def collect(names: Mapping[str, Value], module: str, offered: Iterable[str]) -> Collection:
    """Return the tests among the names of a module; `offered` names further fixtures.

    Raises:
        LackingError: they ask for what is not offered.
    """
    fixtures = {found.name: found for found in names.values() if is_a(found, Fixture)}
    marks = tuple(map(as_mark, _listed(names.get("pytestmark", ()))))
    items: list[Item] = []
    for name, found in list(names.items()):
        if is_a(found, FunctionType) and name.startswith("test"):
            items += _expanded(Item(name, found, None, marks), fixtures)
        elif is_a(found, type) and found.__module__ == module:
            items += _of_class(name, found, fixtures, marks)
    for item in items:
        _check(item, {**fixtures, **own_fixtures(item.owner)}, {*offered, "request"})
    return Collection(items, fixtures, names)


def _check(item: Item, known: Mapping[str, Fixture], offered: set[str]) -> None:
    """Refuse a test that names a fixture which nobody has."""
    asked = [name for name in (*item.unasked, *item.arguments) if name not in item.given]
    unknown = [name for name in closure(asked, known) if name not in known]
    missing = next((name for name in unknown if name not in offered), None)
    if missing is not None:
        raise LackingError(f"fixture {missing!r} is not offered")


def _of_class(
    name: str, found: type, fixtures: Mapping[str, Fixture], marks: tuple[Mark, ...]
) -> Iterator[Item]:
    framework = sys.modules.get("unittest")
    own_marks = (*marks, *_marks(found))
    if framework is not None and issubclass(found, framework.TestCase):
        suite = framework.TestLoader().loadTestsFromTestCase(found)
        yield Item(name, found, found, own_marks, suite=suite)
        return
    if not name.startswith("Test") or getattr(found, "__test__", True) is False:
        return
    if "__init__" in vars(found):
        raise LackingError(f"class {name} has tests, but a constructor of its own")
    known = {**fixtures, **own_fixtures(found)}
    for method in _methods(found):
        function = getattr(found, method)
        if callable(function) and not is_a(function, Fixture | type):
            item = Item(f"{name}::{method}", function, found, own_marks)
            yield from _expanded(item, known)


def own_fixtures(owner: type | None) -> dict[str, Fixture]:
    """Return the fixtures that a class defines or inherits."""
    kinds: list[type] = [] if owner is None else [*reversed(owner.__mro__)]
    values = [value for kind in kinds for value in vars(kind).values()]
    return {value.name: value for value in values if is_a(value, Fixture)}


def _methods(found: type) -> list[str]:
    names = [name for kind in reversed(found.__mro__) for name in vars(kind)]
    return [name for name in dict.fromkeys(names) if name.startswith("test")]


def _marks(found: Value) -> tuple[Mark, ...]:
    held = getattr(found, "pytestmark", ())
    return tuple(map(as_mark, _listed(held)))


def _listed(value: Value) -> Sequence[Value]:
    return list(value) if is_a(value, list | tuple) else [value]


def _expanded(item: Item, fixtures: Mapping[str, Fixture]) -> Iterator[Item]:
    """Return one test for each set of parameters."""
    item = replace(item, marks=(*item.marks, *_marks(item.function)))
    asked = arguments_of(item.function)
    unasked = [name for name, found in fixtures.items() if found.settings.get("autouse")]
    unasked += [
        str(name) for mark in item.marks if mark.name == "usefixtures" for name in mark.args
    ]
    item = replace(item, arguments=tuple(asked), unasked=tuple(unasked))
    items = [item]
    for mark in reversed([mark for mark in item.marks if mark.name == "parametrize"]):
        items = [one for each in items for one in _parametrised(each, mark)]
    for one in items:
        needed = closure([*unasked, *(n for n in asked if n not in one.given)], fixtures)
        for chosen in choices([n for n in needed if n not in one.chosen], fixtures, one.given):
            yield replace(one, chosen={**one.chosen, **chosen}, name=_named(one.name, chosen))


def _named(name: str, chosen: Mapping[str, tuple[int, Value]]) -> str:
    return "".join([name, *(f"[{fixture}{place}]" for fixture, (place, _) in chosen.items())])


def _parametrised(item: Item, mark: Mark) -> Iterator[Item]:
    unknown = set(mark.kwargs) - {"argnames", "argvalues", "ids", "indirect", "scope"}
    if unknown:
        raise LackingError(f"parametrize({', '.join(sorted(unknown))}=...) is not offered")
    names, values = _parameters(mark)
    indirect = mark.kwargs.get("indirect", False)
    through = names if indirect is True else list(indirect or ())
    for place, value in enumerate(values):
        case: ParameterSet | None = value if is_a(value, ParameterSet) else None
        held = case.values if case else (tuple(value) if len(names) > 1 else (value,))
        if len(held) != len(names):
            raise LackingError(f"{len(held)} values for the parameters {', '.join(names)}")
        pairs = dict(zip(names, held, strict=True))
        direct = {name: one for name, one in pairs.items() if name not in through}
        chosen = {name: (place, one) for name, one in pairs.items() if name in through}
        yield replace(
            item,
            name=f"{item.name}[{_id(case, mark, place, held)}]",
            given={**item.given, **direct},
            chosen={**item.chosen, **chosen},
            marks=(*item.marks, *(case.marks if case else ())),
        )


def _parameters(mark: Mark) -> tuple[list[str], list[Value]]:
    keys = ("argnames", "argvalues")
    args = dict(zip(keys, mark.args, strict=False)) | {
        k: v for k, v in mark.kwargs.items() if k in keys
    }
    if set(args) != set(keys):
        raise LackingError("parametrize without names and values")
    names = args["argnames"]
    listed = [n.strip() for n in names.split(",") if n.strip()] if is_a(names, str) else names
    return list(listed), list(args["argvalues"])


def _id(case: ParameterSet | None, mark: Mark, place: int, held: Sequence[Value]) -> str:
    ids: Value = mark.kwargs.get("ids", ())
    if case is not None and case.id is not None:
        return str(case.id)
    if is_a(ids, list | tuple) and place < len(ids) and ids[place] is not None:
        return str(ids[place])
    simple = all(is_a(value, str | int | float | bool | None) for value in held)
    return "-".join(str(value)[:20] for value in held) if simple else str(place)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether a test is to be awaited.

    Raises:
        LackingError: it yields.
    """
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise LackingError("a test that yields is not offered")
    return inspect.iscoroutinefunction(function)
