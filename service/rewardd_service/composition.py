"""Where the parts meet: settings to a scorer with its backend, for every way to run them."""

import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

from rewardd_service.backends import Backend
from rewardd_service.backends.local import LocalBackend
from rewardd_service.metrics import Metrics
from rewardd_service.numbers import LiveNumbers
from rewardd_service.pool import Limits, PoolSettings, usable_cores
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_service.settings import Settings
from rewardd_verifiers import Catalog


@contextlib.asynccontextmanager
async def open_scorer(settings: Settings, metrics: Metrics | None = None) -> AsyncGenerator[Scorer]:
    """Start the workers that the settings ask for, and give the scorer in front of them.

    Raises:
        RecipeError: a recipe of the operator does not make sense.
        DuplicateVerifierError: two installed packages claim one name.
        BackendUnavailableError: the workers do not come up.
    """
    backend = local_backend(settings)
    async with scorer_on(backend, settings.recipes, metrics) as scorer:
        if metrics is not None:
            metrics.registry.register(LiveNumbers(backend, scorer.dispatcher))
        yield scorer


@contextlib.asynccontextmanager
async def scorer_on(
    backend: Backend, recipes: Path | None = None, metrics: Metrics | None = None
) -> AsyncGenerator[Scorer]:
    """Start a backend, give a scorer in front of it, and stop the backend in the end."""
    scorer = Scorer(backend, RecipeBook(Catalog(), recipes), metrics)
    try:
        await backend.start()
        yield scorer
    finally:
        await backend.close()


def local_backend(settings: Settings) -> LocalBackend:
    """Return the embedded default: worker processes on this machine."""
    limits = Limits(
        cpu_seconds=settings.verifier_cpu_seconds,
        memory_mib=settings.worker_memory_mib,
        recycle_jobs=settings.worker_recycle_jobs,
        recycle_rss_mib=settings.worker_recycle_mib,
    )
    workers = settings.workers or usable_cores()
    return LocalBackend([PoolSettings(workers=workers, limits=limits)])
