"""The standard streams and the settings of an interpreter that has run nothing yet.

The zygote puts itself into that state before it forks: a jail's first test, often its only one,
finds it there and copies none of the pages that it would take to make it again.
"""

import builtins
import decimal
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, BufferedWriter, FileIO, TextIOWrapper

Streams = Sequence[TextIOWrapper]

_RECURSION = 1000
_THREAD_STACK_BYTES = 16 << 20
"""Else a thread takes as much as the main stack, and ten of them an address space limit."""
_HANDLED = (
    signal.SIGALRM, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGSEGV,
    signal.SIGVTALRM, signal.SIGHUP,
)  # fmt: skip
_handler: Callable[[int], object] = getattr(signal.getsignal, "__wrapped__", signal.getsignal)
"""Without the enumerations around it, which cost more than all else that a test is given."""


def settings() -> None:
    """Put back what a program can set in its interpreter."""
    sys.setrecursionlimit(_RECURSION)
    sys.set_int_max_str_digits(0)
    sys.settrace(None)
    sys.setprofile(None)
    for number in _HANDLED:
        if _handler(number) != signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
    threading.stack_size(_THREAD_STACK_BYTES)
    decimal.setcontext(decimal.DefaultContext.copy())


@dataclass(frozen=True)
class Ready:
    """What a first test finds.

    Attributes:
        streams: of an input that is a file and outputs that are pipes.
        environment: the variables, as they are kept.
        offered: names behind a program's own, where it is to have more than the builtins; the
            first test takes the dictionary itself, and later ones copies of `pristine`.
    """

    streams: Streams
    environment: dict[bytes, bytes]
    offered: dict[str, object]
    pristine: dict[str, object]


_ready: list[Ready] = []


def prepare(prelude: Mapping[str, object]) -> None:
    """Put a zygote into the state of a fresh interpreter."""
    settings()
    kept = raw(os.environ)  # noqa: TID251  the jails' own, made by the worker
    kept.pop(b"PYTHONHASHSEED", None)
    behind = {**prelude, **vars(builtins)}
    _ready.append(Ready(_streams_on_pipes(), dict(kept), behind, dict(behind)))


def ready() -> Ready | None:
    """Return what was prepared; it is kept: to free it would copy the pages that it lies on."""
    return _ready[0] if _ready else None


def forget() -> None:
    """Let go of it: a stream that is kept would not be flushed at the end of the interpreter."""
    _ready.clear()


def raw(environment: MutableMapping[str, str]) -> dict[bytes, bytes]:
    """Return the variables as they are kept: to decode them all takes longer than a test."""
    return vars(environment)["_data"]


def _streams_on_pipes() -> Streams:
    reading, writing = os.pipe()
    spare = [os.dup(number) for number in (1, 2)]
    try:
        for number in (1, 2):
            os.dup2(writing, number)
        return streams()
    finally:
        for number, kept in zip((1, 2), spare, strict=True):
            os.dup2(kept, number)
        for number in (*spare, reading, writing):
            os.close(number)


def rewind() -> bool:
    """Put the input back to its beginning; say whether it has one."""
    try:
        os.lseek(0, 0, os.SEEK_SET)
    except OSError:
        return False  # a pipe, in a conversation
    return True


def streams() -> Streams:
    """Make the standard streams anew, on descriptors that they do not own."""
    errors = "surrogateescape"
    source = BufferedReader(_raw_stream(0, "<stdin>"))
    sys.stdin = sys.__stdin__ = TextIOWrapper(source, "utf-8", errors)
    made = [
        TextIOWrapper(BufferedWriter(_raw_stream(1, "<stdout>")), "utf-8", errors, "\n"),
        TextIOWrapper(
            BufferedWriter(_raw_stream(2, "<stderr>")),
            "utf-8",
            "backslashreplace",
            "\n",
            line_buffering=True,
        ),
    ]
    sys.stdout, sys.stderr = made
    sys.__stdout__, sys.__stderr__ = made
    # The interpreter says so of its own too, and fast readers and writers choose by it.
    vars(sys.stdin)["mode"] = "r"
    for stream in made:
        vars(stream)["mode"] = "w"
    return made


def _raw_stream(number: int, name: str) -> FileIO:
    stream = FileIO(number, "r" if number == 0 else "w", closefd=False)
    vars(stream)["name"] = name
    return stream
