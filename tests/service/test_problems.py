import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway_fakes import Bench, RawCall, batch, bench
from rewardd_client.schema import Problem
from rewardd_service.problems import STATUS_BY_CODE


@pytest.fixture
async def house() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


async def test_a_problem_has_all_that_the_wire_promises(house: Bench) -> None:
    answer = await house.score({}, X_Request_Id="trace-7")
    problem = Problem.model_validate(answer.json())
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem.status == answer.status_code == 422
    assert (problem.code, problem.instance) == ("invalid_request", "/v1/score")
    assert problem.type.endswith(problem.code)
    assert problem.request_id == answer.headers["x-request-id"] == "trace-7"
    assert problem.title
    assert problem.detail


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("POST", "/v1/score/", 404, "not_found"),
        ("GET", "/v1/../etc/passwd", 404, "not_found"),
        ("GET", "/%ff%fe", 404, "not_found"),
        ("GET", "/v1/score", 405, "method_not_allowed"),
        ("PUT", "/v1/jobs", 405, "method_not_allowed"),
        ("TRACE", "/livez", 405, "method_not_allowed"),
        ("FOO", "/metrics", 405, "method_not_allowed"),
    ],
)
async def test_what_routing_refuses_is_a_problem_too(
    house: Bench, method: str, path: str, status: int, code: str
) -> None:
    answer = await house.client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert ("allow" in answer.headers) == (status == 405)


async def test_a_bug_is_a_problem_that_tells_nothing_of_the_inside(house: Bench) -> None:
    house.scorer.error = ZeroDivisionError("secret")
    call = RawCall(house.gateway)
    call.give(json.dumps(batch()).encode())
    with pytest.raises(ZeroDivisionError):
        await call.start()
    problem: dict[str, Any] = json.loads(call.body())
    assert (call.status(), problem["code"]) == (500, "internal_error")
    assert "secret" not in call.body().decode()


@pytest.mark.parametrize(
    "given",
    ["", "x" * 129, "a b", "a\tb", "caf\u00e9"],
    ids=["none", "long", "blank", "tab", "accent"],
)
async def test_an_id_that_is_no_id_is_replaced(house: Bench, given: str) -> None:
    answer = await house.client.get("/livez", headers=[(b"x-request-id", given.encode())])
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 16


def test_every_code_has_one_status() -> None:
    assert {status // 100 for status in STATUS_BY_CODE.values()} == {4, 5}
    assert [code for code, status in STATUS_BY_CODE.items() if status == 500] == ["internal_error"]


@pytest.mark.parametrize(
    "value",
    ["x" * 10_000, [1] * 4000, {"a": 1}, -(10**3000), "\x00", "😀" * 500],
    ids=["text", "list", "object", "integer", "control", "emoji"],
)
async def test_a_value_is_shown_and_never_in_full(house: Bench, value: Any) -> None:
    answer = await house.score({"samples": [{"completion": "x", "length": value}]})
    assert answer.status_code == 422
    assert len(answer.content) < 3000
