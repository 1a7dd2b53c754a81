"""Tell other machines which jobs end workers, and hear it from them: hashes, nothing else."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from rewardd_service.backends.redis import names
from rewardd_service.backends.redis.store import Store
from rewardd_service.pool import WorkerPool

_FIELD: Final = "key"
_MOST: Final = 100_000
_READ: Final = 1000


class Sharing:
    """Keeps the quarantines of some pools in step with those of everybody else."""

    def __init__(self, store: Store, pools: Iterable[WorkerPool]) -> None:
        self._store = store
        self._pools = list(pools)
        self._untold: deque[bytes] = deque()
        self._after = b"0-0"
        for pool in self._pools:
            pool.quarantine.listeners.append(self._untold.append)

    async def exchange(self) -> None:
        """Tell what is new here, and learn what is new elsewhere.

        Raises:
            RedisError: it did not come to an end; the next time goes on.
        """
        while self._untold:
            await self._store.add(names.QUARANTINE, _FIELD, self._untold[0], most=_MOST)
            self._untold.popleft()
        while told := await self._store.read(
            names.QUARANTINE, _FIELD, after=self._after, most=_READ
        ):
            age = await self._store.age_seconds(told[0][0])
            for entry, key in told:
                self._after = entry
                self._learn(key, age)

    def _learn(self, key: bytes, age_seconds: float) -> None:
        for pool in self._pools:
            if age_seconds < pool.settings.limits.quarantine_seconds:
                pool.quarantine.learn(key)
