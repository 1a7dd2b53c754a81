"""Submissions a second and core through a server: batches of 64 submissions of ten tests.

    python -m benchmarks.sandbox_http [--rounds 10] [--share 1]

Server, workers and jails are pinned to one processor, the client to another if there is one. What
counts is CPU time, read from /proc over the whole tree of processes, so that neighbours on the
machine change little. Every program is different; with `--share 8` each stands eight times in its
batch, as in a group of samples, and is run once.

The baseline, interleaved on the same processor, is a bare `python3` for each test. An absolute
number of submissions a second says as much of the machine as of us: where a bare run takes 9 ms,
150 submissions a second are 0.74 bare runs for each submission of ten tests.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path

from pydantic import JsonValue

from rewardd_client import Client, Sample

SUBMISSIONS = 64
TESTS = 10
_TARGET = 150
_TICKS = os.sysconf("SC_CLK_TCK")
_SOURCE = """import sys
def solve(values):
    return sum(values) + {number} - {number}
print(solve([int(word) for word in sys.stdin.read().split()]))
"""
_REFERENCE: JsonValue = {
    "tests": [{"stdin": f"{n} 2\n", "stdout": f"{n + 2}\n"} for n in range(TESTS)]
}
_BARE = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or sys.executable
"""The system's: what an environment's `site` loads is its own affair, and may cost more than we."""
_MARKS = (
    ("gateway", "rewardd_service.cli"),
    ("preload and worker", "rewardd_service.pool"),
    ("zygotes and jails", "rewardd_sandbox"),
)


@contextlib.contextmanager
def server() -> Generator[tuple[str, int]]:
    """Start a server on one processor; give its URL and process id."""
    first = min(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "rewardd_service.cli", "serve", "--port", "0"]
    command += ["--workers", "1", "--sandbox-workers", "1"]
    process = subprocess.Popen(
        ["taskset", "-c", str(first), *command], stderr=subprocess.PIPE, text=True
    )
    log = process.stderr
    try:
        yield _address(log or ()), process.pid
    finally:
        process.terminate()
        process.communicate()


def _address(log: Iterator[str] | tuple[str, ...]) -> str:
    for line in log:
        event: dict[str, object] = json.loads(line) if line.startswith("{") else {}
        if event.get("event") == "listening":
            return f"http://{event['host']}:{event['port']}"
    sys.exit("the server did not start")


def spent(root: int) -> dict[str, float]:
    """Return CPU seconds of a tree of processes by what they are, their dead children included."""
    sums: dict[str, float] = {}
    for pid in _tree(root):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            name = next((name for name, mark in _MARKS if mark in command), "other")
            sums[name] = sums.get(name, 0.0) + sum(map(int, fields[11:15])) / _TICKS
    return sums


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for place in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in place.read_text().split():
                yield from _tree(int(child))


def batch(number: int, share: int) -> list[Sample]:
    """Return submissions that no other batch holds, each `share` times."""
    sources = [
        _SOURCE.format(number=number * SUBMISSIONS + at // share) for at in range(SUBMISSIONS)
    ]
    return [
        Sample(completion=f"Here:\n```python\n{source}```\n", reference=_REFERENCE)
        for source in sources
    ]


def _bare_seconds() -> float:
    """Return the CPU time of one bare run, of as many as a submission has tests."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for number in range(TESTS):
        given = f"{number} 2\n".encode()
        source = _SOURCE.format(number=number)
        subprocess.run([_BARE, "-c", source], input=given, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used / TESTS


def measure(rounds: int, share: int) -> None:
    """Send batches, and print what each submission cost, by process."""
    first, *rest = sorted(os.sched_getaffinity(0))
    with server() as (url, pid), Client(url, deadline_seconds=300) as client:
        client.score(batch(0, share), reward="code")
        walls: list[float] = []
        bare: list[float] = []
        before = spent(pid)
        for number in range(1, rounds + 1):
            os.sched_setaffinity(0, {first})
            bare.append(_bare_seconds())
            os.sched_setaffinity(0, rest or {first})
            begun = time.perf_counter()
            told = client.score(batch(number, share), reward="code")
            walls.append(time.perf_counter() - begun)
            if told.rewards != [1.0] * SUBMISSIONS:
                sys.exit(f"wrong rewards: {told.rewards}")
        after = spent(pid)
    used = {name: after[name] - before.get(name, 0.0) for name in after}
    each = {name: seconds / rounds / SUBMISSIONS * 1000 for name, seconds in used.items()}
    for name, milliseconds in each.items():
        print(f"{name:20} {milliseconds:8.3f} ms CPU a submission")
    whole = sum(each.values())
    print(f"{'all':20} {whole:8.3f} ms CPU a submission of {TESTS} tests")
    run = statistics.median(bare) * 1000
    print(f"{'a bare run':20} {run:8.3f} ms CPU; a submission costs {whole / run:.2f} of it")
    print(f"a submission is {TESTS * run / whole:.1f} x cheaper than its tests run bare")
    print(f"submissions a second and core {1000 / whole:8.0f}   (wanted: {_TARGET})")
    print(f"on the wall, neighbours and all {SUBMISSIONS / statistics.median(walls):6.0f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--share", type=int, default=1)
    given = parser.parse_args()
    measure(given.rounds, given.share)
