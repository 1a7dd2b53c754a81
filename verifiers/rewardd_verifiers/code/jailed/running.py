"""Runs tests and tells what became of them: which passed, which failed first, and where."""

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rewardd_verifiers.code.jailed import suites
from rewardd_verifiers.code.jailed.catching import Caught
from rewardd_verifiers.code.jailed.collection import Collection, Item, is_async, own_fixtures
from rewardd_verifiers.code.jailed.exchange import Value
from rewardd_verifiers.code.jailed.fixtures import Lasting, Making, Undoing
from rewardd_verifiers.code.jailed.pytest_like import (
    LackingError,
    Mark,
    Skipped,
    XFailed,
)

TEST_FILE = "test"
_SHOWN = 300
_LOOPS = ("asyncio", "anyio")


@dataclass
class Report:
    """What became of the tests.

    Attributes:
        ran: tests that came to an end, whichever.
        skipped: names of those that were left out while they ran; `left_out`: by their marks.
        first: the first that failed, with what it said.
    """

    passed: int = 0
    failed: int = 0
    left_out: int = 0
    skipped: list[str] = field(default_factory=list[str])
    first: tuple[str, str] = ("", "")

    @property
    def ran(self) -> int:
        """How many tests came to an end."""
        return self.passed + self.failed + self.left_out + len(self.skipped)

    def fail(self, name: str, text: str) -> None:
        """Count a failure."""
        if not self.failed:
            self.first = (name, text[:_SHOWN])
        self.failed += 1


@dataclass
class Run:
    """One run over a collection.

    Args:
        source: the test code, whose lines a failure quotes.
        offered: further fixtures.
        halting: exceptions after which no test can be judged.
        begins: told when a test begins.
        allowed_to_skip: whether a test of this name may leave itself out as things stand.
    """

    source: str
    offered: Mapping[str, Callable[[Undoing], Value]]
    halting: tuple[type[BaseException], ...]
    begins: Callable[[], None]
    allowed_to_skip: Callable[[str], bool]
    report: Report = field(default_factory=Report)

    def all(self, collection: Collection) -> Report:
        """Run every test."""
        lasting = Lasting()
        names = collection.names
        _called(names.get("setup_module"))
        owner: type | None = None
        for item in collection.items:
            if item.owner is not owner:
                self._end_class(owner)
                owner = item.owner
                self._hook(owner, "setup_class")
            self._item(item, collection, lasting)
        self._end_class(owner)
        _called(names.get("teardown_module"))
        error = self._tried(lasting.undoing.run)
        if error is not None:
            self.report.fail("teardown", self._described(error))
        return self.report

    def _hook(self, owner: type | None, name: str) -> None:
        if owner is not None and not hasattr(owner, "assertEqual"):
            _called(getattr(owner, name, None))

    def _end_class(self, owner: type | None) -> None:
        self._hook(owner, "teardown_class")

    def _tried(self, step: Callable[[], object]) -> BaseException | None:
        """Return what a step raises, unless nothing can be judged after it."""
        with Caught() as caught:
            step()
        if isinstance(caught.error, (*self.halting, LackingError)):
            raise caught.error
        return caught.error

    def _item(self, item: Item, collection: Collection, lasting: Lasting) -> None:
        if any(_skips(mark) for mark in item.marks):
            self.report.left_out += item.count
            return
        if item.suite is not None:
            self._suite(item)
            return
        expected = next((mark for mark in item.marks if _expects_failure(mark)), None)
        if expected is not None and expected.kwargs.get("run", True) is False:
            self.report.left_out += 1
            return
        self.begins()
        making = Making(
            {**collection.fixtures, **own_fixtures(item.owner)},
            self.offered,
            lasting,
            dict(item.given),
            item.chosen,
            None if item.owner is None else item.owner(),
        )
        error = self._tried(lambda: _run_test(item, making, collection.names))
        undone = self._tried(making.undoing.run)
        self._count(item.name, error or undone, expected)

    def _count(self, name: str, error: BaseException | None, expected: Mark | None) -> None:
        if isinstance(error, XFailed):
            self.report.left_out += 1
        elif isinstance(error, Skipped) or _is_skip(error):
            self.skip(name)
        elif expected is not None:
            self._count_expected(name, error, expected)
        elif error is None:
            self.report.passed += 1
        else:
            self.report.fail(name, self._described(error))

    def _count_expected(self, name: str, error: BaseException | None, expected: Mark) -> None:
        kinds = expected.kwargs.get("raises")
        if error is not None and kinds is not None and not isinstance(error, kinds):
            self.report.fail(name, self._described(error))
        elif error is None and expected.kwargs.get("strict", False):
            self.report.fail(name, "it passes, and was strictly expected to fail")
        else:
            self.report.left_out += 1

    def skip(self, name: str) -> None:
        """Count a test that left itself out."""
        if self.allowed_to_skip(name):
            self.report.skipped.append(name)
        else:
            self.report.fail(name, "it left itself out after it had begun")

    def _suite(self, item: Item) -> None:
        """Run tests of unittest's, and take over what they came to."""
        result = suites.result(self)
        item.suite.run(result)
        for name, text in result.told.items():
            self.report.fail(name, text)
        self.report.left_out += len(result.expectedFailures) + len(result.marked)
        self.report.passed += result.passed

    def described(self, error: BaseException) -> str:
        """Return what to tell of a failure."""
        return self._described(error)

    def _described(self, error: BaseException) -> str:
        told = type(error).__name__
        with Caught(only=Exception):
            text = str(error)
            told = f"{told}: {text}" if text else told
        lines = self.source.splitlines()
        frames = traceback.extract_tb(error.__traceback__, limit=-50)
        numbers = [f.lineno for f in frames if f.filename == TEST_FILE and f.lineno]
        if not numbers or numbers[-1] > len(lines):
            return told
        return f"{lines[numbers[-1] - 1].strip()[: _SHOWN // 2]} (line {numbers[-1]}): {told}"


def _called(hook: Value) -> None:
    """Call a function of set-up or tear-down, if there is one, with what it asks for."""
    if callable(hook):
        takes = len(inspect.signature(hook).parameters)
        hook(*[None] * takes)


def _run_test(item: Item, making: Making, names: Mapping[str, Value]) -> None:
    instance, function = making.instance, item.function
    _called(names.get("setup_function") if instance is None else None)
    _called(getattr(instance, "setup_method", None))
    after = names.get("teardown_function") if instance is None else None
    making.undoing.steps.append(lambda: _called(after))
    making.undoing.steps.append(lambda: _called(getattr(instance, "teardown_method", None)))
    for name in item.unasked:
        making.value(name)
    arguments = {name: making.value(name) for name in item.arguments if name != "request"}
    if "request" in item.arguments:
        raise LackingError("fixture 'request' in a test is not offered")
    if instance is not None and not isinstance(_plain_attribute(item), staticmethod | classmethod):
        function = function.__get__(instance)
    if not is_async(item.function):
        function(**arguments)
    elif any(mark.name in _LOOPS for mark in item.marks):
        importlib.import_module("asyncio").run(function(**arguments))
    else:
        raise LackingError("an asynchronous test without a mark for its loop is not offered")


def _plain_attribute(item: Item) -> Value:
    return inspect.getattr_static(item.owner, item.function.__name__, None)


def _skips(mark: Mark) -> bool:
    if mark.name == "skip":
        return True
    return mark.name == "skipif" and _holds(mark)


def _expects_failure(mark: Mark) -> bool:
    conditional = mark.args or "condition" in mark.kwargs
    return mark.name == "xfail" and (not conditional or _holds(mark))


def _holds(mark: Mark) -> bool:
    conditions = [*mark.args, *(v for k, v in mark.kwargs.items() if k == "condition")]
    if any(isinstance(condition, str) for condition in conditions):
        raise LackingError("conditions as text are not offered")
    return any(conditions)


def _is_skip(error: BaseException | None) -> bool:
    framework = sys.modules.get("unittest")
    return framework is not None and isinstance(error, framework.SkipTest)
