import asyncio
import threading
from typing import Any

import pytest

from gateway_fakes import batch, bench
from gateway_process import Reply, ServerProcess, running_server
from rewardd_service.edge.drain import Drain
from rewardd_service.settings import Settings


def ask_aside(server: ServerProcess, body: Any) -> tuple[threading.Thread, list[Reply]]:
    """Post a batch from a thread, as its answer is only due later."""
    answers: list[Reply] = []
    thread = threading.Thread(
        target=lambda: answers.append(server.ask("POST", "/v1/score", body)), daemon=True
    )
    thread.start()
    return thread, answers


def test_an_idle_server_stops_with_code_0() -> None:
    with running_server() as server:
        server.terminate()
        assert server.exit_code() == 0


def test_work_in_flight_is_answered_new_work_refused_and_the_rest_cancelled() -> None:
    with running_server(drain_seconds=3) as server:
        thread, answers = ask_aside(server, batch(("1", "1"), ("hang", "1")))
        server.log_until("scoring", first="1")
        server.terminate()
        server.log_until("draining")
        ready, fresh = server.ask("GET", "/readyz"), server.ask("POST", "/v1/score", batch())
        assert (ready.status, fresh.status) == (503, 503)
        assert fresh.json()["code"] == "draining"
        assert fresh.headers["retry-after"]
        assert server.ask("GET", "/livez").status == 200
        thread.join()
        results = answers[0].json()["results"]
        assert [result["reason"] for result in results] == ["match", "cancelled"]
        assert [result["reward"] for result in results] == [1.0, None]
        assert server.exit_code() == 0


def test_a_half_sent_body_does_not_keep_the_server_alive() -> None:
    with running_server(drain_seconds=0, body_idle_seconds=2) as server, server.connect() as half:
        half.sendall(
            b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        assert server.ask("GET", "/livez").status == 200
        server.terminate()
        assert server.exit_code() == 0


async def test_the_end_is_announced_before_it_begins() -> None:
    async with bench() as house:
        announced = asyncio.Event()
        over = asyncio.Event()

        async def sleep(seconds: float) -> None:
            assert seconds == 5
            announced.set()
            await over.wait()

        drain = Drain(
            house.gateway.desk.admission,
            house.gateway.desk.runs,
            announce_seconds=5,
            drain_seconds=30,
            sleep=sleep,
        )
        drain.check_ready()
        ending = asyncio.create_task(drain())
        await announced.wait()
        assert (await house.score(batch())).status_code == 200
        over.set()
        await ending
        assert (await house.score(batch())).json()["code"] == "draining"


async def test_a_job_and_a_replay_can_be_read_while_the_server_drains() -> None:
    async with bench() as house:
        await house.score(batch(), Idempotency_Key="k")
        place = (await house.client.post("/v1/jobs", json=batch())).headers["location"]
        await house.gateway.drain()
        assert (await house.client.get(place)).json()["status"] == "done"
        assert (await house.score(batch(), Idempotency_Key="k")).status_code == 200
        assert (await house.score(batch(), Idempotency_Key="l")).status_code == 503
        assert (await house.client.get("/readyz")).json()["code"] == "draining"


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
async def test_what_was_final_stays_and_what_was_not_is_cancelled(accept: str) -> None:
    async with bench(Settings(drain_seconds=0)) as house:
        house.scorer.held = 1
        house.scorer.gate.clear()
        asked = asyncio.create_task(house.score(batch(("1", "1"), ("2", "1")), Accept=accept))
        await house.scorer.started.acquire()
        await house.gateway.drain()
        answer = await asked
    assert answer.status_code == 200
    assert answer.text.count('"reason":"cancelled"') == 1
    assert answer.text.count('"reward":1.0') == 1
