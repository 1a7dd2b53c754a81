"""What tests import as `pytest`: the part of it that judges, under the same names.

Whatever is not here is `LackingError`, which leaves a sample without a verdict: nothing passes or
fails because of what this stand-in does not know.
"""

import importlib
import re
import warnings as _warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import ModuleType, TracebackType
from typing import Any, NoReturn, Self, cast

from rewardd_verifiers.code.jailed.approximate import approx
from rewardd_verifiers.code.jailed.exchange import Value, is_a, kind_of

_VERSION = "8.0.0"


class LackingError(BaseException):
    """Test code asks for what is not offered.

    Attributes:
        told: the first that was raised at all, as test code may catch it.
    """

    told = ""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        LackingError.told = LackingError.told or text


class Outcome(BaseException):
    """A test's end that it chose itself."""

    def __init__(self, reason: Value = "", msg: Value = "") -> None:
        super().__init__(str(reason or msg))


class Failed(Outcome):
    """The test fails."""


class Skipped(Outcome):
    """The test is left out."""


class XFailed(Failed):
    """The test fails, as it was expected to."""


def fail(reason: str = "", pytrace: bool = True, msg: str = "") -> NoReturn:  # noqa: FBT001, FBT002  pytest's own signature
    """Fail the test."""
    del pytrace
    raise Failed(reason, msg)


def skip(reason: str = "", *, allow_module_level: bool = False, msg: str = "") -> NoReturn:
    """Leave the test out."""
    del allow_module_level
    raise Skipped(reason, msg)


def xfail(reason: str = "") -> NoReturn:
    """End the test as one that was expected to fail."""
    raise XFailed(reason)


vars(fail)["Exception"] = Failed
vars(skip)["Exception"] = Skipped
vars(xfail)["Exception"] = XFailed


class ExceptionInfo:
    """What `raises` caught."""

    def __init__(self) -> None:
        self._error: BaseException | None = None

    @property
    def value(self) -> Any:  # noqa: ANN401  any exception
        """The exception.

        Raises:
            AssertionError: none was raised yet.
        """
        if self._error is None:
            raise AssertionError("nothing was raised yet")
        return self._error

    type = property(lambda self: kind_of(self.value))
    typename = property(lambda self: type(self.value).__name__)
    tb = property(lambda self: self.value.__traceback__)

    def hold(self, error: BaseException) -> None:
        """Take the exception that was caught."""
        self._error = error

    def match(self, pattern: Value) -> bool:
        """Whether the exception's text holds a pattern.

        Raises:
            AssertionError: it does not.
        """
        text = str(self.value)
        if re.search(pattern, text) is None:
            raise AssertionError(f"the pattern {pattern!r} is not in {text!r}")
        return True

    def exconly(self, tryshort: bool = False) -> str:  # noqa: FBT001, FBT002  pytest's own signature
        """Return the exception as the last line of a traceback."""
        del tryshort
        return f"{self.typename}: {self.value}"

    def errisinstance(self, kinds: Value) -> bool:
        """Whether the exception is of a class."""
        return isinstance(self.value, kinds)

    def __getattr__(self, name: str) -> Value:
        if name.startswith("__"):
            raise AttributeError(name)
        raise LackingError(f"excinfo.{name} is not offered")


class Raises:
    """The context in which an exception has to be raised."""

    def __init__(self, kinds: Value, match: Value, check: Value) -> None:
        self._kinds = kinds
        self._match = match
        self._check = check
        self._info = ExceptionInfo()

    def __enter__(self) -> ExceptionInfo:
        return self._info

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        if kind is None or error is None:
            fail(f"DID NOT RAISE {self._kinds!r}")
        if not isinstance(error, self._kinds):
            return False
        self._info.hold(error)
        if self._match is not None:
            self._info.match(self._match)
        if self._check is not None and not self._check(error):
            raise AssertionError(f"the check refuses {error!r}")
        return True


def raises(
    expected_exception: Value, *args: Value, match: Value = None, check: Value = None, **kw: Value
) -> Any:  # noqa: ANN401  a context, or what it caught
    """Return a context in which an exception must be raised; given a function, call it there.

    Raises:
        TypeError: what is expected is no class of exceptions.
    """
    kinds = expected_exception if is_a(expected_exception, tuple) else (expected_exception,)
    for kind in kinds:
        if not (is_a(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"{kind!r} is no class of exceptions")
    if not kinds:
        raise ValueError("no class of exceptions is expected")
    context = Raises(kinds, match, check)
    if not args:
        if kw:
            raise TypeError(f"unexpected arguments: {', '.join(kw)}")
        return context
    with context as info:
        args[0](*args[1:], **kw)
    return info


class _Warns(_warnings.catch_warnings):  # type: ignore[type-arg]  typed differently from 3.12 on
    def __init__(self, kinds: Value, match: Value) -> None:
        super().__init__(record=True)
        self._kinds = kinds
        self._pattern = match
        self._seen: list[Any] = []

    def __enter__(self) -> Any:  # noqa: ANN401  what the library gives
        self._seen = super().__enter__() or []
        _warnings.simplefilter("always")
        return self._seen

    def __exit__(self, *error: object) -> None:
        cast("Value", super()).__exit__(*error)
        if error[0] is not None:
            return
        texts = [str(one.message) for one in self._seen if issubclass(one.category, self._kinds)]
        if not any(self._pattern is None or re.search(self._pattern, text) for text in texts):
            fail(f"DID NOT WARN {self._kinds!r}")


def warns(expected_warning: Value = Warning, *args: Value, match: Value = None, **kw: Value) -> Any:  # noqa: ANN401  a context, or what a function returns
    """Return a context in which a warning must be given; given a function, call it there."""
    context = _Warns(expected_warning, match)
    if not args:
        return context
    with context:
        return args[0](*args[1:], **kw)


def importorskip(modname: str, minversion: str | None = None, reason: str | None = None) -> Any:  # noqa: ANN401  a module
    """Import a module, or leave the test out."""
    if minversion is not None:
        raise LackingError("importorskip with minversion is not offered")
    try:
        return importlib.import_module(modname)
    except ImportError:
        skip(reason or f"could not import {modname!r}")


class ParameterSet:
    """Arguments of one case, with its marks and id."""

    def __init__(self, values: tuple[Value, ...], marks: Value, id_: Value) -> None:
        self.values = values
        self.marks: list[Mark] = [as_mark(one) for one in _listed(marks)]
        self.id = id_


def param(*values: Value, marks: Value = (), id: Value = None) -> ParameterSet:  # noqa: A002  pytest's own signature
    """Return the arguments of a case."""
    return ParameterSet(values, marks, id)


def _listed(value: Value) -> Sequence[Value]:
    return list(value) if is_a(value, (list, tuple)) else [value]


class Mark:
    """A mark on a test: what decorates it, and with what."""

    def __init__(self, name: str, args: tuple[Value, ...], kwargs: Mapping[str, Value]) -> None:
        self.name = name
        self.args = args
        self.kwargs = kwargs

    @property
    def mark(self) -> Self:
        """The mark itself, which decorators have under this name."""
        return self

    def with_args(self, *args: Value, **kwargs: Value) -> "Mark":
        """Return the mark with arguments, even if it is one function."""
        return Mark(self.name, (*self.args, *args), {**self.kwargs, **kwargs})

    def __call__(self, *args: Value, **kwargs: Value) -> Value:
        """Mark a function or class, or return the mark with arguments."""
        plain = len(args) == 1 and not kwargs
        if plain and callable(args[0]) and not isinstance(args[0], Mark):
            own = vars(args[0]).get("pytestmark", [])
            marked: Value = args[0]
            marked.pytestmark = [*_listed(own), self]
            return marked
        return self.with_args(*args, **kwargs)


def as_mark(value: Value) -> Mark:
    """Return a mark.

    Raises:
        LackingError: it is something else.
    """
    if not isinstance(value, Mark):
        raise LackingError(f"{value!r} is no mark")
    return value


class _Marks:
    def __getattr__(self, name: str) -> Mark:
        if name.startswith("_"):
            raise AttributeError(name)
        return Mark(name, (), {})


mark = _Marks()


class Fixture:
    """A function that makes what tests ask for by its name."""

    def __init__(self, function: Callable[..., Any], settings: Mapping[str, Value]) -> None:
        self.function = function
        self.settings = settings
        self.name = str(settings.get("name") or function.__name__)
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__

    def __get__(self, instance: Value, _: Value = None) -> "Fixture":
        return self

    def __call__(self, *_: Value, **__: Value) -> NoReturn:
        """Fail the test: fixtures are not called."""
        fail(f"fixture {self.name!r} was called: it is to be named as an argument")


_KNOWN_SETTINGS = {"scope", "params", "autouse", "ids", "name"}


def fixture(function: Value = None, **settings: Value) -> Any:  # noqa: ANN401  a fixture, or what makes one
    """Return a fixture, or what makes one of a function.

    Raises:
        LackingError: it is set in a way that is not offered.
    """
    unknown = set(settings) - _KNOWN_SETTINGS
    if unknown or callable(settings.get("scope")):
        raise LackingError(f"fixture({', '.join(sorted(unknown)) or 'scope'}=...) is not offered")
    if function is None:
        return partial(Fixture, settings=settings)
    return Fixture(function, settings)


_OFFERED: Mapping[str, object] = {
    "approx": approx, "raises": raises, "warns": warns, "fail": fail, "skip": skip, "xfail": xfail,
    "param": param, "mark": mark, "fixture": fixture, "importorskip": importorskip,
    "ExceptionInfo": ExceptionInfo, "__version__": _VERSION, "yield_fixture": fixture,
}  # fmt: skip


def main(*_: Value, **__: Value) -> int:
    """Do nothing: the tests are run by who imported them."""
    return 0


class StandIn(ModuleType):
    """The module that tests find as `pytest`."""

    def __init__(self) -> None:
        super().__init__("pytest")
        vars(self).update(_OFFERED)
        vars(self)["main"] = main
        vars(self)["__path__"] = []

    def __getattr__(self, name: str) -> Value:
        if name.startswith("_"):
            raise AttributeError(name)
        raise LackingError(f"pytest.{name} is not offered")
