"""Ask a process of its own whether a difference is zero: SymPy never runs in ours.

The process starts with the first question, stands for the next, and ends when nobody asks it for
long or when we die. How much may go into the proofs of one job is counted in work, not in time,
and anew for each job: no verdict depends on what was judged before.
"""

import atexit
import importlib.util
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from rewardd_verifiers.mathexpr.outcome import Outcome
from rewardd_verifiers.mathexpr.policy import Policy
from rewardd_verifiers.mathexpr.questions import (
    HEAD,
    REPLY,
    Conclusion,
    Question,
    Reply,
    UnaskableError,
    question,
)
from rewardd_verifiers.mathexpr.tree import Symbol, Tree, walk

_PROGRAM: Final = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from rewardd_verifiers.mathexpr.proving import main; main(int(sys.argv[1]))"
)
"""The caller's sys.path goes along: the prover finds the packages that the caller finds."""

_FIXED: Final = {
    # What SymPy tries first hangs on the order of its sets, and on who does its arithmetic.
    "PYTHONHASHSEED": "0",
    "SYMPY_GROUND_TYPES": "python",
    "SYMPY_USE_CACHE": "yes",
}
_SECRETS: Final = "REWARDD_"
_PATIENCE_SECONDS: Final = 60.0
"""Of a machine too busy to run the process at all; it bounds each proof itself."""

_CALLS: Final[Mapping[str, int]] = {"auto": 1_000_000, "on": 4_000_000}
"""Calls of Python functions for all proofs of one job: under a second, and a few."""

_A_PROOF: Final = 40_000
"""Counted for each beyond its own calls: a fork, and two ways through a pipe."""

_STARTS: Final = 3
_NOT_TRIED: Final = ("too many variables", "too many steps", "too large")
_ABSENT: Final = "SymPy is not installed"
_BROKEN: Final = "SymPy's process does not start"
_UNPROVED: Final = "SymPy does not prove it"
_SPENT: Final = "SymPy does not prove it with the work that one answer may cause"


class _LostError(Exception):
    """The process ended before it answered."""


@dataclass(slots=True)
class Allowance:
    """What may still go into the proofs of one job.

    Attributes:
        calls: of Python functions; None until it is known which policy rules the job.
        known: what was asked before, in another reading or for another gold.
    """

    calls: int | None = None
    known: dict[tuple[Tree, Tree, frozenset[str]], str] = field(
        default_factory=dict[tuple[Tree, Tree, frozenset[str]], str]
    )


def settle(
    left: Tree, right: Tree, outcome: Outcome, policy: Policy, allowance: Allowance
) -> Outcome:
    """Return a match where an undecided pair can be proved equal, else why it stays undecided."""
    if outcome.equal is not None or policy.symbolic == "off" or not _is_worth_it(outcome):
        return outcome
    if policy.domain == "everywhere" and any(isinstance(n, Symbol) for n in walk(left)):
        return outcome
    if allowance.calls is None:
        allowance.calls = _CALLS[policy.symbolic]
    key = left, right, policy.integers
    try:
        why = allowance.known.get(key)
        if why is None:
            why = allowance.known[key] = _ask(left, right, policy.integers, allowance)
    except UnaskableError:
        return outcome
    if not why:
        return Outcome(equal=True, strength="symbolic")
    return replace(outcome, difference=f"{outcome.difference}; {why}")


def _is_worth_it(outcome: Outcome) -> bool:
    """Whether a proof is in question: what is too large for us is no task for SymPy."""
    return not any(cause in outcome.difference for cause in _NOT_TRIED)


def _ask(left: Tree, right: Tree, integers: frozenset[str], allowance: Allowance) -> str:
    """Return why there is no proof; "" if there is one.

    Raises:
        UnaskableError: the sides hold more than the prover knows.
    """
    left_over = (allowance.calls or 0) - _A_PROOF
    asked = question(left, right, integers, left_over)
    if left_over <= 0:
        return _SPENT
    reply = STANDING.ask(asked)
    if isinstance(reply, str):
        return reply
    allowance.calls = left_over - reply.calls
    return {Conclusion.PROVED: "", Conclusion.UNPROVED: _UNPROVED}.get(reply.conclusion, _SPENT)


class Prover:
    """Asks one standing process; safe to share between threads, which wait for each other.

    Attributes:
        asked: questions that were asked.
    """

    def __init__(self) -> None:
        self.asked = 0
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._registered = False
        self._failed_starts = 0

    @property
    def pid(self) -> int | None:
        """The process's id, where there is one."""
        return None if self._process is None else self._process.pid

    def ask(self, asked: Question) -> Reply | str:
        """Return the reply, or why there is nobody to ask."""
        if importlib.util.find_spec("sympy") is None or sys.platform != "linux":
            return _ABSENT
        body = json.dumps(asked).encode()
        with self._lock:
            self.asked += 1
            try:
                # It may have ended since, of idleness or by somebody's hand: once more, then.
                return self._exchange(body) or self._exchange(body) or _SPENT
            except _LostError:
                return _BROKEN

    def close(self) -> None:
        """End the process, if there is one."""
        with self._lock:
            self._end()

    def _exchange(self, body: bytes) -> Reply | None:
        """Ask, and return the reply; None if the process ended meanwhile.

        Raises:
            _LostError: it cannot be started.
        """
        process = self._standing()
        try:
            _write(process, HEAD.pack(len(body)) + body)
            reply = _read(process)
        except OSError:
            reply = None
        if reply is None:
            self._end()
        return reply

    def _standing(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        if self._failed_starts < _STARTS:
            self._process = self._start()
        if self._process is None:
            self._failed_starts += 1
            raise _LostError
        self._failed_starts = 0
        return self._process

    def _start(self) -> subprocess.Popen[bytes] | None:
        if not self._registered:
            self._registered = True
            os.register_at_fork(after_in_child=self._forget)
            atexit.register(self.close)
        environment = {
            name: value
            for name, value in os.environ.items()  # noqa: TID251  a child's environment, no setting
            if not name.startswith(_SECRETS)
        }
        try:
            process = subprocess.Popen(  # noqa: S603  our own interpreter and program
                [sys.executable, "-c", _PROGRAM, str(os.getpid()), *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment | _FIXED,
            )
        except OSError:
            return None
        if _read(process) is None:  # what it says once SymPy is there
            _bury(process)
            return None
        return process

    def _forget(self) -> None:
        """Leave the process to the parent of the fork that we are, and the lock to its threads."""
        self._lock = threading.Lock()
        process, self._process = self._process, None
        if process is not None:
            process.returncode = 0  # or it is complained of as running
            _close(process)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _bury(process)


def _bury(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def _write(process: subprocess.Popen[bytes], message: bytes) -> None:
    if process.stdin is not None:
        rest = memoryview(message)
        while rest:
            rest = rest[os.write(process.stdin.fileno(), rest) :]


def _read(process: subprocess.Popen[bytes]) -> Reply | None:
    if process.stdout is None:
        return None
    ready, _, _ = select.select([process.stdout], [], [], _PATIENCE_SECONDS)
    told = os.read(process.stdout.fileno(), REPLY.size) if ready else b""
    if len(told) < REPLY.size:
        return None
    conclusion, calls = REPLY.unpack(told)
    return Reply(Conclusion(conclusion), calls)


STANDING = Prover()
"""The one of this process."""
