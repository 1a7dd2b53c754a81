"""Where the parts meet: settings to a scorer with its backend, for every way to run them."""

import contextlib
import dataclasses
import importlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewardd_service.backends import Backend
from rewardd_service.backends.archive import Archive
from rewardd_service.backends.local import LocalBackend
from rewardd_service.backends.rhythm import Rhythm
from rewardd_service.cache import Memory, Shelf, VerdictCache
from rewardd_service.edge.auth import Keyring
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.metrics import Metrics
from rewardd_service.numbers import LaneNumbers, PoolNumbers
from rewardd_service.pool import Limits, PoolSettings, usable_cores
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_service.settings import Settings
from rewardd_verifiers import Catalog, Need

if TYPE_CHECKING:
    from rewardd_service.backends.redis import RedisArchive, RedisBackend, WorkerNode

_JAILER_CPU_SECONDS = 60.0
_JAILER_WALL_FACTOR = 15.0
"""A submission with hundreds of slow tests may take a quarter of an hour."""
_NEVER = float("inf")
_IN_JAILS = "rewardd_service.sandboxed:local_sandbox"
_IN_CONTAINERS = "rewardd_sandbox.containers.engine:open_sandbox"


@contextlib.asynccontextmanager
async def open_scorer(settings: Settings, metrics: Metrics | None = None) -> AsyncGenerator[Scorer]:
    """Start the workers that the settings ask for, and give the scorer in front of them.

    Raises:
        RecipeError: a recipe of the operator does not make sense.
        DuplicateVerifierError: two installed packages claim one name.
        BackendUnavailableError: the workers do not come up.
        ValueError: the URL of Redis is none, or that of the cache.
        KeyFileError: the file of keys cannot be used.
    """
    backend = chosen_backend(settings, metrics)
    weights = {} if settings.keys is None else Keyring.read(settings.keys).weights()
    join = settings.join_equal_jobs
    async with (
        opened_cache(settings) as cache,
        scorer_on(backend, settings.recipes, metrics, cache, join=join, weights=weights) as scorer,
    ):
        if metrics is not None:
            metrics.registry.register(LaneNumbers(scorer.dispatcher))
            metrics.registry.register(PoolNumbers(backend))
        yield scorer


@contextlib.asynccontextmanager
async def scorer_on(
    backend: Backend,
    recipes: Path | None = None,
    metrics: Metrics | None = None,
    cache: VerdictCache | None = None,
    *,
    join: bool = True,
    weights: Mapping[str, float] | None = None,
) -> AsyncGenerator[Scorer]:
    """Start a backend, give a scorer in front of it, and stop the backend in the end."""
    scorer = Scorer(
        backend, RecipeBook(Catalog(), recipes), metrics, cache, join=join, weights=weights
    )
    try:
        await backend.start()
        yield scorer
    finally:
        await backend.close()


def chosen_backend(
    settings: Settings, metrics: Metrics | None = None
) -> "LocalBackend | RedisBackend":
    """Return the backend that the settings ask for.

    Raises:
        BackendUnavailableError: the extra `redis` is not installed.
        ValueError: the URL of Redis is none.
    """
    if settings.redis is None:
        return local_backend(settings)
    made_by: type[RedisBackend] = _over_redis("RedisBackend")
    # What a policy wrote runs on sandbox workers or not at all: never beside a fleet's gateway.
    stopgap = _narrowed(settings, [Need.CPU]) if settings.degrade == "local" else None
    return made_by(
        settings.redis.get_secret_value(),
        local=stopgap,
        metrics=metrics,
        rhythm=Rhythm(idle=settings.redis_idle_seconds),
    )


def worker_node(
    settings: Settings, needs: Sequence[Need], changed: Callable[[str | None], None]
) -> "WorkerNode":
    """Return what offers the pools of this machine to the gateways that share a Redis.

    Args:
        settings: with the Redis and the pools.
        needs: which of the pools.
        changed: told why no work is taken, or None once it is; at each change.

    Raises:
        BackendUnavailableError: the extra `redis` is not installed.
        ValueError: no Redis is named, or this machine serves none of the needs.
    """
    if settings.redis is None:
        raise ValueError("a worker takes its work from a Redis: give its URL")
    backend = _narrowed(settings, needs)
    rhythm = Rhythm(idle=settings.redis_idle_seconds, drain=settings.drain_seconds)
    made_by: type[WorkerNode] = _over_redis("WorkerNode")
    url = settings.redis.get_secret_value()
    return made_by(url, backend, rhythm=rhythm, changed=changed)


def _narrowed(settings: Settings, needs: Sequence[Need]) -> LocalBackend:
    """Return the embedded default with the pools of these needs alone."""
    configured = local_backend(settings).pools
    missing = [need.value for need in needs if need not in configured]
    if missing or not needs:
        raise ValueError(f"this machine is not set up to serve {', '.join(missing) or 'nothing'}")
    return LocalBackend([configured[need].settings for need in needs])


def _over_redis(name: str) -> Any:  # noqa: ANN401 - a class, of the type that the caller declares
    """Return what stands in the package for Redis; FastStream is an extra, and slow to import."""
    try:
        return getattr(importlib.import_module("rewardd_service.backends.redis"), name)
    except ModuleNotFoundError as error:
        detail = f"{error.name} is missing: pip install 'rewardd[redis]'"
        raise BackendUnavailableError(detail) from error


@contextlib.asynccontextmanager
async def opened_cache(settings: Settings) -> AsyncGenerator[VerdictCache | None]:
    """Give the cache of verdicts that the settings ask for, None if they ask for none.

    Raises:
        BackendUnavailableError: the extra `redis` is not installed.
        ValueError: the URL of a shared cache is none.
    """
    if not settings.cache_bytes and settings.cache_url is None:
        yield None
        return
    secret = "" if settings.cache_secret is None else settings.cache_secret.get_secret_value()
    cache = VerdictCache(Memory(settings.cache_bytes), _shelf(settings), secret.encode())
    try:
        yield cache
    finally:
        await cache.close()


@contextlib.asynccontextmanager
async def opened_archive(settings: Settings) -> AsyncGenerator[Archive | None]:
    """Give what gateways that share a Redis leave each other; None for one that is alone.

    Raises:
        BackendUnavailableError: the extra `redis` is not installed.
        ValueError: the URL of Redis is none.
    """
    if settings.redis is None:
        yield None
        return
    made_by: type[RedisArchive] = _over_redis("RedisArchive")
    archive = made_by(
        settings.redis.get_secret_value(),
        max_bytes=settings.idempotency_bytes,
        keep_seconds=settings.idempotency_seconds,
    )
    try:
        yield archive
    finally:
        await archive.close()


def _shelf(settings: Settings) -> Shelf | None:
    if settings.cache_url is None:
        return None
    url = settings.cache_url.get_secret_value()
    try:
        module = importlib.import_module("rewardd_service.cache.redis")
        shelf: Shelf = module.RedisShelf(url, settings.cache_seconds)
    except ModuleNotFoundError as error:
        detail = f"{error.name} is missing: pip install 'rewardd[redis]'"
        raise BackendUnavailableError(detail) from error
    except ValueError as error:
        raise ValueError(f"cache_url: {error}") from error
    return shelf


def local_backend(settings: Settings) -> LocalBackend:
    """Return the embedded default: worker processes on this machine."""
    cores = usable_cores()
    limits = Limits(
        cpu_seconds=settings.verifier_cpu_seconds,
        memory_mib=settings.worker_memory_mib,
        recycle_jobs=settings.worker_recycle_jobs,
        recycle_rss_mib=settings.worker_recycle_mib,
    )
    pool = PoolSettings(workers=settings.workers or cores, limits=limits)
    if settings.probe_secret is not None:
        secret = settings.probe_secret.get_secret_value().encode()
        pool = dataclasses.replace(pool, probe_secret=secret)
    pools = [pool]
    jailers = cores if settings.sandbox_workers is None else settings.sandbox_workers
    if jailers:
        pools.append(_jailers(jailers, settings.sandbox_options()))
    return LocalBackend(pools)


def _jailers(workers: int, sandbox_options: Mapping[str, str]) -> PoolSettings:
    return PoolSettings(
        workers=workers,
        need=Need.SANDBOX,
        sandbox=_IN_CONTAINERS if "image" in sandbox_options else _IN_JAILS,
        sandbox_options=sandbox_options,
        eager=False,
        limits=Limits(
            # The programs have limits of their own; these are for the worker around them, which
            # mostly waits. Its address space is inherited by compilers and JVMs: no bound there.
            cpu_seconds=_JAILER_CPU_SECONDS,
            wall_factor=_JAILER_WALL_FACTOR,
            memory_mib=None,
            canary_seconds=_NEVER,
        ),
    )
