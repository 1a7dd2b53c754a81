import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway_fakes import Bench, batch, bench
from rewardd_service.edge.auth import new_key
from rewardd_service.errors import BackendUnavailableError, RequestRefusedError
from rewardd_service.settings import Settings


@pytest.fixture
async def house() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


async def submit(house: Bench, body: Any = None, **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await house.client.post("/v1/jobs", json=body or batch(), headers=named)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    return answer.headers["location"]


async def test_a_job_tells_how_far_it_is_and_ends_with_the_answer(house: Bench) -> None:
    house.scorer.held = 1
    house.scorer.gate.clear()
    place = await submit(house, batch(("1", "1"), ("2", "1")))
    running = (await house.client.get(place)).json()
    assert (running["status"], running["done"], running["total"]) == ("running", 1, 2)
    assert running["response"] is None
    waiting = asyncio.create_task(house.client.get(place, params={"wait": 60}))
    house.scorer.gate.set()
    ended = (await waiting).json()
    assert (ended["status"], ended["done"]) == ("done", 2)
    assert [result["reward"] for result in ended["response"]["results"]] == [1.0, 0.0]


async def test_a_job_can_be_read_as_msgpack_and_again_and_again(house: Bench) -> None:
    place = await submit(house)
    plain = (await house.client.get(place, params={"wait": 60})).json()
    packed = await house.client.get(place, headers={"accept": "application/msgpack"})
    assert msgspec.msgpack.decode(packed.content) == plain


async def test_a_wait_ends_in_time_when_the_job_does_not(house: Bench) -> None:
    house.scorer.gate.clear()
    place = await submit(house)
    assert (await house.client.get(place, params={"wait": 0.01})).json()["status"] == "running"
    house.scorer.gate.set()


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "301", "soon"])
async def test_a_wait_out_of_range_is_refused(house: Bench, wait: str) -> None:
    answer = await house.client.get("/v1/jobs/x", params={"wait": wait})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == "query.wait"


async def test_a_job_that_is_cancelled_gives_its_work_up(house: Bench) -> None:
    house.scorer.gate.clear()
    place = await submit(house)
    assert (await house.client.delete(place)).json()["status"] == "cancelled"
    await house.scorer.cancelled.acquire()
    assert (await house.client.get(place)).json()["status"] == "cancelled"
    assert house.gateway.desk.admission.samples == 0


async def test_cancelling_what_has_ended_changes_nothing(house: Bench) -> None:
    place = await submit(house)
    await house.client.get(place, params={"wait": 60})
    assert (await house.client.delete(place)).json()["status"] == "done"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_a_job_that_is_not_known_is_a_404(house: Bench, method: str) -> None:
    answer = await house.client.request(method, "/v1/jobs/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")


async def test_a_job_that_is_refused_at_once_is_refused_by_the_post(house: Bench) -> None:
    house.scorer.error = RequestRefusedError("unknown_recipe", "no recipe 'x'")
    answer = await house.client.post("/v1/jobs", json=batch())
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_recipe")


async def test_a_job_that_fails_later_says_so_when_it_is_asked_for(house: Bench) -> None:
    house.scorer.gate.clear()
    house.scorer.late_error = BackendUnavailableError("no worker")
    place = await submit(house)
    house.scorer.gate.set()
    answer = await house.client.get(place, params={"wait": 60})
    assert (answer.status_code, answer.json()["code"]) == (503, "backend_unavailable")


async def test_the_same_submission_is_the_same_job(house: Bench) -> None:
    first = await submit(house, Idempotency_Key="k")
    assert await submit(house, Idempotency_Key="k") == first
    assert await submit(house, Idempotency_Key="l") != first
    assert len(house.scorer.calls) == 2


async def test_two_equal_submissions_at_once_are_one_job(house: Bench) -> None:
    house.scorer.gate.clear()
    first, second = await asyncio.gather(
        submit(house, Idempotency_Key="k"), submit(house, Idempotency_Key="k")
    )
    house.scorer.gate.set()
    assert first == second
    assert len(house.scorer.calls) == 1


async def test_a_submission_that_failed_is_tried_again(house: Bench) -> None:
    house.scorer.error = BackendUnavailableError("no worker")
    headers = {"Idempotency-Key": "k"}
    failed = await house.client.post("/v1/jobs", json=batch(), headers=headers)
    assert failed.status_code == 503
    house.scorer.error = None
    await submit(house, Idempotency_Key="k")


async def test_a_job_belongs_to_its_tenant(tmp_path: Path) -> None:
    alpha, beta = new_key("alpha"), new_key("beta")
    path = tmp_path / "keys"
    path.write_text(f"{alpha.line}\n{beta.line}\n")
    async with bench(Settings(keys=path)) as house:
        place = await submit(house, authorization=f"Bearer {alpha.key}")
        other = await house.client.get(place, headers={"authorization": f"Bearer {beta.key}"})
        own = await house.client.get(place, headers={"authorization": f"Bearer {alpha.key}"})
    assert (other.status_code, own.status_code) == (404, 200)


async def test_old_jobs_make_room_for_new_ones() -> None:
    async with bench(Settings(job_bytes=2500)) as house:
        places = [await submit(house) for _ in range(8)]
        codes = [(await house.client.get(place)).status_code for place in places]
    assert codes[0] == 404
    assert codes[-1] == 200
