"""Gateways killed in mid-request, and told to go while Redis is away: processes, all of them."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx2
import pytest

from commands import server, started
from node_process import PLANTED
from redis_fleet import until
from redis_server import RedisServer
from rewardd_client import AsyncClient
from rewardd_client.schema import Recipe, Sample

PATIENCE_SECONDS = 90.0
DRAIN_SECONDS = 3
VARIABLES = [f"PYTHONPATH={PLANTED}", "REWARDD_VERIFIER_CPU_SECONDS=30"]
SAMPLES = [{"completion": "ok", "reference": "ok" if i % 2 else f"no {i}"} for i in range(24)]
EXPECTED = [float(i % 2) for i in range(24)]
# About 0.1 s a sample: the batch is on its way for long enough to be disturbed.
RECIPE = {"name": "slow", "terms": [{"verifier": "heavy", "params": {"rounds": 3_000_000}}]}
BODY: dict[str, Any] = {"reward": RECIPE, "samples": SAMPLES, "deadline_seconds": 80}

Server = tuple[subprocess.Popen[bytes], str]


@contextlib.asynccontextmanager
async def worker(redis: RedisServer) -> AsyncGenerator[None]:
    told = ("worker", "--redis", redis.url, "--workers", 1)
    with started(*told, variables=VARIABLES):
        await until(lambda: redis.number("SCARD", "rewardd:roster") == 1)
        yield


def gateway(redis: RedisServer) -> contextlib.AbstractContextManager[Server]:
    return server("--redis", redis.url, "--degrade", "refuse", variables=VARIABLES)


async def running(url: str) -> bool:
    """Return whether a gateway has jobs with a worker."""
    async with httpx2.AsyncClient() as client:
        shown = (await client.get(f"{url}/metrics")).text
    lines = [line for line in shown.splitlines() if line.startswith("rewardd_jobs_running")]
    return any(not line.endswith(" 0.0") for line in lines)


async def await_running(url: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await running(url):  # noqa: ASYNC110  another process sets no event
            await asyncio.sleep(0.05)


async def await_ready(url: str) -> None:
    async with httpx2.AsyncClient() as client, asyncio.timeout(PATIENCE_SECONDS):
        while (await client.get(f"{url}/readyz")).status_code != 200:  # noqa: ASYNC110  another process sets no event
            await asyncio.sleep(0.05)


async def post(url: str, key: str) -> httpx2.Response:
    async with httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as client:
        return await client.post(f"{url}/v1/score", json=BODY, headers={"Idempotency-Key": key})


def rewards(answer: httpx2.Response) -> list[float | None]:
    return [result["reward"] for result in answer.json()["results"]]


async def test_after_a_gateway_is_killed_the_same_key_has_one_answer_everywhere(
    redis: RedisServer,
) -> None:
    async with worker(redis):
        with gateway(redis) as (lost, here), gateway(redis) as (_, there):
            await await_ready(here)
            call = asyncio.create_task(post(here, "step-7"))
            await await_running(here)
            lost.kill()
            with pytest.raises(httpx2.TransportError):
                await call
            await await_ready(there)
            first = await post(there, "step-7")
            assert (first.status_code, rewards(first)) == (200, EXPECTED)
            assert "idempotency-replayed" not in first.headers
            again = await post(there, "step-7")
        with gateway(redis) as (_, restarted):
            await await_ready(restarted)
            elsewhere = await post(restarted, "step-7")
        assert elsewhere.headers["idempotency-replayed"] == "true"
        assert first.content == again.content == elsewhere.content
        # What the dead gateway had sent is worked off, and nobody takes its replies for his own.
        await until(lambda: redis.number("XLEN", "rewardd:chunks:cpu") == 0)


async def test_a_client_of_two_gateways_loses_nothing_when_one_is_killed(
    redis: RedisServer,
) -> None:
    async with worker(redis):
        with gateway(redis) as (lost, here), gateway(redis) as (_, there):
            await await_ready(here)
            await await_ready(there)
            async with AsyncClient([here, there], deadline_seconds=80) as client:
                samples = [Sample.model_validate(each) for each in SAMPLES]
                call = asyncio.create_task(
                    client.score(samples, reward=Recipe.model_validate(RECIPE))
                )
                await await_running(here)
                lost.kill()
                batch = await call
    assert batch.rewards == EXPECTED


def _kill(redis: RedisServer) -> None:
    redis.kill()


def _freeze(redis: RedisServer) -> None:
    redis.freeze()


def _start(redis: RedisServer) -> None:
    redis.start()


def _thaw(redis: RedisServer) -> None:
    redis.thaw()


Act = Callable[[RedisServer], None]


@pytest.mark.parametrize(
    ("fail", "recover"), [(_kill, _start), (_freeze, _thaw)], ids=["dead", "frozen"]
)
async def test_told_to_go_while_redis_is_away_a_gateway_and_a_worker_end_well_and_in_time(
    redis: RedisServer, fail: Act, recover: Act
) -> None:
    told = ("--redis", redis.url, "--drain-seconds", DRAIN_SECONDS)
    with (
        server(*told, "--degrade", "refuse", variables=VARIABLES) as (gateway_process, url),
        started("worker", *told, "--workers", 1, variables=VARIABLES) as worker_process,
    ):
        await await_ready(url)
        call = asyncio.create_task(post(url, "k"))
        await await_running(url)
        fail(redis)
        try:
            began = time.monotonic()
            gateway_process.terminate()
            worker_process.terminate()
            codes = [
                await asyncio.to_thread(process.wait, PATIENCE_SECONDS)
                for process in (gateway_process, worker_process)
            ]
            took_seconds = time.monotonic() - began
        finally:
            recover(redis)
        assert codes == [0, 0]
        # The engine kills after drain_seconds + 10; the rest is for a busy machine.
        assert took_seconds < DRAIN_SECONDS + 10 + 20
        answer = await call
    # Drained without an answer from the worker: unscored, never wrong.
    assert answer.status_code == 200
    assert set(rewards(answer)) <= {None, 0.0, 1.0}
    told_rewards = zip(rewards(answer), EXPECTED, strict=True)
    assert all(reward in {None, expected} for reward, expected in told_rewards)
