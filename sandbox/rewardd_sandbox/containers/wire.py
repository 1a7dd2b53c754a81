"""Frames between a container and its owner: two lengths, a head of JSON, and blobs; all bounded."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from rewardd_sandbox.containers import records
from rewardd_sandbox.containers.records import Record
from rewardd_sandbox.errors import WireError

PROTOCOL = 1
"""Raised with every change of what is said; both sides must have the same."""

_LENGTHS = struct.Struct(">II")
_MOST_HEAD_BYTES = 4 << 20
_MOST_BLOBS = 20_000


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its head, and the byte strings that the head numbers."""

    head: Mapping[str, object]
    blobs: tuple[bytes, ...] = ()

    def number(self, name: str) -> int:
        """Return an integer of the head.

        Raises:
            WireError: there is none by this name.
        """
        return records.integer(self.head.get(name))

    def text(self, name: str) -> str:
        """Return a string of the head.

        Raises:
            WireError: there is none by this name.
        """
        return records.text(self.head.get(name))

    def record(self, name: str, kind: type[Record]) -> Record:
        """Return a record of the head.

        Raises:
            WireError: it is not exactly of this kind.
        """
        return records.restore(kind, self.head.get(name), self.blobs)


class Writer:
    """A frame in the making."""

    def __init__(self, **head: str | int) -> None:
        self._head: dict[str, object] = dict(head)
        self._blobs: list[bytes] = []

    def add(self, name: str, record: object) -> Self:
        """Put in a number, a text, or a dataclass of ours."""
        self._head[name] = records.told(record, self._blobs)
        return self

    def pack(self) -> bytes:
        """Return the frame."""
        self._head["blobs"] = [len(blob) for blob in self._blobs]
        text = json.dumps(self._head).encode()
        lengths = _LENGTHS.pack(len(text), sum(map(len, self._blobs)))
        return b"".join([lengths, text, *self._blobs])


class Frames:
    """Cuts a stream into frames; of one that is too long nothing is kept."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, piece: bytes, most_bytes: int) -> list[Frame]:
        """Take what came; return the frames that are complete.

        Raises:
            WireError: it is no frame, or its blobs are longer than `most_bytes`.
        """
        self._held += piece
        found: list[Frame] = []
        while len(self._held) >= _LENGTHS.size:
            head, tail = _LENGTHS.unpack_from(self._held)
            if head > _MOST_HEAD_BYTES or tail > most_bytes:
                records.refuse(f"a frame of {head} and {tail} bytes")
            start, end = _LENGTHS.size, _LENGTHS.size + head + tail
            if len(self._held) < end:
                break
            text = bytes(self._held[start : start + head])
            body = bytes(self._held[start + head : end])
            del self._held[:end]
            found.append(_frame(text, body))
        return found


def _frame(text: bytes, body: bytes) -> Frame:
    try:
        parsed: object = json.loads(text, parse_constant=records.refuse)
    except (ValueError, RecursionError) as error:
        raise WireError(f"the container said no JSON: {type(error).__name__}") from error
    head = records.mapping(parsed)
    sizes = [records.integer(size) for size in records.listing(head.pop("blobs", None))]
    if len(sizes) > _MOST_BLOBS or min(sizes, default=0) < 0 or sum(sizes) != len(body):
        records.refuse("lengths that do not fit")
    blobs: list[bytes] = []
    start = 0
    for size in sizes:
        blobs.append(body[start : start + size])
        start += size
    return Frame(head, tuple(blobs))
