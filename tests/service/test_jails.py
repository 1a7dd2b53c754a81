"""What `/readyz` tells of sandboxes: asked in the background, once, and never waited for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway_fakes import Bench, bench
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.job import Answer

STATE = {
    "tier": "userns",
    "refusals": [{"tier": "full", "message": "read-only", "remedy": "delegate"}],
    "languages": {"python": {"available": True, "version": "3.11.2"}},
}


@pytest.fixture
async def house() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


async def ready(house: Bench, query: str = "") -> Any:
    answer = await house.client.get(f"/readyz{query}")
    await asyncio.sleep(0)  # the question goes its way behind the answer
    await asyncio.sleep(0)
    return answer.json()


async def test_what_a_worker_said_is_told_from_the_next_time_on(house: Bench) -> None:
    house.scorer.answers = [Answer(0, 1.0, "match", evidence=STATE)]
    assert await ready(house) == {"status": "ready"}
    assert await ready(house) == {"status": "ready", "sandbox": STATE}
    assert await ready(house) == {"status": "ready", "sandbox": STATE}
    assert [asked.params for asked in house.scorer.inquiries] == [{"languages": ["python"]}]


async def test_compilers_are_tried_once_somebody_asks_for_them(house: Bench) -> None:
    house.scorer.answers = [Answer(0, 1.0, "match", evidence=STATE)] * 2
    await ready(house)
    await ready(house, "?languages=all")
    await ready(house, "?languages=all")
    assert [asked.params["languages"] for asked in house.scorer.inquiries] == [["python"], []]


async def test_nobody_waits_for_a_worker_that_is_busy(house: Bench) -> None:
    house.scorer.gate.clear()
    assert await ready(house) == {"status": "ready"}
    assert await ready(house) == {"status": "ready"}
    assert len(house.scorer.inquiries) == 1


@pytest.mark.parametrize(
    ("answers", "error", "detail"),
    [
        ([Answer(0, None, "sandbox_unavailable", "tier A: no; do this")], None, "do this"),
        ([], BackendUnavailableError("no worker offers sandbox"), "no worker offers sandbox"),
    ],
    ids=["no tier", "no worker"],
)
async def test_without_a_tier_readiness_says_why_and_stays(
    house: Bench, answers: list[Answer], error: Exception | None, detail: str
) -> None:
    house.scorer.answers, house.scorer.error = answers, error
    await ready(house)
    told = await ready(house)
    assert (told["status"], told["sandbox"]["tier"]) == ("ready", None)
    assert detail in told["sandbox"]["detail"]
