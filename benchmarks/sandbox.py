"""What a jailed submission costs, in CPU time of all processes, beside a bare `python3`.

    python -m benchmarks.sandbox [--tier full] [--rounds 30]

Both sides run interleaved, pinned to one processor. CPU time is that of every process, taken with
RUSAGE_CHILDREN and RUSAGE_SELF after all are reaped; the kernel's own workers are missed.

The baseline is the system's `python3`, named in the output: what an environment's `site` imports at
every start is its own affair, and may cost more than all the rest. The same with `-I -S` is the
least that any run of Python costs here.
"""

import argparse
import asyncio
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

from rewardd_sandbox import BuildFailure, Given, Limits, Program
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier

_SOURCE = "import sys\nprint(sum(map(int, sys.stdin.read().split())))\n"
_HEADERS = "#include <bits/stdc++.h>\nint main() { std::cout << 1; }  // "
_BARE = shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin") or sys.executable
_TESTS = 10
_MORE_TESTS = 110


class Meter:
    """CPU seconds of this process, of what it reaped, and of jails and zygotes still alive."""

    def __init__(self, jails: Callable[[], float]) -> None:
        self._jails = jails

    def read(self) -> float:
        """Return the sum so far."""
        spent = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        return sum(usage.ru_utime + usage.ru_stime for usage in spent) + self._jails()


def tree_seconds() -> float:
    """Return the CPU time of our living children and of what they have reaped."""
    ticks = 0
    for place in Path("/proc/self/task").glob("*/children"):
        for child in place.read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


async def _submit(sandbox: LocalSandbox, tests: int, *, strict: bool = False) -> None:
    program = Program(
        language="python", files={"main.py": _SOURCE.encode()}, main="main.py", strict=strict
    )
    jail = await sandbox.open(program, Limits())
    if isinstance(jail, BuildFailure):
        sys.exit(jail.log)
    for number in range(tests):
        answer = await jail.feed(Given(stdin=b"%d 2\n" % number))
        if answer.stdout != b"%d\n" % (number + 2):
            sys.exit(f"a wrong answer: {answer}")
    await jail.close()


def _bare(script: Path, *flags: str) -> None:
    for number in range(_TESTS):
        given = b"%d 2\n" % number
        command = [_BARE, *flags, str(script)]
        subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True)


async def _measure(meter: Meter, work: Callable[[], Awaitable[None]], times: int) -> float:
    """Return CPU milliseconds of one piece of work; ticks are coarse, so many are run."""
    before = meter.read()
    for _ in range(times):
        await work()
    return (meter.read() - before) / times * 1000


async def _python(sandbox: LocalSandbox, rounds: int) -> None:
    meter = Meter(tree_seconds)
    taken: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "main.py"
        script.write_text(_SOURCE)

        async def run_bare(*flags: str) -> None:
            _bare(script, *flags)

        work: dict[str, tuple[Callable[[], Awaitable[None]], int]] = {
            "bare": (run_bare, 1),
            "least": (lambda: run_bare("-I", "-S"), 1),
            "batch": (lambda: _submit(sandbox, _TESTS), 20),
            "many": (lambda: _submit(sandbox, _MORE_TESTS), 5),
            "strict": (lambda: _submit(sandbox, _TESTS, strict=True), 3),
        }
        for _ in range(rounds):
            for name, (piece, times) in work.items():
                taken[name].append(await _measure(meter, piece, times))
    _tell({name: statistics.median(values) for name, values in taken.items()})


def _tell(medians: dict[str, float]) -> None:
    loop, least, batch = medians["bare"], medians["least"], medians["batch"]
    many, strict = medians["many"], medians["strict"]
    print(f"ten bare runs               {loop:8.2f} ms CPU   ({_BARE})")
    print(f"the same with -I -S         {least:8.2f} ms CPU, {least / batch:6.1f} x ours")
    print(f"a submission of ten tests   {batch:8.2f} ms CPU, {loop / batch:6.1f} x cheaper")
    print(f"  against one bare run      {batch / (loop / _TESTS):8.2f}")
    print(f"  each further test         {(many - batch) / (_MORE_TESTS - _TESTS):8.3f} ms")
    print(f"the same, strict            {strict:8.2f} ms CPU, {loop / strict:6.1f} x cheaper")


async def _headers(sandbox: LocalSandbox, rounds: int) -> None:
    """Compare building with the precompiled header and plain g++."""
    (report,) = await sandbox.check_languages(["cpp"])
    if not report.available:
        print(f"C++: {report.problem}")
        return
    plain: list[float] = []
    ours: list[float] = []
    for number in range(-1, min(rounds, 5)):
        source = f"{_HEADERS}{number}"
        started = time.perf_counter()
        files = {"main.cpp": source.encode()}
        jail = await sandbox.open(Program(language="cpp", files=files, main="main.cpp"), Limits())
        if isinstance(jail, BuildFailure):
            sys.exit(jail.log)
        ours.append(time.perf_counter() - started)
        await jail.close()
        plain.append(_plain_build(source))
    ratio = statistics.median(ours[1:]) / statistics.median(plain[1:])
    print(f"C++ with bits/stdc++.h, against plain g++ -O2 (wall) {ratio:8.2f}")


def _plain_build(source: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        command = ["g++", "-O2", "-std=c++20", "-pipe", "-x", "c++", "-", "-o", f"{folder}/out"]
        subprocess.run(command, input=source.encode(), check=True)
        return time.perf_counter() - started


async def _main(tier: Tier | None, rounds: int) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    async with LocalSandbox(Options(slots=1, only_tier=tier)) as sandbox:
        print(f"tier {sandbox.facts['tier']}, Python {sandbox.toolchain('python')}")
        await _python(sandbox, rounds)
        await _headers(sandbox, rounds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tier", type=Tier, default=None)
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    asyncio.run(_main(given.tier, given.rounds))
