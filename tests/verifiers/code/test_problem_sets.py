"""Two sets of problems in the forms of HumanEval and MBPP: right is right, and nothing else is."""

import json
from pathlib import Path
from typing import Any

import pytest

from cheats import CHEATS
from jail_checks import judge
from rewardd_sandbox.local import LocalSandbox

_CASES = Path(__file__).parents[2] / "cases"


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (_CASES / name).read_text().splitlines()]


_FUNCTIONS, _ASSERTS = _rows("code_functions.jsonl"), _rows("code_asserts.jsonl")
_SOLUTIONS = [
    *((row["entry_point"], row["prompt"] + row["canonical_solution"], row) for row in _FUNCTIONS),
    *((row["code"].split("(")[0].removeprefix("def "), row["code"], row) for row in _ASSERTS),
]


# All problems at once take minutes: each cheat meets so many-th of them, and each problem some.
_SHARE = 6


def test_there_are_enough_problems_and_no_two_alike() -> None:
    assert len(_FUNCTIONS) >= 60
    assert len(_ASSERTS) >= 100
    assert len({entry for entry, _, _ in _SOLUTIONS}) == len(_SOLUTIONS)


@pytest.mark.parametrize("strict", [False, True], ids=["batch", "strict"])
async def test_every_canonical_solution_passes(sandbox: LocalSandbox, strict: bool) -> None:  # noqa: FBT001  a parameter of pytest's
    verdicts = [
        (entry, await judge(sandbox, source, row, strict=strict))
        for entry, source, row in _SOLUTIONS
    ]
    assert not [(entry, verdict) for entry, verdict in verdicts if verdict.score != 1.0]


@pytest.mark.parametrize(("turn", "cheat"), list(enumerate(CHEATS)), ids=list(CHEATS))
async def test_no_cheat_passes_any_problem(sandbox: LocalSandbox, turn: int, cheat: str) -> None:
    verdicts = [
        (entry, await judge(sandbox, CHEATS[cheat].replace("ENTRY", entry), row))
        for entry, _, row in _SOLUTIONS[turn % _SHARE :: _SHARE]
    ]
    assert not [(entry, verdict) for entry, verdict in verdicts if verdict.score != 0.0]


async def test_a_solution_of_another_problem_does_not_pass(sandbox: LocalSandbox) -> None:
    entries = [entry for entry, _, _ in _SOLUTIONS]
    verdicts = [
        (entry, await judge(sandbox, source.replace(own, entry), row))
        for entry, own, (_, source, _), (_, _, row) in zip(
            entries, entries[1:], _SOLUTIONS[1:], _SOLUTIONS, strict=False
        )
    ]
    assert not [(entry, verdict) for entry, verdict in verdicts if verdict.score != 0.0]
