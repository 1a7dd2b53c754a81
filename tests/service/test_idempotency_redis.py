"""Answers by Idempotency-Key, from one gateway to another through a Redis."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Iterator

import msgspec
import pytest

from gateway_fakes import Bench, batch, bench
from redis_server import RedisServer, redis_server
from rewardd_service.backends.archive import Kept
from rewardd_service.backends.redis import RedisArchive
from rewardd_service.composition import opened_archive
from rewardd_service.settings import Settings

DIGEST = bytes(32)


@pytest.fixture(scope="module")
def shared_redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def redis(shared_redis: RedisServer) -> RedisServer:
    shared_redis.ask("FLUSHALL")
    return shared_redis


@contextlib.asynccontextmanager
async def archive_in(
    redis: RedisServer, *, max_bytes: int = 1 << 20, keep_seconds: float = 60.0
) -> AsyncGenerator[RedisArchive]:
    archive = RedisArchive(redis.url, max_bytes=max_bytes, keep_seconds=keep_seconds)
    yield archive
    await archive.close()


@contextlib.asynccontextmanager
async def two_gateways(redis: RedisServer) -> AsyncGenerator[tuple[Bench, Bench]]:
    async with (
        archive_in(redis) as one,
        archive_in(redis) as other,
        bench(archive=one) as here,
        bench(archive=other) as there,
    ):
        yield here, there


@pytest.mark.parametrize(
    "accept", ["application/json", "application/msgpack", "application/x-ndjson"]
)
async def test_another_gateway_gives_the_answer_again(redis: RedisServer, accept: str) -> None:
    async with two_gateways(redis) as (here, there):
        first = await here.score(batch(("?", "1"), ("1", "1")), Idempotency_Key="k", Accept=accept)
        again = await there.score(batch(("?", "1"), ("1", "1")), Idempotency_Key="k", Accept=accept)
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["idempotency-replayed"] == "true"
        assert len(there.scorer.calls) == 0


async def test_other_bytes_under_the_same_key_are_a_conflict_everywhere(redis: RedisServer) -> None:
    async with two_gateways(redis) as (here, there):
        await here.score(batch(), Idempotency_Key="k")
        other = await there.score(batch(("2", "1")), Idempotency_Key="k")
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_of_two_gateways_at_once_both_give_the_answer_of_the_first(
    redis: RedisServer,
) -> None:
    async with two_gateways(redis) as (here, there):
        here.scorer.gate.clear()
        slow = asyncio.create_task(here.score(batch(), Idempotency_Key="k"))
        await here.scorer.started.acquire()
        there.scorer.groups = [{"group": "there", "size": 1, "scored": 1, "mean": 1.0, "std": 0.0}]
        quick = await there.score(batch(), Idempotency_Key="k")
        here.scorer.gate.set()
        assert (await slow).content == quick.content
        assert quick.json()["groups"][0]["group"] == "there"


async def test_of_two_different_requests_at_once_the_later_is_a_conflict(
    redis: RedisServer,
) -> None:
    async with two_gateways(redis) as (here, there):
        here.scorer.gate.clear()
        slow = asyncio.create_task(here.score(batch(), Idempotency_Key="k"))
        await here.scorer.started.acquire()
        assert (await there.score(batch(("2", "2")), Idempotency_Key="k")).status_code == 200
        here.scorer.gate.set()
        assert (await slow).json()["code"] == "idempotency_conflict"


async def test_what_was_refused_or_came_without_a_key_leaves_nothing(redis: RedisServer) -> None:
    async with two_gateways(redis) as (here, _):
        await here.score(batch())
        await here.score({"samples": "none"}, Idempotency_Key="k")
        assert redis.number("DBSIZE") == 0


async def test_neither_key_nor_tenant_is_told_to_redis(redis: RedisServer) -> None:
    async with archive_in(redis) as archive:
        await archive.keep("the-tenant", "the-key", Kept(DIGEST, b"{}"))
        names = redis.ask("KEYS", "*")
        assert b"the-" not in names
        assert names.count(b"rewardd:") == 3
        assert await archive.find("the-tenan", "tthe-key") is None


async def test_the_first_answer_stands(redis: RedisServer) -> None:
    async with archive_in(redis) as archive:
        first, second = Kept(DIGEST, b"first"), Kept(DIGEST, b"second")
        assert await archive.keep("t", "k", first) == first
        assert await archive.keep("t", "k", second) == first
        assert await archive.find("t", "k") == first


async def test_the_oldest_answers_make_room(redis: RedisServer) -> None:
    async with archive_in(redis, max_bytes=3000) as archive:
        for number in range(40):
            await archive.keep("t", str(number), Kept(DIGEST, b"x"))
        there = [await archive.find("t", str(number)) is not None for number in range(40)]
    assert (there[0], there[-1]) == (False, True)
    assert 5 < there.count(True) < 15
    assert redis.number("ZCARD", "rewardd:answers") == there.count(True)
    held = int(redis.ask("GET", "rewardd:answers:bytes").split(b"\r\n")[1])
    assert 0 < held <= 3000


async def test_an_answer_larger_than_all_room_is_not_kept(redis: RedisServer) -> None:
    async with archive_in(redis, max_bytes=100) as archive:
        kept = Kept(DIGEST, b"x")
        assert await archive.keep("t", "k", kept) == kept
    assert redis.number("DBSIZE") == 0


async def test_what_has_ended_is_neither_given_nor_counted(redis: RedisServer) -> None:
    async with archive_in(redis, keep_seconds=0.001) as archive:
        for number in range(20):
            await archive.keep("t", str(number), Kept(DIGEST, b"x"))
        async with asyncio.timeout(30):
            while await archive.find("t", "19") is not None:  # noqa: ASYNC110  Redis sets no event
                await asyncio.sleep(0.005)
        async with archive_in(redis) as patient:
            await patient.keep("t", "last", Kept(DIGEST, b"x"))
    assert redis.number("ZCARD", "rewardd:answers") == 1


def _entry(redis: RedisServer) -> bytes:
    (name,) = [one for one in redis.ask("KEYS", "*").split() if one.startswith(b"rewardd:answer:")]
    return name


HARMS: dict[str, Callable[[bytes], bytes]] = {
    "cut": lambda entry: entry[:-1],
    "flipped": lambda entry: entry[:10] + bytes([entry[10] ^ 1]) + entry[11:],
    "short": lambda entry: entry[:50],
    "empty": lambda _: b"",
    "of another format": lambda entry: b"\x02" + entry[1:],
    "doubled": lambda entry: entry + entry,
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
async def test_a_damaged_answer_is_none(redis: RedisServer, harm: Callable[[bytes], bytes]) -> None:
    async with archive_in(redis) as archive:
        await archive.keep("t", "k", Kept(DIGEST, b"an answer"))
        name = _entry(redis)
        content = redis.ask("GET", name).split(b"\r\n", 1)[1][:-2]
        redis.ask("SET", name, harm(content))
        assert await archive.find("t", "k") is None
        own = Kept(DIGEST, b"another")
        assert await archive.keep("t", "k", own) == own


async def test_a_bomb_is_not_unpacked(redis: RedisServer) -> None:
    async with archive_in(redis) as archive:
        await archive.keep("t", "k", Kept(DIGEST, bytes(1 << 20)))
        small = RedisArchive(redis.url, max_bytes=1, keep_seconds=1, max_answer_bytes=1 << 10)
        assert await small.find("t", "k") is None
        await small.close()
        assert await archive.find("t", "k") is not None


async def test_while_redis_hangs_requests_are_answered_and_then_kept_again(
    redis: RedisServer,
) -> None:
    async with two_gateways(redis) as (here, there):
        redis.freeze()
        try:
            during = await here.score(batch(), Idempotency_Key="during")
            again = await here.score(batch(), Idempotency_Key="during")
        finally:
            redis.thaw()
        assert (during.status_code, again.headers["idempotency-replayed"]) == (200, "true")
        async with asyncio.timeout(60):
            number = 0
            while b"rewardd" not in redis.ask("KEYS", "*"):
                number += 1
                await here.score(batch(), Idempotency_Key=f"after-{number}")
        again = await there.score(batch(), Idempotency_Key=f"after-{number}")
        assert again.headers["idempotency-replayed"] == "true"


async def test_large_answers_pass_as_well(redis: RedisServer) -> None:
    async with archive_in(redis, max_bytes=64 << 20) as archive:
        answer = msgspec.json.encode([{"reward": i / 7} for i in range(100_000)])
        await archive.keep("t", "k", Kept(DIGEST, answer))
        found = await archive.find("t", "k")
    assert found is not None
    assert json.loads(found.answer) == json.loads(answer)


async def test_a_gateway_without_redis_has_nothing_to_share() -> None:
    async with opened_archive(Settings()) as archive:
        assert archive is None
