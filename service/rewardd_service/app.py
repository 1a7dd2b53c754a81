"""Put the gateway together: routes on a desk, problems for errors, layers around them."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp, Receive, Scope, Send

from rewardd_service import tracing
from rewardd_service.backends.archive import Archive
from rewardd_service.edge.admission import Admission
from rewardd_service.edge.auth import Keyring
from rewardd_service.edge.bodies import BodyLimits
from rewardd_service.edge.desk import Desk
from rewardd_service.edge.drain import Drain
from rewardd_service.edge.front import Front
from rewardd_service.edge.idempotency import Idempotency
from rewardd_service.edge.metrics_door import MetricsDoor
from rewardd_service.edge.runs import Runs
from rewardd_service.edge.scoring import Scoring
from rewardd_service.edge.slow_clients import Patience, SlowClients
from rewardd_service.jobs import Jobs
from rewardd_service.metrics import Metrics
from rewardd_service.openapi import App
from rewardd_service.problems import install
from rewardd_service.routes import ScoreRoutes
from rewardd_service.routes_catalog import CatalogRoutes
from rewardd_service.routes_compat import SandboxFusionRoutes
from rewardd_service.routes_health import HealthRoutes
from rewardd_service.routes_jobs import JobRoutes
from rewardd_service.settings import Settings

VERSION = version("rewardd-service")

# FastAPI's own spans, one a request. Its logs could hold what a sample says, and we have metrics.
_TELEMETRY: Final[TelemetryConfig] = {
    "exclude": tracing.unremarkable,
    "operation_spans": False,
    "metrics": False,
    "logs": False,
}


@dataclass(frozen=True)
class Gateway:
    """An ASGI app, and what the server that runs it has to hold.

    Attributes:
        inner: the app without its layers, for its OpenAPI document.
        drain: to be called once, when the server is told to go.
    """

    inner: App
    layers: ASGIApp
    desk: Desk
    drain: Drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        await self.layers(scope, receive, send)


def create_gateway(
    settings: Settings,
    scorer: Scoring,
    metrics: Metrics | None = None,
    archive: Archive | None = None,
) -> Gateway:
    """Return the gateway in front of a scorer.

    Args:
        settings: of everything at the edge.
        scorer: what judges.
        metrics: where to count.
        archive: where gateways leave each other answers by Idempotency-Key; the caller closes it.

    Raises:
        KeyFileError, OSError: the keys cannot be read.
    """
    desk = _desk(settings, scorer, metrics or Metrics(version=VERSION), archive)
    drain = Drain(
        desk.admission,
        desk.runs,
        announce_seconds=settings.drain_announce_seconds,
        drain_seconds=settings.drain_seconds,
    )
    jobs = Jobs(max_bytes=settings.job_bytes, keep_seconds=settings.job_seconds)
    health = HealthRoutes(
        desk,
        drain,
        version=VERSION,
        door=MetricsDoor(settings.metrics_key, open=settings.auth == "off"),
    )
    app = App(title="rewardd", version=VERSION, redirect_slashes=False, telemetry=_TELEMETRY)
    install(app)
    offered = (
        ScoreRoutes(desk),
        JobRoutes(desk, jobs),
        CatalogRoutes(desk),
        SandboxFusionRoutes(desk),
        health,
    )
    for routes in offered:
        app.include_router(routes.router())
    layers = Front(SlowClients(app, _patience(settings)), desk.metrics)
    return Gateway(app, layers, desk, drain)


def _desk(settings: Settings, scorer: Scoring, metrics: Metrics, archive: Archive | None) -> Desk:
    keyring = Keyring() if settings.keys is None else Keyring.read(settings.keys)
    return Desk(
        scorer=scorer,
        keyring=keyring,
        admission=Admission(
            max_samples=settings.max_held_samples,
            max_bytes=settings.max_held_bytes,
            shares=keyring.shares(),
        ),
        idempotency=Idempotency(
            max_bytes=settings.idempotency_bytes,
            keep_seconds=settings.idempotency_seconds,
            archive=archive,
        ),
        runs=Runs(),
        metrics=metrics,
        limits=BodyLimits(
            wire_bytes=settings.max_wire_bytes,
            plain_bytes=settings.max_body_bytes,
            ratio=settings.max_body_ratio,
        ),
        max_samples=settings.max_samples,
        reconnect_seconds=settings.reconnect_seconds,
    )


def _patience(settings: Settings) -> Patience:
    return Patience(
        idle_seconds=settings.body_idle_seconds,
        body_seconds=settings.body_seconds,
        body_seconds_per_mib=settings.body_seconds_per_mib,
        stalled_seconds=settings.stalled_seconds,
    )
