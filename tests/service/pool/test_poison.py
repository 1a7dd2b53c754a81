"""Verifiers that do their worst, at every position of a chunk: their neighbours are scored."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool import Limits, PoolSettings, WorkerPool

JOBS = 4
LIMITS = Limits(cpu_seconds=0.2, wall_factor=8.0)


@pytest.fixture(scope="module", params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture(scope="module")
async def pool(planted: None) -> AsyncIterator[WorkerPool]:
    del planted
    pool = WorkerPool(PoolSettings(workers=2, verifiers=("planted", "heavy"), limits=LIMITS))
    await pool.start()
    yield pool
    await pool.close()


def _poisoned(deed: str, position: int) -> Chunk:
    """Return a chunk of good samples but for one; no two poisons are equal."""
    completions = ["ok"] * JOBS
    completions[position] = f"{deed} {position}"
    return Chunk(
        [Setup("planted", {})],
        [Subject(completion) for completion in completions],
        ["ok"],
        [Job(i, 0, 0) for i in range(JOBS)],
        60.0,
    )


async def _answers(pool: WorkerPool, chunk: Chunk) -> list[Answer]:
    delivered: list[Answer] = []
    await pool.process(chunk, delivered.extend)
    assert sorted(answer.job for answer in delivered) == list(range(len(chunk.jobs)))
    return sorted(delivered, key=lambda answer: answer.job)


@pytest.mark.parametrize(
    ("deed", "reason", "score"),
    [
        ("loop", "timeout", None),
        ("regex", "timeout", None),
        ("exit", "quarantined", None),
        ("segfault", "quarantined", None),
        ("abort", "quarantined", None),
        ("fork", "quarantined", None),
        ("eat", "quarantined", None),
        ("no_memory", "quarantined", None),
        ("forge_noise", "quarantined", None),
        ("forge_length", "quarantined", None),
        ("forge_answer", "quarantined", None),
        ("kill", "worker_lost", None),
        ("sys_exit", "fault", None),
        ("raise", "fault", None),
        ("recurse", "fault", None),
        ("nonsense", "fault", None),
        ("nan", "fault", None),
        ("flood_stdout", "match", 1.0),
        ("flood_stderr", "match", 1.0),
        ("evidence", "match", 1.0),
    ],
)
async def test_poison_harms_itself_alone(
    pool: WorkerPool, deed: str, reason: str, score: float | None
) -> None:
    chunks = [_poisoned(deed, position) for position in range(JOBS)]
    answered = await asyncio.gather(*(_answers(pool, chunk) for chunk in chunks))
    poisoned = [answers.pop(position) for position, answers in enumerate(answered)]
    assert [(told.reason, told.score) for told in poisoned] == [(reason, score)] * JOBS
    assert {told.score for answers in answered for told in answers} == {1.0}


async def test_who_waits_instead_of_computing_meets_the_wall_backstop_twice(
    pool: WorkerPool,
) -> None:
    answers = await _answers(pool, _poisoned("wait", 1))
    assert [told.reason for told in answers] == ["match", "timeout", "match", "match"]
    assert answers[1].attempts == 2


async def test_a_chunk_of_nothing_but_poison_is_answered(pool: WorkerPool) -> None:
    deeds = ["exit a", "segfault a", "raise a", "no_memory a", "forge_noise a", "abort a"]
    chunk = Chunk(
        [Setup("planted", {})],
        [Subject(deed) for deed in deeds],
        ["ok"],
        [Job(i, 0, 0) for i in range(len(deeds))],
        60.0,
    )
    reasons = [told.reason for told in await _answers(pool, chunk)]
    assert sorted(reasons) == ["fault", *["quarantined"] * 5]


async def test_a_setup_may_allow_more_cpu_time_than_the_lane(pool: WorkerPool) -> None:
    rounds = {"rounds": 40_000_000}
    setups = [Setup("heavy", rounds), Setup("heavy", rounds, cpu_seconds=60.0)]
    chunk = Chunk(setups, [Subject("ok")], ["ok"], [Job(0, 0, 0), Job(0, 1, 0)], 60.0)
    assert [told.reason for told in await _answers(pool, chunk)] == ["timeout", "match"]
