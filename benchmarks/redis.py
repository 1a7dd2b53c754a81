"""What a fleet over Redis costs beside the embedded pool, and what it survives.

    python -m benchmarks.redis [--kills 1000] [--histories 200]

Prints all that a fleet promises, each with its target; what `benchmarks.fairness` and
`benchmarks.grpo_batch` measure is at the end. Starts a Redis of its own (`redis-server` on the
path). Workers are processes of their own, as in earnest. Ratios are from alternating rounds of one
run; walls only from a machine with nothing else to do.
"""

import argparse
import asyncio
import contextlib
import math
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import uvloop

from benchmarks.fairness import fairness, overload
from benchmarks.grpo_batch import measure

ROOT: Final = Path(__file__).parents[1]
SUPPORT: Final = ROOT / "tests" / "support"
PLANTED: Final = ROOT / "tests" / "service" / "planted"
sys.path[:0] = [str(SUPPORT), str(PLANTED)]

from node_process import node_process  # noqa: E402  stands with the tests
from redis_fleet import slots_seen, until  # noqa: E402
from redis_history import anomalies, play  # noqa: E402
from redis_server import RedisServer, redis_server  # noqa: E402
from rewardd_service.backends import Backend  # noqa: E402
from rewardd_service.backends.local import LocalBackend  # noqa: E402
from rewardd_service.backends.redis import RedisBackend, WorkerNode  # noqa: E402
from rewardd_service.backends.rhythm import Rhythm  # noqa: E402
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject  # noqa: E402
from rewardd_service.pool import Cause, Limits, PoolSettings  # noqa: E402
from rewardd_verifiers import Catalog, Need, PureVerifier, Sample  # noqa: E402

WORKERS: Final = 2
CHUNK_JOBS: Final = 48
ROUNDS: Final = 5
CHUNKS_A_ROUND: Final = 40
NEVER: Final = 10**9
TEXT: Final = "x" * 4000
MASSACRES: Final = 0.1
"""Share of kills that take all workers of a node."""

PENDING: Final = ("XPENDING", "rewardd:chunks:cpu", "workers", "-", "+", "1")

Row = tuple[str, str, str]


def _chunk(verifier: str, jobs: int, **params: object) -> Chunk:
    """Return a chunk of completions of 4 kB, every third of which is wrong."""
    return Chunk(
        [Setup(verifier, params)],
        [Subject(TEXT + ("" if i % 3 else "no")) for i in range(jobs)],
        [TEXT],
        [Job(i, 0, 0) for i in range(jobs)],
        600.0,
    )


def _millisecond() -> int:
    """Return the rounds of `heavy` that take a millisecond of CPU time here and now."""
    rounds = 20_000
    verifier = Catalog().build("heavy", {"rounds": rounds})
    if not isinstance(verifier, PureVerifier):
        raise TypeError(verifier)
    spent: list[float] = []
    for _ in range(50):
        began = time.thread_time()
        verifier.verify(Sample(completion="", reference=""))
        spent.append(time.thread_time() - began)
    return round(rounds * 0.001 / median(spent))


async def _answers(backend: Backend, chunk: Chunk) -> list[Answer]:
    delivered: list[Answer] = []
    await backend.process(Need.CPU, chunk, delivered.extend)
    return delivered


def _pools(workers: int = WORKERS) -> LocalBackend:
    limits = Limits(recycle_jobs=NEVER, cpu_seconds=20.0)
    settings = PoolSettings(workers=workers, verifiers=("planted", "heavy"), limits=limits)
    return LocalBackend([settings])


@contextlib.asynccontextmanager
async def _gateway(redis: RedisServer, slots: int, idle: float) -> AsyncGenerator[RedisBackend]:
    backend = RedisBackend(redis.url, rhythm=Rhythm(idle=idle))
    try:
        await backend.start()
        await until(lambda: slots_seen(backend) >= slots)
        yield backend
    finally:
        await backend.close()


async def round_trip(redis: RedisServer) -> list[Row]:
    """One chunk there and back, one after the other, on an idle fleet."""
    seconds: list[float] = []
    with node_process(redis.url, idle_seconds=15):
        async with _gateway(redis, 1, 15) as backend:
            chunk = _chunk("planted", 1)
            for _ in range(100):
                await _answers(backend, chunk)
            for _ in range(2000):
                began = time.perf_counter()
                await _answers(backend, chunk)
                seconds.append(time.perf_counter() - began)
    cuts = quantiles(seconds, n=100)
    return [
        ("chunk round trip, p50", f"{cuts[49] * 1e3:.2f} ms", "<= 3 ms"),
        ("chunk round trip, p99", f"{cuts[98] * 1e3:.2f} ms", "<= 10 ms"),
    ]


async def reclaim(redis: RedisServer, idle_seconds: float) -> list[Row]:
    """Kill -9 a worker at work while nothing else is queued, and wait for the answer."""
    async with _gateway(redis, 0, idle_seconds) as backend:
        with node_process(redis.url, idle_seconds=idle_seconds) as lost:
            await until(lambda: slots_seen(backend) == 1)
            out = asyncio.create_task(_answers(backend, _chunk("heavy", 1, rounds=40_000_000)))
            await until(
                lambda: (
                    b"\r\n$"
                    in redis.ask("XPENDING", "rewardd:chunks:cpu", "workers", "-", "+", "1")
                )
            )
            with node_process(redis.url, idle_seconds=idle_seconds):
                alone = time.monotonic()
                os.kill(lost.pid, signal.SIGKILL)
                await until(lambda: _claimed(redis) > 1 or out.done())
                taken = time.monotonic() - alone
                await out
    target = f"<= {idle_seconds + 2:g} s"
    return [(f"taken over after kill -9, idle limit {idle_seconds:g} s", f"{taken:.1f} s", target)]


async def long_chunk(redis: RedisServer) -> list[Row]:
    """A chunk that takes three times the idle limit, while another worker waits for work."""
    idle_seconds, starts = 1.0, 1
    rounds = round(_millisecond() * 3000 * idle_seconds)
    with contextlib.ExitStack() as nodes:
        for _ in range(2):
            nodes.enter_context(node_process(redis.url, idle_seconds=idle_seconds))
        async with _gateway(redis, 2, idle_seconds) as backend:
            out = asyncio.create_task(_answers(backend, _chunk("heavy", 1, rounds=rounds)))
            while not out.done():
                starts = max(starts, _claimed(redis))
                await asyncio.sleep(0.05)
            scored = sum(answer.score is not None for answer in await out)
    target = "1, 1"
    return [("starts, answers of a chunk 3x the idle limit", f"{starts}, {scored}", target)]


def _claimed(redis: RedisServer) -> int:
    """Return how often the oldest pending entry has been handed out."""
    numbers = re.findall(rb":(\d+)", redis.ask(*PENDING))
    return int(numbers[-1]) if numbers else 0


async def _burst(backend: Backend, chunk: Chunk, chunks: int, at_once: int) -> float:
    """Return the wall seconds for so many chunks, `at_once` of them out at any time."""
    waiting = iter(range(chunks))

    async def one_after_the_other() -> None:
        for _ in waiting:
            await _answers(backend, chunk)

    began = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    return time.perf_counter() - began


async def throughput(redis: RedisServer) -> list[Row]:
    """Samples of 1 ms and 4 kB, two workers, embedded and over Redis in turn."""
    chunk = _chunk("heavy", CHUNK_JOBS, rounds=_millisecond())
    samples = CHUNK_JOBS * CHUNKS_A_ROUND
    embedded = _pools()
    seconds: dict[str, list[float]] = {"embedded": [], "redis": []}
    cpu: list[float] = []
    await embedded.start()
    try:
        with node_process(redis.url, slots=WORKERS, idle_seconds=15):
            async with _gateway(redis, WORKERS, 15) as fleet:
                for backend in (embedded, fleet):
                    await _burst(backend, chunk, 4, WORKERS)
                for _ in range(ROUNDS):
                    wall = await _burst(embedded, chunk, CHUNKS_A_ROUND, WORKERS)
                    seconds["embedded"].append(wall)
                    before = time.process_time()
                    window = fleet.window()[Need.CPU]
                    wall = await _burst(fleet, chunk, CHUNKS_A_ROUND, window)
                    seconds["redis"].append(wall)
                    cpu.append((time.process_time() - before) / samples)
    finally:
        await embedded.close()
    here, there = (samples / median(walls) for walls in seconds.values())
    ratios = [a / b for a, b in zip(seconds["embedded"], seconds["redis"], strict=True)]
    return [
        ("1 ms samples/s, embedded, 2 workers", f"{here:.0f}", ""),
        ("1 ms samples/s, over Redis, 2 workers", f"{there:.0f}", ""),
        ("over Redis to embedded, median of rounds", f"{median(ratios):.3f}", ">= 0.9"),
        ("gateway CPU a sample over Redis", f"{median(cpu) * 1e6:.1f} us", ""),
    ]


class _Assassin:
    """Kills worker processes of two nodes, and now and then all that one node has."""

    def __init__(self, pools: Sequence[LocalBackend], kills: int) -> None:
        self._pools = pools
        self._kills = kills
        self._random = random.Random(20260101)  # noqa: S311  a schedule, no secret

    async def work(self) -> None:
        """Kill as many as were asked for."""
        while self.struck() < self._kills:
            await asyncio.sleep(self._random.uniform(0.0, 0.1))
            pids = list(self._random.choice(self._pools).pools[Need.CPU].resident_bytes())
            everybody = self._random.random() < MASSACRES
            for pid in pids if everybody else pids[:1]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def struck(self) -> int:
        """Return how many have died by it."""
        return sum(p.pools[Need.CPU].counters.exits[Cause.EXTERNAL] for p in self._pools)


async def storm(redis: RedisServer, kills: int) -> list[Row]:
    """Kills at random moments while samples with known scores are judged over Redis."""
    pools = [_pools(), _pools()]
    nodes = [WorkerNode(redis.url, pool) for pool in pools]
    lost = doubled = changed = samples = 0
    unscored: Counter[str] = Counter()
    try:
        for node in nodes:
            await node.start()
        async with _gateway(redis, 2 * WORKERS, 15) as backend:
            assassin = _Assassin(pools, kills)
            murders = asyncio.create_task(assassin.work())
            chunk = _chunk("heavy", CHUNK_JOBS, rounds=4_000)

            async def judge() -> None:
                nonlocal lost, doubled, changed, samples
                while not murders.done():
                    answers = await _answers(backend, chunk)
                    jobs = {answer.job for answer in answers}
                    samples += CHUNK_JOBS
                    lost += CHUNK_JOBS - len(jobs)
                    doubled += len(answers) - len(jobs)
                    scored = [answer for answer in answers if answer.score is not None]
                    unscored.update(a.reason for a in answers if a.score is None)
                    changed += sum(a.score != float(a.job % 3 > 0) for a in scored)

            await asyncio.gather(*(judge() for _ in range(backend.window()[Need.CPU])))
    finally:
        await asyncio.gather(*(node.close() for node in nodes))
    outcome = f"{lost}, {doubled}, {changed}"
    why = ", ".join(f"{number} {reason}" for reason, number in unscored.items()) or "0"
    return [
        (f"samples through {assassin.struck()} kills over Redis", f"{samples}", ""),
        ("lost, doubled, changed", outcome, "0, 0, 0"),
        ("unscored", why, "few"),
    ]


async def histories(redis: RedisServer, number: int) -> list[Row]:
    """Histories of random faults: see `tests/support/redis_history.py`."""
    found: list[str] = []
    scored = answered = 0
    for seed in range(number):
        calls = await play(redis, seed)
        found += [f"seed {seed}: {anomaly}" for anomaly in anomalies(calls)]
        heard = [answer for call in calls for answer in call.heard]
        answered += len(heard)
        scored += sum(answer.score is not None for answer in heard)
    for anomaly in found[:20]:
        print(anomaly, file=sys.stderr)
    return [
        (f"anomalies in {number} random histories", str(len(found)), "0"),
        ("of their answers with a score", f"{scored / max(answered, 1):.0%}", ""),
    ]


async def _all(told: argparse.Namespace) -> list[Row]:
    with redis_server() as redis:
        rows = [] if told.only_faults else [*await round_trip(redis), *await throughput(redis)]
        if not math.isclose(told.idle, 0):
            rows += await reclaim(redis, told.idle)
        rows += await long_chunk(redis)
        if told.kills:
            rows += await storm(redis, told.kills)
        if told.histories:
            rows += await histories(redis, told.histories)
    return rows


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="measure a fleet over Redis")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--histories", type=int, default=200)
    parser.add_argument("--idle", type=float, default=15.0, help="idle limit; 0 leaves it out")
    parser.add_argument("--only-faults", action="store_true", help="leave out what is timed")
    told = parser.parse_args()
    rows = uvloop.run(_all(told))
    if not told.only_faults:
        rows += [*fairness(), *overload(10.0), *measure()]
    print(f"{'what':<52} {'measured':>20}   target")
    for what, measured, target in rows:
        print(f"{what:<52} {measured:>20}   {target}")


if __name__ == "__main__":
    main()
