"""`/v1/jobs`: batches that are scored in the background."""

import asyncio
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from rewardd_service.edge.answers import Format, accepted, encode
from rewardd_service.edge.desk import Desk
from rewardd_service.edge.visit import visit_of
from rewardd_service.edge.watch import Watch
from rewardd_service.jobs import Jobs
from rewardd_service.openapi import BATCH_BODY, answer, batch_responses, problems

# A recipe that is not known shows at once: better told by the POST than by the first GET.
_REFUSAL_SECONDS = 0.05
_LONGEST_WAIT_SECONDS = 300

Wait = Annotated[
    float,
    Query(
        ge=0,
        le=_LONGEST_WAIT_SECONDS,
        allow_inf_nan=False,
        description="Seconds to wait for the end of the job.",
    ),
]


class JobRoutes:
    """Takes batches, tells how far they are, gives their answers."""

    def __init__(self, desk: Desk, jobs: Jobs) -> None:
        self._desk = desk
        self._jobs = jobs

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["jobs"])
        medias = (Format.JSON, Format.MSGPACK)
        state = {200: answer("JobState", "Job", *medias), **problems(401, 404, 422, 503)}
        router.add_api_route(
            "/v1/jobs",
            self.submit,
            methods=["POST"],
            summary="Score a batch in the background",
            status_code=202,
            response_model=None,
            openapi_extra=BATCH_BODY,
            responses=batch_responses(202, "JobState", *medias),
        )
        for method, endpoint, summary in (
            ("GET", self.state, "Ask for a job"),
            ("DELETE", self.cancel, "Cancel a job"),
        ):
            router.add_api_route(
                "/v1/jobs/{job}",
                endpoint,
                methods=[method],
                summary=summary,
                response_model=None,
                responses=state,
            )
        return router

    async def submit(self, request: Request) -> Response:
        """Take a batch and return its id at once."""
        arrival = await self._desk.arrive(request)
        scope, idempotency = arrival.scope, self._desk.idempotency
        with arrival.ticket:
            earlier = None if scope is None else idempotency.earlier(scope, arrival.digest)
        job = None if earlier is None else earlier.job
        if job is not None and self._jobs.stands(job, arrival.tenant):
            arrival.ticket.close()
            visit_of(request.scope).replayed = True
            return self._written(request, job, arrival.tenant, status=202)
        run = self._desk.launch(arrival)
        visit_of(request.scope).samples = run.total
        job = self._jobs.add(run, arrival.tenant)
        if scope is not None:
            idempotency.made_job(scope, arrival.digest, job)
        await asyncio.wait({run.task}, timeout=_REFUSAL_SECONDS)
        return self._written(request, job, arrival.tenant, status=202)

    async def state(self, request: Request, job: str, wait: Wait = 0.0) -> Response:
        """Return how far a job is, and its answer at the end."""
        tenant = self._desk.tenant(request)
        run = self._jobs.run_of(job, tenant)
        if run is not None and wait > 0:
            with Watch(request.receive) as watch:
                first = asyncio.FIRST_COMPLETED
                await asyncio.wait({run.task, watch.gone}, timeout=wait, return_when=first)
        return self._written(request, job, tenant)

    async def cancel(self, request: Request, job: str) -> Response:
        """Give a job up."""
        tenant = self._desk.tenant(request)
        await self._jobs.cancel(job, tenant)
        return self._written(request, job, tenant)

    def _written(self, request: Request, job: str, tenant: str, status: int = 200) -> Response:
        state: dict[str, Any] = self._jobs.state(job, tenant)
        media = accepted(request.headers.get("accept"))
        if media is not Format.MSGPACK:
            media = Format.JSON
        elif state["response"] is not None:
            state["response"] = msgspec.json.decode(state["response"])
        headers = {"Location": f"/v1/jobs/{job}"} if status == 202 else {}  # noqa: PLR2004 - Accepted
        return Response(encode(state, media), status, headers=headers, media_type=media.value)
