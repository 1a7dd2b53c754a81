"""What the worker pool costs and how it behaves when workers hang, crash or are killed.

    python -m benchmarks.pool [--kills 1000]

Its verifiers stand beside the pool's tests, in a distribution that only this script puts on the
path. CPU times and ratios are to be trusted; walls only on a machine with nothing else to do.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Final

import uvloop

from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool import Cause, Limits, Phase, PoolSettings, WorkerPool
from rewardd_service.pool.kernel import cpu_seconds, resident_bytes
from rewardd_service.worker import Worker
from rewardd_verifiers import Catalog, PureVerifier, Sample

PLANTED: Final = Path(__file__).parents[1] / "tests" / "service" / "planted"
CHUNK_JOBS: Final = 32
NEVER: Final = 10**9
MIB: Final = 1 << 20

Row = tuple[str, str, str]


def _chunk(completions: Sequence[str], verifier: str, **params: object) -> Chunk:
    return Chunk(
        [Setup(verifier, params)],
        [Subject(completion) for completion in completions],
        ["ok"],
        [Job(i, 0, 0) for i in range(len(completions))],
        600.0,
    )


async def _answers(pool: WorkerPool, chunk: Chunk) -> list[Answer]:
    delivered: list[Answer] = []
    await pool.process(chunk, delivered.extend)
    return delivered


async def _with_pool(
    work: Callable[[WorkerPool], Awaitable[list[Row]]], workers: int, limits: Limits
) -> list[Row]:
    pool = WorkerPool(PoolSettings(workers=workers, limits=limits))
    await pool.start()
    try:
        return await work(pool)
    finally:
        await pool.close()


def _worker_alone(chunk: Chunk, rounds: int) -> float:
    """Return CPU seconds a sample of a worker without a pool around it."""
    worker = Worker(Catalog())
    started = time.process_time()
    for _ in range(rounds):
        for _answer in worker.handle(chunk):
            pass
    return (time.process_time() - started) / rounds / len(chunk.jobs)


def _bare_loop(chunk: Chunk, rounds: int) -> float:
    """Return CPU seconds a sample of the verifier in a plain loop."""
    verifier = Catalog().build("planted", {})
    if not isinstance(verifier, PureVerifier):
        raise TypeError(verifier)
    started = time.process_time()
    for _ in range(rounds):
        for subject in chunk.subjects:
            verifier.verify(Sample(completion=subject.completion, reference="ok"))
    return (time.process_time() - started) / rounds / len(chunk.jobs)


async def overhead(pool: WorkerPool) -> list[Row]:
    """CPU time that the pool adds to a sample, in the gateway and in the worker."""
    chunk, rounds, repeats = _chunk(["no" * 100] * CHUNK_JOBS, "planted"), 500, 5
    (pid,) = pool.resident_bytes()
    await _answers(pool, chunk)
    spent: list[tuple[float, float]] = []
    for _ in range(repeats):
        gateway, worker = time.process_time(), cpu_seconds(pid) or 0.0
        for _ in range(rounds):
            await _answers(pool, chunk)
        samples = rounds * CHUNK_JOBS
        spent.append(
            (
                (time.process_time() - gateway) / samples,
                ((cpu_seconds(pid) or 0.0) - worker) / samples,
            )
        )
    bare = median(_bare_loop(chunk, rounds) for _ in range(repeats))
    alone = median(_worker_alone(chunk, rounds) for _ in range(repeats))
    gateway, worker = (median(part) for part in zip(*spent, strict=True))
    return [
        ("CPU a sample, gateway", f"{gateway * 1e6:.1f} us", ""),
        ("CPU a sample, worker process", f"{worker * 1e6:.1f} us", ""),
        ("of it the verifier in a bare loop", f"{bare * 1e6:.1f} us", ""),
        ("of it `Worker.handle` around the verifier", f"{(alone - bare) * 1e6:.1f} us", ""),
        ("pool overhead, `Worker.handle` aside", f"{(gateway + worker - alone) * 1e6:.1f} us", ""),
        ("pool overhead in all", f"{(gateway + worker - bare) * 1e6:.1f} us", "<= 8 us"),
    ]


async def replacement(pool: WorkerPool) -> list[Row]:
    """Time from a kill to an answer from the fresh worker."""
    seconds: list[float] = []
    for _ in range(100):
        (pid,) = pool.resident_bytes()
        started = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        while pid in pool.resident_bytes():  # noqa: ASYNC110  the pool hears of it in its time
            await asyncio.sleep(0.0005)
        await _answers(pool, _chunk(["ok"], "planted"))
        seconds.append(time.monotonic() - started)
    p95 = quantiles(seconds, n=20)[-1]
    return [
        ("slot serves again after a kill, p50", f"{median(seconds) * 1e3:.0f} ms", ""),
        ("slot serves again after a kill, p95", f"{p95 * 1e3:.0f} ms", "<= 60 ms"),
    ]


async def hang(pool: WorkerPool) -> list[Row]:
    """One endless loop in a batch of 64, sent as two chunks to two workers."""
    limit = pool.settings.limits.cpu_seconds
    completions = ["ok"] * 64
    completions[20] = "loop"
    started = time.monotonic()
    halves = (completions[:32], completions[32:])
    answered = await asyncio.gather(*(_answers(pool, _chunk(half, "planted")) for half in halves))
    wall = time.monotonic() - started
    reasons = sorted(answer.reason for answers in answered for answer in answers)
    outcome = f"{reasons.count('match')} scored, {reasons.count('timeout')} timeout"
    return [
        ("a hang in a batch of 64", outcome, "63 scored, 1 timeout"),
        ("its wall time beyond the limit", f"{(wall - limit) * 1e3:.0f} ms", "<= 200 ms"),
    ]


class _Assassin:
    """Kills a random worker a random moment after every so many answers."""

    def __init__(self, pool: WorkerPool, every_answers: float) -> None:
        self._pool = pool
        self._every_answers = every_answers
        self._answers = 0.0
        self._random = random.Random(20250731)  # noqa: S311  a schedule, no secret

    def note(self, answers: int) -> None:
        """Count answers; they may have been too many for somebody."""
        self._answers += answers
        while self._answers >= self._every_answers:
            self._answers -= self._every_answers
            asyncio.get_running_loop().call_later(self._random.random() * 0.01, self._strike)

    def _strike(self) -> None:
        pids = list(self._pool.resident_bytes())
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._random.choice(pids), signal.SIGKILL)


def storm(kills: int, samples: int) -> Callable[[WorkerPool], Awaitable[list[Row]]]:
    """Random kills while samples with known scores are judged."""

    async def judge(pool: WorkerPool, assassin: _Assassin, number: int) -> tuple[int, int, int]:
        delivered: list[Answer] = []

        def deliver(answers: Sequence[Answer]) -> None:
            delivered.extend(answers)
            assassin.note(len(answers))

        right = [(number + i) % 3 > 0 for i in range(CHUNK_JOBS)]
        completions = ["ok" if it_is else "no" for it_is in right]
        await pool.process(_chunk(completions, "heavy", rounds=20_000), deliver)
        jobs = [answer.job for answer in delivered]
        wrong = sum(answer.score != float(right[answer.job]) for answer in delivered)
        unscored = sum(answer.score is None for answer in delivered)
        missing = CHUNK_JOBS - len(set(jobs)) + unscored
        return missing, len(jobs) - len(set(jobs)), wrong - unscored

    async def work(pool: WorkerPool) -> list[Row]:
        assassin = _Assassin(pool, samples / kills)
        numbers = range(samples // CHUNK_JOBS)
        told = await asyncio.gather(*(judge(pool, assassin, number) for number in numbers))
        lost, doubled, changed = (sum(part) for part in zip(*told, strict=True))
        struck = pool.counters.exits[Cause.EXTERNAL]
        return [
            (f"samples through {struck} kills", str(len(numbers) * CHUNK_JOBS), ""),
            ("lost, doubled, changed", f"{lost}, {doubled}, {changed}", "0, 0, 0"),
        ]

    return work


async def memory(pool: WorkerPool) -> list[Row]:
    """Resident memory; pages that workers share with the preload count in each."""
    await _answers(pool, _chunk(["ok"] * CHUNK_JOBS, "planted"))
    workers = ", ".join(f"{size / MIB:.0f}" for size in pool.resident_bytes().values())
    return [
        ("RSS of this process", f"{resident_bytes(os.getpid()) / MIB:.0f} MiB", ""),
        (f"RSS of {pool.phases().get(Phase.IDLE, 0)} workers", f"{workers} MiB", ""),
    ]


async def _all(kills: int, samples: int) -> list[Row]:
    lasting = Limits(recycle_jobs=NEVER)
    return [
        *await _with_pool(overhead, 1, lasting),
        *await _with_pool(replacement, 1, lasting),
        *await _with_pool(hang, 2, Limits(cpu_seconds=1.0)),
        *await _with_pool(storm(kills, samples), 2, lasting),
        *await _with_pool(memory, 2, lasting),
    ]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="measure the worker pool")
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--samples", type=int, default=20_000)
    told = parser.parse_args()
    sys.path.insert(0, str(PLANTED))
    print(f"{'what':<44} {'measured':>24}   target")
    for what, measured, target in uvloop.run(_all(told.kills, told.samples)):
        print(f"{what:<44} {measured:>24}   {target}")


if __name__ == "__main__":
    main()
