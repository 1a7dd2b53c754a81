"""Lists, dicts and sets that both sides of a session have, and that stay the same on both.

What an object of the program's holds arrives as a copy; here the copy and the original are brought
up to date before each request and after it, so that to change one is to change the other.
"""

from collections import Counter, OrderedDict, defaultdict, deque
from copy import deepcopy

from rewardd_verifiers.code.jailed.exchange import Exchange, Tree, Value, kind_of

_LISTS = frozenset({list, bytearray})
_GROUPS = frozenset({dict, set, defaultdict, OrderedDict, Counter})
_MOST_SHARED = 64
_LONGEST = 2000


class Shared:
    """What one side shares, by the program's numbers."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._held: dict[int, list[Value]] = {}

    def add(self, number: int, value: Value) -> None:
        """Share a value; the oldest is let go of where there are many."""
        self._held[number] = [value, trace(self._exchange, value)]
        if len(self._held) > _MOST_SHARED:
            self._held.pop(next(iter(self._held)))

    def get(self, number: int) -> Value:
        """Return what is shared under a number; None if nothing is."""
        return self._held.get(number, [None])[0]

    def news(self) -> list[tuple[int, Tree]]:
        """Return what was changed here since the other side was last told."""
        found: list[tuple[int, Tree]] = []
        for number, held in self._held.items():
            tree = trace(self._exchange, held[0])
            if tree != held[1]:
                held[1] = tree
                found.append((number, tree))
        return found

    def take(self, news: Value) -> None:
        """Do here what was changed over there."""
        for number, tree in news:
            held = self._held.get(number)
            if held is not None:
                refresh(held[0], self._exchange.unpack(tree))
                held[1] = trace(self._exchange, held[0])


def trace(exchange: Exchange, value: Value) -> Tree:
    """Return what a value holds now, if it is one that can be changed."""
    return deepcopy(exchange.pack(value)) if can_change(value) else None


def can_change(value: Value) -> bool:
    """Whether a value is a collection that can be changed."""
    kind = kind_of(value)
    return kind in _LISTS or kind in _GROUPS or kind is deque


def is_short(value: Value) -> bool:
    """Whether a collection is short enough to be compared again and again."""
    return len(value) <= _LONGEST


def refresh(before: Value, after: Value) -> None:
    """Give a collection what one of the same type has."""
    kind = kind_of(before)
    if kind is not kind_of(after):
        return
    if kind in _LISTS:
        before[:] = after
    elif kind in _GROUPS or kind is deque:
        before.clear()
        (before.extend if kind is deque else before.update)(after)
