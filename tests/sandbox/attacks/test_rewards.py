"""No program gets reward without the answer, in any tier; and the next one finds a clean slot."""

import random

import pytest

from jail_checks import jailed_processes, judge
from jail_programs import Subject, load
from rewardd_sandbox.local import LocalSandbox
from rewardd_sandbox.tiers import Tier
from rewardd_verifiers import Reason

_DRAWN = random.Random()  # noqa: S311  no secret: numbers that no attack can know
_FACTORS = [(_DRAWN.randrange(100, 10**6), _DRAWN.randrange(100, 10**6)) for _ in range(2)]
_TESTS = [{"stdin": f"{a} {b}\n", "stdout": f"{a * b}\n"} for a, b in _FACTORS]
_GOOD = "a, b = map(int, input().split())\nprint(a * b)"
_CALLS = [{"args": [6, 7], "result": 42}, {"args": [2, 3], "result": 6}]


@pytest.mark.parametrize("subject", load("attacks/rewards.txt"), ids=lambda s: s.name)
async def test_no_program_is_paid_for_less_than_the_answer(
    sandbox: LocalSandbox, subject: Subject
) -> None:
    reference = {"tests": _TESTS, "limits": subject.limits}
    verdict = await judge(sandbox, subject.source, reference)
    assert (verdict.score, subject.claim) == (0.0, subject.claim)
    assert (await judge(sandbox, _GOOD, {"tests": _TESTS})).score == 1.0
    assert jailed_processes(sandbox) == []


@pytest.mark.parametrize("subject", load("attacks/calls.txt"), ids=lambda s: s.name)
async def test_no_function_is_paid_for_less_than_the_result(
    sandbox: LocalSandbox, subject: Subject
) -> None:
    reference = {"kind": "call", "entry": "mul", "tests": _CALLS, "limits": subject.limits}
    verdict = await judge(sandbox, subject.source, reference)
    assert (verdict.score, subject.claim) == (0.0, subject.claim)


@pytest.mark.parametrize("subject", load("attacks/calls.txt"), ids=lambda s: s.name)
async def test_test_code_is_not_fooled_either(sandbox: LocalSandbox, subject: Subject) -> None:
    check = (
        "def check(candidate):\n    assert candidate(6, 7) == 42\n    assert candidate(2, 3) == 6"
    )
    reference = {"prompt": "", "entry_point": "mul", "test": check}
    verdict = await judge(sandbox, subject.source, reference, cpu_seconds=0.4)
    assert (verdict.score, subject.claim) == (0.0, subject.claim)
    assert verdict.detail.encode(), "it can be written down"


async def test_no_exception_ends_a_loop_over_calls_as_if_all_were_done(
    sandbox: LocalSandbox,
) -> None:
    check = (
        "def check(candidate):\n"
        "    for got, want in zip(map(candidate, [6, 2], [7, 3]), [42, 6]):\n"
        "        assert got == want"
    )
    reference = {"prompt": "", "entry_point": "mul", "test": check}
    good = await judge(sandbox, "def mul(a, b): return a * b", reference)
    verdict = await judge(sandbox, "def mul(a, b): raise StopIteration", reference)
    assert (good.score, verdict.score) == (1.0, 0.0), verdict


@pytest.mark.parametrize("subject", load("attacks/exhaust.txt"), ids=lambda s: s.name)
async def test_what_exhausts_ends_within_its_bounds_and_leaves_nothing(
    sandbox: LocalSandbox, subject: Subject, tier: Tier
) -> None:
    reference = {"tests": _TESTS, "limits": subject.limits}
    verdict = await judge(sandbox, subject.source, reference)
    assert (verdict.score, subject.claim) == (0.0, subject.claim)
    after = await judge(sandbox, _GOOD, {"tests": _TESTS})
    assert (after.score, after.evidence["tier"]) == (1.0, str(tier))
    assert jailed_processes(sandbox) == []


@pytest.mark.parametrize("name", ["input.txt", "input.txt/a", "output.txt", "output.txt/a/b"])
async def test_a_file_named_like_those_of_the_tests_buys_nothing(
    sandbox: LocalSandbox, name: str
) -> None:
    source = f"```\n```python:{name}\n1\n```\n```python\nprint(1)"
    files = {"stdin_file": "input.txt", "stdout_file": "output.txt"}
    verdict = await judge(sandbox, source, {"tests": _TESTS, **files})
    assert verdict.score == 0.0, verdict


async def test_results_that_send_test_code_too_deep_are_not_its_fault(
    sandbox: LocalSandbox,
) -> None:
    check = "def check(candidate):\n f = lambda n: 0 if n < 0 else f(candidate(n, 1))\n f(1)"
    reference = {"prompt": "", "entry_point": "mul", "test": check}
    verdict = await judge(sandbox, "def mul(a, b): return a", reference, cpu_seconds=2)
    assert verdict.score == 0.0, verdict


async def test_all_calls_of_one_test_share_its_time(sandbox: LocalSandbox) -> None:
    check = "def check(candidate):\n for n in range(1000): candidate(n, n)"
    reference = {"prompt": "", "entry_point": "mul", "test": check}
    slow = "def mul(a, b):\n for _ in range(10 ** 6): pass"
    verdict = await judge(sandbox, slow, reference, cpu_seconds=0.3)
    assert (verdict.score, verdict.reason) == (0.0, Reason.LIMIT_EXCEEDED), verdict
