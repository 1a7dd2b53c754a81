"""The worker's role: pools of this machine, for all gateways that share a Redis."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import uvloop
from prometheus_client import CollectorRegistry, Gauge

from rewardd_service.composition import worker_node
from rewardd_service.logs import configure
from rewardd_service.numbers import HasPools, Node, NodeNumbers, PoolNumbers
from rewardd_service.settings import Settings
from rewardd_service.worker_page import opened_page
from rewardd_verifiers import Need

if TYPE_CHECKING:
    from rewardd_service.backends.redis import WorkerNode

logger = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_worker(
    settings: Settings, needs: Sequence[Need] = (Need.CPU,), ready_file: Path | None = None
) -> None:
    """Serve chunks until SIGTERM or SIGINT, then finish what runs and return.

    To be called in the main thread: worker processes follow the life of the thread that starts
    them. Without a Redis that answers it waits for one.

    Args:
        settings: `redis` names the Redis; those of the gateway are ignored.
        needs: what this worker serves.
        ready_file: exists while chunks are taken, for a health check that needs no network.

    Raises:
        ValueError: the settings name no Redis, or this machine serves none of the needs.
        BackendUnavailableError: the worker processes cannot be started, or the extra `redis` is
            missing.
        OSError: nobody can listen where the settings want the worker's numbers shown.
    """
    configure(settings.log_level)
    node = worker_node(settings, needs, _Flag(ready_file).show)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(node, settings))


class _Flag:
    """A file that exists while work is taken."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.show("not started")

    def show(self, trouble: str | None) -> None:
        if self._path is None:
            return
        if trouble is None:
            self._path.touch()
        else:
            self._path.unlink(missing_ok=True)


class Counted(Node, HasPools, Protocol):
    """What has numbers of both kinds."""


def registry_of(node: Counted) -> CollectorRegistry:
    """Return what a worker counts."""
    registry = CollectorRegistry()
    for numbers in (NodeNumbers(node), PoolNumbers(node)):
        registry.register(numbers)
    info = Gauge("rewardd_build_info", "The version that runs.", ["version"], registry=registry)
    info.labels(version("rewardd-service")).set(1)
    return registry


async def _serve(node: "WorkerNode", settings: Settings) -> None:
    async with opened_page(settings, registry_of(node), node.trouble):
        await _serve_chunks(node)


async def _serve_chunks(node: "WorkerNode") -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        await node.start()
        await stop.wait()
        logger.info("draining")
    finally:
        await node.close()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
