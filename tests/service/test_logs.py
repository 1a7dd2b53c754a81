import io
import json
import logging
from collections.abc import Generator
from typing import Any

import pytest

from gateway_fakes import batch, bench
from rewardd_service.logs import configure

PRIVATE = "the completion that nobody may read in a log"


@pytest.fixture
def stream() -> Generator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn_level = uvicorn.level
    opened = io.StringIO()
    configure("INFO", opened)
    yield opened
    root.handlers[:] = handlers
    root.setLevel(level)
    uvicorn.setLevel(uvicorn_level)


def lines(stream: io.StringIO, logger: str = "rewardd.request") -> list[dict[str, Any]]:
    read = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [line for line in read if line["logger"] == logger]


async def test_a_request_leaves_one_line_with_its_numbers(stream: io.StringIO) -> None:
    async with bench() as house:
        await house.score(batch(("1", "1"), ("?", "1"), ("2", "1")), X_Request_Id="r-1")
    (line,) = lines(stream)
    assert line["event"] == "request"
    assert (line["request_id"], line["route"], line["status"]) == ("r-1", "/v1/score", 200)
    assert (line["samples"], line["scored"], line["unscored"]) == (3, 2, {"undecided": 1})
    assert line["seconds"] >= line["body_seconds"] >= 0


async def test_a_stream_leaves_the_same_line(stream: io.StringIO) -> None:
    async with bench() as house:
        await house.score(batch(("1", "1"), ("?", "1")), Accept="application/x-ndjson")
    (line,) = lines(stream)
    assert (line["samples"], line["scored"], line["unscored"]) == (2, 1, {"undecided": 1})


async def test_a_refusal_leaves_its_code(stream: io.StringIO) -> None:
    async with bench() as house:
        await house.score({})
    (line,) = lines(stream)
    assert (line["status"], line["code"]) == (422, "invalid_request")


async def test_probes_leave_no_line_while_all_is_well(stream: io.StringIO) -> None:
    async with bench() as house:
        for path in ("/livez", "/readyz", "/metrics"):
            await house.client.get(path)
        assert lines(stream) == []
        house.scorer.not_ready = "no worker yet"
        await house.client.get("/readyz")
    assert [line["code"] for line in lines(stream)] == ["backend_unavailable"]


async def test_no_text_of_a_sample_gets_into_the_log(stream: io.StringIO) -> None:
    async with bench() as house:
        await house.score(batch((PRIVATE, PRIVATE)))
        await house.score({"samples": [{"completion": PRIVATE, "length": PRIVATE}]})
        await house.score({"samples": [{"completion": [PRIVATE], PRIVATE: 1}]})
    assert len(lines(stream)) == 3
    assert PRIVATE not in stream.getvalue()


def test_a_line_is_json_whatever_it_holds(stream: io.StringIO) -> None:
    logger = logging.getLogger("anything")
    logger.info("a %s\nb", "\x00", extra={"path": object, "number": 2**70, "odd": {1, 2}})
    logger.error("failed", exc_info=ValueError("why"), extra={"half": "\ud800"})
    first, second = lines(stream, "anything")
    assert first["event"] == "a \x00\nb"
    assert first["number"] == 2**70
    assert "ValueError: why" in second["trace"]
