import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from rewardd_client import AsyncClient, ClosedError, RequestError

if TYPE_CHECKING:
    from tests.clients.conftest import FakeServer

ROWS = [{"completion": str(n), "reference": str(n - n % 2), "id": f"s{n}"} for n in range(4)]
EXPECTED = [1.0, 0.0, 1.0, 0.0]


def slow_first() -> list[dict[str, Any]]:
    return [{**ROWS[0], "metadata": {"slow": True}}, *ROWS[1:]]


async def arrival(server: "FakeServer") -> bool:
    return await asyncio.to_thread(server.arrived.acquire, timeout=10)


async def departure(server: "FakeServer") -> bool:
    return await asyncio.to_thread(server.gone.acquire, timeout=10)


async def test_score_returns_the_samples_order(server: "FakeServer") -> None:
    async with AsyncClient(server.url) as client:
        batch = await client.score(ROWS, "exact")

    assert batch.rewards == EXPECTED
    with pytest.raises(ClosedError):
        await client.score(ROWS, "exact")


async def test_stream_gives_results_as_they_are_ready(server: "FakeServer") -> None:
    client = AsyncClient(server.url)
    stream = client.stream(slow_first(), "exact")

    early = [(await anext(stream)).index for _ in range(3)]
    server.release()

    assert sorted(index or 0 for index in early) == [1, 2, 3]
    assert [result.index async for result in stream] == [0]


async def test_a_stream_left_early_withdraws_the_rest(server: "FakeServer") -> None:
    stream = AsyncClient(server.url).stream(slow_first(), "exact")
    await anext(stream)

    await stream.aclose()

    assert await departure(server)


async def test_a_stream_ends_with_the_calls_error(server: "FakeServer") -> None:
    with pytest.raises(RequestError):
        _ = [result async for result in AsyncClient(server.url).stream(ROWS, "unknown")]


async def test_cancelling_a_call_withdraws_it(server: "FakeServer") -> None:
    call = asyncio.ensure_future(AsyncClient(server.url).score(slow_first(), "exact"))
    assert await arrival(server)

    call.cancel()

    assert await departure(server)
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_submitted_samples_are_gathered_in_order(server: "FakeServer") -> None:
    async with AsyncClient(server.url) as client:
        futures = [client.submit({**row, "group": "g"}, "exact") for row in ROWS]
        batch = await client.gather(futures)

    assert batch.rewards == EXPECTED
    assert batch.metrics()["groups/mixed"] == 1.0
    assert [len(sent) for sent in server.samples] == [4]


async def test_submitted_samples_come_as_they_are_ready(server: "FakeServer") -> None:
    client = AsyncClient(server.url)
    futures = [client.submit(row, "exact") for row in slow_first()]
    arriving = client.as_completed(futures)

    early = {(await anext(arriving)).id for _ in range(3)}
    server.release()

    assert early == {"s1", "s2", "s3"}
    assert [result.id async for result in arriving] == ["s0"]


async def test_a_cancelled_future_withdraws_its_sample(server: "FakeServer") -> None:
    future = AsyncClient(server.url).submit(slow_first()[0], "exact")
    assert await arrival(server)

    future.cancel()

    assert await departure(server)


async def test_a_submitted_samples_error_is_its_futures_error(server: "FakeServer") -> None:
    client = AsyncClient(server.url)
    futures = [client.submit(row, "unknown") for row in ROWS]

    with pytest.raises(RequestError):
        await client.gather(futures)
    await asyncio.wait(futures)
    assert [type(future.exception()) for future in futures] == [RequestError] * 4


def test_a_result_for_a_loop_that_is_closed_disturbs_nobody(
    server: "FakeServer", caplog: pytest.LogCaptureFixture
) -> None:
    client = AsyncClient(server.url)

    async def leave_behind() -> None:
        client.submit(slow_first()[0], "exact")
        assert await arrival(server)

    async def finish() -> None:
        await client.close()

    asyncio.run(leave_behind())
    server.release()
    asyncio.run(finish())

    assert [record for record in caplog.records if record.name.startswith("concurrent")] == []


async def test_close_sends_what_is_queued(server: "FakeServer") -> None:
    client = AsyncClient(server.url, group_size=9)
    future = client.submit({**ROWS[0], "group": "g"}, "exact")

    await client.close()

    assert (await future).reward == 1.0


async def test_an_error_in_the_block_withdraws_what_is_open(server: "FakeServer") -> None:
    async def training() -> None:
        async with AsyncClient(server.url) as client:
            client.submit(slow_first()[0], "exact")
            assert await arrival(server)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await training()
    assert await departure(server)


async def test_the_callers_loop_turns_while_a_call_waits(server: "FakeServer") -> None:
    call = asyncio.ensure_future(AsyncClient(server.url).score(slow_first(), "exact"))
    assert await arrival(server)

    server.release()

    assert (await call).rewards == EXPECTED


async def test_check_and_catalogues_are_there_too(server: "FakeServer") -> None:
    client = AsyncClient(server.url)

    assert (await client.check(ROWS, "exact")).rewards == EXPECTED
    assert "exact-twice" in {recipe.name for recipe in await client.recipes()}
    assert [card.name for card in await client.verifiers()] == ["exact"]
