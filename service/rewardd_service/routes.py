"""`POST /v1/score`: a batch in, a result per sample out."""

import asyncio

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from rewardd_service.edge.answers import Format, accepted, encode, encode_lines
from rewardd_service.edge.desk import Arrival, Desk
from rewardd_service.edge.idempotency import Earlier
from rewardd_service.edge.refusal import ClientGoneError
from rewardd_service.edge.runs import Run
from rewardd_service.edge.streaming import StreamedAnswer
from rewardd_service.edge.visit import Visit, visit_of
from rewardd_service.edge.watch import Watch
from rewardd_service.openapi import BATCH_BODY, batch_responses


class ScoreRoutes:
    """Answers batches while the client waits."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["score"])
        router.add_api_route(
            "/v1/score",
            self.score,
            methods=["POST"],
            summary="Score a batch",
            response_model=None,
            openapi_extra=BATCH_BODY,
            responses=batch_responses(200, "ScoreResponse", Format.JSON, Format.MSGPACK),
        )
        return router

    async def score(self, request: Request) -> Response:
        """Return one result per sample, in their order, or as lines while they become final."""
        arrival = await self._desk.arrive(request)
        media = accepted(request.headers.get("accept"))
        visit = visit_of(request.scope)
        with arrival.ticket:
            earlier = await self._earlier(arrival)
        if earlier is not None and earlier.stored is not None:
            arrival.ticket.close()
            return _replay(earlier.stored, media, visit)
        if earlier is not None and earlier.run is not None:
            arrival.ticket.close()
            run = earlier.run
        else:
            run = self._begin(arrival)
        visit.samples = run.total
        run.join()
        watch = Watch(request.receive)
        if media is Format.NDJSON:
            return await _stream(run, watch)
        return await _whole(run, watch, media, visit)

    async def _earlier(self, arrival: Arrival) -> Earlier | None:
        if arrival.scope is None:
            return None
        return await self._desk.idempotency.recall(arrival.scope, arrival.digest)

    def _begin(self, arrival: Arrival) -> Run:
        scope, idempotency = arrival.scope, self._desk.idempotency
        run = self._desk.launch(arrival, idempotency.settling(scope, arrival.digest))
        if scope is not None:
            idempotency.begin(scope, arrival.digest, run)
            run.on_end(
                lambda ended: idempotency.end(
                    scope, ended, ended.answer_json() if ended.error() is None else None
                )
            )
        return run


async def _whole(run: Run, watch: Watch, media: Format, visit: Visit) -> Response:
    try:
        await asyncio.wait({run.task, watch.gone}, return_when=asyncio.FIRST_COMPLETED)
        if not run.ended:
            raise ClientGoneError("the client left before its answer")
    finally:
        watch.close()
        run.leave()
    plain = run.answer()
    visit.scored, visit.reasons = run.scored, run.reasons
    body = encode(plain, media) if media is Format.MSGPACK else run.answer_json()
    return Response(body, media_type=media.value)


async def _stream(run: Run, watch: Watch) -> Response:
    """Wait for the first line, as until then a refusal can still have its status."""
    streamed = False
    try:
        await run.news(0, watch.gone)
        if run.ended:
            run.answer()
        elif watch.gone.done():
            raise ClientGoneError("the client left before its answer")
        streamed = True
    finally:
        if not streamed:
            watch.close()
            run.leave()
    return StreamedAnswer(run, watch)


def _replay(stored: bytes, media: Format, visit: Visit) -> Response:
    visit.replayed = True
    headers = {"Idempotency-Replayed": "true"}
    if media is Format.JSON:
        return Response(stored, media_type=media.value, headers=headers)
    plain = msgspec.json.decode(stored)
    if media is Format.MSGPACK:
        return Response(encode(plain, media), media_type=media.value, headers=headers)
    lines = [{**line, "index": index} for index, line in enumerate(plain["results"])]
    groups = [{"groups": plain["groups"]}] if plain["groups"] else []
    return Response(encode_lines([*lines, *groups]), media_type=media.value, headers=headers)
