"""Ask a process of its own whether a difference is zero: SymPy never runs in ours.

The process starts with the first question and stands; what kills it (its own limits on CPU time
and memory, or our patience) costs that one proof, and the next question starts another.
"""

import json
import select
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from rewardd_verifiers.mathexpr.tree import (
    Call,
    Constant,
    Number,
    Operation,
    Relation,
    Symbol,
    Tree,
    walk,
)

_HEAD = struct.Struct(">I")
_PROGRAM = "rewardd_verifiers.mathexpr.symbolic"
_PATIENCE_SECONDS = 20.0
"""Of a machine too busy to give the proof its CPU time."""

_MOST_NODES = 200
_MOST_PROOFS = 32
_EARNED_BY = 20


class UnaskableError(Exception):
    """A tree holds something that the prover does not know."""


@dataclass(slots=True)
class Allowance:
    """How many more proofs may be tried: some at once, and one more for so many rulings."""

    left: int = _MOST_PROOFS
    rulings: int = 0

    def earn(self) -> None:
        """Count a ruling."""
        self.rulings += 1
        if self.rulings % _EARNED_BY == 0 and self.left < _MOST_PROOFS:
            self.left += 1


def encode(tree: Tree) -> list[object]:
    """Return a tree as JSON.

    Raises:
        UnaskableError: it holds more than arithmetic.
    """
    match tree:
        case Number(value=value):
            return ["number", hex(value.numerator), hex(value.denominator)]
        case Symbol(name=name):
            return ["symbol", name]
        case Constant(name=name):
            return ["constant", name]
        case Operation(kind=kind, args=args):
            return ["operation", kind, *(encode(arg) for arg in args)]
        case Call(
            name="sum" | "prod" as kind,
            args=(Relation(signs=("=",), sides=(Symbol(name=name), low)), high, body),
        ):
            return ["indexed", kind, name, encode(low), encode(high), encode(body)]
        case Call(name=name, args=args):
            return ["call", name, *(encode(arg) for arg in args)]
        case _:
            raise UnaskableError(type(tree).__name__)


class Prover:
    """Asks one standing process; safe to share between threads, which wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def proves(
        self, left: Tree, right: Tree, *, integers: Sequence[str], allowance: Allowance
    ) -> bool:
        """Whether the difference is shown to be zero; False says nothing."""
        nodes = [*walk(left), *walk(right)]
        if len(nodes) > _MOST_NODES or allowance.left <= 0:
            return False
        try:
            sides = {"left": encode(left), "right": encode(right)}
        except UnaskableError:
            return False
        allowance.left -= 1
        real = Constant("i") not in nodes
        asked = json.dumps(sides | {"integers": list(integers), "real": real}).encode()
        with self._lock:
            return self._ask(asked)

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _ask(self, asked: bytes) -> bool:
        try:
            process = self._standing()
            if process.stdin is None or process.stdout is None:
                return False
            process.stdin.write(_HEAD.pack(len(asked)) + asked)
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], _PATIENCE_SECONDS)
            reply = _receive(process.stdout) if ready else None
        except OSError:
            reply = None
        if reply is None:
            self._end()
            return False
        return json.loads(reply)["proved"] is True

    def _standing(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            # The kernel takes the death of a thread for that of its process.
            tied = threading.current_thread() is threading.main_thread()
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and program
                [sys.executable, "-m", _PROGRAM, *(["tied"] if tied else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            _close(stream)


def _close(stream: IO[bytes] | None) -> None:
    if stream is None:
        return
    try:
        stream.close()
    except OSError:  # what was not yet sent has no reader any more
        return


def _receive(stream: IO[bytes]) -> bytes | None:
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    (size,) = _HEAD.unpack(head)
    reply = stream.read(size)
    return reply if len(reply) == size else None


STANDING = Prover()
"""The one of this process."""
