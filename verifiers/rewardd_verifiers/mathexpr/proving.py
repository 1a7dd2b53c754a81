"""The prover's process: SymPy made warm once, and a child of its own for each proof.

A child begins where all others began, and its work is counted in calls of Python functions, not in
time: the same question has the same answer on an idle machine and on a busy one, whatever was
asked before. Memory, CPU and wall time are bounded as well, far above what that work needs.
"""

import ctypes
import gc
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

from rewardd_verifiers.mathexpr import symbolic
from rewardd_verifiers.mathexpr.questions import HEAD, REPLY, Conclusion, Question, Reply

_MEMORY_BYTES: Final = 512 << 20
_CALLS_A_SECOND: Final = 250_000
"""That the slowest machine is believed to make; a fast one makes six times as many."""

_SPARE_CPU_SECONDS: Final = 2
_WALL_FACTOR: Final = 5
_IDLE_SECONDS: Final = 300.0
"""After which the process ends: few data sets ask it anything, and it holds 60 MB."""

_SET_DEATH_SIGNAL: Final = 1
_CHUNK: Final = 1 << 16
_SQUARE: Final = ["operation", "power", ["symbol", "x"], ["number", "2", "1"]]
_BELL: Final = ["operation", "power", ["constant", "e"], ["operation", "negative", _SQUARE]]
_WAVE: Final = ["operation", "quotient", ["call", "sin", ["symbol", "x"]], ["symbol", "x"]]
_WARMING: Final = (
    ["integral", ["constant", "minus infinity"], ["constant", "infinity"], "x", _BELL],
    ["indexed", "sum", ["number", "1", "1"], ["constant", "infinity"], "x",
     ["operation", "quotient", ["number", "1", "1"], _SQUARE]],
    ["limit", ["number", "0", "1"], "x", _WAVE],
)  # fmt: skip
"""Questions that touch what is slow at the first time."""


class _OrphanedError(Exception):
    """Nobody is there to be answered."""


def main(parent_pid: int) -> None:
    """Answer questions on stdin until nobody asks any more, or the parent dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.pidfd_open(parent_pid)
    if os.getppid() != parent_pid:
        return
    for side in _WARMING:
        symbolic.prove(side, ["symbol", "x"], integers=[], real=True)
    gc.collect()
    gc.freeze()
    desk = _Desk(parent)
    try:
        desk.send(Reply(Conclusion.UNPROVED, 0))
        while (asked := desk.receive()) is not None:
            desk.send(desk.attempt(asked))
    except (_OrphanedError, BrokenPipeError):
        return


class _Desk:
    """Takes questions from stdin, answers on stdout, and looks at the parent's life."""

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self._libc = ctypes.CDLL(None)

    def receive(self) -> Question | None:
        """Return the next question; None where there is none for long, or never again."""
        head = self._read(HEAD.size, _IDLE_SECONDS)
        if head is None:
            return None
        body = self._read(HEAD.unpack(head)[0], _IDLE_SECONDS)
        return None if body is None else json.loads(body)

    def send(self, reply: Reply) -> None:
        """Answer."""
        os.write(sys.stdout.fileno(), REPLY.pack(*reply))

    def attempt(self, asked: Question) -> Reply:
        """Try a proof in a child; what ends the child ends the proof."""
        seconds = _SPARE_CPU_SECONDS + asked["calls"] // _CALLS_A_SECOND
        reader, writer = os.pipe()
        own = os.getpid()
        child = os.fork()
        if child == 0:
            self._prove(asked, writer, seconds, own)
        os.close(writer)
        try:
            told = self._read_from(reader, REPLY.size, seconds * _WALL_FACTOR)
        finally:
            os.close(reader)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        if told is None:
            return Reply(Conclusion.SPENT, asked["calls"])
        conclusion, calls = REPLY.unpack(told)
        return Reply(Conclusion(conclusion), calls)

    def _prove(self, asked: Question, writer: int, seconds: int, parent_pid: int) -> None:
        """Prove in the child, and never return: what stands above on this stack is the parent's."""
        status = 1
        try:
            self._libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
            if os.getppid() == parent_pid:
                limit(seconds)
                os.write(writer, REPLY.pack(*_concluded(asked, writer)))
                status = 0
        finally:
            os._exit(status)

    def _read(self, size: int, seconds: float) -> bytes | None:
        return self._read_from(sys.stdin.fileno(), size, seconds)

    def _read_from(self, source: int, size: int, seconds: float) -> bytes | None:
        """Return so many bytes; None at the end of the source or of the time.

        Raises:
            _OrphanedError: the parent is dead.
        """
        poll = select.poll()
        for descriptor in (source, self._parent):
            poll.register(descriptor, select.POLLIN)
        deadline = time.monotonic() + seconds
        received = bytearray()
        while len(received) < size:
            ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            if any(descriptor == self._parent for descriptor, _ in ready):
                raise _OrphanedError
            if not ready:
                return None
            more = os.read(source, min(_CHUNK, size - len(received)))
            if not more:
                return None
            received += more
        return bytes(received)


def limit(seconds: int) -> None:
    """Bound what this process may take: nets below the count of calls."""
    for kind, limit in (
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, seconds),
    ):
        _, hard = resource.getrlimit(kind)
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (bound, bound))


def _concluded(asked: Question, writer: int) -> Reply:
    left = [asked["calls"]]
    sys.settrace(_counter(left, lambda: _give_up(writer, asked["calls"])))
    proved = symbolic.prove(
        asked["left"], asked["right"], integers=asked["integers"], real=asked["real"]
    )
    sys.settrace(None)
    used = asked["calls"] - left[0]
    return Reply(Conclusion.PROVED if proved else Conclusion.UNPROVED, used)


def _counter(
    left: list[int], give_up: Callable[[], None]
) -> Callable[[FrameType, str, object], None]:
    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        left[0] -= 1
        if left[0] <= 0:
            give_up()

    return count


def _give_up(writer: int, calls: int) -> None:
    """End the child where it stands: an exception might be caught by what it is raised into."""
    os.write(writer, REPLY.pack(Conclusion.SPENT, calls))
    os._exit(0)
