"""One page of memory that a worker and its supervisor share: who runs what, since when.

Four words of 64 bits: the position (batch, job), wall and CPU clock at its start, and the one
word that the supervisor writes, the batch that it wants stopped. The clocks are written before
the position; a reader that finds one position before and after has read its own clocks.
"""

import mmap
import os
import time
from dataclasses import dataclass
from typing import Final

MAX_BATCH: Final = 2**39
_BYTES: Final = 4096
_JOB_BITS: Final = 24
_JOB_MASK: Final = (1 << _JOB_BITS) - 1
_POSITION, _WALL, _CPU, _STOP = range(4)
_NOTHING: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Position:
    """What a worker was doing when it was looked at.

    Attributes:
        batch: number of the batch; 0 before the first.
        job: that runs; None between batches.
        wall_seconds, cpu_seconds: the monotonic clock and the process's CPU clock at its start.
    """

    batch: int
    job: int | None
    wall_seconds: float
    cpu_seconds: float


class ProgressSlot:
    """The page, mapped; `fd` is passed on to the worker."""

    def __init__(self, fd: int | None = None) -> None:
        self.fd = os.memfd_create("rewardd-progress") if fd is None else fd
        if fd is None:
            os.ftruncate(self.fd, _BYTES)
        self._map = mmap.mmap(self.fd, _BYTES)
        self._words = memoryview(self._map).cast("Q")
        self._batch = 0
        if fd is None:
            self._words[_STOP] = _NOTHING

    def enter(self, batch: int) -> None:
        """Begin a batch; no job of it runs yet."""
        self._batch = batch << _JOB_BITS
        self._write(self._batch)

    def begin(self, job: int) -> None:
        """Begin job `job` of the batch."""
        self._write(self._batch | (job + 1))

    def stopped(self) -> bool:
        """Whether the supervisor wants no more of this batch."""
        return self._words[_STOP] << _JOB_BITS == self._batch

    def stop(self, batch: int) -> None:
        """Want no more of this batch."""
        self._words[_STOP] = batch

    def read(self) -> Position:
        """Look at the worker; also right after its death."""
        words = self._words
        while True:
            position, wall, cpu = words[_POSITION], words[_WALL], words[_CPU]
            if words[_POSITION] == position:
                break
        job = position & _JOB_MASK
        return Position(position >> _JOB_BITS, job - 1 if job else None, wall / 1e9, cpu / 1e9)

    def close(self) -> None:
        """Unmap the page."""
        self._words.release()
        self._map.close()
        os.close(self.fd)

    def _write(self, position: int) -> None:
        words = self._words
        words[_WALL] = time.monotonic_ns()
        words[_CPU] = time.process_time_ns()
        words[_POSITION] = position
