"""`/livez`, `/readyz`, `/metrics`, and a pointer at `/`."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from rewardd_service.edge.answers import Format, encode
from rewardd_service.edge.desk import Desk
from rewardd_service.edge.drain import Drain
from rewardd_service.edge.metrics_door import MetricsDoor
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.jails import Jails
from rewardd_service.metrics import CONTENT_TYPE
from rewardd_service.openapi import problems


class HealthRoutes:
    """Answers machines that look after machines."""

    def __init__(
        self,
        desk: Desk,
        drain: Drain,
        *,
        version: str,
        door: MetricsDoor,
    ) -> None:
        self._desk = desk
        self._drain = drain
        self._jails = Jails(desk.scorer)
        self._version = version
        self._door = door

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["health"])
        for path, endpoint, summary, statuses in (
            ("/", self.root, "Say what this is", ()),
            ("/livez", self.livez, "Say that the event loop turns", ()),
            ("/readyz", self.readyz, "Say whether work can run", (503,)),
            ("/metrics", self.metrics, "Numbers for Prometheus", (401,)),
        ):
            router.add_api_route(
                path,
                endpoint,
                methods=["GET"],
                summary=summary,
                response_model=None,
                responses=problems(*statuses) | _described(path),
            )
        return router

    async def root(self) -> Response:
        """Return where to go from here."""
        pointer = {
            "name": "rewardd",
            "version": self._version,
            "score": "POST /v1/score",
            "docs": "/docs",
            "openapi": "/openapi.json",
        }
        return _json(pointer)

    async def livez(self) -> Response:
        """Answer, which is all there is to say."""
        return _json({"status": "alive"})

    async def readyz(self, request: Request) -> Response:
        """Return 200 if a batch would be scored now, with what it would have to do without.

        With `?languages=all` compilers are tried as well; their state comes with a later answer.
        """
        self._drain.check_ready()
        why = self._desk.scorer.ready()
        if why is not None:
            raise BackendUnavailableError(why)
        everything = request.query_params.get("languages") == "all"
        told = {
            "degraded": self._desk.scorer.degraded(),
            "sandbox": self._jails.state(all_languages=everything),
        }
        return _json({"status": "ready"} | {k: v for k, v in told.items() if v is not None})

    async def metrics(self, request: Request) -> Response:
        """Return all numbers, to this machine or to who has the key."""
        self._door.check(request)
        return Response(self._desk.metrics.exposition(), headers={"content-type": CONTENT_TYPE})


def _described(path: str) -> dict[int | str, dict[str, object]]:
    media = "text/plain" if path == "/metrics" else "application/json"
    return {200: {"description": "Answer", "content": {media: {}}}}


def _json(plain: object) -> Response:
    return Response(encode(plain, Format.JSON), media_type=Format.JSON.value)
