import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from gateway_fakes import Bench, RawCall, batch, bench
from rewardd_service.edge.shelf import Shelf
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.settings import Settings


@pytest.fixture
async def house() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


async def test_the_same_request_is_answered_once_more_without_being_scored(house: Bench) -> None:
    first = await house.score(batch(("?", "1")), Idempotency_Key="k")
    again = await house.score(batch(("?", "1")), Idempotency_Key="k")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert len(house.scorer.calls) == 1


async def test_other_bytes_under_the_same_key_are_a_conflict(house: Bench) -> None:
    await house.score(batch(), Idempotency_Key="k")
    other = await house.score(batch(("2", "1")), Idempotency_Key="k")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    job = await house.client.post("/v1/jobs", json=batch(), headers={"Idempotency-Key": "k"})
    assert job.status_code == 409


async def test_another_key_is_another_request(house: Bench) -> None:
    await house.score(batch(), Idempotency_Key="k-0")
    await house.score(batch(), Idempotency_Key="k-1")
    assert len(house.scorer.calls) == 2


async def test_a_replay_comes_in_the_format_that_is_asked_for(house: Bench) -> None:
    house.scorer.groups = [{"group": "g", "size": 1, "scored": 1, "mean": 1.0, "std": 0.0}]
    first = await house.score(batch(), Idempotency_Key="k")
    packed = await house.score(batch(), Idempotency_Key="k", Accept="application/msgpack")
    lines = await house.score(batch(), Idempotency_Key="k", Accept="application/x-ndjson")
    assert msgspec.msgpack.decode(packed.content) == first.json()
    result, groups = (json.loads(line) for line in lines.text.splitlines())
    assert result == {**first.json()["results"][0], "index": 0}
    assert groups == {"groups": first.json()["groups"]}


async def test_a_request_that_comes_again_while_it_runs_joins_it(house: Bench) -> None:
    house.scorer.gate.clear()
    calls = [
        asyncio.create_task(house.score(batch(), Idempotency_Key="k", Accept=accept))
        for accept in ("application/json", "application/json", "application/x-ndjson")
    ]
    await house.scorer.started.acquire()
    house.scorer.gate.set()
    answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len(house.scorer.calls) == 1


async def test_a_failure_is_not_kept(house: Bench) -> None:
    house.scorer.error = BackendUnavailableError("no worker")
    assert (await house.score(batch(), Idempotency_Key="k")).status_code == 503
    house.scorer.error = None
    assert (await house.score(batch(), Idempotency_Key="k")).status_code == 200


@pytest.mark.parametrize("key", ["", "   ", "a b", "x" * 257])
async def test_a_key_that_cannot_serve_is_refused(house: Bench, key: str) -> None:
    answer = await house.score(batch(), Idempotency_Key=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "header Idempotency-Key"


def call(house: Bench, **headers: str) -> RawCall:
    opened = RawCall(house.gateway, **headers)
    opened.give(json.dumps(batch()).encode())
    return opened


async def test_a_client_that_leaves_without_a_key_takes_its_work_along(house: Bench) -> None:
    house.scorer.gate.clear()
    gone = call(house)
    answered = gone.start()
    await house.scorer.started.acquire()
    gone.leave()
    await house.scorer.cancelled.acquire()
    await answered
    assert await house.gateway.desk.runs.wait(10)
    assert house.gateway.desk.admission.samples == 0


async def test_a_client_with_a_key_finds_its_work_when_it_comes_back(house: Bench) -> None:
    house.scorer.gate.clear()
    gone = call(house, idempotency_key="k")
    answered = gone.start()
    await house.scorer.started.acquire()
    gone.leave()
    await answered
    back = call(house, idempotency_key="k")
    answered = back.start()
    house.scorer.gate.set()
    await answered
    assert back.status() == 200
    assert len(house.scorer.calls) == 1


async def test_work_with_a_key_is_dropped_when_nobody_comes_back() -> None:
    async with bench(Settings(reconnect_seconds=0.01)) as house:
        house.scorer.gate.clear()
        gone = call(house, idempotency_key="k")
        answered = gone.start()
        await house.scorer.started.acquire()
        gone.leave()
        await answered
        await house.scorer.cancelled.acquire()
        house.scorer.gate.set()
        assert (await house.score(batch(), Idempotency_Key="k")).status_code == 200
        assert len(house.scorer.calls) == 2


async def test_one_of_two_who_wait_may_leave(house: Bench) -> None:
    house.scorer.gate.clear()
    stays, goes = call(house, idempotency_key="k"), call(house, idempotency_key="k")
    tasks = [stays.start(), goes.start()]
    await house.scorer.started.acquire()
    goes.leave()
    await tasks[1]
    house.scorer.gate.set()
    await tasks[0]
    assert stays.status() == 200


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def shelf(clock: Clock | None = None) -> Shelf[str, Any]:
    return Shelf(max_bytes=10_000, keep_seconds=60, clock=clock or Clock())


def test_the_least_recently_used_makes_room() -> None:
    kept = shelf()
    kept.put("a", 1, 4000)
    kept.put("b", 2, 4000)
    assert kept.get("a") == 1
    kept.put("c", 3, 4000)
    assert [kept.get(key) for key in "abc"] == [1, None, 3]
    assert kept.size_bytes <= 10_000


def test_what_is_larger_than_the_shelf_is_not_kept() -> None:
    kept = shelf()
    kept.put("a", 1, 10_001)
    assert kept.get("a") is None
    assert kept.size_bytes == 0


def test_the_old_goes_whether_it_is_asked_for_or_not() -> None:
    clock = Clock()
    kept = shelf(clock)
    kept.put("a", 1, 10)
    kept.put("b", 2, 10)
    clock.seconds = 60.0
    assert kept.get("b") is None
    kept.put("c", 3, 10)
    assert kept.size_bytes < 600


async def test_answers_of_one_tenant_are_not_replayed_to_another(house: Bench) -> None:
    store = house.gateway.desk.idempotency
    await house.score(batch(), Idempotency_Key="k")
    assert store.knows(("", "k"))
    assert not store.knows(("other", "k"))
