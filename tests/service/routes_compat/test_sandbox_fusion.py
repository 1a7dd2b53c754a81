"""The wires of SandboxFusion: what a client is told of each thing that can happen."""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import msgspec
import pytest

from gateway_fakes import Bench, RawCall, bench
from rewardd_service.job import Answer
from rewardd_service.routes_compat import holding
from rewardd_service.settings import Settings

RUN = {"code": "print(1)", "language": "python"}
TEST: dict[str, Any] = {
    "number": 0, "passed": None, "end": "exited", "exit_code": 0, "signal": None, "stdout": b"1\n",
    "stderr": b"", "cpu_seconds": 0.01, "wall_seconds": 0.02, "files": {}, "note": "",
}  # fmt: skip
BUILD = {"failed": False, "log": "", "limit": None, "seconds": 0.5}


@pytest.fixture
async def server() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


def recorded(
    score: float | None = 1.0,
    *,
    language: str = "python",
    build: Mapping[str, Any] | None = None,
    tests: int = 1,
    **test: object,
) -> Answer:
    """Return a worker's answer with its record."""
    record: dict[str, Any] = {
        "language": language,
        "source": "print(1)\n",
        "build": {**BUILD, **(build or {})},
        "tests": [{**TEST, **test, "number": number} for number in range(tests)],
    }
    return Answer(0, score, "match", record=msgspec.msgpack.encode(record))


def references(server: Bench) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", inquiry.reference) for inquiry in server.scorer.inquiries]


async def run(server: Bench, *answers: Answer, **fields: object) -> Any:
    server.scorer.answers = list(answers)
    return await server.client.post("/run_code", json={**RUN, **fields})


RUNS: dict[str, tuple[dict[str, Any], str, str, str, int | None]] = {
    "ends well": ({}, "Success", "", "Finished", 0),
    "exit status": ({"exit_code": 3}, "Failed", "", "Finished", 3),
    "signal": ({"end": "signalled", "signal": 11}, "Failed", "", "Finished", -11),
    "cpu limit": ({"end": "cpu_limit", "exit_code": None}, "Failed", "", "TimeLimitExceeded", None),
    "idle": ({"end": "wall_limit", "exit_code": None}, "Failed", "", "TimeLimitExceeded", None),
    "memory": ({"end": "memory_limit", "signal": 9}, "Failed", "memory limit", "Finished", -9),
    "output": ({"end": "output_limit"}, "Failed", "output limit", "Finished", -9),
    "file": ({"end": "file_limit"}, "Failed", "file limit", "Finished", -9),
    "out of turn": ({"end": "broken", "exit_code": None}, "Failed", "", "Finished", 1),
}  # fmt: skip


@pytest.mark.parametrize("case", RUNS.values(), ids=RUNS)
async def test_each_end_of_a_run_has_its_status(
    server: Bench, case: tuple[dict[str, Any], str, str, str, int | None]
) -> None:
    test, status, message, inner, code = case
    answer = await run(server, recorded(**test))
    told = answer.json()
    assert (answer.status_code, told["status"], told["message"]) == (200, status, message)
    assert (told["run_result"]["status"], told["run_result"]["return_code"]) == (inner, code)
    assert (told["run_result"]["stdout"], told["compile_result"]) == ("1\n", None)


BUILDS: dict[str, tuple[str, dict[str, Any], str, int | None]] = {
    "compiler": ("cpp", {"log": "error: no"}, "Finished", 1),
    "too long": ("cpp", {"limit": "cpu_limit"}, "TimeLimitExceeded", None),
    "too large": ("java", {"limit": "memory_limit"}, "Finished", 1),
}


@pytest.mark.parametrize("case", BUILDS.values(), ids=BUILDS)
async def test_a_build_that_fails_has_no_run(
    server: Bench, case: tuple[str, dict[str, Any], str, int | None]
) -> None:
    language, build, status, code = case
    failed = recorded(0.0, language=language, build={"failed": True, **build}, tests=0)
    told = (await run(server, failed, language=language)).json()
    assert (told["status"], told["run_result"]) == ("Failed", None)
    assert (told["compile_result"]["status"], told["compile_result"]["return_code"]) == (
        status,
        code,
    )


async def test_what_compiles_tells_of_its_build(server: Bench) -> None:
    told = (await run(server, recorded(language="cpp"), language="cpp")).json()
    assert (told["compile_result"]["return_code"], told["run_result"]["return_code"]) == (0, 0)


async def test_an_interpreter_finds_a_syntax_error_in_the_run(server: Bench) -> None:
    failed = recorded(0.0, build={"failed": True, "log": "SyntaxError"}, tests=0)
    told = (await run(server, failed)).json()
    assert (told["compile_result"], told["run_result"]["return_code"]) == (None, 1)
    assert told["run_result"]["stderr"] == "SyntaxError"


async def test_output_is_text_and_cut_at_a_mebibyte(server: Bench) -> None:
    told = (await run(server, recorded(stdout=b"\xff" + b"x" * (2 << 20)))).json()
    stdout = told["run_result"]["stdout"]
    assert (len(stdout), stdout[:2]) == (1 << 20, "\ufffdx")


async def test_files_travel_both_ways_in_base64(server: Bench) -> None:
    files = {"./in/a.bin": base64.b64encode(b"\x00\xff").decode(), "none": None}
    told = (
        await run(server, recorded(files={"b": b"\xfe"}), files=files, fetch_files=["b"])
    ).json()
    (asked,) = references(server)
    assert (asked["files"], asked["fetch"]) == ({"in/a.bin": b"\x00\xff"}, ["b"])
    assert told["files"] == {"b": base64.b64encode(b"\xfe").decode()}


async def test_limits_are_those_of_the_request(server: Bench) -> None:
    limits = {"run_timeout": 2.5, "compile_timeout": 4, "memory_limit_MB": 300}
    await run(server, recorded(), stdin=None, **limits)
    await run(server, recorded(), run_timeout=100, memory_limit_MB=-1)
    first, second = references(server)
    assert (first["cpu_seconds"], first["build_cpu_seconds"], first["memory_mib"]) == (2.5, 4, 300)
    assert (first["wall_seconds"], first["stdin"]) == (9.5, b"")
    assert (second["wall_seconds"], second["memory_mib"]) == (118, None)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no code": ({"code": None}, "code"),
    "unknown language": ({"language": "klingon"}, "language"),
    "no time": ({"run_timeout": 0}, "run_timeout"),
    "endless": ({"compile_timeout": 1e9}, "compile_timeout"),
    "climbing name": ({"files": {"../x": ""}}, "files"),
    "absolute name": ({"fetch_files": ["/etc/passwd"]}, "fetch_files"),
    "no base64": ({"files": {"x": "*"}}, "files"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_what_makes_no_sense_is_refused_by_field(
    server: Bench, case: tuple[dict[str, Any], str]
) -> None:
    fields, named = case
    answer = await run(server, **fields)
    assert (answer.status_code, server.scorer.inquiries) == (422, [])
    assert answer.json()["errors"][0]["field"].startswith(named)


@pytest.mark.parametrize("name", ["lua", "R", "pytest", "go_test", "python2"])
async def test_a_language_of_the_original_that_is_not_here_is_a_sandbox_error(
    server: Bench, name: str
) -> None:
    answer = await run(server, language=name)
    told = answer.json()
    assert (answer.status_code, told["status"]) == (200, "SandboxError")
    assert told["message"] == f"language {name} is not available on this server"


@pytest.mark.parametrize("name", ["python", "python3", "nodejs", "javascript", "cpp", "c", "rust"])
async def test_languages_go_by_the_names_that_clients_use(server: Bench, name: str) -> None:
    assert (await run(server, recorded(), language=name)).json()["status"] == "Success"


@pytest.mark.parametrize("reason", ["sandbox_unavailable", "fault", "quarantined"])
async def test_what_no_retry_mends_is_a_sandbox_error(
    server: Bench, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    monkeypatch.setattr(holding, "_PAUSE_SECONDS", 0.0)
    answer = await run(server, *[Answer(0, None, reason, "why")] * 3)
    assert (answer.status_code, answer.json()["message"]) == (200, "why")


@pytest.mark.parametrize(
    "reason", ["worker_lost", "overloaded", "cancelled", "sandbox_unavailable"]
)
async def test_what_a_retry_may_mend_is_tried_again_meanwhile(
    server: Bench, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    monkeypatch.setattr(holding, "_PAUSE_SECONDS", 0.0)
    answer = await run(server, Answer(0, None, reason), Answer(0, None, reason), recorded())
    assert answer.json()["status"] == "Success"


@pytest.mark.parametrize("reason", ["timeout", "deadline"])
async def test_a_starved_program_is_asked_for_again_by_its_client(
    server: Bench, reason: str
) -> None:
    answer = await run(server, Answer(0, None, reason, "no time"))
    assert (answer.status_code, answer.json()["code"]) == (504, "not_in_time")
    assert len(server.scorer.inquiries) == 1


async def test_overload_holds_and_then_is_a_504(server: Bench) -> None:
    server.scorer.answers = [Answer(0, None, "worker_lost")] * 99
    answer = await server.client.post("/run_code?hold=0.3", json=RUN)
    assert (answer.status_code, answer.json()["code"]) == (504, "not_in_time")
    assert len(server.scorer.inquiries) >= 1


async def test_the_same_body_joins_what_went_on_behind_a_504(server: Bench) -> None:
    server.scorer.gate.clear()
    server.scorer.answers = [recorded()]
    late = await server.client.post("/run_code?hold=0.05", json=RUN)
    server.scorer.gate.set()
    joined = await server.client.post("/run_code", json=RUN)
    assert (late.status_code, joined.json()["status"]) == (504, "Success")
    assert len(server.scorer.inquiries) == 1


async def test_an_answer_that_was_delivered_is_not_given_twice(server: Bench) -> None:
    await run(server, recorded())
    await run(server, recorded(exit_code=2))
    assert len(server.scorer.inquiries) == 2


async def test_another_body_joins_nothing(server: Bench) -> None:
    server.scorer.gate.clear()
    await server.client.post("/run_code?hold=0.05", json=RUN)
    server.scorer.gate.set()
    await run(server, recorded(), recorded(), stdin="x")
    assert len(server.scorer.inquiries) == 2


async def test_a_client_that_leaves_takes_its_work_along(server: Bench) -> None:
    server.scorer.gate.clear()
    call = RawCall(server.gateway, "/run_code")
    task = call.start()
    call.give(msgspec.json.encode(RUN))
    await server.scorer.started.acquire()
    call.leave()
    await server.scorer.cancelled.acquire()
    await task
    await asyncio.sleep(0)  # the run gives its room back in a callback of its end
    assert server.gateway.desk.admission.samples == 0


async def test_a_full_server_lets_a_program_wait_for_room() -> None:
    async with bench(Settings(max_held_samples=1)) as server:
        first = server.gateway.desk.admission.open("", 0)
        first.take_samples(1)
        waiting = asyncio.ensure_future(run(server, recorded()))
        refused = await server.client.post("/run_code?hold=0.05", json=RUN)
        first.close()
        assert (refused.status_code, (await waiting).status_code) == (504, 200)
        assert server.gateway.desk.admission.samples == 0


async def test_a_server_that_goes_down_answers_504_and_lets_programs_end(server: Bench) -> None:
    server.scorer.gate.clear()
    running = asyncio.ensure_future(run(server, recorded()))
    await server.scorer.started.acquire()
    draining = asyncio.ensure_future(server.gateway.drain())
    await asyncio.sleep(0)
    refused = await server.client.post("/run_code", json={**RUN, "stdin": "late"})
    server.scorer.gate.set()
    await draining
    assert (refused.status_code, (await running).status_code) == (504, 200)


BODIES: dict[str, tuple[bytes, str]] = {
    "any content type": (b'{"code": "1", "language": "python"}', "text/plain"),
    "lone surrogate": (b'{"code": "\\ud800", "language": "python"}', "application/json"),
    "unknown fields": (b'{"code": "1", "language": "python", "expected_stdout": 1}', ""),
    "nan": (b'{"code": "1", "language": "python", "more": NaN}', "application/json"),
}


@pytest.mark.parametrize("case", BODIES.values(), ids=BODIES)
async def test_bodies_are_read_as_clients_write_them(
    server: Bench, case: tuple[bytes, str]
) -> None:
    body, media = case
    server.scorer.answers = [recorded()]
    answer = await server.client.post("/run_code", content=body, headers={"content-type": media})
    assert answer.status_code == 200


async def test_a_lone_surrogate_becomes_a_character(server: Bench) -> None:
    body = b'{"code": "\\udc00x", "language": "python"}'
    server.scorer.answers = [recorded()]
    await server.client.post("/run_code", content=body)
    assert server.scorer.inquiries[0].completion == "\ufffdx"


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"[" * 100_000, b'{"code": 1}'])
async def test_a_body_that_cannot_be_read_is_the_clients(server: Bench, body: bytes) -> None:
    assert (await server.client.post("/run_code", content=body)).status_code in (400, 422)


@pytest.mark.parametrize("query", ["hold=x", "hold=-1", "hold=nan", "Hold=3", "timeout=3"])
async def test_a_mistyped_parameter_is_refused(server: Bench, query: str) -> None:
    assert (await server.client.post(f"/run_code?{query}", json=RUN)).status_code == 422


async def test_ping_answers_pong(server: Bench) -> None:
    assert (await server.client.get("/v1/ping")).json() == "pong"
