import asyncio
import json
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from fakes import StuckBackend
from gateway_fakes import Bench, RawCall, batch, bench
from rewardd_client.schema import FieldError
from rewardd_service.app import create_gateway
from rewardd_service.edge.answers import Format, accepted, encode, encode_lines
from rewardd_service.errors import (
    BackendUnavailableError,
    OverloadedError,
    RequestRefusedError,
)
from rewardd_service.scorer import Scorer
from rewardd_service.settings import Settings


@pytest.fixture
async def house() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


def stream(house: Bench, *pairs: tuple[str, str]) -> RawCall:
    call = RawCall(house.gateway, accept="application/x-ndjson")
    call.give(json.dumps(batch(*pairs)).encode())
    return call


async def test_results_leave_as_soon_as_they_are_final(house: Bench) -> None:
    house.scorer.held = 2
    house.scorer.gate.clear()
    call = stream(house, ("1", "1"), ("?", "1"), ("2", "1"))
    answered = call.start()
    first = await call.lines(2)
    assert [(line["index"], line["reward"]) for line in first] == [(0, 1.0), (1, None)]
    house.scorer.gate.set()
    await answered
    assert [line["index"] for line in await call.lines(3)] == [0, 1, 2]
    assert call.headers()["content-type"] == "application/x-ndjson"


async def test_groups_are_the_last_line_of_a_stream(house: Bench) -> None:
    house.scorer.groups = [{"group": "g", "size": 1, "scored": 1, "mean": 1.0, "std": 0.0}]
    answer = await house.score(batch(), Accept="application/x-ndjson")
    assert json.loads(answer.text.splitlines()[-1]) == {"groups": house.scorer.groups}


async def test_a_refusal_before_the_first_line_keeps_its_status(house: Bench) -> None:
    house.scorer.error = RequestRefusedError("unknown_recipe", "no recipe 'x'")
    answer = await house.score(batch(), Accept="application/x-ndjson")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_recipe")


async def test_a_stream_that_breaks_off_has_no_end(house: Bench) -> None:
    house.scorer.held = 1
    house.scorer.gate.clear()
    house.scorer.late_error = BackendUnavailableError("no worker")
    call = stream(house, ("1", "1"), ("2", "1"))
    answered = call.start()
    await call.lines(1)
    house.scorer.gate.set()
    with pytest.raises(RuntimeError):
        await answered
    assert call.sent[-1]["more_body"]


async def test_whoever_leaves_a_stream_takes_the_work_along(house: Bench) -> None:
    house.scorer.held = 1
    house.scorer.gate.clear()
    call = stream(house, ("1", "1"), ("2", "1"))
    answered = call.start()
    await call.lines(1)
    call.leave()
    await house.scorer.cancelled.acquire()
    await answered
    assert await house.gateway.desk.runs.wait(10)
    assert house.gateway.desk.admission.samples == 0


async def test_a_real_scorer_lets_go_of_its_slots_when_the_client_leaves(
    make_scorer: Callable[..., Scorer],
) -> None:
    backend = StuckBackend()
    gateway = create_gateway(Settings(), make_scorer(backend))
    call = RawCall(gateway)
    call.give(json.dumps(batch(*[("1", str(number)) for number in range(200)])).encode())
    answered = call.start()
    await backend.full.wait()
    call.leave()
    await backend.free.wait()
    await answered


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (RequestRefusedError("unknown_verifier", "none"), 422, "unknown_verifier", None),
        (RequestRefusedError("need_not_configured", "none"), 422, "need_not_configured", None),
        (OverloadedError("overloaded", "full", 7.2), 503, "overloaded", "8"),
        (OverloadedError("tenant_limit", "full", 0.0), 429, "tenant_limit", "1"),
        (BackendUnavailableError("no worker"), 503, "backend_unavailable", "1"),
    ],
    ids=lambda value: getattr(value, "code", None),
)
async def test_what_the_scorer_refuses_is_a_problem(
    house: Bench, error: Exception, status: int, code: str, retry_after: str | None
) -> None:
    house.scorer.error = error
    answer = await house.score(batch())
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers.get("retry-after") == retry_after
    assert ("retry_after_ms" in answer.json()) == (retry_after is not None)


async def test_the_fields_that_the_scorer_names_are_passed_on(house: Bench) -> None:
    field = FieldError(field="samples[0].reward", message="no such recipe", value="'x'")
    house.scorer.error = RequestRefusedError("unknown_recipe", "no", [field])
    answer = await house.score(batch())
    assert answer.json()["errors"] == [field.model_dump()]


async def test_requests_do_not_wait_for_each_other(house: Bench) -> None:
    house.scorer.gate.clear()
    slow = asyncio.create_task(house.score(batch()))
    await house.scorer.started.acquire()
    assert (await house.client.get("/livez")).status_code == 200
    house.scorer.gate.set()
    assert (await slow).status_code == 200


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        (None, Format.JSON),
        ("", Format.JSON),
        ("*/*", Format.JSON),
        ("text/html", Format.JSON),
        ("application/msgpack", Format.MSGPACK),
        ("application/x-msgpack;q=0.9, application/json;q=0.5", Format.MSGPACK),
        ("application/msgpack;q=0.1, application/json", Format.JSON),
        ("application/msgpack;q=0", Format.JSON),
        ("application/msgpack;q=x", Format.JSON),
        ("application/x-ndjson, */*", Format.NDJSON),
        (",;,=;q=,", Format.JSON),
    ],
)
def test_the_format_is_the_one_that_is_preferred(accept: str | None, media: Format) -> None:
    assert accepted(accept) is media


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**30])
def test_integers_beyond_msgpack_leave_as_text_with_all_their_digits(value: int) -> None:
    plain = {"evidence": [{"value": value}], "small": -1}
    assert msgspec.msgpack.decode(encode(plain, Format.MSGPACK)) == {
        "evidence": [{"value": str(value)}],
        "small": -1,
    }
    assert msgspec.json.decode(encode(plain, Format.JSON)) == plain


def test_text_that_cannot_be_written_does_not_lose_the_answer() -> None:
    plain = {"detail": "a\ud800b", "\udfff": True}
    assert encode(plain, Format.JSON) == b'{"detail":"a?b","?":true}'
    assert encode_lines([plain]) == b'{"detail":"a?b","?":true}\n'
