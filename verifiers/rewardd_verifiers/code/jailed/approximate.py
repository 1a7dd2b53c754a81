"""`approx` of the stand-in for pytest: numbers, sequences, mappings and arrays, nearly equal."""

import math
import sys
from collections.abc import Collection, Iterator, Mapping, Sized
from datetime import datetime, timedelta
from decimal import Decimal
from numbers import Complex

from rewardd_verifiers.code.jailed.exchange import Value, is_a, kind_of

_REL, _ABS = 1e-6, 1e-12
_TEXT = (str, bytes, bytearray)


class Approx:
    """An expected value that equals what is near to it."""

    __compares_anything__ = True
    __hash__ = None  # pyright: ignore[reportAssignmentType]  unhashable, as in pytest
    __array_ufunc__ = None
    __array_priority__ = 100

    def __init__(self, expected: Value, rel: Value, abs_: Value, *, nan_ok: bool) -> None:
        self.expected = expected
        self.rel = rel
        self.abs = abs_
        self.nan_ok = nan_ok

    def __eq__(self, actual: object) -> bool:
        return all(self._near(one, other) for one, other in self._pairs(actual))

    def __ne__(self, actual: object) -> bool:
        return not self == actual

    def __bool__(self) -> bool:
        raise AssertionError("approx() has no truth of its own: write `a == approx(b)`")

    def __repr__(self) -> str:
        return f"approx({self.expected!r})"

    def _pairs(self, actual: Value) -> Iterator[tuple[Value, Value]]:
        """Return actual and expected numbers; a pair that is unequal where the forms differ."""
        yield actual, self.expected

    def _near(self, actual: Value, expected: Value) -> bool:
        if is_a(expected, (datetime, timedelta)):
            return self._near_time(actual, expected)
        array = _as_array(actual)
        if array is not None:
            return all(self._near(item, expected) for item in array.flat)
        if _is_bool(expected):
            return _is_bool(actual) and bool(actual == expected)
        return bool(actual == expected) or self._near_number(actual, expected)

    def _near_number(self, actual: Value, expected: Value) -> bool:
        if not (_is_number(expected) and _is_number(actual)):
            return False
        size = abs(expected)
        if _is_nan(size):
            return self.nan_ok and _is_nan(abs(actual))
        if _is_infinite(size):
            return False
        return bool(abs(expected - actual) <= self._tolerance(expected))

    def _tolerance(self, expected: Value) -> Value:
        exact = is_a(expected, Decimal)
        absolute = _number(self.abs if self.abs is not None else _ABS, exact=exact)
        _check(absolute, "absolute")
        if self.rel is None and self.abs is not None:
            return absolute
        relative = _number(self.rel if self.rel is not None else _REL, exact=exact) * abs(expected)
        _check(relative, "relative")
        return max(relative, absolute)

    def _near_time(self, actual: Value, expected: Value) -> bool:
        if self.abs is None and self.rel is None:
            raise TypeError("approx() of times needs a tolerance")
        allowed = [self.abs] if self.abs is not None else []
        if self.rel is not None:
            allowed.append(self.rel * abs(expected))
        try:
            return bool(abs(expected - actual) <= max(allowed))
        except (TypeError, OverflowError):
            return False


class _OfSequence(Approx):
    def _pairs(self, actual: Value) -> Iterator[tuple[Value, Value]]:
        try:
            alike = len(actual) == len(self.expected)
        except TypeError:
            alike = False
        if not alike:
            yield False, True
            return
        yield from zip(actual, self.expected, strict=True)


class _OfMapping(Approx):
    def _pairs(self, actual: Value) -> Iterator[tuple[Value, Value]]:
        try:
            alike = set(actual.keys()) == set(self.expected.keys())
        except AttributeError:
            alike = False
        if not alike:
            yield False, True
            return
        for key, expected in self.expected.items():
            yield actual[key], expected


class _OfArray(Approx):
    def _pairs(self, actual: Value) -> Iterator[tuple[Value, Value]]:
        numpy = sys.modules["numpy"]
        if numpy.isscalar(actual):
            yield from ((actual, item) for item in self.expected.reshape(-1).tolist())
            return
        array = numpy.asarray(actual)
        if array.shape != self.expected.shape:
            yield False, True
            return
        yield from zip(array.reshape(-1).tolist(), self.expected.reshape(-1).tolist(), strict=True)


def approx(expected: Value, rel: Value = None, abs: Value = None, nan_ok: bool = False) -> Approx:  # noqa: A002, FBT001, FBT002  pytest's own signature
    """Return what equals anything near to `expected`.

    Raises:
        TypeError: `expected` is nested, or has no order.
    """
    kind = Approx
    if is_a(expected, Mapping):
        _refuse_nested(expected.values())
        kind = _OfMapping
    elif (array := _as_array(expected)) is not None:
        expected, kind = array, _OfArray
    elif _is_sequence(expected):
        _refuse_nested(expected)
        kind = _OfSequence
    elif is_a(expected, Collection) and not is_a(expected, _TEXT):
        raise TypeError(f"approx() takes ordered sequences only, not {expected!r}")
    return kind(expected, rel, abs, nan_ok=nan_ok)


def _refuse_nested(values: Value) -> None:
    for value in list(values):
        if is_a(value, Collection) and not is_a(value, _TEXT):
            raise TypeError(f"approx() takes no nested collections: {value!r}")


def _is_sequence(value: Value) -> bool:
    return hasattr(value, "__getitem__") and is_a(value, Sized) and not _is_text(value)


def _is_text(value: Value) -> bool:
    return is_a(value, (str, bytes))


def _as_array(value: Value) -> Value:
    numpy = sys.modules.get("numpy")
    if numpy is None or numpy.isscalar(value):
        return None
    if is_a(value, numpy.ndarray):
        return value
    return numpy.asarray(value) if hasattr(kind_of(value), "__array__") else None


def _is_number(value: Value) -> bool:
    return is_a(value, (Complex, Decimal))


def _is_bool(value: Value) -> bool:
    numpy = sys.modules.get("numpy")
    return is_a(value, bool) or (numpy is not None and is_a(value, numpy.bool_))


def _is_nan(value: Value) -> bool:
    return value.is_nan() if is_a(value, Decimal) else math.isnan(value)


def _is_infinite(value: Value) -> bool:
    return value.is_infinite() if is_a(value, Decimal) else math.isinf(value)


def _number(tolerance: Value, *, exact: bool) -> Value:
    if not exact or is_a(tolerance, Decimal):
        return tolerance
    return Decimal(float(tolerance))


def _check(tolerance: Value, name: str) -> None:
    if _is_nan(tolerance) or tolerance < 0:
        raise ValueError(f"{name} tolerance can't be {tolerance}")
