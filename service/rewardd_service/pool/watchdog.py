"""Find out who computes for too long; by CPU time first, by wall time as a backstop."""

from collections.abc import Callable
from typing import Final

from rewardd_service.pool.process import Cause, Charge, WorkerProcess
from rewardd_service.pool.progress import Position

TICK_SECONDS: Final = 0.02
_FAR: Final = 0.5
"""Share of the CPU limit below which it was not the job that took the wall time."""


def charge_against(
    at: Position, *, cpu_seconds: float, now: float, limit_seconds: float, wall_factor: float
) -> Charge | None:
    """Return what the job that runs at `at` is to be killed for, if anything.

    `cpu_seconds` and `now` are the worker's CPU clock and the monotonic clock, read after `at`.
    """
    used = cpu_seconds - at.cpu_seconds
    if used > limit_seconds:
        return Charge(at, limit_seconds, wall_only=False)
    if now - at.wall_seconds > limit_seconds * wall_factor:
        return Charge(at, limit_seconds, wall_only=used < limit_seconds * _FAR)
    return None


class Watchdog:
    """Looks at workers, one at a time; asks an overdue one for its stack, then kills it.

    The kill comes one look later, if the worker is still where it was: time for the stack to be
    written, and for a job to end that only just took too long.
    """

    def __init__(
        self,
        *,
        default_limit_seconds: float,
        wall_factor: float,
        clock: Callable[[], float],
        cpu_clock: Callable[[int], float | None],
    ) -> None:
        self._default_limit_seconds = default_limit_seconds
        self._wall_factor = wall_factor
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._accused: dict[int, Charge] = {}

    def look(self, worker: WorkerProcess) -> None:
        """Look at a worker that has work."""
        worker.stderr.drain()
        charge = self._charge(worker)
        accused = self._accused.pop(worker.number, None)
        if charge is None:
            return
        if accused is not None and accused.at == charge.at:
            worker.kill(Cause.TIMEOUT, charge)
        else:
            self._accused[worker.number] = charge
            worker.ask_for_stack()

    def _charge(self, worker: WorkerProcess) -> Charge | None:
        at = worker.slot.read()
        now = self._clock()
        if at.batch != worker.assigned or at.job is None:
            patience = self._default_limit_seconds * self._wall_factor
            if now - worker.assigned_at > patience and now - at.wall_seconds > patience:
                return Charge(at, self._default_limit_seconds, wall_only=True)
            return None
        used = self._cpu_clock(worker.pid)
        if used is None:
            return None
        known = at.job < len(worker.limits)
        return charge_against(
            at,
            cpu_seconds=used,
            now=now,
            limit_seconds=worker.limits[at.job] if known else self._default_limit_seconds,
            wall_factor=self._wall_factor,
        )
