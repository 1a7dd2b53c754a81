"""`/run_code` of SandboxFusion: a program, its input and limits; what it wrote."""

import base64
import binascii
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from rewardd_sandbox.languages import Language, find
from rewardd_service.inquiry import Inquiry
from rewardd_service.job import Answer
from rewardd_service.routes_compat import records
from rewardd_service.routes_compat.holding import NotInTimeError
from rewardd_verifiers import Reason

_NAMES = {"nodejs": "javascript"}
_NOT_SERVED = frozenset(
    {
        "python2", "go_test", "php", "csharp", "sql", "cuda", "lua", "R", "perl", "D_ut", "ruby",
        "scala", "julia", "pytest", "junit", "kotlin_script", "jest", "verilog", "python_gpu",
        "lean", "swift", "racket", "gtest", "react",
    }
)  # fmt: skip
"""Names of the original that have no entry here: not the client's mistake, and not mended soon."""

_MOST_FILES = 256
_LONGEST_NAME = 1024
_SPARE_SECONDS = 8.0
"""verl waits 10 s beyond both of its time-outs: two of them are for the way and the queue."""

_USUAL_SECONDS = 600.0
_WALL_TO_CPU = 10.0
"""A worker mostly waits for its jail; its lane allows fifteen times as much on the wall."""

HELD_SECONDS = 5.0
"""Beyond both time-outs, after which a client is told to come again: before verl stops waiting."""

Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


def _below(name: str) -> str:
    steps = name.split("/")
    if len(name) > _LONGEST_NAME or "\0" in name or any(step in ("", ".", "..") for step in steps):
        raise ValueError("is no name below the work directory")
    return name


def _name(name: object) -> object:
    """Take the `./` off that some clients write."""
    return name.removeprefix("./") if isinstance(name, str) else name


def _unpacked(content: object) -> object:
    if not isinstance(content, str):
        return content
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"is no base64: {error}") from error


def _spoken(name: str) -> str:
    if name not in _NOT_SERVED and language_of(name) is None:
        raise ValueError("is no language of this server or of SandboxFusion")
    return name


FileName = Annotated[str, BeforeValidator(_name), AfterValidator(_below)]
Base64 = Annotated[bytes | None, BeforeValidator(_unpacked)]


def language_of(name: str) -> Language | None:
    """Return the language that SandboxFusion, or one of its clients, calls so."""
    return find(_NAMES.get(name, name))


class RunCodeRequest(BaseModel):
    """What a client asks; fields that are not here are ignored."""

    code: str
    language: Annotated[str, AfterValidator(_spoken)]
    stdin: str | None = None
    compile_timeout: Seconds = 10.0
    run_timeout: Seconds = 10.0
    memory_limit_mib: Annotated[int, Field(alias="memory_limit_MB", le=1 << 20)] = -1
    files: Annotated[dict[FileName, Base64], Field(max_length=_MOST_FILES)] | None = None
    fetch_files: Annotated[list[FileName], Field(max_length=_MOST_FILES)] | None = None
    args: Annotated[list[str], Field(max_length=_MOST_FILES)] | None = None

    @property
    def hold_seconds(self) -> float:
        """Return how long the client waits before it should be told to come again."""
        return self.compile_timeout + self.run_timeout + HELD_SECONDS

    def inquiry(self) -> Inquiry | None:
        """Return what to ask a worker; None if no worker can know the language."""
        language = language_of(self.language)
        if language is None:
            return None
        wall = min(
            3 * self.run_timeout + 2, self.run_timeout + self.compile_timeout + _SPARE_SECONDS
        )
        reference: dict[str, Any] = {
            "language": language.name,
            "stdin": (self.stdin or "").encode("utf-8", "replace"),
            "arguments": self.args or [],
            "files": {name: held for name, held in (self.files or {}).items() if held is not None},
            "fetch": self.fetch_files or [],
            "cpu_seconds": self.run_timeout,
            "wall_seconds": min(wall, 3600.0),
            "build_cpu_seconds": self.compile_timeout,
            "memory_mib": self.memory_limit_mib if self.memory_limit_mib > 0 else None,
        }
        return Inquiry(
            verifier="runs",
            params={"whole_text": True},
            completion=self.code,
            reference=reference,
            cpu_seconds=lane_seconds(wall + 4 * self.compile_timeout),
        )


def lane_seconds(wall_seconds: float) -> float | None:
    """Return what the worker around long runs may take; None where its usual limit is enough."""
    return None if wall_seconds < _USUAL_SECONDS else wall_seconds / _WALL_TO_CPU


def answered(answer: Answer) -> dict[str, Any]:
    """Return what a client is told.

    Raises:
        NotInTimeError: there is no answer, and another try may have one.
    """
    record = records.read(answer.record)
    if record is not None:
        return records.told(record, record.tests[0] if record.tests else None)
    if answer.reason in _FOR_GOOD:
        return records.sandbox_error(answer.detail or answer.reason)
    raise NotInTimeError(f"{answer.reason}: {answer.detail}")


_FOR_GOOD = frozenset(
    {
        Reason.SANDBOX_UNAVAILABLE,
        Reason.INVALID_REFERENCE,
        Reason.QUARANTINED,
        Reason.FAULT,
    }
)
