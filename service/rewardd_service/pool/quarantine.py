"""Jobs that have ended two workers: answered without a third."""

import hashlib
import time
from collections.abc import Callable
from typing import Final

from rewardd_service.frames import FrameError, canonical
from rewardd_service.job import Chunk

_DIGEST_BYTES: Final = 16
_MAX_KEYS: Final = 100_000


def job_key(chunk: Chunk, index: int) -> bytes:
    """Return a hash of all that a job's verdict depends on; equal jobs have equal keys."""
    job = chunk.jobs[index]
    setup = chunk.setups[job.setup]
    parts = [setup.verifier, setup.params, chunk.subjects[job.subject]]
    try:
        content = canonical([*parts, chunk.references[job.reference]])
    except FrameError:  # such a chunk never reaches a worker
        return b""
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


class Quarantine:
    """Keys of jobs, each remembered for a while.

    Args:
        seconds: for which a key is remembered.
        clock: monotonic.

    Attributes:
        listeners: called with each key that is added here, to share it with other pools.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._until: dict[bytes, float] = {}
        self.listeners: list[Callable[[bytes], None]] = []

    def add(self, key: bytes) -> None:
        """Remember a key, and tell others."""
        self.learn(key)
        for listener in self.listeners:
            listener(key)

    def learn(self, key: bytes) -> None:
        """Remember a key that others tell; the oldest goes if there are too many."""
        self._until.pop(key, None)
        self._until[key] = self._clock() + self._seconds
        while len(self._until) > _MAX_KEYS:
            del self._until[next(iter(self._until))]

    def holds(self, chunk: Chunk) -> list[int]:
        """Return which jobs of a chunk are in quarantine; costs nothing while it is empty."""
        self._forget()
        if not self._until:
            return []
        return [i for i in range(len(chunk.jobs)) if job_key(chunk, i) in self._until]

    def __len__(self) -> int:
        """Return the number of keys that are remembered."""
        self._forget()
        return len(self._until)

    def _forget(self) -> None:
        now = self._clock()
        while self._until:
            oldest = next(iter(self._until))
            if self._until[oldest] > now:
                return
            del self._until[oldest]
