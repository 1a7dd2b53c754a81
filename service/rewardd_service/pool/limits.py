"""What a pool allows its workers."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from rewardd_service.pool.cores import usable_cores
from rewardd_verifiers import Need


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one job and of one worker; the defaults are those of the `cpu` lane.

    Attributes:
        cpu_seconds: that a job may take, where its setup does not say.
        wall_factor: times the CPU limit is the wall backstop, for what waits instead of computing.
        memory_mib: by which a worker's address space may grow beyond the preload's; None where
            it starts programs that have limits of their own and would inherit this one.
        recycle_jobs, recycle_rss_mib: after which a worker is replaced.
        canary_seconds: between two checks of a worker with samples whose score is known.
        start_seconds: within which a new preload, or a new worker, must report.
        first_verification_seconds: CPU time of a new worker's first verification beyond which
            the preload cannot have warmed it.
        retries: of a job whose worker somebody outside killed.
        quarantine_seconds: for which a job that killed two workers is remembered.
        backoff_seconds: the longest pause before another start after deaths at start.
    """

    cpu_seconds: float = 2.0
    wall_factor: float = 4.0
    memory_mib: int | None = 1024
    recycle_jobs: int = 10_000
    recycle_rss_mib: int = 512
    canary_seconds: float = 60.0
    start_seconds: float = 60.0
    first_verification_seconds: float = 0.05
    retries: int = 3
    quarantine_seconds: float = 3600.0
    backoff_seconds: float = 30.0


def _draw() -> bytes:
    return secrets.token_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """How many workers, for which need, under which limits.

    Attributes:
        workers: how many chunks run at once.
        need: of the verifiers that the preload imports and the workers run.
        verifiers: names of those to make ready, of this need; None means all that are installed.
        sandbox: where need is `sandbox`: "module:callable", an `OpenSandbox` for each worker.
        sandbox_options: given to it by name.
        probe_secret: what expressions are compared by, the same for all workers of a fleet; drawn
            if it is not told, so that at least one pool agrees with itself after any loss.
        eager: start with the server; else when the first work comes.
    """

    workers: int = field(default_factory=usable_cores)
    need: Need = Need.CPU
    verifiers: tuple[str, ...] | None = None
    sandbox: str = ""
    sandbox_options: Mapping[str, str] = field(default_factory=dict[str, str])
    probe_secret: bytes = field(default_factory=_draw, repr=False)
    eager: bool = True
    limits: Limits = Limits()
