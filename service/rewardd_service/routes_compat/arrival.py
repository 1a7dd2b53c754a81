"""Take a request in as trainers' clients need it: whatever its Content-Type, waiting for room.

To most of these clients any status but 200 is a reward of 0. So what `/v1/score` would refuse for
the moment waits here, as long as the client does.
"""

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import msgspec
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from rewardd_client.schema import FieldError
from rewardd_service.edge.admission import Ticket
from rewardd_service.edge.bodies import announced_bytes, coding_of, read_body, refuse_announced
from rewardd_service.edge.desk import Desk
from rewardd_service.edge.field_errors import field_errors, shown
from rewardd_service.edge.refusal import EdgeRefusalError
from rewardd_service.edge.values import check_values
from rewardd_service.edge.visit import visit_of
from rewardd_service.errors import OverloadedError, RequestRefusedError

ModelT = TypeVar("ModelT", bound=BaseModel)

_PAUSE_SECONDS = 0.1
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_HOLD_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request whose body is here.

    Attributes:
        ticket: the room that it holds, one sample in it; whoever takes the arrival closes it.
    """

    tenant: str
    body: bytearray
    ticket: Ticket


async def arrive(desk: Desk, request: Request, patience_seconds: float) -> Arrived:
    """Read a request's body, waiting for room as long as the patience lasts.

    Raises:
        EdgeRefusalError, ClientGoneError: it cannot be taken.
        OverloadedError: there was no room in time, or the server goes down.
    """
    tenant = desk.tenant(request)
    coding = coding_of(request.headers)
    length = announced_bytes(request.headers)
    refuse_announced(length, desk.limits)
    visit = visit_of(request.scope)
    visit.samples = 1
    with await _room(desk, tenant, length, patience_seconds) as ticket:
        body = await read_body(
            request.receive, coding=coding, limits=desk.limits, reserve=ticket.take_bytes
        )
        visit.body_bytes = len(body)
        desk.metrics.held(desk.admission.bytes)
        return Arrived(tenant, body, ticket)


async def _room(desk: Desk, tenant: str, length: int | None, patience_seconds: float) -> Ticket:
    clock = asyncio.get_running_loop().time
    give_up_at = clock() + patience_seconds
    while True:
        desk.admission.check_draining()
        try:
            ticket = desk.admission.open(tenant, length)
            with ticket:
                ticket.take_samples(1)
        except OverloadedError:
            if clock() >= give_up_at:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            return ticket


def hold_seconds(request: Request) -> float | None:
    """Return how long the client said that it waits; None if it did not.

    Raises:
        RequestRefusedError: it is no such number, or another parameter came along: a typo must
            not train.
    """
    for name, value in request.query_params.items():
        seconds = _seconds(value) if name == "hold" else None
        if seconds is None:
            field = f"query.{name}"
            message = "is unknown" if name != "hold" else "is no number of seconds in (0, 3600]"
            error = FieldError(field=field, message=message, value=shown(value))
            raise RequestRefusedError("invalid_request", f"{field} {message}", [error])
        return seconds
    return None


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds <= _LONGEST_HOLD_SECONDS else None


def understood(model: type[ModelT], body: bytearray) -> ModelT:
    """Return what a body of JSON says; fields that the model does not know are ignored.

    Raises:
        EdgeRefusalError: it is no JSON.
        RequestRefusedError: it does not fit the model.
    """
    check_values(body, msgpack=False)
    plain = _plain(body)
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        errors = field_errors(error, plain)
        detail = f"{errors[0].field}: {errors[0].message}"
        raise RequestRefusedError("invalid_request", detail, errors) from error


def _plain(body: bytearray) -> Any:  # noqa: ANN401 - plain values of any shape
    try:
        return msgspec.json.decode(body)
    except RecursionError as error:
        raise EdgeRefusalError("invalid_body", "the body is nested too deep") from error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _plain_slowly(body)


def _plain_slowly(body: bytearray) -> Any:  # noqa: ANN401 - plain values of any shape
    """Read what Python's json writes and msgspec refuses: lone surrogates become U+FFFD."""
    try:
        return _mended(json.loads(body.decode("utf-8", "replace")))
    except RecursionError as error:
        raise EdgeRefusalError("invalid_body", "the body is nested too deep") from error
    except ValueError as error:
        raise EdgeRefusalError("invalid_body", f"the body is not JSON: {error}") from error


def _mended(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {_SURROGATE.sub("\ufffd", key): _mended(item) for key, item in items}
    return value
