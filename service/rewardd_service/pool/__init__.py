"""Worker processes that run any verifier safely."""

from rewardd_service.pool.cores import usable_cores
from rewardd_service.pool.counters import Counters
from rewardd_service.pool.limits import Limits, PoolSettings
from rewardd_service.pool.pool import WorkerPool
from rewardd_service.pool.process import Cause, Phase

__all__ = [
    "Cause",
    "Counters",
    "Limits",
    "Phase",
    "PoolSettings",
    "WorkerPool",
    "usable_cores",
]
