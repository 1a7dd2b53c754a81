"""Compilers and runtimes of other languages open no way round the jail either."""

import random

import pytest

from jail_checks import jailed_processes, judge
from jail_programs import Subject, load
from rewardd_sandbox.local import LocalSandbox

_DRAWN = random.Random()  # noqa: S311  no secret: numbers that no attack can know
_FACTORS = [(_DRAWN.randrange(100, 10**6), _DRAWN.randrange(100, 10**6)) for _ in range(2)]
_TESTS = [{"stdin": f"{a} {b}\n", "stdout": f"{a * b}\n"} for a, b in _FACTORS]
_GOOD = "a, b = map(int, input().split())\nprint(a * b)"
_BUILD_SECONDS = 4.0


@pytest.mark.parametrize("subject", load("attacks/foreign.txt"), ids=lambda s: s.name)
async def test_no_language_pays_for_less_than_the_answer(
    sandbox: LocalSandbox, subject: Subject
) -> None:
    (report,) = await sandbox.check_languages([subject.needs])
    if not report.available:
        pytest.skip(report.problem)
    limits = {"cpu_seconds": 2.0, "wall_seconds": 8.0, **subject.limits}
    reference = {"tests": _TESTS, "language": subject.needs, "limits": limits}
    fenced = f"```\n```{subject.needs}\n{subject.source}\n```"
    verdict = await judge(sandbox, fenced, reference, build_cpu_seconds=_BUILD_SECONDS)
    assert (verdict.score, subject.claim) == (0.0, subject.claim)
    assert "BREACH" not in str(verdict)
    assert (await judge(sandbox, _GOOD, {"tests": _TESTS})).score == 1.0
    assert jailed_processes(sandbox) == []
