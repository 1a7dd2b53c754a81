"""Workers killed, frozen, told to go, with processes and pools as they are in earnest."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from node_process import PLANTED, node_process
from redis_fleet import HURRY, gateway, slots_seen, until
from redis_server import RedisServer
from rewardd_service.backends.redis import RedisBackend
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_verifiers import Need

LOOSELY_SECONDS = 30.0
CPU = "rewardd:chunks:cpu"


def _heavy(jobs: int, rounds: int = 3_000_000) -> Chunk:
    """Return a chunk of about 0.1 s a job; the jobs are told apart by their references."""
    return Chunk(
        [Setup("heavy", {"rounds": rounds})],
        [Subject("ok")],
        ["ok", "no"],
        [Job(0, 0, i % 2) for i in range(jobs)],
        120.0,
    )


async def _scores(backend: RedisBackend, chunk: Chunk) -> list[tuple[int, float | None]]:
    delivered: list[Answer] = []
    await backend.process(Need.CPU, chunk, delivered.extend)
    return [(answer.job, answer.score) for answer in delivered]


def _expected(jobs: int) -> list[tuple[int, float | None]]:
    return [(i, float(i % 2 == 0)) for i in range(jobs)]


def _descendants(pid: int) -> set[int]:
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    children: dict[int, list[int]] = {}
    for line in listed.stdout.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.update(below)
        waiting.extend(below)
    return found


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_the_work_of_a_lost_worker_is_taken_over_on_an_idle_queue(
    redis: RedisServer, number: signal.Signals
) -> None:
    async with gateway(redis.url) as backend:
        with node_process(redis.url) as lost:
            await until(lambda: slots_seen(backend) == 1)
            out = asyncio.create_task(_scores(backend, _heavy(10)))
            await until(lambda: b"\r\n$" in redis.ask("XPENDING", CPU, "workers", "-", "+", "1"))
            below = _descendants(lost.pid)
            with node_process(redis.url):
                os.kill(lost.pid, number)
                began = time.monotonic()
                assert await out == _expected(10)
                assert time.monotonic() - began < LOOSELY_SECONDS
        assert below
        await until(lambda: not any(_alive(pid) for pid in below))


async def test_told_to_go_a_worker_finishes_what_it_has(redis: RedisServer) -> None:
    async with gateway(redis.url) as backend:
        with node_process(redis.url) as leaving:
            await until(lambda: slots_seen(backend) == 1)
            out = asyncio.create_task(_scores(backend, _heavy(8)))
            await until(lambda: b"\r\n$" in redis.ask("XPENDING", CPU, "workers", "-", "+", "1"))
            leaving.terminate()
            assert await out == _expected(8)
            assert await asyncio.to_thread(leaving.wait, 60) == 0


@contextlib.contextmanager
def _role(url: str, ready: Path) -> Generator[subprocess.Popen[bytes]]:
    program = (
        "import sys; from pathlib import Path; from rewardd_service.settings import Settings;"
        "from rewardd_service.worker_role import run_worker;"
        "run_worker(Settings(), ready_file=Path(sys.argv[1]))"
    )
    env = {"PATH": os.defpath, "PYTHONPATH": str(PLANTED)}
    env |= {"REWARDD_REDIS": url, "REWARDD_WORKERS": "1", "REWARDD_LOG_LEVEL": "WARNING"}
    role = subprocess.Popen([sys.executable, "-c", program, str(ready)], env=env)
    try:
        yield role
    finally:
        role.kill()
        role.wait()


async def test_the_role_serves_until_it_is_told_to_go(redis: RedisServer, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    with _role(redis.url, ready) as role:
        async with gateway(redis.url, rhythm=HURRY) as backend:
            await until(lambda: slots_seen(backend) == 1)
            await until(ready.exists)
            assert await _scores(backend, _heavy(2, rounds=10)) == _expected(2)
            role.terminate()
            assert await asyncio.to_thread(role.wait, 60) == 0
    assert not ready.exists()
