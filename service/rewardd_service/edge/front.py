"""The outermost layer: gives each request its id, and tells log and metrics how it ended."""

import logging
import re
import secrets
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rewardd_service.edge.visit import Visit, attach

logger = logging.getLogger("rewardd.request")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:/+=@-]{1,128}")
# What is asked every few seconds by a machine is no news, unless it fails.
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
_LAST_STATUS_OF_SUCCESS = 399


class Counts(Protocol):
    """What the front tells of each request."""

    def request_done(self, route: str, code: str, seconds: float) -> None:
        """Count an answered request by route and status."""
        ...

    def refused(self, code: str) -> None:
        """Count a problem by its code."""
        ...


class Front:
    """ASGI middleware around everything else."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and account for it whatever becomes of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = Visit(_request_id(scope), method=scope["method"], path=scope["path"])
        attach(scope, visit)
        status = 499
        started = False

        async def send_marked(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                marked = (b"x-request-id", visit.request_id.encode())
                message = {**message, "headers": [*message.get("headers", []), marked]}
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        finally:
            self._account(scope, visit, status if started or visit.code else 500)

    def _account(self, scope: Scope, visit: Visit, status: int) -> None:
        seconds = visit.seconds()
        route = getattr(scope.get("route"), "path", "unknown")
        self._counts.request_done(route, str(status), seconds)
        if visit.code is not None:
            self._counts.refused(visit.code)
        if visit.path in _QUIET and status <= _LAST_STATUS_OF_SUCCESS:
            return
        logger.info("request", extra=_fields(visit, route, status, seconds))


def _request_id(scope: Scope) -> str:
    """Return the client's id for this request if it is harmless to repeat, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return secrets.token_hex(8)


def _fields(visit: Visit, route: str, status: int, seconds: float) -> dict[str, object]:
    fields: dict[str, object] = {
        "request_id": visit.request_id,
        "method": visit.method,
        "route": route,
        "status": status,
        "seconds": round(seconds, 6),
    }
    optional = {
        "tenant": visit.tenant,
        "code": visit.code,
        "samples": visit.samples,
        "scored": visit.scored,
        "unscored": visit.reasons,
        "body_bytes": visit.body_bytes,
        "body_seconds": round(visit.body_seconds, 6),
        "replayed": visit.replayed,
    }
    return fields | {name: value for name, value in optional.items() if value}
