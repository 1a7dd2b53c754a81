"""A small tenant behind a large one, and everybody at ten times what a server can do.

Fairness: a tenant scores 64 samples, alone and then while another always has 50,000 in flight.
Ratio: p95 of the one over p95 of the other. Overload: as many clients as keep the server busy,
then ten times as many requests a second, whatever a refusal's `Retry-After` says. Ratio: samples
that were scored in time. All over HTTP, with API keys, without repeated samples.
"""

import argparse
import contextlib
import itertools
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx2
import msgspec

from benchmarks.end_to_end import server
from benchmarks.under_load import family, pss_mib, server_pid
from rewardd_service.edge.auth import new_key

SMALL, LARGE = 64, 25_000
ROUNDS = 40
OVERLOAD_BATCH = 256
FLOOD_CLIENTS = 40
Row = tuple[str, str, str]
"""What was measured, how much it was, and what it should be."""
_serial = itertools.count()


def body(count: int) -> bytes:
    """Return a request of samples that were never sent before."""
    samples = [_sample(next(_serial)) for _ in range(count)]
    return msgspec.json.encode({"reward": "math", "samples": samples, "deadline_seconds": 300})


def _sample(number: int) -> dict[str, str]:
    """Return an answer that takes algebra to see: a product where the reference is a sum."""
    a, b = number % 97 + 2, number // 97 + 2
    completion = f"Thus $\\boxed{{x^2+({a}-{b})x-{a}\\cdot {b}}}$."
    return {"completion": completion, "reference": f"(x+{a})(x-{b})"}


@contextmanager
def tenants(*names: str) -> Generator[tuple[Path, list[str]]]:
    """Give a file of keys with a key for each tenant, and the keys."""
    made = [new_key(name) for name in names]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "keys")
        path.write_text("\n".join(key.line for key in made) + "\n", encoding="utf-8")
        path.chmod(0o600)
        yield path, [key.key for key in made]


def client(url: str, key: str) -> httpx2.Client:
    """Return a plain client: what the library would retry is what is measured."""
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    return httpx2.Client(base_url=url, headers=headers, timeout=330)


@contextmanager
def threads(work: Callable[[threading.Event], None], count: int) -> Generator[None]:
    """Run `work` in threads until the block ends."""
    stop = threading.Event()
    running = [threading.Thread(target=work, args=(stop,)) for _ in range(count)]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in running:
            thread.join()


def fairness() -> list[Row]:
    """Print the small tenant's p50 and p95, alone and behind the large one; return the ratio."""
    with (
        tenants("large", "small") as (keys, (large, small)),
        server("--workers", "2", "--keys", str(keys), "--max-held-samples", "200000") as url,
        client(url, small) as http,
    ):
        latencies(http, 5)
        alone = latencies(http, ROUNDS)
        bodies = [body(LARGE) for _ in range(2)]

        def load(stop: threading.Event) -> None:
            mine = bodies.pop()
            with client(url, large) as greedy:
                while not stop.is_set():
                    greedy.post("/v1/score", content=mine).raise_for_status()

        with threads(load, 2):
            _wait_for_queue(http, url, LARGE)
            crowded = latencies(http, ROUNDS)
    for name, taken in (("alone", alone), (f"behind {2 * LARGE}", crowded)):
        print(f"{name:16} p50 {_cut(taken, 50):7.1f} ms   p95 {_cut(taken, 95):7.1f} ms")
    ratio = _cut(crowded, 95) / _cut(alone, 95)
    return [(f"p95 of {SMALL} samples behind {2 * LARGE} / alone", f"{ratio:.1f}x", "<= 3x")]


def latencies(http: httpx2.Client, rounds: int) -> list[float]:
    """Return the milliseconds of each of the small tenant's requests."""
    taken: list[float] = []
    for content in [body(SMALL) for _ in range(rounds)]:
        started = time.perf_counter()
        http.post("/v1/score", content=content).raise_for_status()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def _wait_for_queue(http: httpx2.Client, url: str, jobs: int) -> None:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        lines = http.get(f"{url}/metrics").text.splitlines()
        waiting = [line for line in lines if line.startswith('rewardd_jobs_waiting{lane="cpu"}')]
        if waiting and float(waiting[0].rsplit(" ", 1)[1]) > jobs / 2:
            return
        time.sleep(0.05)  # noqa: TID251  a metric sets no event
    raise TimeoutError("the large tenant's samples never queued")


def _cut(taken: list[float], percent: int) -> float:
    return statistics.quantiles(taken, n=100, method="inclusive")[percent - 1]


@dataclass
class Tally:
    """What came back in one phase."""

    codes: Counter[int] = field(default_factory=Counter[int])
    scored: int = 0
    memory_mib: list[float] = field(default_factory=list[float])

    def take(self, answer: httpx2.Response) -> None:
        """Count an answer, and its scored samples."""
        self.codes[answer.status_code] += 1
        if answer.status_code == HTTPStatus.OK:
            self.scored += answer.content.count(b'"status":"scored"')


def overload(seconds: float) -> list[Row]:
    """Print rate, answers and memory when busy and at ten times the load; return what follows.

    The server has one processor, and who floods it another if there is one: what ten times as many
    requests cost their sender is not the server's.
    """
    first, *rest = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {first})
    options = ("--workers", "2", "--max-held-samples", str(8 * OVERLOAD_BATCH))
    with tenants("all") as (keys, (key,)), server(*options, "--keys", str(keys)) as url:
        os.sched_setaffinity(0, rest or {first})
        fresh = iter([body(OVERLOAD_BATCH) for _ in range(400)])
        contents = itertools.cycle(fresh)
        _phase(url, key, 4, 2.0, contents)
        peak = _phase(url, key, 4, seconds, contents)
        offered = 10 * sum(peak.codes.values()) / seconds
        flood = _phase(url, key, FLOOD_CLIENTS, seconds, contents, FLOOD_CLIENTS / offered)
    for name, tally in (("busy", peak), ("10x", flood)):
        low, high = min(tally.memory_mib), max(tally.memory_mib)
        rate = tally.scored / seconds
        print(f"{name:6}{rate:9.0f} samples/s  {low:.0f}-{high:.0f} MiB  {dict(tally.codes)}")
    refused = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.OK}
    others = flood.codes.keys() - refused
    grown = max(flood.memory_mib) / max(peak.memory_mib)
    return [
        ("goodput at ten times the load / busy", f"{flood.scored / peak.scored:.2f}", ">= 0.9"),
        ("answers there but 200, 429, 503", str(sum(flood.codes[code] for code in others)), "0"),
        ("most memory there / busy", f"{grown:.2f}x", "flat"),
    ]


def _phase(
    url: str,
    key: str,
    clients: int,
    seconds: float,
    contents: Iterator[bytes],
    pause_seconds: float = 0.0,
) -> Tally:
    tally, lock = Tally(), threading.Lock()
    gateway = server_pid(url)

    def ask(stop: threading.Event) -> None:
        with client(url, key) as http:
            while not stop.wait(pause_seconds):
                with lock:
                    content = next(contents)
                answer = http.post("/v1/score", content=content)
                if not stop.is_set():
                    with lock:
                        tally.take(answer)

    with threads(ask, clients):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(FileNotFoundError):  # a worker was replaced meanwhile
                tally.memory_mib.append(pss_mib(family(gateway)))
            time.sleep(0.25)  # noqa: TID251  a probe has a pace, not an event
    return tally


def main() -> None:
    """Print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each phase of overload")
    parser.add_argument("--only", choices=["fairness", "overload"])
    told = parser.parse_args()
    rows = [] if told.only == "overload" else fairness()
    rows += [] if told.only == "fairness" else overload(told.seconds)
    for what, measured, target in rows:
        print(f"{what:<52} {measured:>20}   {target}")


if __name__ == "__main__":
    main()
