"""Rows in the manner of data sets for pytest: right is right, and nothing else is, by proxy."""

import json
from pathlib import Path
from typing import Any

import pytest

from cheats import CHEATS
from jail_checks import judge
from jail_programs import Subject, load
from rewardd_sandbox.local import LocalSandbox
from rewardd_verifiers import Reason

_ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "cases" / "code_pytest.jsonl").read_text().splitlines()
]
_NAMES = [row["name"] for row in _ROWS]
_WRONG = [
    pytest.param(row["test"], source, id=f"{row['name']}_{number}")
    for row in _ROWS
    for number, source in enumerate(row["wrong"])
]
_CALLED = [row for row in _ROWS if "import " + row["name"] in row["test"]]
# Each cheat meets so many-th of the rows whose function has the row's name.
_SHARE = 4


def _reference(test: str) -> dict[str, str]:
    return {"kind": "pytest", "test": test}


def test_there_are_enough_rows_and_no_two_alike() -> None:
    assert len(set(_NAMES)) == len(_NAMES) >= 60


@pytest.mark.parametrize("row", _ROWS, ids=_NAMES)
async def test_a_right_program_passes(sandbox: LocalSandbox, row: dict[str, Any]) -> None:
    verdict = await judge(sandbox, row["right"], _reference(row["test"]))
    assert (verdict.score, verdict.evidence["trust"]) == (1.0, "full"), verdict


@pytest.mark.parametrize(("test", "source"), _WRONG)
async def test_a_wrong_program_fails(sandbox: LocalSandbox, test: str, source: str) -> None:
    verdict = await judge(sandbox, source, _reference(test))
    assert verdict.score == 0.0, verdict


@pytest.mark.parametrize(("turn", "cheat"), list(enumerate(CHEATS)), ids=list(CHEATS))
async def test_no_cheat_passes(sandbox: LocalSandbox, turn: int, cheat: str) -> None:
    verdicts = [
        (row["name"], await judge(sandbox, CHEATS[cheat].replace("ENTRY", row["name"]), reference))
        for row in _CALLED[turn % _SHARE :: _SHARE]
        for reference in [_reference(row["test"])]
    ]
    assert verdicts
    assert not [(name, verdict) for name, verdict in verdicts if verdict.score != 0.0]


@pytest.mark.parametrize("subject", load("attacks/calls.txt"), ids=lambda s: s.name)
async def test_no_function_is_paid_for_less_than_the_result(
    sandbox: LocalSandbox, subject: Subject
) -> None:
    test = "from solution import mul\ndef test_a():\n    assert mul(6, 7) == 42\n"
    reference = _reference(f"{test}def test_b():\n    assert mul(2, 3) == 6")
    verdict = await judge(sandbox, subject.source, {**reference, "limits": subject.limits})
    assert (verdict.score, subject.claim) == (0.0, subject.claim)
    assert verdict.detail.encode(), "it can be written down"


@pytest.mark.parametrize(
    ("test", "word"),
    [
        pytest.param("import pytest\ndef test_a(): pytest.nosuch()", "nosuch", id="attribute"),
        pytest.param("def test_a(benchmark): assert f(1)", "benchmark", id="fixture"),
        pytest.param("async def test_a(): assert f(1)", "asynchronous", id="loop"),
        pytest.param("def test_a():\n    f(1)\n    yield", "yields", id="generator"),
        pytest.param("def test_a(): assert f(__builtins__)", "sent", id="unsendable"),
        pytest.param(
            "from solution import Kind\nclass Mine(Kind): pass\ndef test_a(): Mine()",
            "derives",
            id="derived_class",
        ),
        pytest.param("def test_a(): assert 1 == 1", "never call", id="calls_nothing"),
        pytest.param("x = f(1)", "fail", id="no_tests"),
        pytest.param("import hypothesis\ndef test_a(): f(1)", "hypothesis", id="library"),
        pytest.param("raise ValueError('mine')", "mine", id="breaks_at_load"),
        pytest.param("def test_a(", "never closed", id="no_python"),
        pytest.param(
            "import pytest\n@pytest.mark.skip\ndef test_a(): f(1)\nf(2)", "fail", id="all_skipped"
        ),
    ],
)
async def test_tests_at_fault_or_beyond_what_is_offered_give_no_verdict(
    sandbox: LocalSandbox, test: str, word: str
) -> None:
    source = "def f(x): return x\nclass Kind: pass"
    verdict = await judge(sandbox, source, _reference(test))
    assert (verdict.score, verdict.reason) == (None, Reason.INVALID_REFERENCE), verdict
    assert word in verdict.detail


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("def f(", Reason.COMPILE_ERROR, id="no_program"),
        pytest.param("def g(): pass", Reason.RUNTIME_ERROR, id="no_entry"),
        pytest.param("raise OSError('x')", Reason.RUNTIME_ERROR, id="breaks_at_load"),
        pytest.param("import os; os._exit(0)", Reason.RUNTIME_ERROR, id="leaves_at_load"),
        pytest.param("def f(x):\n    while 1: pass", Reason.LIMIT_EXCEEDED, id="spins"),
        pytest.param("import os\ndef f(x): os._exit(0)", Reason.RUNTIME_ERROR, id="leaves"),
        pytest.param("def f(x): raise SystemExit", Reason.RUNTIME_ERROR, id="exits"),
        pytest.param("def f(x): raise NameError(x)", Reason.MISMATCH, id="raises"),
        pytest.param(
            "import unittest\ndef f(x): raise unittest.SkipTest", Reason.MISMATCH, id="skips"
        ),
        pytest.param("def f(x): return object()", Reason.MISMATCH, id="an_object"),
    ],
)
async def test_what_a_program_did_decides_the_reason(
    sandbox: LocalSandbox, source: str, reason: Reason
) -> None:
    test = "from solution import f\ndef test_it():\n    assert f(1) == 2"
    verdict = await judge(sandbox, source, {**_reference(test), "limits": {"cpu_seconds": 1}})
    assert (verdict.score, verdict.reason) == (0.0, reason), verdict


@pytest.mark.parametrize("head", ["", "from solution import *\n", "import solution\n"])
async def test_a_program_without_the_function_fails_however_it_is_named(
    sandbox: LocalSandbox, head: str
) -> None:
    call = "solution.f" if "import solution" in head else "f"
    test = f"{head}def test_it():\n    assert {call}(1) == 2"
    verdict = await judge(sandbox, "def g(x): return 2", _reference(test))
    assert verdict.score == 0.0, verdict


async def test_the_first_failure_is_told_with_its_line_and_what_was_given(
    sandbox: LocalSandbox,
) -> None:
    test = "from solution import f\ndef test_a():\n    assert f(1) == 1\ndef test_b():\n"
    verdict = await judge(sandbox, "def f(x): return 1", _reference(f"{test}    assert f(2) == 4"))
    assert verdict.score == 0.0
    assert "test_b" in verdict.detail
    assert "assert f(2) == 4" in verdict.detail
    assert "f(2) gave 1" in str(verdict.evidence["first_failure"])


async def test_a_row_of_kod_code_is_read_as_it_stands(sandbox: LocalSandbox) -> None:
    test = "from solution import f\ndef test_a():\n    assert f(1) == 1"
    info = [{"function_name": "f", "parameter_list": "(x)"}]
    row = {"question": "...", "solution": "...", "test": test, "test_info": info}
    assert (await judge(sandbox, "def f(x): return 1", row)).score == 1.0
    assert (await judge(sandbox, "def f(x): return 2", row)).score == 0.0


async def test_a_share_of_the_tests_can_be_rewarded(sandbox: LocalSandbox) -> None:
    test = "from solution import f\ndef test_a():\n    assert f(1) == 1\ndef test_b():\n"
    reference = _reference(f"{test}    assert f(2) == 4")
    verdict = await judge(sandbox, "def f(x): return 1", reference, reward="fraction")
    assert (verdict.score, verdict.reason) == (0.5, Reason.PARTIAL)
