"""The prover below a worker: it serves the worker's samples, and never outlives the worker."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool import PoolSettings, WorkerPool

PATIENCE_SECONDS = 30.0
INTEGRAL = r"\int_0^1 x^2 dx"
HUNG = r"\int_0^1 x^{x^{x^x}} \sin(x^x) \ln(\cos(e^{x^2})) dx"


@asynccontextmanager
async def _running() -> AsyncGenerator[WorkerPool]:
    pool = WorkerPool(PoolSettings(workers=1, verifiers=("math",)))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def _reasons(pool: WorkerPool, *pairs: tuple[str, str]) -> list[str]:
    delivered: list[Answer] = []
    chunk = Chunk(
        [Setup("math", {})],
        [Subject(rf"\boxed{{{answer}}}") for _, answer in pairs],
        [gold for gold, _ in pairs],
        [Job(place, 0, place) for place in range(len(pairs))],
        60.0,
    )
    await pool.process(chunk, delivered.extend)
    return [answer.reason for answer in sorted(delivered, key=lambda answer: answer.job)]


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
    return [int(child) for child in told.split()]


def _has_ended(descriptor: int) -> bool:
    ready, _, _ = select.select([descriptor], [], [], PATIENCE_SECONDS)
    os.close(descriptor)
    return bool(ready)


async def test_a_worker_proves_gives_up_in_time_and_goes_on() -> None:
    async with _running() as pool:
        pairs = [(INTEGRAL, "1/3"), (HUNG, "1"), (INTEGRAL, "1/2"), (r"\frac12", "0.5")]
        reasons = await _reasons(pool, *pairs)
        assert reasons == ["match", "undecided", "undecided", "match"]
        assert pool.counters.starts == 1


async def test_the_prover_dies_with_a_worker_that_is_killed() -> None:
    async with _running() as pool:
        await _reasons(pool, (INTEGRAL, "1/3"))
        (worker,) = pool.resident_bytes()
        (prover,) = _children(worker)
        descriptor = os.pidfd_open(prover)
        os.kill(worker, signal.SIGKILL)
        assert await asyncio.to_thread(_has_ended, descriptor)
        assert await _reasons(pool, (INTEGRAL, "1/3")) == ["match"]


_GATEWAY = """
import asyncio
from rewardd_service.job import Chunk, Job, Setup, Subject
from rewardd_service.pool import PoolSettings, WorkerPool

async def main():
    pool = WorkerPool(PoolSettings(workers=1, verifiers=("math",)))
    await pool.start()
    chunk = lambda gold: Chunk(
        [Setup("math", {"symbolic": "on"})], [Subject(r"\\boxed{1}")], [gold], [Job(0, 0, 0)], 60.0
    )
    await pool.process(chunk(r"\\int_0^1 2x dx"), lambda answers: None)
    (worker,) = pool.resident_bytes()
    (prover,) = open(f"/proc/{worker}/task/{worker}/children").read().split()
    print(worker, prover, flush=True)
    await pool.process(chunk(HUNG), lambda answers: None)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("gold", ["1", HUNG], ids=["idle", "in a proof"])
def test_nothing_outlives_a_gateway_that_is_killed(gold: str) -> None:
    program = f"HUNG = {gold!r}\n{_GATEWAY}"
    gateway = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    with gateway:
        assert gateway.stdout is not None
        pids = [int(pid) for pid in gateway.stdout.readline().split()]
        descriptors = [os.pidfd_open(pid) for pid in pids]
        gateway.kill()
        assert [_has_ended(descriptor) for descriptor in descriptors] == [True, True]
