"""A bounded store of bytes by key: the least recently used goes first, the old goes anyway."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

# Python's own cost of an entry, so that many small ones are bounded too.
_ENTRY_BYTES = 500


@dataclass
class _Entry(Generic[Value]):
    value: Value
    size_bytes: int
    expires: float


class Shelf(Generic[Key, Value]):
    """Keeps values for a time, within a bound on their sizes."""

    def __init__(
        self, *, max_bytes: int, keep_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_bytes = max_bytes
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """Return what all entries take."""
        return self._bytes

    def put(self, key: Key, value: Value, size_bytes: int) -> None:
        """Keep a value; older ones make room for it."""
        self.remove(key)
        size_bytes += _ENTRY_BYTES
        self._entries[key] = _Entry(value, size_bytes, self._clock() + self._keep_seconds)
        self._bytes += size_bytes
        self._expire()
        while self._bytes > self._max_bytes:
            self.remove(next(iter(self._entries)))

    def get(self, key: Key) -> Value | None:
        """Return a value that is still kept."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.expires <= self._clock():
            self.remove(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    def remove(self, key: Key) -> None:
        """Forget a value, if it is there."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size_bytes

    def _expire(self) -> None:
        """Forget what is at the old end and too old; a fresher one behind it waits its turn."""
        now = self._clock()
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if entry.expires > now:
                return
            self.remove(key)
