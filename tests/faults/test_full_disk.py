"""A disk that is full below Redis: it answers PING and takes no writes."""

import asyncio
from collections.abc import Iterator

import pytest

from redis_fleet import FakeNode, answers_of, chunk_of, gateway, until, worker
from redis_server import RedisServer, redis_server
from rewardd_client.schema import ScoreRequest
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_verifiers import Catalog

MATCH = [(0, 1.0, "match")]


@pytest.fixture
def durable() -> Iterator[RedisServer]:
    """Return a Redis that writes down what it is told, as the one of a fleet does."""
    with redis_server("--appendonly", "yes", "--appendfsync", "everysec") as server:
        yield server


async def test_with_a_pool_of_its_own_a_gateway_judges_on_and_comes_back(
    durable: RedisServer,
) -> None:
    near = FakeNode()
    async with worker(durable.url), gateway(durable.url, near, slots=2) as backend:
        await until(lambda: backend.degraded() is None)
        assert await answers_of(backend, chunk_of("ok")) == MATCH
        durable.fill_disk()
        await until(lambda: backend.degraded() is not None)
        assert await answers_of(backend, chunk_of("ok")) == MATCH
        assert near.starts == 1
        durable.free_disk()
        await until(lambda: backend.degraded() is None)
        assert await answers_of(backend, chunk_of("ok")) == MATCH
    assert near.starts == 1


async def test_without_one_it_refuses_what_is_new_and_keeps_what_is_out(
    durable: RedisServer,
) -> None:
    node = FakeNode(slots=1, held=True)
    async with worker(durable.url, node), gateway(durable.url, slots=1) as backend:
        out = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await node.begun.wait()
        durable.fill_disk()
        await until(lambda: backend.outage() is not None)
        request = ScoreRequest.model_validate(
            {"reward": "exact", "samples": [{"completion": "ok", "reference": "ok"}]}
        )
        with pytest.raises(BackendUnavailableError):
            await Scorer(backend, RecipeBook(Catalog())).score(request)
        node.gate.set()
        durable.free_disk()
        assert await out == MATCH
        await until(lambda: backend.outage() is None)
        assert await answers_of(backend, chunk_of("ok")) == MATCH
