"""Keep as many workers alive as were asked for: start, lend, replace, recycle, back off."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Coroutine
from typing import Any, Final

from rewardd_service.errors import BackendUnavailableError
from rewardd_service.pool import kernel
from rewardd_service.pool.counters import Counters
from rewardd_service.pool.desk import Desk
from rewardd_service.pool.launcher import Launcher
from rewardd_service.pool.limits import PoolSettings
from rewardd_service.pool.messages import Hello, Warm
from rewardd_service.pool.process import Cause, Death, Phase, WorkerProcess
from rewardd_service.pool.watchdog import TICK_SECONDS, Watchdog

logger = logging.getLogger(__name__)

_EARLY_SECONDS: Final = 1.0
_EARLY_DEATHS: Final = 5
"""Deaths in a row within `_EARLY_SECONDS` of a start, without work to blame, that mean trouble."""
_RSS_SECONDS: Final = 1.0
_MIB: Final = 1 << 20
_KILLED: Final = -9


class Workforce:
    """The workers of one preload; lives in the event loop's thread."""

    def __init__(self, settings: PoolSettings, counters: Counters) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._counters = counters
        self._workers: dict[int, WorkerProcess] = {}
        self._desk = Desk()
        self._tasks: set[asyncio.Task[None]] = set()
        self._launcher: Launcher | None = None
        self._trouble: str | None = "the pool has not been started"
        self._hopeless = True  # nobody is worth waiting for
        self._settled = asyncio.Event()
        self._closing = False
        self._early_deaths = 0
        self._made = 0
        self._weighed: dict[int, float] = {}
        self._replacing: WorkerProcess | None = None
        self._watchdog = Watchdog(
            default_limit_seconds=self._limits.cpu_seconds,
            wall_factor=self._limits.wall_factor,
            clock=time.monotonic,
            cpu_clock=kernel.cpu_seconds,
        )

    async def start(self) -> Warm:
        """Return what the preload found, once every worker has said hello.

        Raises:
            BackendUnavailableError: they do not come up; the message says why.
        """
        warm = await self._launch()
        self._trouble, self._hopeless = None, False
        for _ in range(self._settings.workers):
            self._spawn(self._hire())
        self._spawn(self._watch())
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                await self._settled.wait()
        except TimeoutError as error:
            raise BackendUnavailableError("the workers did not all come up in time") from error
        if self._trouble is not None:
            raise BackendUnavailableError(self._trouble)
        return warm

    async def close(self) -> None:
        """End all workers, at once; who waits for one is told that there is none."""
        self._closing = True
        self._trouble = self._trouble or "the pool is closed"
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in list(self._workers.values()):
            worker.kill(Cause.RECYCLED)
        if self._launcher is not None:
            await self._launcher.close()
        self._lose_all()
        self._desk.turn_away()

    def trouble(self) -> str | None:
        """Return why no work can run now; None if it can."""
        return self._trouble

    def phases(self) -> Counter[Phase]:
        """Return how many workers are at what."""
        return Counter(worker.phase for worker in self._workers.values())

    def resident_bytes(self) -> dict[int, int]:
        """Return the resident memory of each worker by its process id."""
        return {w.pid: kernel.resident_bytes(w.pid) for w in self._workers.values() if w.pid}

    async def borrow(self, patience_seconds: float, *, first: bool = False) -> WorkerProcess | None:
        """Return a worker that is now busy with nothing; None if there is none in time.

        With `first`, go before the others who wait.
        """
        if self._closing or (self._hopeless and not self._workers):
            return None
        return await self._desk.borrow(patience_seconds, first=first)

    def give_back(self, worker: WorkerProcess) -> None:
        """Take back a worker whose batch is done; a dead one is replaced already."""
        if worker.phase is not Phase.BUSY:
            return
        self._early_deaths = 0
        if worker.retiring:
            self._let_go(worker)
            return
        if self._worn(worker) and self._replacing is None and not self._closing:
            self._replacing = worker
            self._spawn(self._hire())
        self._desk.offer(worker)

    def discard(self, worker: WorkerProcess) -> None:
        """End a borrowed worker that cannot be trusted."""
        worker.kill(Cause.RECYCLED)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _launch(self) -> Warm:
        launcher = Launcher(
            self._settings,
            on_start=self._on_start,
            on_exit=self._on_exit,
            on_loss=self._on_loss,
        )
        self._launcher = launcher
        try:
            return await launcher.start()
        except BackendUnavailableError as error:
            self._trouble = error.detail
            await launcher.close()
            raise

    async def _hire(self, delay_seconds: float = 0.0) -> None:
        """Add a worker."""
        await asyncio.sleep(delay_seconds)
        self._made += 1
        worker = self._workers[self._made] = WorkerProcess(self._made)
        try:
            self._order(worker)
        except BackendUnavailableError:
            worker.handed_over()
            self._workers.pop(worker.number).exited(_KILLED)
            return  # the preload is gone: all workers are made anew with the next
        worker.handed_over()
        try:
            async with asyncio.timeout(self._limits.start_seconds):
                hello = await worker.receive()
        except TimeoutError:
            worker.kill(Cause.CRASH)
            return
        if isinstance(hello, Hello):
            self._welcome(worker, hello)

    def _order(self, worker: WorkerProcess) -> None:
        if self._launcher is None:
            raise BackendUnavailableError("the pool has not been started")
        self._launcher.order(worker.number, worker.descriptors())

    def _welcome(self, worker: WorkerProcess, hello: Hello) -> None:
        allowed = self._limits.first_verification_seconds
        if hello.first_verification_seconds > allowed:
            self._trouble = (
                f"a new worker's first verification took {hello.first_verification_seconds:.3f} s "
                f"of CPU time, and {allowed:g} s is the most after a warm preload"
            )
            self._settled.set()
            worker.kill(Cause.CRASH)
            return
        self._counters.starts += 1
        self._trouble, self._hopeless = None, False
        if self._counters.starts >= self._settings.workers:
            self._settled.set()
        if self._replacing is not None:
            self._retire(self._replacing)
            self._replacing = None
        self._desk.offer(worker)

    def _retire(self, worker: WorkerProcess) -> None:
        """Let a worn worker go, now or when it is done."""
        worker.retiring = True
        if worker.phase is Phase.IDLE:
            self._desk.withdraw(worker)
            self._let_go(worker)

    def _let_go(self, worker: WorkerProcess) -> None:
        worker.phase = Phase.RETIRING
        worker.hang_up()

    def _worn(self, worker: WorkerProcess) -> bool:
        if worker.jobs_done >= self._limits.recycle_jobs:
            return True
        now = time.monotonic()
        if now - self._weighed.get(worker.number, 0.0) < _RSS_SECONDS:
            return False
        self._weighed[worker.number] = now
        return kernel.resident_bytes(worker.pid) > self._limits.recycle_rss_mib * _MIB

    def _on_start(self, number: int, pid: int) -> None:
        if number in self._workers:
            self._workers[number].started(pid)

    def _on_exit(self, number: int, status: int) -> None:
        worker = self._workers.pop(number, None)
        if worker is None:
            return
        phase, lived = worker.phase, time.monotonic() - worker.began
        death = worker.exited(status)
        self._note(worker, phase, death)
        if self._closing or worker.retiring:
            return
        if worker is self._replacing:
            self._replacing = None  # its replacement is on its way
            return
        blameless = phase is not Phase.BUSY and lived < _EARLY_SECONDS
        self._early_deaths = self._early_deaths + 1 if blameless else 0
        self._spawn(self._hire(self._pause(death)))

    def _note(self, worker: WorkerProcess, phase: Phase, death: Death) -> None:
        self._weighed.pop(worker.number, None)
        self._counters.exits[death.cause] += 1
        self._desk.withdraw(worker)
        if death.cause is not Cause.RECYCLED and phase is not Phase.BUSY and not self._closing:
            logger.warning(
                "worker %d ended: %s, status %d",
                worker.pid,
                death.cause,
                death.status,
                extra={"cause": death.cause, "status": death.status, "stack": death.last_words},
            )

    def _pause(self, death: Death) -> float:
        """Return how long to wait before the next start."""
        if self._early_deaths < _EARLY_DEATHS:
            return 0.0
        words = death.last_words.rpartition("\n")[2]
        self._trouble = (
            f"{self._early_deaths} workers in a row died at start, the last with status "
            f"{death.status}: {words or 'it said nothing'}"
        )
        self._hopeless = True
        self._settled.set()
        if not self._workers:
            self._desk.turn_away()
        return min(self._limits.backoff_seconds, 2.0 ** (self._early_deaths - _EARLY_DEATHS))

    def _on_loss(self, why: str) -> None:
        self._trouble = why
        self._lose_all()
        if not self._closing:
            logger.error("the workers' preload is lost: %s", why)
            self._spawn(self._start_again())

    def _lose_all(self) -> None:
        """The preload is gone, and the kernel has killed its workers with it."""
        for worker in list(self._workers.values()):
            del self._workers[worker.number]
            phase = worker.phase
            worker.kill(Cause.EXTERNAL)
            self._note(worker, phase, worker.exited(_KILLED))
        self._replacing = None

    async def _start_again(self) -> None:
        """Launch a new preload, again and again if need be."""
        pause = 1.0
        while True:
            if self._launcher is not None:
                await self._launcher.close()
            try:
                await self._launch()
                break
            except BackendUnavailableError as error:
                logger.warning("the workers' preload does not come up: %s", error.detail)
                self._hopeless = True
                self._desk.turn_away()
                await asyncio.sleep(pause)
                pause = min(self._limits.backoff_seconds, pause * 2)
        await asyncio.gather(*(self._hire() for _ in range(self._settings.workers)))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for worker in list(self._workers.values()):
                if worker.phase is Phase.BUSY:
                    self._watchdog.look(worker)
            if self._launcher is not None:
                self._launcher.drain()
