"""Records of ours as plain JSON and numbered blobs, and back: by their types and nothing else.

What is read may come from a container that a program has taken over. It becomes a value only
where a field of the expected record has its type; nothing is looked up by a name, or called.
"""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from math import isfinite
from typing import (
    TYPE_CHECKING,
    Any,
    NoReturn,
    TypeAlias,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from rewardd_sandbox.errors import WireError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_MOST_NUMBER = 1 << 63

Record = TypeVar("Record")
Blobs: TypeAlias = Sequence[bytes]
_Read: TypeAlias = Callable[[object, Blobs], object]


def told(record: object, blobs: list[bytes]) -> object:
    """Return a record, or a value of one of its fields, as JSON; byte strings join `blobs`."""
    if isinstance(record, bytes):
        blobs.append(record)
        return len(blobs) - 1
    if isinstance(record, Mapping):
        entries = cast("Mapping[str, object]", record)
        return {name: told(part, blobs) for name, part in entries.items()}
    if isinstance(record, tuple):
        return [told(part, blobs) for part in cast("tuple[object, ...]", record)]
    if record is None or isinstance(record, str | int | float):
        return record
    names = [field.name for field in fields(cast("DataclassInstance", record))]
    return {name: told(getattr(record, name), blobs) for name in names}


def restore(kind: type[Record], said: object, blobs: Blobs) -> Record:
    """Return the record that was told: all of its fields, and no other.

    Raises:
        WireError: it is not exactly that.
    """
    readers = _readers(kind)
    entries = mapping(said)
    if entries.keys() != readers.keys():
        refuse(f"no {kind.__name__}")
    return kind(**{name: read(entries[name], blobs) for name, read in readers.items()})


def refuse(why: str) -> NoReturn:
    """Give up a container that does not say what was agreed.

    Raises:
        WireError: always.
    """
    raise WireError(f"the container said {why}")


def mapping(said: object) -> dict[str, object]:
    """Return a JSON object, or refuse it."""
    return cast("dict[str, object]", said) if type(said) is dict else refuse("no mapping")


def listing(said: object) -> list[object]:
    """Return a JSON array, or refuse it."""
    return cast("list[object]", said) if type(said) is list else refuse("no list")


def text(said: object) -> str:
    """Return a string, or refuse it."""
    return said if type(said) is str else refuse("no text")


def integer(said: object) -> int:
    """Return a number of 64 bits, or refuse it."""
    return said if type(said) is int and abs(said) < _MOST_NUMBER else refuse("no integer")


@cache
def _readers(kind: type[object]) -> Mapping[str, _Read]:
    hints = get_type_hints(kind)
    return {
        field.name: _reader(hints[field.name])
        for field in fields(cast("type[DataclassInstance]", kind))
    }


def _reader(hint: Any) -> _Read:  # noqa: ANN401  typing's own word for a type in an annotation
    """Return what reads a field of this type.

    Raises:
        KeyError: no field may be of it.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is types.UnionType and arguments[1:] == (type(None),):
        return _optional(_reader(arguments[0]))
    if origin is tuple and arguments[1:] == (...,):
        return _tuples(_reader(arguments[0]))
    if origin is Mapping and arguments[0] is str:
        return _mappings(_reader(arguments[1]))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _members(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return _records(hint)
    return _SIMPLE[hint]


def _optional(inner: _Read) -> _Read:
    return lambda said, blobs: None if said is None else inner(said, blobs)


def _tuples(inner: _Read) -> _Read:
    return lambda said, blobs: tuple(inner(part, blobs) for part in listing(said))


def _mappings(inner: _Read) -> _Read:
    return lambda said, blobs: {name: inner(part, blobs) for name, part in mapping(said).items()}


def _records(kind: type[object]) -> _Read:
    return lambda said, blobs: restore(kind, said, blobs)


def _members(kind: type[StrEnum]) -> _Read:
    words = {str(member): member for member in kind}
    return lambda said, _: words.get(text(said)) or refuse("no such word")


def _truth(said: object, _: Blobs) -> bool:
    return said if type(said) is bool else refuse("no truth value")


def _number(said: object, _: Blobs) -> float:
    if type(said) is float:
        return said if isfinite(said) else refuse("no number")
    return float(integer(said))


def _blob(said: object, blobs: Blobs) -> bytes:
    place = integer(said)
    return blobs[place] if 0 <= place < len(blobs) else refuse("no such blob")


_SIMPLE: Mapping[object, _Read] = {
    bool: _truth,
    int: lambda said, _: integer(said),
    str: lambda said, _: text(said),
    float: _number,
    bytes: _blob,
}
