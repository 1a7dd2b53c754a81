"""Stand-ins, beside the tests, for the classes and objects that live in the program's jail.

What is expected of a result is never told to one: an object equals plain values only by the plain
value that it is made of, and others of its kind only by its own word.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

from rewardd_verifiers.code.jailed.catching import Caught
from rewardd_verifiers.code.jailed.exchange import Value, is_a, kind_of
from rewardd_verifiers.code.jailed.pytest_like import LackingError

_SHOWN = 150
NUMBER = "_number_in_the_program"
"""Under which an exception keeps where it is from."""


_LOOKED_AT = frozenset({"__annotations__", "__defaults__", "__wrapped__", "__name__"})


class Place:
    """Where an object is: its side, its number, its class's name, and what plain value it is."""

    def __init__(self, peer: Value, number: int, kind: str, plain: Value) -> None:
        self.peer = peer
        self.number = number
        self.kind = kind
        self.plain = plain
        self.made_here = False


class RemoteClass(type):
    """A class of the program's: to call it makes an object over there."""

    _number: int
    _peer: Value

    def __init__(cls, name: str, bases: tuple[type, ...], names: dict[str, Value]) -> None:
        super().__init__(name, bases, names)
        if "_number" not in names:
            raise LackingError(f"class {name}, which derives from one of the program's,")

    def __call__(cls, *args: Value, **kwargs: Value) -> Value:
        """Make an object over there."""
        made = cls._peer.call(cls._number, cls.__name__, args, kwargs)
        if isinstance(made, Remote):
            here(made).made_here = True
        return made

    def __getattr__(cls, name: str) -> Value:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls._peer.get(cls._number, name)

    def __setattr__(cls, name: str, value: Value) -> None:
        cls._peer.put(cls._number, name, value)

    def __iter__(cls) -> Iterator[Value]:
        return iter(cls._peer.do("iter", cls._number))

    def __len__(cls) -> int:
        return cls._peer.do("len", cls._number)

    def __bool__(cls) -> bool:
        return True

    def __getitem__(cls, key: Value) -> Value:
        return cls._peer.do("getitem", cls._number, key)

    def __contains__(cls, value: Value) -> bool:
        return cls._peer.do("contains", cls._number, value)


def _attribute(name: str) -> Any:  # noqa: ANN401  a property in place of what a class has
    """Return an attribute that every object has, and that the program's is asked for."""

    def read(self: "Remote") -> Value:
        place = here(self)
        return place.peer.get(place.number, name)

    return property(read)


class Remote:
    """An object of the program's."""

    __slots__ = ("_here",)
    __dict__ = _attribute("__dict__")  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]  the program's own

    def __getattr__(self, name: str) -> Value:
        if name.startswith("__") and name.endswith("__") and name not in _LOOKED_AT:
            raise AttributeError(name)
        place = here(self)
        return place.peer.get(place.number, name)

    def __setattr__(self, name: str, value: Value) -> None:
        place = here(self)
        place.peer.put(place.number, name, value)

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        if isinstance(other, Remote):
            return bool(_do("eq", self, other))
        if hasattr(type(other), "__compares_anything__"):
            return NotImplemented
        return here(self).plain is not None and bool(_do("plain", self) == other)

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __hash__(self) -> int:
        return _do("hash", self)

    def __call__(self, *args: Value, **kwargs: Value) -> Value:
        """Call it over there."""
        place = here(self)
        return place.peer.call(place.number, place.kind, args, kwargs)


def here(made: Remote) -> Place:
    """Return where an object is."""
    return object.__getattribute__(made, "_here")


def _do(name: str, made: Remote, *arguments: Value) -> Value:
    place = here(made)
    return place.peer.do(name, place.number, *arguments)


class RemoteFunction(Remote):
    """A function of the program's."""

    def __init__(self, peer: Value, number: int, name: str) -> None:
        object.__setattr__(self, "_here", Place(peer, number, name, None))
        object.__setattr__(self, "__name__", name)
        object.__setattr__(self, "__qualname__", name)


def _asked(name: str) -> Callable[..., Any]:
    """Return a special method that asks the object itself: it is told nothing expected."""

    def method(self: Remote, *arguments: Value) -> Value:
        return _do(name, self, *arguments)

    return method


def _operator(name: str) -> Callable[..., Any]:
    """Return a binary operator: with a plain value only for what the tests made themselves."""

    def method(self: Remote, other: Value) -> Value:
        place = here(self)
        if isinstance(other, Remote) or place.made_here:
            result = _do(name, self, other)
            if isinstance(result, Remote):
                here(result).made_here = True
            return result
        if place.plain is None:
            place.peer.refuse(place.kind)
        return _plainly(name, _do("plain", self), other)

    return method


def _plainly(name: str, plain: Value, other: Value) -> Value:
    method = getattr(kind_of(plain), f"__{name}__", None)
    return NotImplemented if method is None else method(plain, other)


_ASKED = (
    "len", "iter", "next", "str", "repr", "bool", "format", "int", "float", "index", "abs",
    "neg", "pos", "invert", "reversed", "round", "getitem", "setitem", "delitem", "enter", "exit",
)  # fmt: skip
_OPERATORS = (
    "contains", "lt", "le", "gt", "ge", "add", "sub", "mul", "truediv", "floordiv", "mod", "pow",
    "matmul", "and", "or", "xor", "lshift", "rshift", "divmod",
)  # fmt: skip
_REFLECTED = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor")


DOC = _attribute("__doc__")
"""For the classes that are made, as each has one of its own."""
for _kind in (Remote, RemoteFunction):
    cast("Value", _kind).__doc__ = DOC
for _name in _ASKED:
    setattr(Remote, f"__{_name}__", _asked(_name))
for _name in (*_OPERATORS, *(f"r{name}" for name in _REFLECTED)):
    setattr(Remote, f"__{_name}__", _operator(_name))


def number_of(value: Value) -> int | None:
    """Return the number of what is the program's; None if a value is no such thing."""
    if isinstance(value, Remote):
        return here(value).number
    if isinstance(value, BaseException):
        return vars(value).get(NUMBER)
    if isinstance(value, RemoteClass):
        return int(vars(value)["_number"])
    return None


def shown(args: Value, kwargs: Value) -> str:
    """Return the arguments of a call, for people."""
    parts = [short(value) for value in args]
    return ", ".join([*parts, *(f"{name}={short(value)}" for name, value in kwargs.items())])


def short(value: Value) -> str:
    """Return a value's beginning, for people; an object is not asked."""
    if isinstance(value, Remote | RemoteClass):
        return "an object"
    with Caught(only=Exception):
        text = repr(value) if not _holds_remote(value) else "a collection of objects"
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return "?"


def _holds_remote(value: Value) -> bool:
    if is_a(value, list | tuple | set | frozenset):
        return any(_holds_remote(item) for item in list(value)[:50])
    if is_a(value, dict):
        return any(_holds_remote(item) for item in list(value.values())[:50])
    return isinstance(value, Remote | RemoteClass)
