"""Compare outputs, on bytes and outside of any jail; linear in their size."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from rewardd_verifiers.code.tasks import Comparison

HEAD_BYTES = 200
_MAX_NUMBER = 400
_NUMBER = re.compile(rb"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?")
_TOKEN = re.compile(rb"[^ \t\n\r\x0b\x0c]+")
_BLANKS = b" \t\r\x0b\x0c"
_PRECISE = Context(prec=60, Emax=999999, Emin=-999999)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far a number may be off where the expected one is written as a fraction."""

    absolute: float = 1e-6
    relative: float = 1e-6


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where two outputs part."""

    where: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected!r}, got {self.got!r}"


def difference(
    expected: bytes, got: bytes, how: Comparison, tolerance: Tolerance | None = None
) -> Difference | None:
    """Return where an output departs from what is expected; None if it does not."""
    if expected == got:
        return None
    return _WAYS[how](expected, got, tolerance or Tolerance())


def head(content: bytes, most: int = HEAD_BYTES) -> str:
    """Return the beginning of some bytes as text, for people."""
    shown = content[:most].decode("utf-8", "backslashreplace")
    return f"{shown}..." if len(content) > most else shown


def _tokens(expected: bytes, got: bytes, _: Tolerance) -> Difference | None:
    return _by_token(expected, got, _same_token)


def _floats(expected: bytes, got: bytes, tolerance: Tolerance) -> Difference | None:
    absolute, relative = Decimal(repr(tolerance.absolute)), Decimal(repr(tolerance.relative))

    def near(wanted: bytes, given: bytes) -> bool:
        if wanted == given:
            return True
        numbers = _fraction(wanted), _number(given)
        if numbers[0] is None or numbers[1] is None:
            return False
        apart = _PRECISE.abs(_PRECISE.subtract(numbers[0], numbers[1]))
        return apart <= max(absolute, _PRECISE.multiply(relative, _PRECISE.abs(numbers[0])))

    return _by_token(expected, got, near)


def _by_token(
    expected: bytes, got: bytes, same: Callable[[bytes, bytes], bool]
) -> Difference | None:
    wanted, given = expected.split(), got.split()
    if wanted == given:
        return None
    for index, (one, other) in enumerate(zip(wanted, given, strict=False)):
        if one != other and not same(one, other):
            return Difference(_place(got, index), head(one, 80), head(other, 80))
    if len(wanted) == len(given):
        return None
    index = min(len(wanted), len(given))
    first = head(wanted[index], 80) if index < len(wanted) else "the end"
    second = head(given[index], 80) if index < len(given) else "the end"
    return Difference(_place(got, index), first, second)


def _place(got: bytes, index: int) -> str:
    """Return line and number of a token, counted from 1."""
    for count, found in enumerate(_TOKEN.finditer(got)):
        if count == index:
            line = got.count(b"\n", 0, found.start()) + 1
            return f"line {line}, token {index + 1}"
    return f"after token {index}"


def _same_token(wanted: bytes, given: bytes) -> bool:
    """Compare by value where a fraction is wanted: integers are exact text."""
    first = _fraction(wanted)
    second = _number(given) if first is not None else None
    return first is not None and second is not None and first.compare(second) == 0


def _number(token: bytes) -> Decimal | None:
    if len(token) > _MAX_NUMBER or not _NUMBER.fullmatch(token):
        return None
    return Decimal(token.decode("ascii"))


def _fraction(token: bytes) -> Decimal | None:
    """Return the number if it is written with a point or an exponent."""
    if b"." in token or b"e" in token or b"E" in token:
        return _number(token)
    return None


def _lines(expected: bytes, got: bytes, _: Tolerance) -> Difference | None:
    wanted, given = _stripped(expected), _stripped(got)
    for number, (one, other) in enumerate(zip(wanted, given, strict=False), 1):
        if one != other:
            return Difference(f"line {number}", head(one), head(other))
    if len(wanted) == len(given):
        return None
    counts = f"{len(wanted)} lines", f"{len(given)} lines"
    return Difference(f"line {min(len(wanted), len(given)) + 1}", *counts)


def _unordered(expected: bytes, got: bytes, _: Tolerance) -> Difference | None:
    wanted, given = Counter(_stripped(expected)), Counter(_stripped(got))
    if wanted == given:
        return None
    missing = next(iter(wanted - given), None)
    surplus = next(iter(given - wanted), None)
    shown = ["nothing more" if line is None else head(line) for line in (missing, surplus)]
    return Difference("in any order", shown[0], shown[1])


def _stripped(content: bytes) -> list[bytes]:
    lines = [line.rstrip(_BLANKS) for line in content.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _exact(expected: bytes, got: bytes, _: Tolerance) -> Difference | None:
    wanted, given = expected.removesuffix(b"\n"), got.removesuffix(b"\n")
    if wanted == given:
        return None
    at = next(
        (i for i, (one, other) in enumerate(zip(wanted, given, strict=False)) if one != other),
        min(len(wanted), len(given)),
    )
    return Difference(f"byte {at}", head(wanted[at : at + 40]), head(given[at : at + 40]))


_WAYS: Mapping[Comparison, Callable[[bytes, bytes, Tolerance], Difference | None]] = {
    Comparison.TOKEN: _tokens,
    Comparison.FLOAT: _floats,
    Comparison.LINES: _lines,
    Comparison.UNORDERED: _unordered,
    Comparison.EXACT: _exact,
}
