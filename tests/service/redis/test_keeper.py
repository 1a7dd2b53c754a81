import asyncio

import pytest

from rewardd_service.backends.redis import keeper
from rewardd_service.backends.redis.keeper import Keeper


async def test_a_loop_that_breaks_is_told_of_and_begins_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(keeper, "_PAUSE_SECONDS", 0.0)
    turns: asyncio.Queue[int] = asyncio.Queue()
    number = iter(range(1, 100))

    async def loop() -> None:
        turn = next(number)
        turns.put_nowait(turn)
        if turn < 3:
            raise LookupError(turn)
        await asyncio.Event().wait()

    kept = Keeper()
    kept.keep(loop)
    async with asyncio.timeout(30):
        assert [await turns.get() for _ in range(3)] == [1, 2, 3]
    await kept.close()
    assert caplog.text.count("a loop broke") == 2


async def test_closing_ends_a_loop_that_misses_the_first_cancel() -> None:
    begun = asyncio.Event()

    async def deaf() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    kept = Keeper()
    kept.keep(deaf)
    await begun.wait()
    async with asyncio.timeout(30):
        await kept.close()
    kept.keep(deaf)  # too late: nothing is begun any more
    await kept.close()
