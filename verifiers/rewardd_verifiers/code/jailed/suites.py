"""Takes over what unittest says of its tests."""

import sys
from typing import Any, Protocol

from rewardd_verifiers.code.jailed.exchange import Value, kind_of
from rewardd_verifiers.code.jailed.pytest_like import Skipped


class Listener(Protocol):
    """Who is told of tests as they run."""

    def begins(self) -> None:
        """Take note that a test begins."""
        ...

    def skip(self, name: str) -> None:
        """Count a test that left itself out."""
        ...

    def described(self, error: BaseException) -> str:
        """Return what to tell of a failure."""
        ...


class Keeping:
    """Keeps names and texts of what did not pass; stands before unittest's own result."""

    listener: Listener

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0
        self.marked: list[str] = []
        self.told: dict[str, str] = {}

    def startTest(self, test: Value) -> None:  # noqa: N802  unittest's name
        """Take note that a test begins."""
        super_of(self).startTest(test)
        self.listener.begins()

    def addSuccess(self, test: Value) -> None:  # noqa: N802  unittest's name
        """Count it."""
        del test
        self.passed += 1

    def addFailure(self, test: Value, err: Value) -> None:  # noqa: N802  unittest's name
        """Keep what it said, unless it only left itself out."""
        if isinstance(err[1], Skipped):
            self.addSkip(test, "")
        else:
            self.told.setdefault(_name(test), self.listener.described(err[1]))

    def addError(self, test: Value, err: Value) -> None:  # noqa: N802  unittest's name
        """Do the same."""
        self.addFailure(test, err)

    def addSubTest(self, test: Value, subtest: Value, err: Value) -> None:  # noqa: N802  unittest's name
        """Keep what a part of a test said."""
        del subtest
        if err is not None:
            self.addFailure(test, err)

    def addSkip(self, test: Value, reason: str) -> None:  # noqa: N802  unittest's name
        """Count a test that is marked so; another has to be allowed."""
        del reason
        name = _name(test)
        marked = (kind_of(test), getattr(test, name, None))
        if any(getattr(one, "__unittest_skip__", False) for one in marked):
            self.marked.append(name)
        else:
            self.listener.skip(name)

    def addUnexpectedSuccess(self, test: Value) -> None:  # noqa: N802  unittest's name
        """Keep that it should have failed."""
        self.told.setdefault(_name(test), "it passes, and was expected to fail")


def super_of(result: Keeping) -> Any:  # noqa: ANN401  a class of a module that may not be there
    """Return unittest's own result behind ours."""
    return super(Keeping, result)


def result(listener: Listener) -> Any:  # noqa: ANN401  the same
    """Return a result of unittest's that keeps what is needed here."""
    base = sys.modules["unittest"].TestResult
    return type("Result", (Keeping, base), {"listener": listener})()


def _name(test: Value) -> str:
    return str(getattr(test, "_testMethodName", test))
