"""Run a gateway under uvicorn, with our own signals: the end has more steps than uvicorn knows."""

import asyncio
import contextlib
import gc
import logging
import math
import resource
import signal
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import uvicorn
import uvloop

from rewardd_service.app import VERSION, Gateway, create_gateway
from rewardd_service.composition import opened_archive
from rewardd_service.edge.listener import Listener
from rewardd_service.edge.scoring import Scoring
from rewardd_service.edge.wire import wire
from rewardd_service.logs import configure
from rewardd_service.metrics import Metrics
from rewardd_service.settings import Settings

logger = logging.getLogger(__name__)

OpenScorer: TypeAlias = Callable[[Settings, Metrics], AbstractAsyncContextManager[Scoring]]
"""Starts a scorer with its backend, and stops both on leaving."""

# verl alone opens 512 connections at once.
_BACKLOG = 2048
# What uvicorn may take beyond our own drain before it cancels whatever is left.
_LAST_WORDS_SECONDS = 5
# Objects with references made beyond those that died; Python's default is 700.
_COLLECT_AFTER = 20_000
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(settings: Settings, open_scorer: OpenScorer) -> None:
    """Serve until SIGTERM or SIGINT, then drain and return.

    To be called in the main thread: workers follow the life of the thread that starts them.

    Raises:
        ValueError: these settings would let anybody in, or the file of keys is no such file.
        OSError: the address or the file of keys cannot be used.
        BackendUnavailableError: the workers cannot be started.
    """
    settings.refuse_open_door()
    configure(settings.log_level)
    raise_descriptor_limit()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, open_scorer))


async def _serve(settings: Settings, open_scorer: OpenScorer) -> None:
    metrics = Metrics(version=VERSION)
    async with open_scorer(settings, metrics) as scorer, opened_archive(settings) as archive:
        gateway = create_gateway(settings, scorer, metrics, archive)
        server = Listener(uvicorn_config(gateway, settings))
        relax_collector()
        with _draining_on_signals(gateway, server):
            await server.serve()


def uvicorn_config(gateway: Gateway, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn has to be set up."""
    return uvicorn.Config(
        gateway,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=wire(settings.header_seconds),
        ws="none",
        lifespan="off",
        workers=1,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.proxy_headers,
        timeout_keep_alive=settings.keep_alive_seconds,
        # Without it, one half-sent body keeps the process alive for ever.
        timeout_graceful_shutdown=math.ceil(settings.drain_seconds) + _LAST_WORDS_SECONDS,
        limit_concurrency=settings.max_connections,
        backlog=_BACKLOG,
    )


def relax_collector() -> None:
    """Have the garbage collector look less often, and never again at what is loaded now.

    A batch makes thousands of objects that die with it, and none of them in a cycle: with the
    default thresholds about a tenth of the CPU time of a request goes into looking for some.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 20)


def raise_descriptor_limit() -> None:
    """Let this process have as many connections as the system grants it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError) as error:
        logger.warning("descriptor limit stays", extra={"soft": soft, "why": str(error)})


@contextlib.contextmanager
def _draining_on_signals(gateway: Gateway, server: Listener) -> Generator[None]:
    """On the first signal drain, then stop; on a second SIGINT stop at once."""
    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Task[None]] = []

    async def drain() -> None:
        await gateway.drain()
        server.should_exit = True

    def take(number: signal.Signals) -> None:
        if not tasks:
            tasks.append(loop.create_task(drain()))
        elif number == signal.SIGINT:
            gateway.desk.runs.cut()
            server.should_exit = server.force_exit = True

    for number in _SIGNALS:
        loop.add_signal_handler(number, take, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        for task in tasks:
            task.cancel()
