import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path

import pytest

from held_backend import HeldBackend
from redis_server import RedisServer, redis_server
from rewardd_client.schema import ScoreRequest
from rewardd_service.cache import Memory, VerdictCache
from rewardd_service.cache.redis import RedisShelf
from rewardd_service.composition import opened_cache
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Outcome, Scorer
from rewardd_service.settings import Settings
from rewardd_verifiers import Catalog

RequestOf = Callable[..., ScoreRequest]
KEYS = [bytes([number]) * 24 for number in range(8)]


@pytest.fixture
def redis() -> Generator[RedisServer]:
    with redis_server() as server:
        yield server


def patient_shelf(redis: RedisServer) -> RedisShelf:
    """Return a shelf that waits for its answers, however busy the machine that tests it."""
    return RedisShelf(redis.url, keep_seconds=60, read_seconds=30.0)


@pytest.fixture
async def shelf(redis: RedisServer) -> AsyncGenerator[RedisShelf]:
    opened = patient_shelf(redis)
    yield opened
    await opened.close()


async def _written(redis: RedisServer, keys: int) -> None:
    """Return when Redis holds so many keys."""
    async with asyncio.timeout(10):
        while redis.number("DBSIZE") < keys:  # noqa: ASYNC110  another process sets no event
            await asyncio.sleep(0.005)


async def test_entries_are_found_again_and_end(redis: RedisServer, shelf: RedisShelf) -> None:
    for key in KEYS[:4]:
        shelf.put(key, b"entry of " + key)
    await _written(redis, 4)
    assert await shelf.fetch(KEYS) == {key: b"entry of " + key for key in KEYS[:4]}
    assert 0 < redis.number("PTTL", b"rewardd:verdict:" + KEYS[0]) <= 60_000


async def test_what_a_gateway_puts_on_the_shelf_before_it_ends_is_there(
    redis: RedisServer,
) -> None:
    shelf = patient_shelf(redis)
    for key in KEYS:
        shelf.put(key, b"entry")
    await shelf.close()
    assert redis.number("DBSIZE") == len(KEYS)


async def test_a_frozen_redis_is_asked_once_and_then_left_alone(
    redis: RedisServer, shelf: RedisShelf
) -> None:
    shelf.put(KEYS[0], b"entry")
    await _written(redis, 1)
    redis.freeze()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(10):
            assert await shelf.fetch(KEYS) == {}
            started = loop.time()
            answers = [await shelf.fetch(KEYS) for _ in range(1000)]
        # A thousand questions would take 50 s if each were asked.
        assert loop.time() - started < 5
        assert answers == [{}] * 1000
    finally:
        redis.thaw()


async def test_a_redis_that_comes_back_is_asked_again(
    redis: RedisServer, shelf: RedisShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rewardd_service.cache.redis.SILENCE_SECONDS", (0.01, 0.01))
    quick = RedisShelf(redis.url, keep_seconds=60)
    redis.kill()
    assert await quick.fetch(KEYS) == {}
    redis.start()
    async with asyncio.timeout(20):
        while redis.number("DBSIZE") == 0:
            quick.put(KEYS[0], b"entry")
            await asyncio.sleep(0.02)
        while await quick.fetch(KEYS) != {KEYS[0]: b"entry"}:  # noqa: ASYNC110  it is timed
            await asyncio.sleep(0.02)
    await quick.close()
    assert await shelf.fetch([]) == {}


async def test_a_value_of_another_type_is_a_miss(redis: RedisServer, shelf: RedisShelf) -> None:
    redis.ask("RPUSH", b"rewardd:verdict:" + KEYS[0], "not", "an", "entry")
    assert await shelf.fetch(KEYS) == {}


async def test_gateways_share_verdicts_and_survive_the_loss_of_the_cache(
    redis: RedisServer, catalog: Catalog, request_of: RequestOf
) -> None:
    first, second, third = HeldBackend(), HeldBackend(), HeldBackend()
    request = request_of(*[(str(n), "7") for n in range(50)])
    rewards: list[list[float | None]] = []
    for backend in (first, second, third):
        backend.go.set()
        cache = VerdictCache(Memory(0), patient_shelf(redis), b"secret")
        outcome = await Scorer(backend, RecipeBook(catalog), None, cache).score(request)
        rewards.append([result["reward"] for result in outcome.results])
        await cache.close()
        if backend is second:
            redis.kill()
    assert [len(backend.started) for backend in (first, second, third)] == [50, 0, 50]
    assert rewards[0] == rewards[1] == rewards[2] == [float(n == 7) for n in range(50)]


@pytest.mark.parametrize(
    "poison",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x97\xff", id="short"),
        pytest.param(b"x" * 200, id="noise"),
        pytest.param(b"x" * 100_000, id="long"),
    ],
)
async def test_poisoned_entries_never_move_a_score(
    redis: RedisServer, catalog: Catalog, request_of: RequestOf, poison: bytes
) -> None:
    request = request_of(("1", "1"), ("2", "1"))
    first, second = HeldBackend(), HeldBackend()
    outcomes: list[Outcome] = []
    for backend in (first, second):
        backend.go.set()
        cache = VerdictCache(Memory(0), patient_shelf(redis), b"secret")
        outcomes.append(await Scorer(backend, RecipeBook(catalog), None, cache).score(request))
        await cache.close()
        _overwrite(redis, poison)
    assert sorted(second.started) == ["1", "2"]
    assert [result["reward"] for result in outcomes[1].results] == [1.0, 0.0]


def _overwrite(redis: RedisServer, value: bytes) -> None:
    listed = redis.ask("KEYS", "rewardd:verdict:*").split(b"rewardd:verdict:")[1:]
    answers = [redis.ask("SET", b"rewardd:verdict:" + part[:24], value) for part in listed]
    assert answers == [b"+OK\r\n"] * 2


async def test_the_settings_open_a_cache(redis: RedisServer) -> None:
    async with opened_cache(Settings(cache_url=redis.url)) as cache:  # pyright: ignore[reportArgumentType]  # pydantic takes text for a secret
        assert cache is not None
        assert cache.shares
    async with opened_cache(Settings()) as cache:
        assert cache is not None
        assert not cache.shares
    async with opened_cache(Settings(cache_bytes=0)) as cache:
        assert cache is None


async def test_an_url_that_is_none_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cache_url: "):
        async with opened_cache(Settings(cache_url=str(tmp_path))):  # pyright: ignore[reportArgumentType]  # pydantic takes text for a secret
            pass
