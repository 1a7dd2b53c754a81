"""What comes into a jail over its own descriptor: the program's files and how to start it."""

import json
import marshal
import os
import signal
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rewardd_sandbox.inside import kernel, orders, runner
from rewardd_sandbox.inside.orders import BINARY, CONTROL, GO, GO_FRAME, SETUP

_FORMAT = 2
"""What every interpreter reads, whatever wrote it: the worker's may be another one."""
PROGRAM = "program"
"""The step that fails where the kernel does not start a built file: the program's own doing."""


@dataclass(frozen=True)
class Header:
    """How to start a program.

    Attributes:
        files: names, relative to the work directory, and lengths of the bytes that follow.
        argv, environment: of a program that is exec'ed.
        binary: exec the file at descriptor BINARY in place of argv[0].
        stdin_file: also write the input to this name, as the source reads it from there.
        ending: what comes after a test.
        prelude: offer the names that peers import beforehand.
        dialogue: offer `__ask__(value)`, which sends a value out and waits for another.
    """

    files: list[tuple[str, int]]
    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict[str, str])
    binary: bool = False
    stdin_file: str | None = None
    ending: str = orders.NEXT_TEST
    prelude: bool = False
    dialogue: bool = False


def pack(header: Header, contents: list[bytes]) -> bytes:
    """Return header and files as one piece."""
    return marshal.dumps((vars(header), contents), _FORMAT)


def load(descriptor: int, *, python: bool, private: bool) -> Callable[[], object]:
    """Read the payload, write its files, let go of set-up, and return what to run.

    Raises:
        OSError: the files do not fit.
    """
    header, contents = _read(descriptor)
    files = {name: content for (name, _), content in zip(header.files, contents, strict=True)}
    if private:
        for name, content in files.items():
            _write(name, content)
    if not private:
        # Nothing can be made here: the worker wrote the files, and /dev/stdin is the host's link.
        header = replace(header, stdin_file=None)
    if python:
        return _python(header, files)
    return _program(header)


def _read(descriptor: int) -> tuple[Header, list[bytes]]:
    # No larger than what there is: room for more is mapped, touched and unmapped each time.
    whole = os.pread(descriptor, os.lseek(descriptor, 0, os.SEEK_END), 0)
    os.close(descriptor)
    given, contents = marshal.loads(whole)  # noqa: S302  the worker wrote it, and only the worker can
    header = object.__new__(Header)
    vars(header).update(given)  # its own __init__ sets them one by one, past their being frozen
    return header, contents


def _write(name: str, content: bytes) -> None:
    if "/" in name:
        os.makedirs(os.path.dirname(name), exist_ok=True)  # noqa: PTH103, PTH120  a string all along
    place = os.open(name, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o755)
    view = memoryview(content)
    while view:
        view = view[os.write(place, view) :]
    os.close(place)


def _python(header: Header, files: dict[str, bytes]) -> Callable[[], object]:
    source = files[header.argv[0]]
    work = os.getcwd()  # noqa: PTH109  a string all along
    return runner.Runner(
        source,
        runner.Place(work, header.argv, frozenset(files), header.stdin_file),
        ending=header.ending,
        prelude=header.prelude,
        dialogue=header.dialogue,
    ).run


def _environment(header: Header) -> dict[str, str]:
    here = os.getcwd()  # noqa: PTH109  a string all along
    inherited = {**os.environ, "HOME": here, "TMPDIR": here}  # noqa: TID251  made by the worker
    inherited.pop("PYTHONHASHSEED", None)
    own = {name: value.replace("$HOME", here) for name, value in header.environment.items()}
    return inherited | own


def _program(header: Header) -> Callable[[], object]:
    """Wait for the first test, then become the program; what fails is told on `setup`."""

    def start() -> None:
        frame = os.read(GO, struct.calcsize(GO_FRAME))
        if not frame:
            os._exit(0)
        runner.link_stdin(header.stdin_file)
        for number in (GO, CONTROL):
            os.close(number)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        try:
            environment = _environment(header)
            if header.binary:
                kernel.exec_descriptor(BINARY, header.argv, environment)
            os.execve(header.argv[0], header.argv, environment)  # noqa: S606  what a jail is for
        except OSError as error:
            step = PROGRAM if header.binary else "exec"
            told = {"step": step, "errno": error.errno, "error": str(error)}
            os.write(SETUP, json.dumps(told).encode())
            os._exit(127)

    return start
