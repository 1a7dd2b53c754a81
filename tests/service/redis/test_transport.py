import asyncio
import contextlib
import dataclasses

import msgspec
import pytest

from redis_fleet import (
    HURRY,
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
from rewardd_service.backends.redis import WorkerNode
from rewardd_service.backends.redis.parcel import (
    PROTOCOL,
    Outcome,
    Parcel,
    Reply,
    encode,
    read_reply,
)
from rewardd_service.backends.redis.post import Fate, Post
from rewardd_service.backends.redis.store import Store, open_broker
from rewardd_service.frames import encode_chunk
from rewardd_service.job import Answer, Setup
from rewardd_service.metrics import Metrics
from rewardd_verifiers import Need

CPU = "rewardd:chunks:cpu"
LIST = "rewardd:replies:test"


def _in_stream(redis: RedisServer) -> int:
    return redis.number("XLEN", CPU)


def _pending(redis: RedisServer) -> int:
    answer = redis.ask("XPENDING", CPU, "workers")
    return int(answer.split(b"\r\n")[1][1:])


def _parcel(protocol: int = PROTOCOL, versions: dict[str, int] | None = None) -> bytes:
    chunk = msgspec.Raw(encode_chunk(chunk_of("ok")))
    return encode(Parcel(protocol, "p1", LIST, versions or {}, {}, chunk))


async def _reply(redis: RedisServer) -> Reply:
    """Return the reply that is pushed to our own list."""
    await until(lambda: redis.number("LLEN", LIST) == 1)
    _, payload = redis.ask("LPOP", LIST).split(b"\r\n", 1)
    return read_reply(payload[:-2])


async def test_a_chunk_that_was_sent_before_any_group_was_made_is_run(redis: RedisServer) -> None:
    redis.ask("XADD", CPU, "*", "__data__", _parcel())
    async with worker(redis.url):
        reply = await _reply(redis)
    assert [answer.reason for answer in reply.answers] == ["match"]


async def test_what_is_pending_is_what_runs_and_the_stream_holds_no_more(
    redis: RedisServer,
) -> None:
    held = FakeNode(slots=2, held=True)
    async with worker(redis.url, held), gateway(redis.url, slots=2) as backend:
        calls = [asyncio.create_task(answers_of(backend, chunk_of("ok"))) for _ in range(4)]
        await until(lambda: _in_stream(redis) == 4 and held.starts == 2)
        assert _pending(redis) == 2
        held.gate.set()
        answers = await asyncio.gather(*calls)
        await until(lambda: _in_stream(redis) == 0)
    assert answers == [[(0, 1.0, "match")]] * 4
    assert held.starts == 4


async def test_many_chunks_at_once_share_few_connections(redis: RedisServer) -> None:
    async with worker(redis.url), gateway(redis.url, slots=2) as backend:
        many = await asyncio.gather(*(answers_of(backend, chunk_of("ok")) for _ in range(300)))
        clients = redis.ask("CLIENT", "LIST").count(b"id=")
    assert many == [[(0, 1.0, "match")]] * 300
    assert clients < 64


async def test_an_emptied_redis_is_made_anew_while_a_chunk_waits(redis: RedisServer) -> None:
    node = FakeNode(slots=1, held=True)
    async with worker(redis.url, node), gateway(redis.url, slots=1) as backend:
        calls = [asyncio.create_task(answers_of(backend, chunk_of("ok"))) for _ in range(2)]
        await until(lambda: _in_stream(redis) == 2 and node.starts == 1)
        redis.ask("FLUSHALL")
        node.gate.set()
        assert await asyncio.gather(*calls) == [[(0, 1.0, "match")]] * 2


async def test_a_reply_that_is_lost_on_the_way_has_its_chunk_sent_again(
    redis: RedisServer,
) -> None:
    node = FakeNode(slots=1, held=True)
    async with worker(redis.url, node), gateway(redis.url, slots=1) as backend:
        call = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await node.begun.wait()
        redis.ask("XTRIM", CPU, "MAXLEN", "0")  # as if it had been answered and deleted
        await until(lambda: _in_stream(redis) == 1)
        node.gate.set()
        assert await call == [(0, 1.0, "match")]


async def test_a_chunk_that_runs_longer_than_the_idle_limit_runs_once(redis: RedisServer) -> None:
    slow, other = FakeNode(slots=1, held=True), FakeNode(slots=1)
    async with worker(redis.url, slow), gateway(redis.url, slots=1) as backend:
        call = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await slow.begun.wait()
        async with worker(redis.url, other):
            # How long the chunk takes is what is tested.
            await asyncio.sleep(3 * HURRY.idle)
            slow.gate.set()
            assert await call == [(0, 1.0, "match")]
    assert (slow.starts, other.starts) == (1, 0)


async def test_a_reply_is_handed_in_before_its_entry_is_given_up(redis: RedisServer) -> None:
    redis.ask("CONFIG", "SET", "slowlog-log-slower-than", "0")
    redis.ask("CONFIG", "SET", "slowlog-max-len", "4096")
    redis.ask("SLOWLOG", "RESET")
    async with worker(redis.url), gateway(redis.url, slots=2) as backend:
        await answers_of(backend, chunk_of("ok"))
        await until(lambda: _in_stream(redis) == 0)
        log = redis.ask("SLOWLOG", "GET", "4096")
    redis.ask("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    # The log begins with what came last.
    order = [log.index(command) for command in (b"XDEL", b"XACK", b"PEXPIRE", b"RPUSH")]
    assert order == sorted(order)


async def test_a_list_of_replies_expires_also_after_it_was_emptied(redis: RedisServer) -> None:
    async with worker(redis.url):
        for _ in range(2):
            redis.ask("XADD", CPU, "*", "__data__", _parcel())
            await until(lambda: redis.number("LLEN", LIST) == 1)
            await until(lambda: redis.number("PTTL", LIST) > 0)
            redis.ask("DEL", LIST)


async def test_the_window_is_twice_the_slots(redis: RedisServer) -> None:
    async with worker(redis.url), gateway(redis.url, slots=2) as backend:
        assert (backend.slots(), backend.window()) == ({Need.CPU: 2}, {Need.CPU: 4})


async def test_a_cancelled_chunk_that_nobody_has_taken_vanishes(redis: RedisServer) -> None:
    node = FakeNode(slots=1, held=True)
    async with worker(redis.url, node), gateway(redis.url, slots=1) as backend:
        first = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await node.begun.wait()
        second = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await until(lambda: _in_stream(redis) == 2)
        second.cancel()
        await until(lambda: _in_stream(redis) == 1)
        node.gate.set()
        assert await first == [(0, 1.0, "match")]
        with contextlib.suppress(asyncio.CancelledError):
            await second
    assert node.starts == 1


async def test_nothing_of_a_request_stays_in_redis(redis: RedisServer) -> None:
    async with worker(redis.url), gateway(redis.url, slots=2) as backend:
        await answers_of(backend, chunk_of("a completion", "ok"))
        await until(lambda: _in_stream(redis) == 0)
    kept = redis.ask("KEYS", "*")
    assert b"replies" not in kept
    assert redis.number("XLEN", CPU) == 0
    assert b"rewardd:worker:" not in kept


@pytest.mark.parametrize("remaining", [5.0, 60.0])
async def test_an_entry_ages_by_the_clock_of_redis_alone(
    redis: RedisServer, remaining: float
) -> None:
    seconds = int(redis.ask("TIME").split(b"\r\n")[2])
    old = f"{(seconds - 30) * 1000}-0"
    chunk = msgspec.Raw(encode_chunk(chunk_of("ok", seconds=remaining)))
    redis.ask("XADD", CPU, old, "__data__", encode(Parcel(PROTOCOL, "p1", LIST, {}, {}, chunk)))
    node = FakeNode()
    async with worker(redis.url, node):
        await _reply(redis)
    ((_, received),) = node.chunks
    assert received.remaining_seconds <= max(0.0, remaining - 30)
    assert received.remaining_seconds > remaining - 60


@pytest.mark.parametrize("step_seconds", [3600, 86_400], ids=["an hour", "a day"])
async def test_a_clock_of_redis_that_steps_back_gives_no_time_and_takes_none(
    redis: RedisServer, step_seconds: int
) -> None:
    node = FakeNode()
    async with worker(redis.url, node), gateway(redis.url, slots=2) as backend:
        seconds = int(redis.ask("TIME").split(b"\r\n")[2])
        ahead = f"{(seconds + step_seconds) * 1000}-0"
        chunk = msgspec.Raw(encode_chunk(chunk_of("ok", seconds=5.0)))
        redis.ask(
            "XADD", CPU, ahead, "__data__", encode(Parcel(PROTOCOL, "p1", LIST, {}, {}, chunk))
        )
        await _reply(redis)
        # Ids go on from the one ahead, and so do chunks.
        assert await answers_of(backend, chunk_of("ok")) == [(0, 1.0, "match")]
    (_, received), _ = node.chunks
    assert received.remaining_seconds == 5.0


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (_parcel(protocol=99), "protocol 99"),
        (_parcel(versions={"exact": 2}), "exact@2"),
        (_parcel(versions={"unheard-of": 1}), "unheard-of@1"),
        (
            encode(
                Parcel(PROTOCOL, "p1", LIST, {}, {0: "ab"}, msgspec.Raw(encode_chunk(chunk_of())))
            ),
            "ab",
        ),
        (encode(Parcel(PROTOCOL, "p1", LIST, {}, {}, msgspec.Raw(b"\xc0"))), "not a chunk"),
    ],
    ids=["protocol", "version", "verifier", "reference", "chunk"],
)
async def test_a_worker_refuses_what_it_would_judge_wrongly(
    redis: RedisServer, payload: bytes, words: str
) -> None:
    node = FakeNode()
    async with worker(redis.url, node):
        redis.ask("XADD", CPU, "*", "__data__", payload)
        reply = await _reply(redis)
    assert (reply.outcome, node.starts) == (Outcome.REFUSED, 0)
    assert words in reply.detail


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff" * 64,
        b"[1]",
        encode(Parcel(PROTOCOL, "p", "rewardd:roster", {}, {}, msgspec.Raw(b"0"))),
    ],
    ids=["empty", "noise", "json", "reply elsewhere"],
)
async def test_what_is_no_parcel_is_dropped_and_the_next_one_runs(
    redis: RedisServer, payload: bytes
) -> None:
    async with worker(redis.url, FakeNode(slots=1)):
        redis.ask("XADD", CPU, "*", "__data__", payload)
        redis.ask("XADD", CPU, "*", "__data__", _parcel())
        assert (await _reply(redis)).outcome is Outcome.DONE
        await until(lambda: _in_stream(redis) == 0)


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [Answer(0, 1.0, "match")] * 2,
        [Answer(1, 1.0, "match")],
        [Answer(0, 2.0, "match")],
        [Answer(0, float("nan"), "match")],
        [Answer(0, 1.0, "timeout")],
        [Answer(0, None, "match")],
        [Answer(0, None, "skipped")],
        [Answer(0, 0.0, "no such reason")],
    ],
    ids=[
        "none",
        "twice",
        "another job",
        "2",
        "nan",
        "scored loss",
        "unscored",
        "skipped",
        "reason",
    ],
)
async def test_a_reply_that_is_no_verdict_is_not_believed(
    redis: RedisServer, answers: list[Answer]
) -> None:
    node = FakeNode(slots=1, held=True)
    async with worker(redis.url, node), gateway(redis.url, slots=1) as backend:
        call = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await node.begun.wait()
        ((_, lists),) = [redis.ask("KEYS", "rewardd:gateway:*").split(b"\r\n", 1)]
        gateway_id = lists.split(b"\r\n")[1].rpartition(b":")[2]
        replies = b"rewardd:replies:" + gateway_id
        entry = redis.ask("XRANGE", CPU, "-", "+")
        parcel_id = entry[entry.index(b"correlation_id") + 16 :][:24].decode()
        redis.ask("RPUSH", replies, b"noise")
        redis.ask("RPUSH", replies, encode(Reply(parcel_id, Outcome.DONE, answers=answers)))
        await until(lambda: _in_stream(redis) == 2)  # asked again
        node.gate.set()
        assert await call == [(0, 1.0, "match")]


async def test_a_chunk_that_ends_whole_workers_is_taken_apart(redis: RedisServer) -> None:
    async with gateway(redis.url) as backend:
        async with worker(redis.url, FakeNode(slots=1)):
            await until(lambda: slots_seen(backend) == 1)
        call = asyncio.create_task(answers_of(backend, chunk_of("ok", "no")))
        await until(lambda: _in_stream(redis) == 1)
        for number in range(3):  # consumers that take it and are heard of no more
            who = f"dead-{number}"
            redis.ask("XREADGROUP", "GROUP", "workers", who, "STREAMS", CPU, ">")
            entry = redis.ask("XRANGE", CPU, "-", "+").split(b"\r\n")[3]
            redis.ask("XCLAIM", CPU, "workers", who, "0", entry, "IDLE", "99999")
        async with worker(redis.url, FakeNode(slots=1)):
            assert sorted(await call) == [(0, 1.0, "match"), (1, 0.0, "mismatch")]


async def test_a_worker_that_goes_leaves_its_work_to_others_at_once(redis: RedisServer) -> None:
    node = FakeNode(slots=1, held=True)
    async with gateway(redis.url) as backend:
        leaving = WorkerNode(redis.url, node, rhythm=dataclasses.replace(HURRY, drain=0.2))
        await leaving.start()
        await until(lambda: slots_seen(backend) == 1)
        call = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await node.begun.wait()
        await leaving.close()
        async with worker(redis.url, FakeNode(slots=1)):
            assert await call == [(0, 1.0, "match")]


async def test_consumers_of_dead_workers_are_forgotten(redis: RedisServer) -> None:
    broker = open_broker(redis.url, HURRY)
    try:
        store = Store(await broker.connect())
        await store.ensure_group(CPU)
        redis.ask("XGROUP", "CREATECONSUMER", CPU, "workers", "empty")
        redis.ask("XADD", CPU, "*", "a", "b")
        redis.ask("XREADGROUP", "GROUP", "workers", "holds", "STREAMS", CPU, ">")
        await until(lambda: b"empty" in redis.ask("XINFO", "CONSUMERS", CPU, "workers"))
        await asyncio.sleep(0.01)  # consumers age in milliseconds
        await store.forget_consumers(CPU, idle_seconds=0.001)
        left = redis.ask("XINFO", "CONSUMERS", CPU, "workers")
    finally:
        await broker.stop()
    assert (b"empty" in left, b"holds" in left) == (False, True)


async def test_setups_are_inspected_by_a_worker(redis: RedisServer) -> None:
    async with worker(redis.url), gateway(redis.url, slots=2) as backend:
        setups = [Setup("exact", {}), Setup("exact", {"wrong": 1})]
        reports = await backend.inspect(Need.CPU, setups)
        cards = await backend.describe()
    assert [report.error is None for report in reports] == [True, False]
    assert [card.name for card in cards] == ["exact"]


async def test_a_chunk_that_cannot_be_sent_is_a_fault(redis: RedisServer) -> None:
    async with worker(redis.url), gateway(redis.url, slots=2) as backend:
        assert reasons(await answers_of(backend, chunk_of("\ud800"))) == ["fault"]


async def test_a_post_gives_up_what_vanishes_each_time(redis: RedisServer) -> None:
    broker = open_broker(redis.url, HURRY)
    try:
        store = Store(await broker.connect())
        post = Post(broker, store, Metrics(), HURRY, dict)
        asked = asyncio.create_task(
            post.ask(Need.CPU, chunk_of("ok"), asyncio.get_running_loop().time() + 60)
        )
        await until(lambda: redis.number("EXISTS", CPU) == 1)

        async def vanished() -> bool:
            redis.ask("XTRIM", CPU, "MAXLEN", "0")
            await post.sweep()
            return asked.done()

        await until(vanished)
        assert await asked is Fate.VANISHED
    finally:
        await broker.stop()
