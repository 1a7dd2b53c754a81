"""What a program does to itself by a signal is what it would do outside a jail."""

import subprocess
import sys
from signal import Signals

import pytest

from jail_checks import python, run
from rewardd_sandbox import Answer, BuildFailure, End, Given, Limits, Program
from rewardd_sandbox.local import LocalSandbox
from rewardd_sandbox.tiers import Tier

_HEAD = "import os, signal, sys, threading, time\nprint('before', flush=True)\n"
_FATAL = {
    "terminated by its number": ("os.kill(os.getpid(), 15)", Signals.SIGTERM),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", Signals.SIGKILL),
    "hung up": ("os.kill(os.getpid(), signal.SIGHUP)", Signals.SIGHUP),
    "quit": ("signal.raise_signal(signal.SIGQUIT)", Signals.SIGQUIT),
    "by a signal of its own": ("signal.raise_signal(signal.SIGUSR1)", Signals.SIGUSR1),
    "by a real-time signal": ("signal.raise_signal(signal.SIGRTMIN)", Signals.SIGRTMIN),
    "by an alarm": ("signal.alarm(1)\ntime.sleep(60)", Signals.SIGALRM),
    "by a timer of its work": (
        "signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)\nwhile True: pass",
        Signals.SIGVTALRM,
    ),
    "aborted": ("os.abort()", Signals.SIGABRT),
    "by a pipe that nobody reads": (
        (
            "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
            "reading, writing = os.pipe()\nos.close(reading)\nos.write(writing, b'x')"
        ),
        Signals.SIGPIPE,
    ),
    "as its own thread": (
        "signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)",
        Signals.SIGTERM,
    ),
    "from a thread": (
        "t = threading.Thread(target=os.kill, args=(os.getpid(), 15))\nt.start()\nt.join()",
        Signals.SIGTERM,
    ),
    "with its group": ("os.kill(0, signal.SIGTERM)", Signals.SIGTERM),
    "after its handler was taken away": (
        (
            "signal.signal(signal.SIGTERM, print)\nsignal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
            "os.kill(os.getpid(), signal.SIGTERM)"
        ),
        Signals.SIGTERM,
    ),
    "in a finalizer": (
        "class Last:\n    def __del__(self): os.kill(os.getpid(), 15)\nlast = Last()\nlast = None",
        Signals.SIGTERM,
    ),
    "by a false address": ("import ctypes\nctypes.string_at(8)", Signals.SIGSEGV),
}
_HARMLESS = {
    "handled": "signal.signal(15, lambda *_: None)\nos.kill(os.getpid(), 15)",
    "ignored": "signal.signal(15, signal.SIG_IGN)\nos.kill(os.getpid(), 15)",
    "blocked": "signal.pthread_sigmask(signal.SIG_BLOCK, [15])\nos.kill(os.getpid(), 15)",
    "of no consequence": "for n in (signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT,"
    " 0): os.kill(os.getpid(), n)",
    "a broken pipe": "os.kill(os.getpid(), signal.SIGPIPE)",
    "an alarm that is called off": "signal.alarm(1)\nsignal.alarm(0)",
    "an alarm as a time limit": (
        "def stop(*_): raise TimeoutError\nsignal.signal(signal.SIGALRM, stop)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
        "try: time.sleep(60)\nexcept TimeoutError: pass"
    ),
    "an interrupt that is caught": (
        "try:\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(60)\n"
        "except KeyboardInterrupt: pass"
    ),
    "one that is waited for": (
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\nassert signal.sigwait([signal.SIGUSR1]) == 10"
    ),
    "an abort that is caught": (
        "class Out(Exception): pass\ndef out(*_): raise Out\nsignal.signal(signal.SIGABRT, out)\n"
        "try:\n    os.kill(os.getpid(), signal.SIGABRT)\n    time.sleep(60)\nexcept Out: pass"
    ),
}
_RAISES = r"""
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    int how;
    if (scanf("%d", &how) != 1) return 2;
    puts("before");
    fflush(stdout);
    if (how == 0) abort();
    if (how == 100) { alarm(1); pause(); }
    if (how == 102) { signal(SIGTERM, SIG_IGN); how = SIGTERM; }
    if (how < 64) raise(how);
    puts("after");
    return 0;
}
"""
_BUILT = {
    "abort": (0, Signals.SIGABRT),
    "raise": (15, Signals.SIGTERM),
    "interrupt": (2, Signals.SIGINT),
    "pipe": (13, Signals.SIGPIPE),
    "alarm": (100, Signals.SIGALRM),
    "ignored": (102, None),
    "child": (17, None),
}
_IDLE = Limits(cpu_seconds=1.0, wall_seconds=0.5)


async def _run(sandbox: LocalSandbox, source: str, *, alone: bool) -> Answer:
    (answer,) = await run(sandbox, python(_HEAD + source), b"", alone=alone)
    return answer


@pytest.mark.parametrize("alone", [False, True], ids=["batch", "alone"])
@pytest.mark.parametrize(("source", "number"), _FATAL.values(), ids=_FATAL.keys())
async def test_a_signal_that_ends_a_program_ends_it(
    sandbox: LocalSandbox, source: str, number: Signals, *, alone: bool
) -> None:
    answer = await _run(sandbox, f"{source}\nprint('after')", alone=alone)
    assert (answer.end, answer.signal, answer.stdout) == (End.SIGNALLED, number, b"before\n")


@pytest.mark.parametrize("alone", [False, True], ids=["batch", "alone"])
@pytest.mark.parametrize("source", _HARMLESS.values(), ids=_HARMLESS.keys())
async def test_a_signal_that_a_program_can_bear_leaves_it_alone(
    sandbox: LocalSandbox, source: str, *, alone: bool
) -> None:
    answer = await _run(sandbox, f"{source}\nprint('after')", alone=alone)
    assert (answer.end, answer.exit_code, answer.stdout) == (End.EXITED, 0, b"before\nafter\n")


async def test_a_program_that_stops_itself_waits_for_nobody(sandbox: LocalSandbox) -> None:
    source = python("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nprint('after')")
    (answer,) = await run(sandbox, source, b"", limits=_IDLE)
    assert (answer.end, answer.stdout) == (End.WALL_LIMIT, b"")


async def test_what_a_program_starts_can_be_told_to_end(sandbox: LocalSandbox, tier: Tier) -> None:
    source = (
        "import os, signal, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "child.terminate()\nprint(child.wait())"
    )
    (answer,) = await run(sandbox, python(source), b"")
    assert answer.stdout == (b"-15\n" if tier is Tier.FULL else b"")


async def test_orphans_are_buried_by_somebody_else(sandbox: LocalSandbox, tier: Tier) -> None:
    source = (
        "import os, time\n"
        "for _ in range(100):\n"
        "    if os.fork() == 0:\n"
        "        if os.fork() == 0: time.sleep(0.001)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "print('after')"
    )
    (answer,) = await run(sandbox, python(source), b"")
    assert answer.stdout == (b"after\n" if tier is Tier.FULL else b"")


async def test_a_program_is_not_the_first_of_its_kind(sandbox: LocalSandbox) -> None:
    (answer,) = await run(sandbox, python("import os\nprint(os.getpid() > 1)"), b"")
    assert answer.stdout == b"True\n"


@pytest.mark.parametrize(("how", "number"), _BUILT.values(), ids=_BUILT.keys())
async def test_a_built_program_ends_as_its_signals_say(
    sandbox: LocalSandbox, how: int, number: Signals | None
) -> None:
    (report,) = await sandbox.check_languages(["c"])
    if not report.available:
        pytest.skip(f"c: {report.problem}")
    program = Program(language="c", files={"main.c": _RAISES.encode()}, main="main.c")
    jail = await sandbox.open(program, Limits())
    assert not isinstance(jail, BuildFailure), jail.log
    try:
        answer = await jail.feed(Given(stdin=b"%d" % how))
    finally:
        await jail.close()
    fatal = number is not None
    assert (answer.end is End.SIGNALLED, answer.signal) == (fatal, number)
    assert answer.stdout == (b"before\n" if fatal else b"before\nafter\n")


_BACKGROUND = """
import asyncio, signal, sys
from rewardd_sandbox import Given, Limits, Program
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier

SOURCE = b"import os, sys\\nos.kill(os.getpid(), int(sys.stdin.read()))\\nprint('after')"

async def main():
    async with LocalSandbox(Options(slots=1, only_tier=Tier(sys.argv[1]))) as box:
        files = {"main.py": SOURCE}
        jail = await box.open(Program(language="python", files=files, main="main.py"), Limits())
        for number in (1, 2, 3, 15):
            answer = await jail.alone(Given(stdin=b"%d" % number))
            print(answer.signal or answer.exit_code, flush=True)
        await jail.close()

for number in (1, 2, 3, 15):
    signal.signal(number, signal.SIG_IGN)
asyncio.run(main())
"""


@pytest.mark.usefixtures("sandbox")
def test_what_the_worker_was_started_to_ignore_is_not_ignored_for_programs(tier: Tier) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _BACKGROUND, str(tier)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    # An interrupt becomes an exception, and that an exit status.
    assert done.stdout.split() == ["1", "1", "3", "15"]


async def test_two_jails_of_a_slot_cannot_name_each_other(sandbox: LocalSandbox) -> None:
    jail = await sandbox.open(python("import os\nprint(os.getpid())"), Limits())
    assert not isinstance(jail, BuildFailure)
    try:
        first = await jail.feed(Given(stdin=b""))
        attack = (
            "import os\nfor pid in range(-1, 400):\n"
            "    if pid not in (0, 1, os.getpid()):\n"
            "        try: os.kill(pid, 9); print('BREACH', pid)\n"
            "        except OSError: pass"
        )
        companion = await jail.companion(python(attack), Limits())
        assert not isinstance(companion, BuildFailure)
        attacked = await companion.feed(Given(stdin=b""))
        second = await jail.feed(Given(stdin=b""))
    finally:
        await jail.close()
    assert (attacked.end, attacked.stdout) == (End.EXITED, b"")
    assert first.stdout == second.stdout


_RESPAWNS = """
import os, signal, sys, time
def respawn():
    while True:
        if os.fork():
            os._exit(0)
        os.setsid()
for number in (1, 2, 3, 15):
    signal.signal(number, signal.SIG_IGN)
try:
    for _ in range(8):
        if os.fork() == 0:
            respawn() if _ % 2 else time.sleep(1000)
except OSError:
    pass
print('before', flush=True)
os._exit(0)
"""
_LOOKS_AROUND = """
import os
for pid in range(2, 40000):
    if pid != os.getpid():
        try:
            os.kill(pid, 0)
            print('BREACH', pid)
        except OSError:
            pass
"""


async def test_nobody_of_one_jail_is_there_in_the_next(sandbox: LocalSandbox) -> None:
    jail = await sandbox.open(python(_RESPAWNS, strict=True), Limits())
    assert not isinstance(jail, BuildFailure)
    try:
        left = [await jail.alone(Given(stdin=b"")) for _ in range(3)]
    finally:
        await jail.close()
    (answer,) = await run(sandbox, python(_LOOKS_AROUND), b"")
    assert {each.stdout for each in left} == {b"before\n"}
    assert (answer.end, answer.stdout) == (End.EXITED, b"")
