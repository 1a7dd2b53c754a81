"""Plain values as JSON in which every object is a tag: the only form in which results leave a jail.

Both sides use it. The encoder goes by exact type, so nothing that a program made up is ever asked
how it looks; the decoder takes any bytes and gives plain values or raises.
"""

import json
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from itertools import islice
from types import GeneratorType
from typing import Any, cast

MAX_BYTES = 4 << 20
MAX_DEPTH = 50
MAX_LISTED = 1_000_000
"""Items that an iterator may give."""

_EXACT_IN_JSON = 1 << 53
_MOST_CLASHES = 500_000
"""Pairs of keys with one hash, by their size: to build a dict of more would take seconds."""
_FEW_KEYS = 100
"""With no more keys it does not matter what their hashes are."""
_BARE = frozenset({int, str, bool, type(None)})
_MAX_DIGITS = 5000
_MAX_EXPONENT = 9999


class UnsupportedError(Exception):
    """A value that has no plain form, or bytes that are none."""


def encode(value: object) -> bytes:
    """Return a value's plain form.

    Raises:
        UnsupportedError: its type is not a plain one, or it is too deep or too large.
    """
    text = json.dumps(_plain(value, 0), separators=(",", ":")).encode()
    if len(text) > MAX_BYTES:
        raise UnsupportedError(f"the result takes {len(text)} bytes, more than {MAX_BYTES}")
    return text


def decode(text: bytes) -> object:
    """Return the value that `encode` was given.

    Raises:
        UnsupportedError: the bytes are not what `encode` makes.
    """
    if len(text) > MAX_BYTES:
        raise UnsupportedError(f"{len(text)} bytes are more than {MAX_BYTES}")
    try:
        tree: object = json.loads(text, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise UnsupportedError(f"no plain value: {str(error)[:80]}") from error
    return _Decoder().value(tree, 0)


def _no_float(text: str) -> float:
    raise ValueError(f"a bare number {text[:20]}")


def _plain(value: object, depth: int) -> object:
    if depth > MAX_DEPTH:
        raise UnsupportedError(f"the result is deeper than {MAX_DEPTH}")
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        return _text(cast(str, value))
    if kind is int:
        number = cast(int, value)
        return number if abs(number) <= _EXACT_IN_JSON else {"int": hex(number)}
    if kind is list:
        return [_plain(item, depth + 1) for item in cast("list[object]", value)]
    encoder = _ENCODERS.get(kind)
    if encoder is not None:
        return encoder(value, depth + 1)
    return _foreign(value, kind, depth)


def _text(value: str) -> object:
    try:
        value.encode()
    except UnicodeEncodeError:
        return {"text": value.encode("utf-8", "surrogatepass").hex()}
    return value


def _items(value: Any, depth: int) -> list[object]:  # noqa: ANN401  any plain container
    return [_plain(item, depth) for item in islice(value, MAX_LISTED)]


def _pairs(value: Any, depth: int) -> object:  # noqa: ANN401  any plain mapping
    return {"dict": [[_plain(k, depth), _plain(v, depth)] for k, v in dict(value).items()]}


def _endless(value: Any, depth: int) -> object:  # noqa: ANN401  any plain iterator
    listed: list[object] = list(islice(value, MAX_LISTED + 1))
    if len(listed) > MAX_LISTED:
        raise UnsupportedError(f"the result lists more than {MAX_LISTED} items")
    return _items(listed, depth)


def _decimal(value: Any, _depth: int) -> object:  # noqa: ANN401  dispatched by type
    return {"decimal": str(value)}


_NOTHING: dict[object, object] = {}
_ITERATE = cast("Callable[[object], Iterator[object]]", vars(tuple)["__iter__"])
KeysType, ValuesType, ItemsType = (
    type(view) for view in (_NOTHING.keys(), _NOTHING.values(), _NOTHING.items())
)
ListIteratorType = type(iter([None]))

_ENCODERS: dict[type, Callable[[Any, int], object]] = {
    float: lambda value, _: {"float": float.hex(value)},
    tuple: lambda value, depth: {"tuple": _items(value, depth)},
    set: lambda value, depth: {"set": _items(value, depth)},
    frozenset: lambda value, depth: {"frozenset": _items(value, depth)},
    bytes: lambda value, _: {"bytes": value.hex()},
    bytearray: lambda value, _: {"bytes": value.hex()},
    complex: lambda value, _: {"complex": [value.real.hex(), value.imag.hex()]},
    Decimal: _decimal,
    Fraction: lambda value, _: {"fraction": [hex(value.numerator), hex(value.denominator)]},
    deque: _items,
    range: _endless,
    dict: _pairs,
    defaultdict: _pairs,
    OrderedDict: _pairs,
    Counter: _pairs,
    KeysType: _endless,
    ValuesType: _endless,
    ItemsType: _endless,
    GeneratorType: _endless,
    ListIteratorType: _endless,
    map: _endless,
    filter: _endless,
    zip: _endless,
    enumerate: _endless,
    reversed: _endless,
}


def _foreign(value: Any, kind: type, depth: int) -> object:  # noqa: ANN401  a program's own object
    module = str(kind.__module__).partition(".")[0]
    if module == "numpy" and hasattr(value, "tolist"):
        return _plain(value.tolist(), depth + 1)
    if module == "itertools":
        return _endless(value, depth + 1)
    if isinstance(value, tuple) and hasattr(cast(object, value), "_fields"):
        return {"tuple": _items(_ITERATE(cast(object, value)), depth + 1)}
    raise UnsupportedError(f"a result of type {kind.__name__} cannot be compared")


def _bounded_decimal(text: str) -> Decimal:
    number = Decimal(text[:_MAX_DIGITS])
    if number.is_snan():
        raise UnsupportedError("a signalling nan: to compare it is an error")
    if len(text) > _MAX_DIGITS or (number.is_finite() and abs(number.adjusted()) > _MAX_EXPONENT):
        raise UnsupportedError("a decimal number out of bounds")
    return number


def _bounded_fraction(numerator: str, denominator: str) -> Fraction:
    if max(len(numerator), len(denominator)) > _MAX_DIGITS:
        raise UnsupportedError("a fraction out of bounds: to reduce it takes too long")
    return Fraction(int(numerator, 16), int(denominator, 16))


_DECODERS: dict[str, Callable[[Any], object]] = {
    "float": float.fromhex,
    "bytes": bytes.fromhex,
    "text": lambda body: bytes.fromhex(body).decode("utf-8", "surrogatepass"),
    "int": lambda body: int(body, 16),
    "complex": lambda body: complex(*(float.fromhex(part) for part in body)),
    "fraction": lambda body: _bounded_fraction(*body),
    "decimal": _bounded_decimal,
}


class _Decoder:
    """Turns a JSON tree into values, counting what could stall a hash table."""

    def __init__(self) -> None:
        self._listed = 0

    def value(self, tree: object, depth: int) -> object:
        if type(tree) in _BARE:
            return tree
        if depth > MAX_DEPTH + 1:
            raise UnsupportedError(f"deeper than {MAX_DEPTH}")
        if isinstance(tree, list):
            return self._list(cast(object, tree), depth)
        return self._tagged(cast("dict[str, object]", tree), depth)

    def _list(self, tree: object, depth: int) -> list[object]:
        if not isinstance(tree, list):
            raise UnsupportedError("a tag without its list")
        items = cast("list[object]", tree)
        self._listed += len(items)
        if set(map(type, items)) <= _BARE:
            return items
        return [self.value(item, depth + 1) for item in items]

    def _tagged(self, tree: dict[str, object], depth: int) -> object:
        if len(tree) != 1:
            raise UnsupportedError(f"an object with {len(tree)} keys is no tag")
        tag, body = next(iter(tree.items()))
        if tag in ("tuple", "set", "frozenset"):
            items = self._list(body, depth)
            return tuple(items) if tag == "tuple" else self._hashed(tag, items)
        if tag == "dict":
            return self._dict(self._list(body, depth))
        try:
            return _scalar(tag, body)
        except (ValueError, TypeError, OverflowError, InvalidOperation, ZeroDivisionError) as error:
            raise UnsupportedError(f"bad {tag[:20]}") from error

    def _hashed(self, tag: str, items: list[object]) -> object:
        try:
            self._check_keys(items)
            return set(items) if tag == "set" else frozenset(items)
        except TypeError as error:
            raise UnsupportedError("a set of what cannot be hashed") from error

    def _dict(self, pairs: list[object]) -> dict[object, object]:
        if not set(map(type, pairs)) <= {list}:
            raise UnsupportedError("a dict that is none")
        told = cast("list[tuple[object, object]]", pairs)
        if not set(map(len, told)) <= {2}:
            raise UnsupportedError("a dict that is none")
        try:
            self._check_keys([pair[0] for pair in told])
            return dict(told)
        except TypeError as error:
            raise UnsupportedError("a dict that is none") from error

    def _check_keys(self, keys: list[object]) -> None:
        """Refuse keys that were made to have one hash: each would be compared with all others."""
        if len(keys) <= _FEW_KEYS:
            return
        found = Counter(map(hash, keys))
        if len(found) == len(keys):
            return
        clashes = sum(count * (count - 1) // 2 for count in found.values())
        if clashes * (1 + self._listed // len(keys)) > _MOST_CLASHES:
            raise UnsupportedError("keys that were made to have the same hash")


def _scalar(tag: str, body: Any) -> object:  # noqa: ANN401  what JSON held
    decoder = _DECODERS.get(tag)
    if decoder is None:
        raise UnsupportedError(f"unknown tag {tag[:20]!r}")
    return decoder(body)
