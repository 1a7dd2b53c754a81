"""Lend idle workers: who waits longest is served first, but for those in a hurry."""

import asyncio
from collections import deque

from rewardd_service.pool.process import Phase, WorkerProcess


class Desk:
    """Idle workers, and those who wait for one."""

    def __init__(self) -> None:
        self._idle: deque[WorkerProcess] = deque()
        self._waiting: deque[asyncio.Future[WorkerProcess | None]] = deque()

    def offer(self, worker: WorkerProcess) -> None:
        """Lend a worker to who waits longest, or let it idle."""
        worker.phase = Phase.IDLE
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                worker.phase = Phase.BUSY
                waiting.set_result(worker)
                return
        self._idle.append(worker)

    def withdraw(self, worker: WorkerProcess) -> None:
        """Lend this worker no more; it may have been lent already."""
        if worker in self._idle:
            self._idle.remove(worker)

    async def borrow(self, patience_seconds: float, *, first: bool) -> WorkerProcess | None:
        """Return a worker, now busy; None if none is free in time, or ever.

        With `first`, go before the others who wait.
        """
        if self._idle:
            worker = self._idle.popleft()
            worker.phase = Phase.BUSY
            return worker
        waiting: asyncio.Future[WorkerProcess | None] = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if first else self._waiting.append)(waiting)
        try:
            await asyncio.wait([waiting], timeout=patience_seconds)
        except asyncio.CancelledError:
            self._leave(waiting)
            raise
        if waiting.done():
            return waiting.result()
        self._waiting.remove(waiting)
        return None

    def turn_away(self) -> None:
        """Tell all who wait that there is no worker for them."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(None)

    def _leave(self, waiting: "asyncio.Future[WorkerProcess | None]") -> None:
        """Leave the queue; a worker that came at that very moment goes to the next."""
        if not waiting.done():
            self._waiting.remove(waiting)
            return
        worker = waiting.result()
        if worker is not None and worker.phase is Phase.BUSY:
            self.offer(worker)
