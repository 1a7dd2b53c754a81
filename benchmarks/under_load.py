"""A server at full load: does it still say that it lives, and how much memory does it hold?

Three clients send batches of 2,048 math samples without a pause while a fourth asks for `/livez`.
Memory is the proportional set size (PSS) of the gateway and everything that it started: pages that
forked workers share count once.
"""

import argparse
import json
import statistics
import subprocess
import threading
import time
from pathlib import Path

import httpx2

from benchmarks.end_to_end import batch, server
from rewardd_client import Client, Sample

CLIENTS = 3
BATCH = 2_048


def family(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    listed = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = {int(line.split()[0]): int(line.split()[1]) for line in listed.splitlines()}
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def pss_mib(pids: list[int]) -> float:
    """Return the proportional set size of processes, in MiB; one that has ended holds nothing."""
    total_kib = 0
    for pid in pids:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue
        (line,) = (line for line in rollup.splitlines() if line.startswith("Pss:"))
        total_kib += int(line.split()[1])
    return total_kib / 1024


def main() -> None:
    """Print percentiles of `/livez` idle and loaded, and memory before and after."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    with server("--workers", "2") as url, httpx2.Client(base_url=url, timeout=30) as http:
        pid = server_pid(url)
        print(f"memory when ready: {pss_mib(family(pid)):.0f} MiB, {len(family(pid))} processes")
        idle = _livez(http, 2.0)
        done, stop = [0], threading.Event()
        batches = [batch(BATCH, seed=seed) for seed in range(CLIENTS)]
        threads = [
            threading.Thread(target=_load, args=(url, samples, done, stop)) for samples in batches
        ]
        for thread in threads:
            thread.start()
        loaded = _livez(http, seconds)
        print(f"memory under load: {pss_mib(family(pid)):.0f} MiB")
        stop.set()
        for thread in threads:
            thread.join()
        print(f"samples scored meanwhile: {done[0]} ({done[0] / seconds:.0f} a second)")
        print(f"memory afterwards: {pss_mib(family(pid)):.0f} MiB")
    for name, taken in (("idle", idle), ("loaded", loaded)):
        cuts = statistics.quantiles(taken, n=100)
        print(
            f"/livez {name}: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, "
            f"max {max(taken):.1f} ms, {len(taken)} calls"
        )


def server_pid(url: str) -> int:
    """Return the process that serves an address of `benchmarks.end_to_end.server`."""
    port = url.rsplit(":", 1)[1]
    listed = subprocess.run(
        ["pgrep", "-f", f"rewardd serve --port {port}"], capture_output=True, text=True, check=True
    )
    return int(listed.stdout.split()[0])


def _livez(http: httpx2.Client, seconds: float) -> list[float]:
    taken: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        started = time.perf_counter()
        http.get("/livez").raise_for_status()
        taken.append((time.perf_counter() - started) * 1000)
        time.sleep(0.01)  # noqa: TID251  a probe has a pace, not an event
    return taken


def _load(url: str, samples: list[Sample], done: list[int], stop: threading.Event) -> None:
    with Client(url) as client:
        while not stop.is_set():
            scored = client.score(samples, reward="math")
            if not all(scored.scored):
                raise AssertionError(json.dumps(scored.metrics()))
            done[0] += len(samples)


if __name__ == "__main__":
    main()
