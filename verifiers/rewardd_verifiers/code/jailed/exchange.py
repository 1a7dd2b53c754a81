"""Values that two jails hand each other: plain ones whole, everything else by a number.

Each side keeps what it lent to the other in a table. A tree of what travels holds plain values and
tuples that start with a tag; `rewardd_sandbox.codec` carries it. Types are told exactly, so that
what arrives behaves as what was sent: a deque is no list, an array keeps its type of number.
"""

import builtins
import datetime as dt
import importlib
import sys
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from types import TracebackType
from typing import Any, TypeAlias, cast

Value: TypeAlias = Any
"""Whatever test code or a program has."""
Tree: TypeAlias = Any
Message: TypeAlias = dict[str, Any]

_SCALARS = frozenset({type(None), bool, int, float, str, bytes, complex, Decimal, Fraction})
_ITEMS = frozenset({list, tuple, set, frozenset})
_PLAIN_BASES = (int, float, str, bytes, list, tuple, dict, set, frozenset)
_FACTORIES: Mapping[str, Callable[[], object]] = {
    "int": int, "list": list, "dict": dict, "set": set, "str": str, "float": float, "bool": bool,
    "tuple": tuple,
}  # fmt: skip
_SINGLE: Mapping[str, object] = {"...": Ellipsis, "NotImplemented": NotImplemented}
_NUMBERS = "biufcUSM"
"""The kinds of items that an array may have: no objects."""


class UnsentError(Exception):
    """A value that cannot be handed over."""


class Exchange:
    """One side's tables.

    Args:
        lend: describe a value that stays here, given its number.
        borrow: make something that stands for a value of the other side, given its description.
        owned: the number of a value that is the other side's; None where it is no such value.
        trusted: this side is ours: functions of Python's own go out by name, and types come in.
    """

    def __init__(
        self,
        lend: Callable[[Value, int], Message],
        borrow: Callable[[Message], Value],
        owned: Callable[[Value], int | None],
        *,
        trusted: bool,
    ) -> None:
        self._trusted = trusted
        self._lend = lend
        self._borrow = borrow
        self._owned = owned
        self._kept: list[Value] = []
        self._numbers: dict[int, int] = {}

    def kept(self, number: int) -> Value:
        """Return what was lent under a number."""
        return self._kept[number]

    def keep(self, value: Value) -> int:
        """Return the number of a value that is lent."""
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._kept)
            self._kept.append(value)
        return number

    def pack(self, value: Value) -> Tree:
        """Return the tree of a value."""
        if _whole(value):
            return ("plain", value)
        kind = kind_of(value)
        packer = _PACKERS.get(kind)
        if packer is not None:
            return packer(self, value)
        number = self._owned(value)
        if number is not None:
            return ("back", number)
        single = self._builtin(value) or _packed_single(value) or self._packed_error(value)
        return ("lent", self._lend(value, self.keep(value))) if single is None else single

    def _builtin(self, value: Value) -> Tree:
        name = getattr(value, "__name__", None)
        if type(name) is str and vars(builtins).get(name) is value:
            return ("builtin", name) if self._trusted or isinstance(value, type) else None
        return None

    def _packed_error(self, value: Value) -> Tree:
        """Return the tree of an exception of Python's own, or of where one went."""
        kind = kind_of(value)
        if kind is TracebackType:
            return ("plain", None)
        if is_a(value, Exception) and kind.__module__ == "builtins" and _whole(value.args):
            return ("error", (kind.__name__, value.args))
        return None

    def _named(self, name: str) -> Value:
        found = vars(builtins)[name]
        if self._trusted and not isinstance(found, type):
            raise ValueError(f"{name} is no type")
        return found

    def packed(self, values: Value) -> list[Tree]:
        """Return the trees of several values."""
        return [self.pack(value) for value in values]

    def unpack(self, tree: Tree) -> Value:
        """Return the value of a tree.

        Raises:
            LookupError, TypeError, ValueError: it is none.
        """
        tag, body = tree[0], tree[1]
        if tag == "plain":
            return body
        if tag == "lent":
            return self._borrow(body)
        if tag == "back":
            return self._kept[body]
        if tag == "builtin":
            return self._named(body)
        if tag == "named":
            name, fields, items = body
            return _named_tuple(name, fields)(*self.unpacked(items))
        return _UNPACKERS[tag](self, body)

    def unpacked(self, trees: Value) -> list[Value]:
        """Return the values of several trees."""
        return [self.unpack(tree) for tree in trees]

    def pairs(self, mapping: Value) -> list[Tree]:
        """Return the trees of a mapping's keys and values."""
        items: Value = dict.items(mapping)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  of any keys and values
        return [(self.pack(key), self.pack(value)) for key, value in items]

    def mapping(self, pairs: Value) -> dict[Value, Value]:
        """Return what `pairs` was given."""
        return {self.unpack(key): self.unpack(value) for key, value in pairs}


def kind_of(value: Value) -> Any:  # noqa: ANN401  a class of which nothing is known
    """Return a value's own class, whatever it claims."""
    return cast("Any", type)(value)


def is_a(value: Value, kinds: Value) -> bool:
    """Whether a value is of a class, without anything being taken for known about it."""
    return isinstance(value, kinds)


def shadow(value: Value) -> Value:
    """Return the plain value in an object whose class derives from a plain type; None if none.

    By the plain type's own methods, whatever the class has put in their place.
    """
    for base in _PLAIN_BASES:
        if base in type(value).__mro__:
            return _BARE[base](value)
    return None


_named_tuple: Callable[..., Any] = namedtuple  # noqa: PYI024  # pyright: ignore[reportUntypedNamedTuple]  the names come with the value
_whole_slice = slice(None)


def _sliced(kind: Value) -> Callable[[Value], Value]:
    return lambda value: kind.__getitem__(value, _whole_slice)


def _copied(value: Value) -> Value:
    return cast("Value", dict).copy(value)


_BARE: Mapping[type, Callable[[Value], Value]] = {
    int: lambda value: int.__add__(value, 0),
    float: lambda value: float.__add__(value, 0.0),
    str: _sliced(str),
    bytes: _sliced(bytes),
    list: _sliced(list),
    tuple: _sliced(tuple),
    dict: _copied,
    set: set,
    frozenset: frozenset,
}


def _whole(value: Value) -> bool:
    """Whether a value is plain through and through."""
    kind = kind_of(value)
    if kind in _SCALARS:
        return True
    if kind in _ITEMS:
        return all(_whole(item) for item in value)
    return kind is dict and all(_whole(k) and _whole(v) for k, v in value.items())


def _packed_single(value: Value) -> Tree:
    for name, single in _SINGLE.items():
        if value is single:
            return ("single", name)
    kind = kind_of(value)
    module = str(getattr(kind, "__module__", ""))
    if (module, kind.__name__) == ("uuid", "UUID"):
        return ("uuid", str(value.hex))
    if module == "numpy" and kind.__name__ != "ndarray":
        return _packed_number(value)
    if kind.__name__ == "ndarray" and module == "numpy":
        return _packed_array(value)
    fields: Value = getattr(kind, "_fields", None)
    if kind.__bases__ == (tuple,) and kind_of(fields) is tuple and _is_bare_named_tuple(kind):
        items = [Exchange.pack(_NOBODY, item) for item in cast("Value", tuple).__iter__(value)]
        return ("named", (kind.__name__, list(fields), items))
    return None


def _is_bare_named_tuple(kind: type) -> bool:
    """Whether a class is what `namedtuple` makes, with nothing changed."""
    return "_make" in vars(kind) and "__eq__" not in vars(kind)


def _refuse(value: Value, _: int) -> Message:
    raise UnsentError(f"an object of type {type(value).__name__} in a named tuple")


def _borrow_none(_: Message) -> Value:
    raise UnsentError("nothing to borrow")


_NOBODY = Exchange(_refuse, _borrow_none, lambda _: None, trusted=False)


def _packed_array(value: Value) -> Tree:
    if value.dtype.kind not in _NUMBERS:
        return None
    return ("array", (str(value.dtype.str), [int(n) for n in value.shape], _flat(value)))


def _packed_number(value: Value) -> Tree:
    dtype = getattr(value, "dtype", None)
    if dtype is None or dtype.kind not in _NUMBERS:
        return None
    return ("number", (str(dtype.str), _flat(value.reshape(1))))


def _flat(value: Value) -> list[Value]:
    if value.dtype.kind == "M":
        return [str(item) for item in value.reshape(-1)]
    return value.reshape(-1).tolist()


def _array(body: Value) -> Value:
    numpy = _numpy()
    dtype, shape, items = body
    kind = numpy.dtype(dtype)
    if kind.kind not in _NUMBERS:
        raise ValueError("an array of objects")
    return numpy.array(items, dtype=kind).reshape(shape)


def _numpy() -> Value:
    """Return numpy, which is there already where its arrays are."""
    return sys.modules.get("numpy") or importlib.import_module("numpy")


def _packed_factory(exchange: Exchange, value: Value) -> Tree:
    factory = value.default_factory
    for name, known in _FACTORIES.items():
        if factory is known:
            return ("defaultdict", (name, exchange.pairs(value)))
    return ("defaultdict", ("", exchange.pairs(value)))


def _error(body: Value) -> Exception:
    kind = vars(builtins)[body[0]]
    if not issubclass(kind, Exception):
        raise TypeError(f"{body[0]} is no exception")
    return kind(*body[1])


def _default(exchange: Exchange, body: Value) -> Value:
    return defaultdict(_FACTORIES.get(body[0]), exchange.mapping(body[1]))


def _time(value: Value) -> Tree:
    zone = value.tzinfo
    if zone is not None and type(zone) is not dt.timezone:
        raise UnsentError("a time in a zone that is no fixed offset")
    return (type(value).__name__, value.isoformat())


def _of_iso(kind: Value) -> Callable[[Exchange, Value], Value]:
    return lambda _, body: kind.fromisoformat(body)


_KeysType, _ValuesType, _ItemsType = (
    type(view) for view in (_SINGLE.keys(), _SINGLE.values(), _SINGLE.items())
)

_PACKERS: Mapping[type, Callable[[Exchange, Value], Tree]] = {
    list: lambda x, value: ("list", x.packed(value)),
    tuple: lambda x, value: ("tuple", x.packed(value)),
    set: lambda x, value: ("set", x.packed(value)),
    frozenset: lambda x, value: ("frozenset", x.packed(value)),
    dict: lambda x, value: ("dict", x.pairs(value)),
    OrderedDict: lambda x, value: ("ordered", x.pairs(value)),
    Counter: lambda x, value: ("counter", x.pairs(value)),
    defaultdict: _packed_factory,
    deque: lambda x, value: ("deque", (x.packed(value), value.maxlen)),
    bytearray: lambda _, value: ("bytearray", bytes(value)),
    range: lambda _, value: ("range", (value.start, value.stop, value.step)),
    slice: lambda x, value: ("slice", x.packed((value.start, value.stop, value.step))),
    dt.datetime: lambda _, value: _time(value),
    dt.date: lambda _, value: ("date", value.isoformat()),
    dt.time: lambda _, value: _time(value),
    dt.timedelta: lambda _, v: ("timedelta", (v.days, v.seconds, v.microseconds)),
    dt.timezone: lambda _, v: ("timezone", v.utcoffset(None).total_seconds()),
    _KeysType: lambda x, value: ("keys", x.packed(value)),
    _ValuesType: lambda x, value: ("values", x.packed(value)),
    _ItemsType: lambda x, value: ("items", x.packed(value)),
}
_UNPACKERS: Mapping[str, Callable[[Exchange, Value], Value]] = {
    "list": lambda x, body: x.unpacked(body),
    "tuple": lambda x, body: tuple(x.unpacked(body)),
    "set": lambda x, body: set(x.unpacked(body)),
    "frozenset": lambda x, body: frozenset(x.unpacked(body)),
    "dict": lambda x, body: x.mapping(body),
    "ordered": lambda x, body: OrderedDict(x.mapping(body)),
    "counter": lambda x, body: Counter(x.mapping(body)),
    "defaultdict": _default,
    "deque": lambda x, body: deque(x.unpacked(body[0]), body[1]),
    "bytearray": lambda _, body: bytearray(body),
    "range": lambda _, body: range(*body),
    "slice": lambda x, body: slice(*x.unpacked(body)),
    "datetime": _of_iso(dt.datetime),
    "date": _of_iso(dt.date),
    "time": _of_iso(dt.time),
    "timedelta": lambda _, body: dt.timedelta(*body),
    "timezone": lambda _, body: dt.timezone(dt.timedelta(seconds=body)),
    "uuid": lambda _, body: importlib.import_module("uuid").UUID(body),
    "keys": lambda x, body: dict.fromkeys(x.unpacked(body)).keys(),
    "values": lambda x, body: dict(enumerate(x.unpacked(body))).values(),
    "items": lambda x, body: dict(x.unpacked(body)).items(),
    "error": lambda _, body: _error(body),
    "single": lambda _, body: _SINGLE[body],
    "array": lambda _, body: _array(body),
    "number": lambda _, body: _array((body[0], [1], body[1]))[0],
}
