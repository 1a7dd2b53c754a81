"""Programs without tests: what becomes of them, and the record of it."""

from typing import Any

import pytest

from rewardd_sandbox import BuildFailure, Jail, Limits, LostError, Program, StarvedError
from rewardd_sandbox.local import LocalSandbox
from rewardd_verifiers import (
    Catalog,
    InvalidReferenceError,
    Reason,
    Sample,
    SandboxVerifier,
    Verdict,
    type_reference,
)


async def run(
    sandbox: Any, source: str, *, params: dict[str, Any] | None = None, **reference: Any
) -> Verdict:
    verifier = Catalog().build("runs", {"whole_text": True, **(params or {})})
    assert isinstance(verifier, SandboxVerifier)
    asked = type_reference(verifier, reference)
    return await verifier.verify(Sample(completion=source, reference=asked), sandbox)


def recorded(verdict: Verdict) -> Any:
    assert verdict.record is not None
    return verdict.record()


@pytest.mark.parametrize(
    ("source", "asked", "reason"),
    [
        ("print(1)", {}, Reason.MATCH),
        ("raise SystemExit(3)", {}, Reason.RUNTIME_ERROR),
        ("print(", {}, Reason.COMPILE_ERROR),
        ("while 1: pass", {"cpu_seconds": 0.2}, Reason.LIMIT_EXCEEDED),
        ("import time; time.sleep(99)", {"wall_seconds": 3}, Reason.LIMIT_EXCEEDED),
        ("x = bytearray(1 << 30)", {"memory_mib": 128}, Reason.LIMIT_EXCEEDED),
        ("print('x' * (3 << 20))", {}, Reason.LIMIT_EXCEEDED),
    ],
    ids=["right", "exit_status", "syntax", "cpu", "idle", "memory", "output"],
)
async def test_what_happened_decides_the_reason(
    sandbox: LocalSandbox, source: str, asked: dict[str, Any], reason: Reason
) -> None:
    verdict = await run(sandbox, source, **asked)
    assert (verdict.reason, verdict.score) == (reason, float(reason is Reason.MATCH))
    assert verdict.score == 1.0 or verdict.detail


async def test_the_record_holds_what_was_written(sandbox: LocalSandbox) -> None:
    source = "import sys; print(input() * 3); sys.stderr.write('oh'); sys.exit(4)"
    (test,) = recorded(await run(sandbox, source, stdin="ab\n"))["tests"]
    assert (test["stdout"], test["stderr"], test["exit_code"]) == (b"ababab\n", b"oh", 4)


async def test_files_are_shown_and_taken_along(sandbox: LocalSandbox) -> None:
    source = "data = open('a/b.bin', 'rb').read(); open('out', 'wb').write(data[::-1])"
    verdict = await run(sandbox, source, files={"a/b.bin": b"\x00\xff"}, fetch=["out", "none"])
    (test,) = recorded(verdict)["tests"]
    assert test["files"] == {"out": b"\xff\x00"}


async def test_a_build_that_fails_is_recorded_with_its_log(sandbox: LocalSandbox) -> None:
    record = recorded(await run(sandbox, "print("))
    assert (record["tests"], record["build"]["failed"]) == ([], True)
    assert "SyntaxError" in record["build"]["log"]


async def test_a_block_is_taken_out_of_a_completion(sandbox: LocalSandbox) -> None:
    params = {"whole_text": False}
    assert (await run(sandbox, "```py\nprint(1)\n```", params=params)).score == 1.0
    assert (await run(sandbox, "print(1)", params=params)).reason is Reason.NO_ANSWER


async def test_whole_text_is_taken_to_the_letter(sandbox: LocalSandbox) -> None:
    (test,) = recorded(await run(sandbox, "print('''</think>\r\n```''')"))["tests"]
    assert test["stdout"].startswith(b"</think>")


@pytest.mark.parametrize(
    "asked",
    [
        {"files": {"../x": b""}},
        {"files": {"/x": b""}},
        {"fetch": ["a//b"]},
        {"fetch": ["."]},
        {"language": "klingon"},
        {"cpu_seconds": 0},
        {"memory_mib": 0},
        {"surprise": 1},
    ],
    ids=str,
)
async def test_an_invocation_that_makes_no_sense_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidReferenceError):
        await run(None, "print(1)", **asked)


class _Failing:
    """A sandbox that fails some times, then for good."""

    facts = {"tier": "none"}  # noqa: RUF012  as the contract has it

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)

    def toolchain(self, language: str) -> str:
        return language

    async def open(self, program: Program, limits: Limits) -> Jail | BuildFailure:
        del program, limits
        if self._errors:
            raise self._errors.pop(0)
        return BuildFailure(log="at last")


async def test_what_was_lost_is_tried_once_more() -> None:
    verdict = await run(_Failing(LostError("gone")), "x")
    assert verdict.reason is Reason.COMPILE_ERROR
    verdict = await run(_Failing(LostError("gone"), LostError("again")), "x")
    assert (verdict.score, verdict.reason) == (None, Reason.SANDBOX_UNAVAILABLE)


async def test_a_starved_program_has_no_verdict_and_no_second_try() -> None:
    verdict = await run(_Failing(StarvedError("no time"), StarvedError("never")), "x")
    assert (verdict.score, verdict.reason, verdict.record) == (None, Reason.TIMEOUT, None)
