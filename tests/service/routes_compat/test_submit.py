"""`/submit`: rows of SandboxFusion's data sets, and what a client is told of each test."""

import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from gateway_fakes import Bench, bench
from rewardd_service.job import Answer

TESTS = [
    {"input": {"stdin": "1 2"}, "output": {"stdout": "3"}},
    {"input": {"stdin": "y" * 2000}, "output": {"stdout": "5"}},
]
COMPLETION = "So:\n```python\nprint(1)\n```\n"


@pytest.fixture
async def server() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


def recorded(score: float, passed: str = "") -> Answer:
    """Return a worker's answer with the record of its tests, "1" for one that passed."""
    tests: list[dict[str, Any]] = [
        {
            "number": number, "passed": one == "1", "end": "exited", "exit_code": 0, "signal": None,
            "stdout": b"3\n", "stderr": b"", "cpu_seconds": 0.01, "wall_seconds": 0.02,
            "files": {}, "note": "",
        }
        for number, one in enumerate(passed)
    ]  # fmt: skip
    build = {"failed": not passed, "log": "no", "limit": None, "seconds": 0.0}
    record: dict[str, Any] = {
        "language": "python",
        "source": "print(1)\n",
        "build": build,
        "tests": tests,
    }
    reason = "match" if score == 1 else "mismatch"
    return Answer(0, score, reason, record=msgspec.msgpack.encode(record))


def body(kind: str | None = "CommonOJDataset", **changed: Any) -> dict[str, Any]:
    config = {"dataset_type": kind, "language": "python", "provided_data": {"id": 1, "test": TESTS}}
    config |= {name: value for name, value in changed.items() if name != "completion"}
    completion = changed.get("completion", COMPLETION)
    return {"dataset": "any", "id": 7, "completion": completion, "config": config}


async def submit(server: Bench, sent: dict[str, Any], *answers: Answer) -> Any:
    server.scorer.answers = list(answers)
    return await server.client.post("/submit", json=sent)


async def test_each_test_is_told_with_its_run(server: Bench) -> None:
    told = (await submit(server, body(), recorded(0.0, "10"))).json()
    first, second = told["tests"]
    assert (told["id"], told["accepted"], told["extracted_code"]) == (7, False, "print(1)\n")
    assert (first["passed"], second["passed"]) == (True, False)
    assert first["exec_info"]["run_result"]["stdout"] == "3\n"
    assert first["test_info"] == TESTS[0]
    assert len(second["test_info"]["input"]["stdin"]) < 2000


async def test_whole_tests_are_shown_on_request(server: Bench) -> None:
    sent = body(extra={"return_full_case": True, "run_all_cases": True})
    told = (await submit(server, sent, recorded(0.0, "10"))).json()
    assert told["tests"][1]["test_info"] == TESTS[1]
    assert server.scorer.inquiries[0].params["stop_after"] > len(TESTS)


async def test_all_passed_is_accepted(server: Bench) -> None:
    told = (await submit(server, body(), recorded(1.0, "11"))).json()
    assert (told["accepted"], told["extracted_type"]) == (True, "fenced")


async def test_a_build_that_fails_is_one_failed_test(server: Bench) -> None:
    told = (await submit(server, body(language="cpp"), recorded(0.0))).json()
    (test,) = told["tests"]
    assert (told["accepted"], test["passed"]) == (False, False)
    assert test["exec_info"]["status"] == "Failed"


async def test_no_code_is_no_test(server: Bench) -> None:
    told = (await submit(server, body(), Answer(0, 0.0, "no_answer"))).json()
    assert (told["accepted"], told["tests"], told["extracted_type"]) == (False, [], "empty")


@pytest.mark.parametrize("reason", ["invalid_reference", "timeout", "fault", "deadline"])
async def test_no_verdict_is_never_a_failed_test(server: Bench, reason: str) -> None:
    answer = await submit(server, body(), Answer(0, None, reason, "why"))
    assert (answer.status_code, answer.json()["code"]) == (503, "no_verdict")
    assert reason in answer.json()["detail"]


async def test_overload_is_no_verdict_after_the_hold(server: Bench) -> None:
    server.scorer.answers = [Answer(0, None, "worker_lost")] * 99
    answer = await server.client.post("/submit?hold=0.05", json=body())
    assert (answer.status_code, answer.json()["code"]) == (503, "no_verdict")


async def test_limits_and_language_go_along(server: Bench) -> None:
    sent = body(language="nodejs", run_timeout=3, compile_timeout=20)
    await submit(server, sent, recorded(1.0, "1"))
    (inquiry,) = server.scorer.inquiries
    expected = {"language": "javascript", "cpu_seconds": 3, "build_cpu_seconds": 20}
    assert expected.items() <= inquiry.params.items()
    assert inquiry.reference == {"test": TESTS}


HUMAN_EVAL = {
    "prompt": "def add(a, b):\n", "entry_point": "add",
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n",
}  # fmt: skip
CONTINUED = "    return a + b\n\nprint(add(1, 2))\n"
ROWS: dict[str, tuple[str, dict[str, Any], str, Any, str]] = {
    "tests as text": (
        "CommonOJDataset", {"test": json.dumps(TESTS)}, COMPLETION, {"test": TESTS}, COMPLETION,
    ),
    "human eval, answered": (
        "HumanEvalDataset", HUMAN_EVAL, COMPLETION, HUMAN_EVAL, COMPLETION,
    ),
    "human eval, continued": (
        "HumanEvalDataset", HUMAN_EVAL, CONTINUED, HUMAN_EVAL,
        "def add(a, b):\n\n    return a + b\n",
    ),
    "human eval, by labels": (
        "HumanEvalDataset",
        {"content": "def add(a, b):\n", "labels": json.dumps({"entry_point": "add"}),
         "test": json.dumps({"code": HUMAN_EVAL["test"]})},
        COMPLETION, HUMAN_EVAL, COMPLETION,
    ),
    "auto eval": (
        "AutoEvalDataset",
        {"labels": {"programming_language": "python"}, "test": {"code": "assert f(1) == 2"}},
        COMPLETION, {"test": {"code": "assert f(1) == 2"}}, COMPLETION,
    ),
    "mbpp": (
        "MBPPDataset",
        {"labels": {"test_setup_code": "import math"}, "test": '["assert f(1) == 2"]'},
        COMPLETION,
        {"test_list": ["assert f(1) == 2"], "test_setup_code": "import math"},
        COMPLETION,
    ),
    "live code bench": (
        "LiveCodeBenchDataset",
        {"test": '{"input_output": "{}"}', "labels": "{}"},
        COMPLETION, {"input_output": "{}"}, COMPLETION,
    ),
    "live code bench, original": (
        "LiveCodeBenchDataset", {"public_test_cases": "[]"}, COMPLETION,
        {"public_test_cases": "[]"}, COMPLETION,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS.values(), ids=ROWS)
async def test_rows_of_each_data_set_become_references(
    server: Bench, case: tuple[str, dict[str, Any], str, Any, str]
) -> None:
    kind, row, completion, reference, judged = case
    sent = body(kind, provided_data=row, completion=completion)
    assert (await submit(server, sent, recorded(1.0, "1"))).status_code == 200
    (inquiry,) = server.scorer.inquiries
    assert (inquiry.reference, inquiry.completion) == (reference, judged)


async def test_a_row_is_found_by_its_id_in_a_list(server: Bench) -> None:
    rows: list[dict[str, Any]] = [{"id": 6, "test": []}, {"id": 7, "test": TESTS}]
    await submit(server, body(provided_data=rows), recorded(1.0, "1"))
    assert server.scorer.inquiries[0].reference == {"test": TESTS}


LABELS = {"programming_language": "d"}
REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "code to extract code": (body(custom_extract_logic="print(1)"), 400),
    "unknown data set": (body("MiniF2FDataset"), 400),
    "no data set": (body(None), 400),
    "a language that is not here": (body(language="lua"), 400),
    "another language of auto eval": (
        body("AutoEvalDataset", provided_data={"test": {}, "labels": LABELS}),
        400,
    ),
    "no row": (body(provided_data=None), 422),
    "no test": (body(provided_data={"id": 1}), 422),
    "no language": (body(language=None), 422),
    "no entry point": (body("HumanEvalDataset", provided_data={"prompt": "", "test": ""}), 422),
    "no config": ({"completion": "x", "id": 1}, 422),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
async def test_what_is_not_offered_or_missing_is_refused(
    server: Bench, case: tuple[dict[str, Any], int]
) -> None:
    sent, status = case
    answer = await submit(server, sent)
    assert (answer.status_code, server.scorer.inquiries) == (status, [])
    assert answer.json()["detail"]
