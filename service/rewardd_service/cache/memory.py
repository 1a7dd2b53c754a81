"""Verdicts of this gateway: the most recently used, within a bound in bytes. Pure."""

from collections import OrderedDict

_OVERHEAD_BYTES = 200
"""Of one entry besides its key and content: two objects and a node of the ordered dictionary."""


class Memory:
    """Entries by key, each counted with what it costs to hold it.

    Args:
        max_bytes: of all entries; 0 holds none.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self.held_bytes = 0

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._entries)

    def get(self, key: bytes) -> bytes | None:
        """Return an entry, which is then the last one to go."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: bytes, entry: bytes) -> None:
        """Hold an entry, and let the least recently used go until all fit."""
        self.drop(key)
        if _cost(key, entry) > self._max_bytes:
            return
        self._entries[key] = entry
        self.held_bytes += _cost(key, entry)
        while self.held_bytes > self._max_bytes:
            oldest, content = self._entries.popitem(last=False)
            self.held_bytes -= _cost(oldest, content)

    def drop(self, key: bytes) -> None:
        """Forget an entry, if it is there."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.held_bytes -= _cost(key, entry)


def _cost(key: bytes, entry: bytes) -> int:
    return len(key) + len(entry) + _OVERHEAD_BYTES
