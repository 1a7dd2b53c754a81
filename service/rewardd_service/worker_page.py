"""What a worker shows of itself, on a port of its own: `/metrics`, `/livez`, `/readyz`."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Callable

import uvicorn
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from starlette.responses import Response

from rewardd_service.edge.answers import Format, encode
from rewardd_service.edge.listener import Listener
from rewardd_service.edge.metrics_door import MetricsDoor
from rewardd_service.edge.wire import wire
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.metrics import CONTENT_TYPE
from rewardd_service.problems import install
from rewardd_service.settings import Settings

Trouble = Callable[[], str | None]
"""Returns why no work is taken; None if it is."""

# One scraper and one kubelet; anybody else may wait.
_MAX_CONNECTIONS = 64
_LAST_WORDS_SECONDS = 1


def create_page(registry: CollectorRegistry, trouble: Trouble, door: MetricsDoor) -> FastAPI:
    """Return the app that shows a worker."""
    app = FastAPI(title="rewardd worker", openapi_url=None, redirect_slashes=False)
    install(app)

    async def metrics(request: Request) -> Response:
        door.check(request)
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE})

    async def livez() -> Response:
        return _json({"status": "alive"})

    async def readyz() -> Response:
        why = trouble()
        if why is not None:
            raise BackendUnavailableError(why)
        return _json({"status": "ready"})

    for endpoint in (metrics, livez, readyz):
        app.add_api_route(f"/{endpoint.__name__}", endpoint, methods=["GET"], response_model=None)
    return app


@contextlib.asynccontextmanager
async def opened_page(
    settings: Settings, registry: CollectorRegistry, trouble: Trouble
) -> AsyncGenerator[None]:
    """Show a worker meanwhile, if the settings name a port.

    Raises:
        OSError: nobody can listen there.
    """
    if settings.metrics_port is None:
        yield
        return
    door = MetricsDoor(settings.metrics_key, open=settings.auth == "off")
    server = Listener(_config(create_page(registry, trouble, door), settings))
    with _listening(settings.host, settings.metrics_port) as opened:
        serving = asyncio.create_task(server.serve([opened]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


def _config(page: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        page,
        loop="uvloop",
        http=wire(settings.header_seconds),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_LAST_WORDS_SECONDS,
        limit_concurrency=_MAX_CONNECTIONS,
    )


def _listening(host: str, port: int) -> socket.socket:
    address = host.strip("[]")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family)
    except OSError as error:
        why = f"the worker's numbers cannot be shown on {host}:{port}: {error.strerror}"
        raise OSError(error.errno, why) from error


def _json(plain: object) -> Response:
    return Response(encode(plain, Format.JSON), media_type=Format.JSON.value)
