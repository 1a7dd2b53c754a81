"""What waits and what runs in each lane of a backend, and when the next chunk may start."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from rewardd_service.backends import Backend
from rewardd_service.scheduler import Scheduler, Ticket, Unit
from rewardd_verifiers import Need

_ANSWERED_CHUNKS = 8
"""That cost no worker, in one turn of the loop: a batch that is all known must not hold it."""


class Lanes:
    """One queue for each need, drained as fast as the backend has room.

    Args:
        send: starts a chunk of units; False if all of them were answered without a worker.
        turn_away: answers units of a lane that has no worker.
    """

    def __init__(
        self,
        backend: Backend,
        send: Callable[[Ticket, Need, Sequence[Unit]], bool],
        turn_away: Callable[[Ticket, Need, Sequence[Unit]], None],
    ) -> None:
        self._backend = backend
        self._send = send
        self._turn_away = turn_away
        self._queues = {need: Scheduler() for need in Need}
        self._running = dict.fromkeys(Need, 0)
        self._running_jobs = dict.fromkeys(Need, 0)
        self._pumping: set[Need] = set()

    def backlog_seconds(self) -> float:
        """Return how long a job that came now would wait for a slot, at the worst lane."""
        slots = self._backend.slots()
        return max(
            queue.waiting_seconds / max(slots.get(need, 0), 1)
            for need, queue in self._queues.items()
        )

    def waiting_jobs(self) -> Mapping[Need, int]:
        """Return the number of jobs that wait for a slot, by lane."""
        return {need: queue.waiting_jobs for need, queue in self._queues.items()}

    def running_jobs(self) -> Mapping[Need, int]:
        """Return the number of jobs that are with a worker, by lane."""
        return dict(self._running_jobs)

    def offered(self, need: Need) -> bool:
        """Whether any worker serves this lane now."""
        return self._backend.slots().get(need, 0) > 0

    def add(self, need: Need, ticket: Ticket, units: Sequence[Unit]) -> None:
        """Queue units; `pump` starts them."""
        self._queues[need].add(ticket, units)

    def drop(self, need: Need, ticket: Ticket) -> None:
        """Forget what a request has waiting."""
        self._queues[need].drop(ticket)

    def correct(self, need: Need, ticket: Ticket, seconds: float) -> None:
        """Charge a tenant what its work took more than was estimated."""
        self._queues[need].correct(ticket.tenant, seconds)

    def started(self, need: Need, jobs: int) -> None:
        """Count a chunk that has gone to a worker."""
        self._running[need] += 1
        self._running_jobs[need] += jobs

    def finished(self, need: Need, jobs: int) -> None:
        """Count a chunk that has come back; `pump` fills its place."""
        self._running[need] -= 1
        self._running_jobs[need] -= jobs

    def pump(self, need: Need) -> None:
        """Start chunks while there is room and waiting work."""
        if need in self._pumping:
            return  # what was added meanwhile is seen by the turn that goes on
        self._pumping.add(need)
        queue = self._queues[need]
        slots = self._backend.slots().get(need, 0)
        window = self._backend.window().get(need, 0)
        if slots <= 0:
            self._clear(need)
        answered = 0
        while self._running[need] < window and answered < _ANSWERED_CHUNKS:
            taken = queue.take(slots)
            if taken is None:
                break
            ticket, units = taken
            answered += not self._send(ticket, need, units)
        self._pumping.remove(need)
        if answered >= _ANSWERED_CHUNKS:
            asyncio.get_running_loop().call_soon(self.pump, need)

    def _clear(self, need: Need) -> None:
        while (taken := self._queues[need].take(1)) is not None:
            ticket, units = taken
            self._turn_away(ticket, need, units)
