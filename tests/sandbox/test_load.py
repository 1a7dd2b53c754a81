"""The same verdicts on a core that is wanted by six others as on one that is idle."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Generator

import pytest

from jail_checks import judge, skip_unless_jails
from rewardd_sandbox.local import LocalSandbox, Options

NEIGHBOURS = 6
SUBMISSIONS = 200
_TESTS = [{"stdin": f"{n} {n}\n", "stdout": f"{2 * n}\n"} for n in range(1, 4)]
_REFERENCE = {"tests": _TESTS, "limits": {"cpu_seconds": 0.4}}
_PROGRAMS = (
    "print(sum(map(int, input().split())))",
    "print(max(map(int, input().split())))",
    "print(sum(map(int, input().split()))); raise SystemExit(1)",
    "for _ in range(10**6): pass\nprint(sum(map(int, input().split())))",
    "a, b = map(int, input().split()); print(a + b if a < 3 else 0)",
)
_ENDLESS = "while True: pass"
"""Rare, as each takes all that a test may take."""


@contextlib.contextmanager
def _one_core() -> Generator[None]:
    usual = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(usual)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, usual)


@contextlib.contextmanager
def _busy(count: int) -> Generator[None]:
    command = [sys.executable, "-I", "-S", "-c", "while True: pass"]
    neighbours = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for neighbour in neighbours:
            neighbour.kill()
        for neighbour in neighbours:
            neighbour.wait()


def _submissions() -> list[str]:
    kinds = (*_PROGRAMS,) * (SUBMISSIONS // len(_PROGRAMS))
    return [f"# {n}\n{_ENDLESS if n % 40 == 7 else kind}" for n, kind in enumerate(kinds)]


async def _verdicts() -> list[tuple[float | None, str]]:
    async with LocalSandbox(Options(slots=1)) as sandbox:
        told = [await judge(sandbox, source, _REFERENCE) for source in _submissions()]
    return [(verdict.score, verdict.reason.value) for verdict in told]


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_verdict_does_not_change_under_load() -> None:
    await skip_unless_jails()
    with _one_core():
        idle = await _verdicts()
        with _busy(NEIGHBOURS):
            busy = await _verdicts()
    assert busy == idle
    assert {reason for _, reason in idle} == {
        "match",
        "mismatch",
        "runtime_error",
        "limit_exceeded",
    }
