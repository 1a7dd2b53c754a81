"""Run chunks on worker processes of this machine: no queue engine, nothing else to install."""

import asyncio
from collections.abc import Mapping, Sequence

from rewardd_service import tracing
from rewardd_service.answers import unscored
from rewardd_service.backends.backend import Deliver
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.job import Chunk, Setup, SetupReport, VerifierCard
from rewardd_service.pool import PoolSettings, WorkerPool
from rewardd_verifiers import Need, Reason

NO_SLOTS: Mapping[Need, Reason] = {
    Need.CPU: Reason.WORKER_LOST,
    Need.SANDBOX: Reason.SANDBOX_UNAVAILABLE,
    Need.JUDGE: Reason.JUDGE_FAILED,
}


class LocalBackend:
    """A pool for each need; see `Backend`.

    Args:
        settings: of one pool for each need that runs here.

    Attributes:
        pools: by need; their counters are what metrics read.
    """

    def __init__(self, settings: Sequence[PoolSettings] = (PoolSettings(),)) -> None:
        self.pools: Mapping[Need, WorkerPool] = {told.need: WorkerPool(told) for told in settings}
        self._lazy = {told.need: asyncio.Lock() for told in settings if not told.eager}

    async def start(self) -> None:
        """Return when all workers are warm but those that wait for their first work.

        Raises:
            BackendUnavailableError: those of one need do not come up; the others are ended.
        """
        try:
            for need, pool in self.pools.items():
                if need not in self._lazy:
                    await pool.start()
        except BackendUnavailableError:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop the workers; what still runs is answered as cancelled."""
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))

    def slots(self) -> Mapping[Need, int]:
        """Return how many chunks can run at once, by need."""
        return {need: pool.settings.workers for need, pool in self.pools.items()}

    def window(self) -> Mapping[Need, int]:
        """Return one chunk for each slot."""
        return self.slots()

    def ready(self) -> str | None:
        """Return None if work can run now, else why not."""
        for need, pool in self.pools.items():
            why = None if need in self._lazy else pool.ready()
            if why is not None:
                return f"{need}: {why}"
        return None

    def degraded(self) -> str | None:
        """Return None: there is nothing behind it to do without."""
        return None

    def outage(self) -> str | None:
        """Return None: what is wrong here is told of each sample."""
        return None

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        """Run a chunk; on return each of its jobs has been delivered exactly once."""
        pool = self.pools.get(need)
        if pool is not None:
            await self._wake(need)
            with tracing.process(need, chunk, deliver) as take:
                await pool.process(chunk, take)
        elif chunk.jobs:
            detail = f"no worker here serves the need {need!r}"
            deliver([unscored(i, NO_SLOTS[need], detail) for i in range(len(chunk.jobs))])

    async def inspect(self, need: Need, setups: Sequence[Setup]) -> list[SetupReport]:
        """Check parameters where the verifiers are installed; one report per setup, in order.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        pool = self.pools.get(need)
        if pool is None:
            raise BackendUnavailableError(f"no worker here serves the need {need!r}")
        await self._wake(need)
        return await pool.inspect(setups)

    async def describe(self) -> list[VerifierCard]:
        """Return a card for each verifier that can run here.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        for need in self.pools:
            await self._wake(need)
        cards = [card for pool in self.pools.values() for card in await pool.describe()]
        return sorted(cards, key=lambda card: card.name)

    async def _wake(self, need: Need) -> None:
        """Start workers that waited for work; who asks meanwhile waits along.

        Raises:
            BackendUnavailableError: they do not come up; the next one who asks tries again.
        """
        lock = self._lazy.get(need)
        if lock is None:
            return
        async with lock:
            if need in self._lazy:
                await self.pools[need].start()
                del self._lazy[need]
