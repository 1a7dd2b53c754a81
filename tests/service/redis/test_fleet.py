import asyncio
from collections.abc import AsyncGenerator

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
from rewardd_service.backends import Deliver
from rewardd_service.backends.redis import WorkerNode, names
from rewardd_service.backends.redis.fleet import Fleet
from rewardd_service.backends.redis.parcel import PROTOCOL
from rewardd_service.backends.redis.references import (
    LARGE_BYTES,
    Larder,
    MissingReferenceError,
    deposit,
)
from rewardd_service.backends.redis.roster import Member, Offer, Roster, disagreement
from rewardd_service.backends.redis.sharing import Sharing
from rewardd_service.backends.redis.store import Store, open_broker
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool import WorkerPool
from rewardd_verifiers import Need


@pytest.fixture
async def store(redis: RedisServer) -> AsyncGenerator[Store]:
    broker = open_broker(redis.url, HURRY)
    yield Store(await broker.connect())
    await broker.stop()


def _member(name: str, *, serving: bool = True, slots: int = 2, **versions: int) -> Member:
    return Member(name, Offer(PROTOCOL, {"cpu": slots}, versions), serving)


@pytest.mark.parametrize(
    ("other", "agrees"),
    [
        (_member("a", exact=1), True),
        (_member("a", exact=2), False),
        (_member("a", exact=2, serving=False), True),
        (_member("a", math=9), True),
        (_member("a"), True),
    ],
    ids=["same", "another version", "one that waits", "another verifier", "none"],
)
def test_who_serves_decides_the_versions(other: Member, *, agrees: bool) -> None:
    offer = Offer(PROTOCOL, {"cpu": 1}, {"exact": 1, "format": 3})
    assert (disagreement(offer, [other]) is None) is agrees


def test_a_fleet_counts_who_serves_in_our_protocol() -> None:
    stranger = Member("d", Offer(PROTOCOL + 1, {"cpu": 8}, {}), serving=True)
    unheard = Member("e", Offer(PROTOCOL, {"telepathy": 8}, {}), serving=True)
    fleet = Fleet(grace_seconds=1)
    fleet.look([_member("a"), _member("b", slots=3), _member("c", serving=False)], 0)
    assert (fleet.slots(), fleet.window()) == ({Need.CPU: 5}, {Need.CPU: 10})
    fleet.look([_member("a"), stranger, unheard], 1)
    assert fleet.slots() == {Need.CPU: 2}


def test_a_need_is_lost_only_after_a_while_and_an_outage_does_not_count() -> None:
    fleet = Fleet(grace_seconds=10)
    fleet.look([_member("a", exact=1)], 0)
    assert (fleet.look([], 9), fleet.slots()) == ([], {Need.CPU: 2})
    fleet.forgive(100)
    assert (fleet.look([], 109), fleet.slots()) == ([], {Need.CPU: 2})
    assert (fleet.look([], 111), fleet.slots()) == ([Need.CPU], {})
    assert fleet.versions == {"exact": 1}


def test_who_leaves_takes_no_more_but_is_waited_for() -> None:
    fleet = Fleet(grace_seconds=10)
    gone = Member("a", _member("a").offer, serving=True, leaving=True)
    fleet.look([_member("a"), _member("b", slots=3)], 0)
    fleet.look([gone, _member("b", slots=3)], 1)
    assert fleet.slots() == {Need.CPU: 3}
    assert (fleet.look([gone], 100), fleet.slots()) == ([], {Need.CPU: 3})
    assert fleet.look([], 111) == [Need.CPU]


async def test_a_worker_with_another_version_waits_until_the_others_are_gone(
    redis: RedisServer,
) -> None:
    async with gateway(redis.url) as backend:
        old = WorkerNode(redis.url, FakeNode(version=1), rhythm=HURRY)
        await old.start()
        await until(lambda: slots_seen(backend) == 2)
        newer = FakeNode(version=2)
        async with worker(redis.url, newer) as new:
            assert "exact@1" in str(new.trouble())
            many = await asyncio.gather(*(answers_of(backend, chunk_of("ok")) for _ in range(20)))
            assert newer.starts == 0
            await old.close()
            await until(lambda: new.trouble() is None)
            assert await answers_of(backend, chunk_of("ok")) == [(0, 1.0, "match")]
    assert many == [[(0, 1.0, "match")]] * 20
    assert newer.starts == 1


async def test_of_two_that_come_at_once_with_different_versions_one_serves(store: Store) -> None:
    roster = Roster(store, forget_seconds=30)
    offers = [Offer(PROTOCOL, {"cpu": 1}, {"exact": number}) for number in range(8)]
    joined = await asyncio.gather(
        *(roster.join(f"w{number}", offer, []) for number, offer in enumerate(offers))
    )
    serving = [member.id for member in await roster.members() if member.serving]
    assert [trouble is None for trouble in joined].count(True) == 1
    assert len(serving) == 1


async def test_who_gives_no_sign_of_life_is_struck_off(store: Store, redis: RedisServer) -> None:
    roster = Roster(store, forget_seconds=0.05)
    assert await roster.join("w", Offer(PROTOCOL, {"cpu": 1}, {}), []) is None
    await until(lambda: redis.number("EXISTS", names.worker("w")) == 0)
    assert await roster.members() == []
    assert redis.number("SCARD", names.ROSTER) == 0
    assert not await roster.beat("w")


async def test_what_a_later_version_of_us_wrote_is_passed_over(
    store: Store, redis: RedisServer
) -> None:
    redis.ask("SADD", names.ROSTER, "odd")
    redis.ask("HSET", names.worker("odd"), "offer", b"\xc1", "state", "serving", "cards", b"\xc1")
    roster = Roster(store, forget_seconds=30)
    await roster.join("w", Offer(PROTOCOL, {"cpu": 1}, {}), [])
    assert [member.id for member in await roster.members()] == ["w"]
    assert await roster.cards() == []


async def test_without_a_worker_there_is_no_verdict_and_no_zero(redis: RedisServer) -> None:
    async with gateway(redis.url) as backend:
        assert backend.ready() == "no worker has joined"
        assert reasons(await answers_of(backend, chunk_of("ok"))) == ["worker_lost"]
        sandbox = await answers_of(backend, chunk_of("ok"), Need.SANDBOX)
    assert reasons(sandbox) == ["sandbox_unavailable"]


async def test_when_the_last_worker_dies_what_waits_is_answered(redis: RedisServer) -> None:
    async with gateway(redis.url) as backend:
        node = WorkerNode(redis.url, FakeNode(held=True), rhythm=HURRY)
        await node.start()
        await until(lambda: slots_seen(backend) == 2)
        redis.ask("XGROUP", "CREATE", "rewardd:chunks:cpu", "workers", "0", "MKSTREAM")
        await node.close()
        assert reasons(await answers_of(backend, chunk_of("ok"))) == ["worker_lost"]


class _Sick(FakeNode):
    """Has lost its processes: what it answers is its own failure."""

    def __init__(self) -> None:
        super().__init__(slots=1)
        self.sick = False

    def ready(self) -> str | None:
        return "all processes die" if self.sick else None

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        del need, chunk
        self.begun.set()
        self.sick = True
        deliver([Answer(0, None, "worker_lost")])


async def test_the_losses_of_a_sick_worker_are_no_verdict_while_others_are_well(
    redis: RedisServer,
) -> None:
    sick = _Sick()
    async with worker(redis.url, sick), gateway(redis.url, slots=1) as backend:
        call = asyncio.create_task(answers_of(backend, chunk_of("ok")))
        await sick.begun.wait()
        async with worker(redis.url):
            assert await call == [(0, 1.0, "match")]


async def test_what_all_workers_refuse_is_a_fault_and_no_zero(redis: RedisServer) -> None:
    async with worker(redis.url), gateway(redis.url, slots=2) as backend:
        await until(lambda: redis.number("SCARD", names.ROSTER) == 1)
        # As if the fleet had changed behind the worker's back.
        members = redis.ask("SMEMBERS", names.ROSTER).split(b"\r\n")[2].decode()
        offer = msgspec.msgpack.encode(Offer(PROTOCOL, {"cpu": 2}, {"exact": 2}))
        redis.ask("HSET", names.worker(members), "offer", offer)

        async def refused() -> bool:
            return reasons(await answers_of(backend, chunk_of("ok"))) == ["fault"]

        await until(refused)  # once the gateway has looked
        with pytest.raises(BackendUnavailableError):
            await backend.inspect(Need.CPU, [Setup("exact", {})])


async def test_a_gateway_asks_its_own_pool_while_there_is_no_worker(redis: RedisServer) -> None:
    async with gateway(redis.url, FakeNode(version=4)) as backend:
        (report,) = await backend.inspect(Need.CPU, [Setup("exact", {})])
        (card,) = await backend.describe()
        assert (report.error, card.version) == (None, 4)
        assert await answers_of(backend, chunk_of("ok")) == [(0, 1.0, "match")]
        assert backend.degraded() == "no worker has joined"


async def test_without_pool_and_workers_nobody_can_be_asked(redis: RedisServer) -> None:
    async with gateway(redis.url) as backend:
        with pytest.raises(BackendUnavailableError, match="no worker"):
            await backend.inspect(Need.CPU, [Setup("exact", {})])
        with pytest.raises(BackendUnavailableError, match="no worker"):
            await backend.describe()
        assert backend.outage() is None
    assert backend.ready() == "closed"


async def test_a_pool_of_another_version_does_not_step_in(redis: RedisServer) -> None:
    near = FakeNode(version=2)
    async with gateway(redis.url, near) as backend:
        far = WorkerNode(redis.url, FakeNode(version=1), rhythm=HURRY)
        await far.start()
        await until(lambda: backend.degraded() is None)
        assert await answers_of(backend, chunk_of("ok")) == [(0, 1.0, "match")]
        await far.close()
        await until(lambda: backend.degraded() is not None)
        assert reasons(await answers_of(backend, chunk_of("ok"))) == ["worker_lost"]
    assert near.starts == 0


async def test_late_for_its_deadline_a_chunk_is_answered_all_the_same(redis: RedisServer) -> None:
    node = FakeNode(held=True)
    async with worker(redis.url, node), gateway(redis.url, slots=2) as backend:
        assert reasons(await answers_of(backend, chunk_of("ok", seconds=0.3))) == ["deadline"]
        node.gate.set()


async def test_a_closed_gateway_answers_what_is_out_as_cancelled(redis: RedisServer) -> None:
    node = FakeNode(held=True)
    async with worker(redis.url, node):
        async with gateway(redis.url, slots=2) as backend:
            call = asyncio.create_task(answers_of(backend, chunk_of("ok", "ok")))
            await node.begun.wait()
        assert reasons(await call) == ["cancelled"] * 2
        node.gate.set()


def _large(letter: str) -> str:
    return letter * (LARGE_BYTES + 1)


async def test_a_large_reference_goes_to_redis_once(redis: RedisServer) -> None:
    node = FakeNode()
    chunks = [chunk_of("a", "b", reference=_large("r")) for _ in range(4)]
    async with worker(redis.url, node), gateway(redis.url, slots=2) as backend:
        await asyncio.gather(*(answers_of(backend, chunk) for chunk in chunks))
        stored = redis.ask("KEYS", "rewardd:reference:*").count(b"rewardd:reference:")
        expires = redis.ask("KEYS", "rewardd:reference:*").split(b"\r\n")[2]
        assert redis.number("TTL", expires) > 3600
    assert stored == 1
    assert [chunk.references for _, chunk in node.chunks] == [[_large("r")]] * 4


async def test_a_large_reference_that_was_lost_is_sent_again(redis: RedisServer) -> None:
    async with worker(redis.url, FakeNode(slots=1)), gateway(redis.url, slots=1) as backend:
        chunk = chunk_of(_large("r"), reference=_large("r"))
        assert await answers_of(backend, chunk) == [(0, 1.0, "match")]
        redis.ask("FLUSHALL")
        assert await answers_of(backend, chunk) == [(0, 1.0, "match")]


async def test_a_reference_of_another_content_is_not_taken(
    store: Store, redis: RedisServer
) -> None:
    chunk = Chunk([], [Subject("")], [_large("a"), "small"], [Job(0, 0, 0)], 1.0)
    light, digests = await deposit(store, chunk)
    assert (light.references, list(digests)) == ([None, "small"], [0])
    assert await Larder(store).complete(light, digests) == chunk
    redis.ask("SET", names.reference(digests[0]), "something else")
    with pytest.raises(MissingReferenceError):
        await Larder(store).complete(light, digests)
    with pytest.raises(MissingReferenceError):
        await Larder(store).complete(light, {7: digests[0]})


async def test_a_larder_holds_the_references_that_were_used_last(
    store: Store, redis: RedisServer
) -> None:
    chunk = Chunk([], [], [_large(letter) for letter in "abc"], [], 1.0)
    light, digests = await deposit(store, chunk)
    larder = Larder(store, held_bytes=2 * LARGE_BYTES + 100)
    await larder.complete(light, digests)
    redis.ask("DEL", *(names.reference(digest) for digest in digests.values()))
    for index in (2, 1):
        only = {index: digests[index]}
        assert (await larder.complete(light, only)).references[index] == _large("abc"[index])
    with pytest.raises(MissingReferenceError):
        await larder.complete(light, {0: digests[0]})


async def test_what_ends_workers_here_is_known_everywhere(store: Store) -> None:
    here, there = WorkerPool(), WorkerPool()
    telling, hearing = Sharing(store, [here]), Sharing(store, [there])
    here.quarantine.add(b"key-1")
    await telling.exchange()
    here.quarantine.add(b"key-2")
    await telling.exchange()
    await hearing.exchange()
    assert (len(here.quarantine), len(there.quarantine)) == (2, 2)
    late = WorkerPool()
    await Sharing(store, [late]).exchange()
    assert len(late.quarantine) == 2


async def test_what_is_old_is_not_learnt(store: Store, redis: RedisServer) -> None:
    redis.ask("XADD", names.QUARANTINE, "1000-0", "key", "long ago")
    pool = WorkerPool()
    await Sharing(store, [pool]).exchange()
    assert len(pool.quarantine) == 0


async def test_redis_holds_no_pickle_and_no_completion_outside_the_streams(
    redis: RedisServer,
) -> None:
    node = FakeNode(held=True)
    async with worker(redis.url, node), gateway(redis.url, slots=2) as backend:
        call = asyncio.create_task(answers_of(backend, chunk_of("a secret completion")))
        await node.begun.wait()
        keys = [key for key in redis.ask("KEYS", "*").split(b"\r\n") if key.startswith(b"rewardd")]
        dumps = {key: redis.ask("DUMP", key) for key in keys}
        node.gate.set()
        await call
    holding = [key for key, dump in dumps.items() if b"secret" in dump]
    assert holding == [b"rewardd:chunks:cpu"]
    assert [
        key for key, dump in dumps.items() if b"cpickle" in dump or b"\x80\x04\x95" in dump
    ] == []


def test_messages_are_plain_data() -> None:
    offer = Offer(PROTOCOL, {"cpu": 1}, {"exact": 1})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(offer)) == [
        PROTOCOL,
        {"cpu": 1},
        {"exact": 1},
    ]
