"""What a worker recorded of a run, and how SandboxFusion tells it."""

import base64
from typing import Any

import msgspec

from rewardd_sandbox import End
from rewardd_sandbox.languages import find

OUTPUT_BYTES = 1 << 20
"""Of standard output in an answer; what a program prints beyond it has ended it."""

_TIME_LIMITS = frozenset({End.CPU_LIMIT, End.WALL_LIMIT})
_KILLED = -9
_MESSAGES = {
    End.MEMORY_LIMIT: "memory limit",
    End.OUTPUT_LIMIT: "output limit",
    End.FILE_LIMIT: "file limit",
}


class Build(msgspec.Struct, frozen=True):
    """How a compiler ended."""

    failed: bool
    log: str
    limit: End | None
    seconds: float


class Test(msgspec.Struct, frozen=True):
    """How one run ended.

    Attributes:
        number: of the test, from 0.
        passed: None where there was nothing to pass.
    """

    number: int
    passed: bool | None
    end: End
    exit_code: int | None
    signal: int | None
    stdout: bytes
    stderr: bytes
    cpu_seconds: float
    wall_seconds: float
    files: dict[str, bytes]
    note: str


class Record(msgspec.Struct, frozen=True):
    """A program with its build and its runs, as `rewardd_verifiers.code.record` writes it."""

    language: str
    source: str
    build: Build
    tests: list[Test]


_decoder = msgspec.msgpack.Decoder(Record)


def read(record: bytes) -> Record | None:
    """Return a worker's record; None if it sent none that can be read."""
    try:
        return _decoder.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def told(record: Record, test: Test | None) -> dict[str, Any]:
    """Return the answer of `/run_code` for one run, or for a build that failed."""
    if record.build.failed or test is None:
        return _not_built(record)
    run, message = _run(test)
    good = run["status"] == "Finished" and run["return_code"] == 0
    files = {name: base64.b64encode(held).decode() for name, held in test.files.items()}
    status = "Success" if good else "Failed"
    return _answer(status, message, compile_result=_built(record), run_result=run, files=files)


def sandbox_error(message: str) -> dict[str, Any]:
    """Return the answer of `/run_code` for what is wrong on our side, and no retry mends."""
    return _answer("SandboxError", message)


def _not_built(record: Record) -> dict[str, Any]:
    """Tell of a build that failed; an interpreter finds out in the run, as SandboxFusion's does."""
    build = record.build
    late = build.limit in _TIME_LIMITS
    failed = {
        "status": "TimeLimitExceeded" if late else "Finished",
        "execution_time": build.seconds,
        "return_code": None if late else 1,
        "stdout": "",
        "stderr": build.log,
    }
    message = "" if build.limit is None else _MESSAGES.get(build.limit, "")
    if _interpreted(record.language):
        return _answer("Failed", message, run_result=failed)
    return _answer("Failed", message, compile_result=failed)


def _built(record: Record) -> dict[str, Any] | None:
    if _interpreted(record.language):
        return None
    return {
        "status": "Finished",
        "execution_time": record.build.seconds,
        "return_code": 0,
        "stdout": "",
        "stderr": "",
    }


def _interpreted(name: str) -> bool:
    language = find(name)
    return language is not None and not any(variant.build for variant in language.variants)


def _run(test: Test) -> tuple[dict[str, Any], str]:
    late = test.end in _TIME_LIMITS
    message = _MESSAGES.get(test.end, "")
    run = {
        "status": "TimeLimitExceeded" if late else "Finished",
        "execution_time": test.wall_seconds,
        "return_code": None if late else _KILLED if message else _return_code(test),
        "stdout": _text(test.stdout[:OUTPUT_BYTES]),
        "stderr": _text(test.stderr),
    }
    return run, message


def _return_code(test: Test) -> int:
    if test.signal is not None:
        return -test.signal
    if test.end is End.EXITED:
        return test.exit_code or 0
    return test.exit_code or 1


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _answer(
    status: str,
    message: str,
    *,
    compile_result: dict[str, Any] | None = None,
    run_result: dict[str, Any] | None = None,
    files: dict[str, str] | None = None,
) -> dict[str, Any]:
    return {
        "status": status,
        "message": message,
        "compile_result": compile_result,
        "run_result": run_result,
        "executor_pod_name": None,
        "files": files or {},
    }
