"""Verifiers that do what a completion tells them: the worst of it."""

import ctypes
import os
import re
import signal
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import msgspec

from rewardd_sandbox import BuildFailure, Given, Limits, Program, Sandbox
from rewardd_verifiers import (
    InvalidReferenceError,
    Judge,
    JudgeVerifier,
    PureVerifier,
    Reason,
    Sample,
    SandboxVerifier,
    Verdict,
)
from rewardd_verifiers.builtin import exact
from rewardd_verifiers.mathexpr.secret import digits


@dataclass(frozen=True)
class Planted(PureVerifier[str]):
    """Do the deed that the completion names; any other completion is compared."""

    version: ClassVar[int] = 7

    def verify(self, sample: Sample[str]) -> Verdict:
        """Return what is returned by the deed, which need not be a verdict."""
        deed = _DEEDS.get(sample.completion.partition(" ")[0])
        if deed is not None:
            return cast("Verdict", deed(sample.completion))
        return Verdict.of(correct=sample.completion == sample.reference)


@dataclass(frozen=True)
class Heavy(PureVerifier[str]):
    """Compute for a while, then compare."""

    rounds: int = 10_000

    def verify(self, sample: Sample[str]) -> Verdict:
        """Score 1 or 0."""
        total = 0
        for i in range(self.rounds):
            total += i
        return Verdict.of(correct=sample.completion == sample.reference, detail=str(total))


@dataclass(frozen=True)
class Picky(PureVerifier[int]):
    """Misbehave while it is built, or while it reads a reference."""

    deed: str = ""

    def __post_init__(self) -> None:
        """Do the deed."""
        if self.deed:
            _DEEDS[self.deed](self.deed)

    def verify(self, sample: Sample[int]) -> Verdict:
        """Refuse negative references."""
        if sample.reference < 0:
            raise InvalidReferenceError(f"{sample.reference} is negative")
        return Verdict.of(correct=sample.completion == str(sample.reference))


@dataclass(frozen=True)
class Boxed(SandboxVerifier[str]):
    """Run something."""

    async def verify(self, sample: Sample[str], sandbox: Sandbox) -> Verdict:
        """Score what the program prints."""
        program = Program(language="bash", files={"main.sh": b""}, main="main.sh")
        jail = await sandbox.open(program, Limits())
        if isinstance(jail, BuildFailure):
            return Verdict.zero(Reason.COMPILE_ERROR)
        answer = await jail.feed(Given(stdin=sample.completion.encode()))
        await jail.close()
        return Verdict.of(correct=answer.stdout == sample.reference.encode())


@dataclass(frozen=True)
class Asked(JudgeVerifier[str]):
    """Ask somebody."""

    async def verify(self, sample: Sample[str], judge: Judge) -> Verdict:
        """Score what the judge says."""
        return Verdict.of(correct=await judge.ask(sample.completion) == sample.reference)


def _loop(_: str) -> object:
    while True:
        pass


def _regex(_: str) -> object:
    return re.match(r"(a+)+$", "a" * 64 + "b")


def _wait(_: str) -> object:
    return threading.Event().wait()


def _exit(_: str) -> object:
    os._exit(3)


def _sys_exit(_: str) -> object:
    sys.exit(3)


def _segfault(_: str) -> object:
    return ctypes.string_at(0)


def _abort(_: str) -> object:
    os.abort()


def _kill(_: str) -> object:
    os.kill(os.getpid(), signal.SIGKILL)
    return threading.Event().wait()


def _eat(_: str) -> object:
    return Verdict.of(correct=len(bytearray(4 << 30)) > 0)


def _no_memory(_: str) -> object:
    raise MemoryError


def _raise(completion: str) -> object:
    raise LookupError(completion)


def _recurse(completion: str) -> object:
    return _recurse(completion)


def _return_nonsense(_: str) -> object:
    return 1.0


def _return_nan(_: str) -> object:
    verdict = Verdict.of(correct=True)
    object.__setattr__(verdict, "score", float("nan"))
    return verdict


def _flood_stdout(_: str) -> object:
    for _turn in range(200):
        sys.stdout.write("x" * 100_000)
        os.write(1, b"y" * 100_000)
    return Verdict.of(correct=True)


def _flood_stderr(_: str) -> object:
    for _turn in range(4):
        os.write(2, b"y" * 100_000)
    return Verdict.of(correct=True)


def _evidence(_: str) -> object:
    loop: list[object] = []
    loop.append(loop)
    evidence: Mapping[str, object] = {
        "surrogate": "\ud800",
        "nan": float("nan"),
        "huge": 10**5000,
        "big": 2**70,
        "loop": loop,
        "wide": ["x" * 1000] * 100_000,
        "bytes": b"\xff",
        "set": {1},
    }
    return Verdict(1.0, Reason.MATCH, "d" * 1_000_000 + "\udfff", evidence)


def _always_right(_verifier: object, _sample: object) -> Verdict:
    return Verdict.of(correct=True)


def _spoil_exact(_: str) -> object:
    """Leave a cache behind in which another verifier finds the wrong thing."""
    setattr(exact.Exact, "verify", _always_right)  # noqa: B010  no type checker lets it pass
    return Verdict.of(correct=True)


def _sockets() -> list[int]:
    return [int(fd.name) for fd in Path("/proc/self/fd").iterdir() if _is_socket(int(fd.name))]


def _is_socket(fd: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError:
        return False


def _write_to_sockets(payload: bytes) -> object:
    for fd in _sockets():
        os.write(fd, payload)
    return Verdict.of(correct=True)


def _forge_noise(_: str) -> object:
    return _write_to_sockets(b"\xff" * 64)


def _forge_length(_: str) -> object:
    return _write_to_sockets(struct.pack("!I", 9) + b"not msgpa")


def _forge_answer(_: str) -> object:
    forged = [(job, 1.0, "match") for job in range(1000)]
    payload = msgspec.msgpack.encode(["answers", 1, forged, True])
    return _write_to_sockets(struct.pack("!I", len(payload)) + payload)


def _fork(_: str) -> object:
    """Leave a process behind that would outlive the worker, then crash."""
    if os.fork() == 0:
        threading.Event().wait()
    os.abort()


def _employ(_: str) -> object:
    """Start a program and a copy of this process, and wait for both: neither ends."""
    subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"])
    os.fork()
    return threading.Event().wait()


def _points(_: str) -> object:
    return Verdict.of(correct=True, detail=str(digits("x", 0)))


_DEEDS: Mapping[str, Callable[[str], object]] = {
    "loop": _loop,
    "regex": _regex,
    "wait": _wait,
    "exit": _exit,
    "sys_exit": _sys_exit,
    "segfault": _segfault,
    "abort": _abort,
    "kill": _kill,
    "eat": _eat,
    "no_memory": _no_memory,
    "raise": _raise,
    "recurse": _recurse,
    "nonsense": _return_nonsense,
    "nan": _return_nan,
    "flood_stdout": _flood_stdout,
    "flood_stderr": _flood_stderr,
    "evidence": _evidence,
    "spoil_exact": _spoil_exact,
    "forge_noise": _forge_noise,
    "forge_length": _forge_length,
    "forge_answer": _forge_answer,
    "fork": _fork,
    "employ": _employ,
    "points": _points,
}
