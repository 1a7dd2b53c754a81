"""What a gateway knows of the workers: how many chunks they take, which versions they have."""

from collections.abc import Mapping, Sequence

from rewardd_service.backends.redis.roster import Member, needs_of, slots_of, versions_of
from rewardd_verifiers import Need

_IN_REDIS = 2
"""Chunks in Redis for each slot: one that runs, one that is there when it is done."""


class Fleet:
    """The workers as they were seen last, and for a while those that are gone.

    A rolling restart may leave a need without a worker for a moment: that is no reason to fail.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds
        self._slots: dict[Need, int] = {}
        self._seen: dict[Need, float] = {}
        self.versions: Mapping[str, int] = {}

    def look(self, members: Sequence[Member], now: float) -> list[Need]:
        """Take in who is there at `now`; return the needs that nobody serves any more."""
        slots = slots_of(members)
        if slots:
            self.versions = versions_of(members)
        self._slots |= slots
        self._seen |= dict.fromkeys(needs_of(members) & self._slots.keys(), now)
        lost = [n for n, seen in self._seen.items() if now - seen > self._grace_seconds]
        for need in lost:
            del self._slots[need], self._seen[need]
        return lost

    def forgive(self, now: float) -> None:
        """Count the time of an outage, in which nobody could be seen, for nothing."""
        self._seen = dict.fromkeys(self._seen, now)

    def slots(self) -> dict[Need, int]:
        """Return how many chunks run at once, by need."""
        return dict(self._slots)

    def window(self) -> dict[Need, int]:
        """Return how many chunks are to be in Redis at most, by need."""
        return {need: number * _IN_REDIS for need, number in self._slots.items()}
