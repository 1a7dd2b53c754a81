"""A caller that cannot take an answer loses that chunk, and no worker."""

import asyncio
from collections.abc import Sequence

import pytest

from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool import Phase, PoolSettings, WorkerPool

pytestmark = pytest.mark.usefixtures("planted")

PATIENCE_SECONDS = 60


class CannotTakeError(Exception):
    """What such a caller raises."""


def _refuse(_: Sequence[Answer]) -> None:
    raise CannotTakeError


def _chunk(completions: Sequence[str], verifier: str = "planted") -> Chunk:
    return Chunk(
        [Setup(verifier, {})],
        [Subject(completion) for completion in completions],
        ["ok"],
        [Job(i, 0, 0) for i in range(len(completions))],
        60.0,
    )


@pytest.mark.parametrize(
    "chunk",
    [
        _chunk(["ok"]),
        _chunk(["ok"] * 500),
        _chunk(["ok"] * 40, "heavy"),
        _chunk(["exit"]),
        _chunk(["exit", "ok", "abort"]),
        _chunk(["raise", "nonsense"]),
    ],
    ids=["one", "many", "in several frames", "its death", "two deaths", "faults"],
)
async def test_a_raise_while_answers_are_delivered_costs_no_worker(chunk: Chunk) -> None:
    pool = WorkerPool(PoolSettings(workers=1, verifiers=("planted", "heavy")))
    await pool.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(3):
                with pytest.raises(CannotTakeError):
                    await pool.process(chunk, _refuse)
            answers: list[Answer] = []
            await pool.process(_chunk(["ok", "no"]), answers.extend)
        assert [answer.score for answer in answers] == [1.0, 0.0]
        assert pool.phases()[Phase.IDLE] == 1
    finally:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await pool.close()
