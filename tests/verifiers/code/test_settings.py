"""What references and parameters may ask for beside tests: files, names, choices, leniency."""

from collections.abc import Mapping

import pytest

from jail_checks import judge
from rewardd_sandbox.local import LocalSandbox

_TESTS = [{"stdin": "1\n", "stdout": "1\n"}] * 3
_LENGTHS = [{"stdin": "x" * size + "\n", "stdout": "1\n"} for size in (5, 1, 9, 3)]
_LONG = "print(1 if len(input()) in (5, 9) else 0)"


@pytest.mark.parametrize(
    ("source", "extra"),
    [
        pytest.param(
            "```\n```python:lib/a.py\ndef f(): return 1\n```\n"
            "```python\nfrom lib.a import f\nprint(f())",
            {},
            id="files_of_the_policy",
        ),
        pytest.param(
            '```\n```cpp:a.h\nint f() { return 1; }\n```\n```cpp\n#include "a.h"\n'
            '#include <cstdio>\nint main() { printf("%d", f()); }',
            {"language": "cpp"},
            id="a_header_of_the_policy",
        ),
        pytest.param("import h; print(h.x)", {"files": {"h.py": "x = 1"}}, id="files"),
        pytest.param(
            "print(len(open('i.bin', 'rb').read()))",
            {"files": {"i.bin": {"base64": "AA=="}}},
            id="bytes",
        ),
        pytest.param(
            "import sys; print(int(sys.argv[0].endswith('solve.py')))",
            {"main": "solve.py"},
            id="main",
        ),
        pytest.param(
            "print(open('in.txt').read(), file=open('out.txt', 'w'))",
            {"stdin_file": "in.txt", "stdout_file": "out.txt"},
            id="input_and_output_files",
        ),
    ],
)
async def test_files_are_where_they_were_asked_for(
    sandbox: LocalSandbox, source: str, extra: Mapping[str, object]
) -> None:
    verdict = await judge(sandbox, source, {"tests": _TESTS, **extra})
    assert verdict.score == 1.0, verdict


@pytest.mark.parametrize(("lenient", "score"), [(True, 1.0), (False, 0.0)])
async def test_an_exit_status_counts_unless_told_otherwise(
    sandbox: LocalSandbox,
    lenient: bool,  # noqa: FBT001  a parameter of pytest's
    score: float,
) -> None:
    source = "print(1)\nraise SystemExit(3)"
    verdict = await judge(sandbox, source, {"tests": _TESTS}, ignore_exit_code=lenient)
    assert verdict.score == score


@pytest.mark.parametrize(
    ("select", "score"), [("first", 0.5), ("longest", 1.0)], ids=["first", "longest"]
)
async def test_the_tests_are_chosen_as_asked(
    sandbox: LocalSandbox, select: str, score: float
) -> None:
    verdict = await judge(
        sandbox, _LONG, {"tests": _LENGTHS}, max_tests=2, select=select, reward="fraction"
    )
    assert (verdict.score, verdict.evidence["total"]) == (score, 2)


@pytest.mark.parametrize("reward", ["all", "fraction", "weighted", "subtask"])
async def test_a_trial_stops_after_so_many_failures(sandbox: LocalSandbox, reward: str) -> None:
    tests = [{**test, "subtask": str(number)} for number, test in enumerate(_TESTS)]
    verdict = await judge(sandbox, "print(0)", {"tests": tests}, reward=reward, stop_after=2)
    assert (verdict.evidence["failed"], verdict.evidence["skipped"]) == (2, 1)
