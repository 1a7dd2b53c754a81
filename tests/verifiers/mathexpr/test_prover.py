"""The prover's process: bounded in work, the same for every asker, and gone when nobody is left."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rewardd_verifiers.mathexpr.prover import Prover
from rewardd_verifiers.mathexpr.questions import Conclusion, Question, Reply, question
from rewardd_verifiers.mathexpr.read import read

_PATIENCE_SECONDS = 30.0
_CALLS = 1_000_000
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def _question(left: str, right: str, calls: int = _CALLS) -> Question:
    return question(read(left).tree, read(right).tree, frozenset(), calls)


_EASY = _question("x+x", "2x")
_HUNG = _question(r"\int_0^1 x^{x^{x^x}} \sin(x^x) \ln(\cos(e^{x^2})) dx", "1", 10**9)
_LONG = _question(r"((((10^{64})^{64})^{64})^{64})^{64}", "1", 1000)
"""Few calls, and a number that fills the memory."""


@pytest.fixture(name="prover", scope="module")
def _prover() -> Iterator[Prover]:
    prover = Prover()
    yield prover
    prover.close()


def _proved(reply: Reply | str) -> bool:
    assert isinstance(reply, Reply)
    return reply.conclusion is Conclusion.PROVED


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(child) for child in told.split()]


def _wait_for_end(pid: int) -> bool:
    """Whether a process ends while we wait."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        ready, _, _ = select.select([descriptor], [], [], _PATIENCE_SECONDS)
        os.close(descriptor)
        return bool(ready)
    return True


def _wait_for(found: Callable[[], list[int]]) -> list[int]:
    pause = threading.Event()
    for _ in range(int(_PATIENCE_SECONDS / 0.01)):
        if pids := found():
            return pids
        pause.wait(0.01)
    raise AssertionError("no process came")


def test_work_is_counted_and_the_same_whatever_was_asked_before(prover: Prover) -> None:
    asked = _question(r"\sum_{n=0}^\infty 2^{-n}", "2")
    first = prover.ask(asked)
    prover.ask(_question(r"\sum_{n=0}^\infty 3^{-n}", r"\frac32"))
    prover.ask(_question(r"\int_0^1 x^2 dx", r"\frac13"))
    assert _proved(first)
    assert prover.ask(asked) == first


def test_a_proof_ends_where_its_work_does_and_the_process_stands(prover: Prover) -> None:
    before = _proved(prover.ask(_EASY)), prover.pid
    hard = prover.ask(_question(r"\int_0^1 \frac{\arctan x}{x} dx", "1", 50_000))
    assert hard == Reply(Conclusion.SPENT, 50_000)
    assert (_proved(prover.ask(_EASY)), prover.pid) == before


def test_what_takes_memory_and_no_calls_is_ended_and_the_process_stands(prover: Prover) -> None:
    before = _proved(prover.ask(_EASY)), prover.pid
    assert prover.ask(_LONG) == Reply(Conclusion.SPENT, 1000)
    assert (_proved(prover.ask(_EASY)), prover.pid) == before


@pytest.mark.parametrize(
    ("deed", "status"),
    [
        ("try:\n    bytearray(600 << 20)\nexcept MemoryError:\n    raise SystemExit(3)", 3),
        ("pow(3, 10**9)", -signal.SIGKILL),
    ],
    ids=["memory", "time within one call"],
)
def test_the_kernel_bounds_what_is_no_call(deed: str, status: int) -> None:
    program = f"from rewardd_verifiers.mathexpr import proving\nproving.limit(1)\n{deed}"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == status


def test_a_hundred_proofs_leave_nothing_behind(prover: Prover) -> None:
    assert _proved(prover.ask(_EASY))
    pid = prover.pid or 0
    pages = Path(f"/proc/{pid}/statm")
    before = int(pages.read_text("ascii").split()[1])
    assert all(_proved(prover.ask(_EASY)) for _ in range(100))
    grown = (int(pages.read_text("ascii").split()[1]) - before) * _PAGE_BYTES
    assert (prover.pid, _children(pid)) == (pid, [])
    assert grown < 1 << 20


def test_threads_share_one_process_and_outlive_none_of_it(prover: Prover) -> None:
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.append(_proved(prover.ask(_EASY)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pid = prover.pid
    assert (found, _proved(prover.ask(_EASY)), prover.pid) == ([True] * 4, True, pid)


def test_a_process_that_a_thread_started_outlives_the_thread() -> None:
    prover = Prover()
    thread = threading.Thread(target=lambda: prover.ask(_EASY))
    thread.start()
    thread.join()
    pid = prover.pid
    assert (_proved(prover.ask(_EASY)), prover.pid) == (True, pid)
    prover.close()


def test_a_killed_process_is_replaced() -> None:
    prover = Prover()
    prover.ask(_EASY)
    first = prover.pid or 0
    os.kill(first, signal.SIGKILL)
    assert _wait_for_end(first)
    assert _proved(prover.ask(_EASY))
    assert prover.pid != first
    prover.close()


def test_a_proof_dies_with_its_process() -> None:
    prover = Prover()
    prover.ask(_EASY)
    pid = prover.pid or 0
    thread = threading.Thread(target=prover.ask, args=[_HUNG], daemon=True)
    thread.start()
    (child,) = _wait_for(lambda: _children(pid))
    os.kill(pid, signal.SIGKILL)
    assert _wait_for_end(child)
    # It is asked once more, of another process.
    (other,) = _wait_for(lambda: [prover.pid or pid] if prover.pid not in {None, pid} else [])
    (child,) = _wait_for(lambda: _children(other))
    os.kill(child, signal.SIGKILL)
    thread.join(_PATIENCE_SECONDS)
    prover.close()
    assert not thread.is_alive()


_ASKER = """
import sys, threading, json
from rewardd_verifiers.mathexpr.prover import STANDING
asked = json.loads(sys.argv[1])
thread = threading.Thread(target=STANDING.ask, args=[json.loads(sys.argv[2])])
thread.start()
thread.join()
print(STANDING.pid, flush=True)
STANDING.ask(asked)
"""


@pytest.mark.parametrize("asked", [_EASY, _HUNG], ids=["idle", "in a proof"])
def test_nothing_outlives_an_asker_that_is_killed(asked: Question) -> None:
    program = _ASKER + "sys.stdin.read()"
    asker = subprocess.Popen(
        [sys.executable, "-c", program, json.dumps(asked), json.dumps(_EASY)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with asker:
        assert asker.stdout is not None
        prover = int(asker.stdout.readline())
        proofs = _wait_for(lambda: _children(prover)) if asked is _HUNG else []
        asker.kill()
        assert [_wait_for_end(pid) for pid in [prover, *proofs]] == [True] * (1 + len(proofs))


_FORKER = """
import json, os, sys
from rewardd_verifiers.mathexpr.prover import STANDING
asked = json.loads(sys.argv[1])
first, pid = STANDING.ask(asked), STANDING.pid
child = os.fork()
if child == 0:
    own = STANDING.ask(asked) == first and STANDING.pid != pid
    STANDING.close()
    os._exit(0 if own else 1)
_, status = os.waitpid(child, 0)
sys.exit(status or STANDING.ask(asked) != first or STANDING.pid != pid)
"""


def test_a_fork_has_a_process_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", _FORKER, json.dumps(_EASY)], check=False)
    assert done.returncode == 0


def test_where_it_does_not_start_it_says_so_and_soon_gives_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prover = Prover()
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    told = {prover.ask(_EASY) for _ in range(5)}
    monkeypatch.undo()
    told.add(prover.ask(_EASY))
    assert told == {"SymPy's process does not start"}
