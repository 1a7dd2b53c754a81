"""The verifier end to end: from a completion and a reference to a verdict."""

from collections.abc import Iterable, Mapping

import pytest

from jail_checks import judge
from rewardd_sandbox import BuildFailure, Jail, Limits, Program, SandboxError, StarvedError
from rewardd_sandbox.local import LocalSandbox
from rewardd_verifiers import Catalog, InvalidParamsError, Reason, Sample
from rewardd_verifiers.builtin.code import Code
from rewardd_verifiers.code.shapes import read

_SUM = "print(sum(map(int, input().split())))"
_TESTS = [{"stdin": f"{n} {n}\n", "stdout": f"{2 * n}\n"} for n in range(1, 5)]
_IO = {"tests": _TESTS}


def _with(name: str, values: Iterable[object]) -> list[dict[str, object]]:
    return [{**test, name: value} for test, value in zip(_TESTS, values, strict=True)]


_HALF = "a, b = map(int, input().split())\nprint(a + b if a < 3 else 0)"


@pytest.mark.parametrize(
    ("source", "extra", "reason"),
    [
        pytest.param(_SUM, {}, Reason.MATCH, id="right"),
        pytest.param("print(0)", {}, Reason.MISMATCH, id="wrong"),
        pytest.param("1 / 0", {}, Reason.RUNTIME_ERROR, id="raises"),
        pytest.param(f"{_SUM}\nraise SystemExit(1)", {}, Reason.RUNTIME_ERROR, id="exit_status"),
        pytest.param("print(", {}, Reason.COMPILE_ERROR, id="syntax"),
        pytest.param("print(1)\0", {}, Reason.COMPILE_ERROR, id="nul"),
        pytest.param("x = 1\n" * 60_000, {}, Reason.COMPILE_ERROR, id="too_long"),
        pytest.param("(" * 50_000, {}, Reason.COMPILE_ERROR, id="parser_bomb"),
        pytest.param("while 1: pass", {"cpu_seconds": 0.2}, Reason.LIMIT_EXCEEDED, id="cpu"),
        pytest.param(
            "import time; time.sleep(9)",
            {"cpu_seconds": 0.2, "wall_seconds": 0.4},
            Reason.LIMIT_EXCEEDED,
            id="idle",
        ),
        pytest.param(
            "x = bytearray(1 << 30)", {"memory_mib": 128}, Reason.LIMIT_EXCEEDED, id="memory"
        ),
        pytest.param(
            "print('x' * 99999)", {"output_bytes": 999}, Reason.LIMIT_EXCEEDED, id="output"
        ),
    ],
)
async def test_what_happened_decides_the_reason(
    sandbox: LocalSandbox, source: str, extra: Mapping[str, float], reason: Reason
) -> None:
    verdict = await judge(sandbox, source, {**_IO, "limits": dict(extra)})
    assert (verdict.reason, verdict.score) == (reason, float(reason is Reason.MATCH))
    assert verdict.score == 1.0 or verdict.detail


@pytest.mark.parametrize(
    ("completion", "params", "reason"),
    [
        pytest.param("no code", {}, Reason.NO_ANSWER, id="no_code"),
        pytest.param("```c\nint main(){}\n```", {}, Reason.BAD_FORMAT, id="another_language"),
        pytest.param("no code", {"on_missing": "undecided"}, Reason.UNDECIDED, id="undecided"),
    ],
)
async def test_what_is_no_program_is_never_run(
    completion: str, params: Mapping[str, object], reason: Reason
) -> None:
    verifier = Catalog().build("code", params)
    assert isinstance(verifier, Code)
    sample = Sample(completion=completion, reference=read(_IO))
    assert (await verifier.verify(sample, _Failing(SandboxError("asked")))).reason is reason


@pytest.mark.parametrize(
    "blocks",
    [
        pytest.param([("solution.py", _SUM)], id="the_only_one"),
        pytest.param([("main.py", _SUM), ("lib/a.py", "1 / 0")], id="by_its_name"),
        pytest.param([("a.py", f"def go():\n    {_SUM}"), ("b.py", "import a\na.go()")], id="last"),
    ],
)
async def test_of_named_files_alone_one_is_run(
    sandbox: LocalSandbox, blocks: list[tuple[str, str]]
) -> None:
    completion = "\n".join(f"```python:{name}\n{source}\n```" for name, source in blocks)
    verdict = await Code().verify(Sample(completion=completion, reference=read(_IO)), sandbox)
    assert verdict.score == 1.0


@pytest.mark.parametrize(
    ("reward", "tests", "score"),
    [
        pytest.param("all", _TESTS, 0.0, id="all"),
        pytest.param("fraction", _TESTS, 0.5, id="fraction"),
        pytest.param("weighted", _with("weight", (3, 3, 1, 1)), 0.75, id="weighted"),
        pytest.param("subtask", _with("subtask", "aabb"), 0.5, id="subtask"),
        pytest.param("subtask", _with("subtask", "abab"), 0.0, id="least_of_each"),
    ],
)
async def test_the_reward_weighs_the_tests(
    sandbox: LocalSandbox, reward: str, tests: object, score: float
) -> None:
    verdict = await judge(sandbox, _HALF, {"tests": tests}, reward=reward)
    assert verdict.score == score


@pytest.mark.parametrize(
    "demonstration",
    [
        pytest.param("if __name__ == '__main__':\n    raise SystemExit", id="leaves"),
        pytest.param('if __name__=="__main__": print(f(int(input())))', id="reads"),
        pytest.param("if ('__main__' == __name__):\n    import unittest\n    1 / 0", id="turned"),
        pytest.param("print(f(2))\nprint([f(n) for n in range(3)])", id="prints"),
    ],
)
@pytest.mark.parametrize(
    "reference",
    [
        pytest.param({"inputs": [[1]], "outputs": [2], "fn_name": "f"}, id="call"),
        pytest.param(["assert f(1) == 2"], id="asserts"),
        pytest.param({"entry": "f", "test": "def check(c):\n    assert c(1) == 2"}, id="check"),
    ],
)
async def test_a_function_is_judged_whatever_demonstrates_it(
    sandbox: LocalSandbox, reference: object, demonstration: str
) -> None:
    scores = [
        (await judge(sandbox, f"def f(n): return n + {one}\n{demonstration}", reference)).score
        for one in (1, 2)
    ]
    assert scores == [1.0, 0.0]


async def test_the_first_failure_is_shown_and_the_rest_is_not_run(sandbox: LocalSandbox) -> None:
    verdict = await judge(sandbox, _HALF, _IO)
    evidence = verdict.evidence
    assert (evidence["passed"], evidence["failed"], evidence["skipped"]) == (2, 1, 1)
    first = evidence["first_failure"]
    assert isinstance(first, dict)
    assert (first["test"], first["input"], first["expected"]) == (2, "3 3\n", "6\n")
    assert verdict.detail == "test 2: line 1, token 1: expected '6', got '0'"


async def test_strict_and_batch_give_the_same_verdicts(sandbox: LocalSandbox) -> None:
    for source in (_SUM, _HALF, "1/0", "import os; os._exit(0)"):
        batch = await judge(sandbox, source, _IO)
        strict = await judge(sandbox, source, _IO, strict=True)
        assert (batch.score, batch.reason, batch.detail) == (
            strict.score,
            strict.reason,
            strict.detail,
        )


async def test_the_same_tests_are_drawn_for_every_sample(sandbox: LocalSandbox) -> None:
    seen = set[object]()
    for source in (_SUM, "print(0)", f"{_SUM}\n# other"):
        verdict = await judge(sandbox, source, _IO, max_tests=2, reward="fraction", seed=3)
        seen.add(verdict.evidence["total"])
    assert seen == {2}


_FUNCTION = "def check(input, expected, output):\n    return output == expected"
_TESTLIB = """#include <stdio.h>
int main(int count, char **names) {
    int output, answer;
    fscanf(fopen(names[2], "r"), "%d", &output);
    fscanf(fopen(names[3], "r"), "%d", &answer);
    return output != answer;
}"""
_KATTIS = 'read a; read b < $2; [ "$a" = "$b" ] && exit 42; exit 43'
_FILES = "import sys\nprint(int(open(sys.argv[2]).read() == open(sys.argv[3]).read()))"


@pytest.mark.parametrize(
    ("protocol", "language", "checker"),
    [
        pytest.param("function", "python", _FUNCTION, id="function"),
        pytest.param("testlib", "c", _TESTLIB, id="testlib"),
        pytest.param("kattis", "bash", _KATTIS, id="kattis"),
        pytest.param("files", "python", _FILES, id="files"),
    ],
)
async def test_a_checker_of_any_protocol_decides(
    sandbox: LocalSandbox, protocol: str, language: str, checker: str
) -> None:
    given = {"protocol": protocol, "language": language, "source": checker}
    right = await judge(sandbox, _SUM, {**_IO, "checker": given})
    wrong = await judge(sandbox, "print(1)", {**_IO, "checker": given})
    assert (right.score, wrong.score) == (1.0, 0.0), (right, wrong)


async def test_a_broken_checker_is_the_references_fault(sandbox: LocalSandbox) -> None:
    checker = {"source": "def check(input, expected, output):\n    return 1 / 0"}
    verdict = await judge(sandbox, _SUM, {**_IO, "checker": checker})
    assert verdict.reason is Reason.INVALID_REFERENCE


async def test_a_checker_that_breaks_on_rubbish_counts_against_the_rubbish(
    sandbox: LocalSandbox,
) -> None:
    checker = {
        "source": "def check(input, expected, output):\n    return int(output) == int(expected)"
    }
    verdict = await judge(sandbox, "print('rubbish')", {**_IO, "checker": checker})
    assert (verdict.score, verdict.reason) == (0.0, Reason.MISMATCH)


_HUMAN_EVAL = {
    "prompt": "def helper(x):\n    return x + 1\n\ndef solve(items):\n    '''Add one.'''\n",
    "entry_point": "solve",
    "test": "def check(candidate):\n    x = [1]\n    candidate(x)\n    assert x == [2]\n"
    "    try:\n        candidate(None)\n        raise ValueError\n    except TypeError: pass\n",
}


async def test_test_code_sees_changed_arguments_and_exceptions(sandbox: LocalSandbox) -> None:
    right = "def solve(items):\n    items[:] = [helper(item) for item in items]"
    assert (await judge(sandbox, right, _HUMAN_EVAL)).score == 1.0
    assert (await judge(sandbox, "def solve(items): pass", _HUMAN_EVAL)).score == 0.0


@pytest.mark.parametrize(
    "test",
    [
        pytest.param("def check(candidate):\n    pass", id="calls_nothing"),
        pytest.param("def check(", id="no_python"),
        pytest.param("def check(candidate):\n    candidate(lambda: 0)", id="sends_a_function"),
        pytest.param("raise SystemExit(0)", id="leaves"),
    ],
)
async def test_test_code_at_fault_gives_no_verdict(sandbox: LocalSandbox, test: str) -> None:
    verdict = await judge(sandbox, "def solve(x): return x", {**_HUMAN_EVAL, "test": test})
    assert verdict.reason is Reason.INVALID_REFERENCE


async def test_unit_tests_run_by_proxy(sandbox: LocalSandbox) -> None:
    test = "import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n"
    reference = {
        "kind": "unittest",
        "entry": "double",
        "test": f"{test}        self.assertEqual(double(2), 4)",
    }
    assert (await judge(sandbox, "def double(x): return 2 * x", reference)).score == 1.0
    assert (await judge(sandbox, "def double(x): return x", reference)).score == 0.0


async def test_test_code_works_on_its_own_time(sandbox: LocalSandbox) -> None:
    test = "import time\ndef check(candidate):\n    assert candidate(1) == 2\n"
    test += "    while time.process_time() < 1: pass\n    assert candidate(2) == 4"
    reference = {"entry": "double", "test": test, "limits": {"cpu_seconds": 0.5}}
    verdict = await judge(sandbox, "def double(x): return 2 * x", reference)
    assert verdict.score == 1.0, verdict


class _Failing:
    """A sandbox that cannot open anything."""

    def __init__(self, error: SandboxError) -> None:
        self._error = error

    @property
    def facts(self) -> Mapping[str, str]:
        return {"tier": "none"}

    def toolchain(self, language: str) -> str:
        return language

    async def open(self, program: Program, limits: Limits) -> Jail | BuildFailure:
        raise self._error from ValueError(program.main, limits)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(SandboxError("x"), Reason.SANDBOX_UNAVAILABLE, id="any"),
        pytest.param(StarvedError("x"), Reason.TIMEOUT, id="starved"),
    ],
)
async def test_a_failure_of_ours_is_never_a_score(error: SandboxError, reason: Reason) -> None:
    verifier = Code()
    sample = Sample(completion=f"```python\n{_SUM}\n```", reference=read(_IO))
    verdict = await verifier.verify(sample, _Failing(error))
    assert (verdict.score, verdict.reason) == (None, reason)


@pytest.mark.parametrize(
    "params", [{"language": "lua"}, {"max_tests": 0}, {"stop_after": 0}, {"on_missing": "match"}]
)
def test_parameters_that_no_run_could_follow_are_refused(params: Mapping[str, object]) -> None:
    with pytest.raises(InvalidParamsError):
        Catalog().build("code", params)


def test_the_verifier_describes_itself() -> None:
    card = Catalog().describe("code")
    assert {"language", "compare", "reward", "strict"} <= set(
        str(card.params["properties"]).split("'")
    )
