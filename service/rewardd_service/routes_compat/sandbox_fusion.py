"""`/run_code`, `/submit` and `/v1/ping`: what clients of SandboxFusion call, verl's among them.

The gateway runs no program: both are questions to a worker's sandbox, through the same queues as
every batch.
"""

from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from rewardd_service.edge.answers import Format, encode
from rewardd_service.edge.desk import Desk
from rewardd_service.edge.refusal import EdgeRefusalError
from rewardd_service.errors import OverloadedError
from rewardd_service.inquiry import Inquiry
from rewardd_service.job import Answer
from rewardd_service.openapi import problems
from rewardd_service.routes_compat import records, run_code, submit
from rewardd_service.routes_compat.arrival import Arrived, arrive, hold_seconds, understood
from rewardd_service.routes_compat.holding import Holding, NotInTimeError
from rewardd_service.routes_compat.run_code import RunCodeRequest
from rewardd_service.routes_compat.submit import SubmitRequest

_USUAL_PATIENCE_SECONDS = 25.0
"""For room, before the body says how long its client waits: verl's defaults."""

_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"description": "Answer", "content": {"application/json": {}}}
}


class SandboxFusionRoutes:
    """Answers in the words of SandboxFusion."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._holding = Holding(desk)

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["sandbox-fusion"])
        for path, endpoint, summary, model, statuses in (
            ("/run_code", self.run_code, "Run a program", RunCodeRequest, (504,)),
            ("/submit", self.submit, "Judge a submission by its tests", SubmitRequest, (503,)),
        ):
            router.add_api_route(
                path,
                endpoint,
                methods=["POST"],
                summary=summary,
                response_model=None,
                responses=problems(400, 401, 408, 413, 415, 422, *statuses) | _ANSWER,
                openapi_extra=_body(model),
            )
        router.add_api_route(
            "/v1/ping",
            self.ping,
            methods=["GET"],
            summary="Answer pong",
            response_model=None,
            responses=_ANSWER,
        )
        return router

    async def ping(self) -> Response:
        """Answer, as SandboxFusion does."""
        return _json("pong")

    async def run_code(self, request: Request) -> Response:
        """Run a program and return what it wrote; overload is a 504, which clients try again."""
        hold = hold_seconds(request)
        try:
            arrived = await arrive(self._desk, request, hold or _USUAL_PATIENCE_SECONDS)
        except OverloadedError as error:
            raise NotInTimeError(error.detail) from error
        with arrived.ticket:
            asked = understood(RunCodeRequest, arrived.body)
            inquiry = asked.inquiry()
        if inquiry is None:
            arrived.ticket.close()
            message = f"language {asked.language} is not available on this server"
            return _json(records.sandbox_error(message))
        answer = await self._holding.answer(
            arrived,
            inquiry,
            hold_seconds=hold or asked.hold_seconds,
            receive=request.receive,
        )
        return _json(run_code.answered(answer))

    async def submit(self, request: Request) -> Response:
        """Judge a completion by its tests; without a verdict, say so and accept nothing."""
        hold = hold_seconds(request) or submit.HOLD_SECONDS
        arrived = await arrive(self._desk, request, hold)
        with arrived.ticket:
            asked = understood(SubmitRequest, arrived.body)
            inquiry = asked.inquiry()
        answer = await self._judged(arrived, inquiry, hold, request)
        return _json(submit.answered(asked, answer))

    async def _judged(
        self, arrived: Arrived, inquiry: Inquiry, hold: float, request: Request
    ) -> Answer:
        try:
            return await self._holding.answer(
                arrived, inquiry, hold_seconds=hold, receive=request.receive
            )
        except NotInTimeError as error:
            headers = {"Retry-After": "1"}
            raise EdgeRefusalError("no_verdict", error.detail, headers=headers) from error


def _body(model: type[RunCodeRequest | SubmitRequest]) -> dict[str, object]:
    schema = model.model_json_schema()
    schema = _inlined(schema, schema.pop("$defs", {}))
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:  # noqa: ANN401 - a JSON schema
    """Return the schema with its parts where they are meant: these models are of one route."""
    if isinstance(schema, list):
        return [_inlined(item, parts) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    fields = cast("dict[str, Any]", schema)
    if "$ref" in fields:
        return _inlined(parts[fields["$ref"].rpartition("/")[2]], parts)
    return {name: _inlined(field, parts) for name, field in fields.items()}


def _json(plain: object) -> Response:
    return Response(encode(plain, Format.JSON), media_type=Format.JSON.value)
