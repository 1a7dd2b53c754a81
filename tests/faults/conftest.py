from collections.abc import Iterator

import pytest

from redis_server import RedisServer, redis_server


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    """Return a Redis that holds nothing."""
    shared_redis.ask("FLUSHALL")
    return shared_redis
