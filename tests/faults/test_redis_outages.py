"""Redis frozen, killed, emptied, slow, cut: fail fast or judge here; back without a human.

Times are bounded loosely, as the machine may be busy: the benchmark measures them.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator

import pytest

from fault_proxy import FaultProxy, fault_proxy
from redis_fleet import (
    FakeNode,
    answers_of,
    chunk_of,
    gateway,
    reasons,
    slots_seen,
    until,
    worker,
)
from redis_server import RedisServer
from rewardd_client.schema import ScoreRequest
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_verifiers import Catalog, Need

LOOSELY_SECONDS = 20.0
MATCH = [(0, 1.0, "match")]


def _killed(redis: RedisServer) -> None:
    redis.kill()


def _frozen(redis: RedisServer) -> None:
    redis.freeze()


def _back(redis: RedisServer) -> None:
    redis.thaw()


def _back_empty(redis: RedisServer) -> None:
    redis.start()


Act = Callable[[RedisServer], None]
OUTAGES: list[tuple[Act, Act]] = [(_killed, _back_empty), (_frozen, _back)]


@pytest.fixture
def mortal(redis: RedisServer) -> Iterator[RedisServer]:
    """Return a Redis that the test may kill: it is made anew."""
    yield redis
    redis.kill()
    redis.start()


@pytest.fixture
async def proxy(redis: RedisServer) -> AsyncGenerator[FaultProxy]:
    async with fault_proxy(str(redis.socket)) as opened:
        yield opened


@pytest.mark.parametrize(("fail", "recover"), OUTAGES, ids=["killed", "frozen"])
async def test_with_a_pool_of_its_own_a_gateway_judges_on(
    mortal: RedisServer, fail: Act, recover: Act
) -> None:
    far, near = FakeNode(slots=1, held=True), FakeNode(slots=3)
    async with worker(mortal.url, far), gateway(mortal.url, near, slots=1) as backend:
        await until(lambda: backend.slots() == {Need.CPU: 1})
        out = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await far.begun.wait()
        fail(mortal)
        began = time.monotonic()
        assert await out == MATCH
        assert await answers_of(backend, chunk_of("ok")) == MATCH
        assert time.monotonic() - began < LOOSELY_SECONDS
        assert (near.starts, backend.ready()) == (2, None)
        assert "redis does not serve" in str(backend.degraded())
        assert (backend.outage(), backend.slots()) == (None, {Need.CPU: 3})
        assert reasons(await answers_of(backend, chunk_of("ok"), Need.SANDBOX)) == [
            "sandbox_unavailable"
        ]
        far.gate.set()
        recover(mortal)
        await until(lambda: backend.degraded() is None)
        before = far.starts
        assert await answers_of(backend, chunk_of("ok")) == MATCH
        assert (far.starts > before, near.starts) == (True, 2)


@pytest.mark.parametrize(("fail", "recover"), OUTAGES, ids=["killed", "frozen"])
async def test_without_one_it_refuses_new_requests_and_keeps_the_old_ones(
    mortal: RedisServer, fail: Act, recover: Act
) -> None:
    node = FakeNode(slots=1, held=True)
    async with worker(mortal.url, node), gateway(mortal.url, slots=1) as backend:
        out = [asyncio.create_task(answers_of(backend, chunk_of("ok"))) for _ in range(2)]
        await node.begun.wait()
        fail(mortal)
        began = time.monotonic()
        await until(lambda: backend.outage() is not None)
        assert time.monotonic() - began < LOOSELY_SECONDS
        assert backend.ready() is not None
        scorer = Scorer(backend, RecipeBook(Catalog()))
        request = ScoreRequest.model_validate(
            {"reward": "exact", "samples": [{"completion": "ok", "reference": "ok"}]}
        )
        with pytest.raises(BackendUnavailableError, match="redis"):
            await scorer.score(request)
        node.gate.set()
        recover(mortal)
        assert await asyncio.gather(*out) == [MATCH] * 2
        await until(lambda: backend.outage() is None)
        assert await answers_of(backend, chunk_of("ok")) == MATCH


async def test_a_gateway_and_a_worker_start_before_redis_does(mortal: RedisServer) -> None:
    mortal.kill()
    async with worker(mortal.url) as node, gateway(mortal.url) as backend:
        assert "redis does not serve" in str(backend.outage())
        assert "redis does not serve" in str(node.trouble())
        mortal.start()
        await until(lambda: slots_seen(backend) == 2)
        assert await answers_of(backend, chunk_of("ok")) == MATCH


async def test_a_redis_that_takes_no_writes_is_an_outage(redis: RedisServer) -> None:
    async with worker(redis.url), gateway(redis.url, FakeNode(), slots=2) as backend:
        await until(lambda: backend.degraded() is None)
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        try:
            await until(lambda: backend.degraded() is not None)
            assert await answers_of(backend, chunk_of("ok")) == MATCH
        finally:
            redis.ask("CONFIG", "SET", "maxmemory", "0")
        await until(lambda: backend.degraded() is None)


async def test_a_slow_redis_is_no_outage(proxy: FaultProxy) -> None:
    async with worker(proxy.url), gateway(proxy.url, slots=2) as backend:
        proxy.delay_seconds = 0.05
        many = await asyncio.gather(*(answers_of(backend, chunk_of("ok")) for _ in range(8)))
        assert backend.outage() is None
    assert many == [MATCH] * 8


@pytest.mark.parametrize("end", [0, 4, 40], ids=["before", "in the head", "in the middle"])
async def test_a_connection_cut_in_a_reply_loses_no_answer(
    redis: RedisServer, proxy: FaultProxy, end: int
) -> None:
    async with worker(redis.url), gateway(proxy.url, slots=2) as backend:

        def cut(packet: bytes) -> int | None:
            is_reply = b"rewardd:replies" in packet and proxy.cuts == 0
            return end if is_reply else None

        proxy.cut = cut
        assert await answers_of(backend, chunk_of("ok")) == MATCH
    assert proxy.cuts >= 1


@pytest.mark.parametrize("fault", ["cut", "half-close"])
async def test_all_connections_of_a_worker_end_and_its_work_does_not(
    redis: RedisServer, proxy: FaultProxy, fault: str
) -> None:
    node = FakeNode(slots=1, held=True)
    async with worker(proxy.url, node), gateway(redis.url, slots=1) as backend:
        out = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await node.begun.wait()
        {"cut": proxy.cut_all, "half-close": proxy.half_close}[fault]()
        node.gate.set()
        assert await out == MATCH
        assert await answers_of(backend, chunk_of("ok")) == MATCH


async def test_a_network_that_says_nothing_any_more_is_an_outage(
    redis: RedisServer, proxy: FaultProxy
) -> None:
    near = FakeNode()
    async with worker(redis.url), gateway(proxy.url, near, slots=2) as backend:
        await until(lambda: backend.degraded() is None)
        proxy.flowing.clear()
        assert await answers_of(backend, chunk_of("ok")) == MATCH
        assert near.starts == 1
        proxy.flowing.set()
        await until(lambda: backend.degraded() is None)


async def test_a_worker_cut_off_for_long_finds_its_work_done_by_others(
    redis: RedisServer, proxy: FaultProxy
) -> None:
    cut_off, other = FakeNode(slots=1, held=True), FakeNode(slots=1)
    async with worker(proxy.url, cut_off), gateway(redis.url, slots=1) as backend:
        out = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await cut_off.begun.wait()
        proxy.flowing.clear()
        async with worker(redis.url, other):
            assert await out == MATCH
            assert other.starts == 1
            proxy.flowing.set()
            cut_off.gate.set()
            await until(lambda: redis.number("XLEN", "rewardd:chunks:cpu") == 0)
            assert await answers_of(backend, chunk_of("ok")) == MATCH
