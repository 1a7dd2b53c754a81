"""What every backend promises, asked of each that ships: the same tests, the same answers."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from redis_server import redis_server
from rewardd_service.backends.backend import Backend
from rewardd_service.backends.local import LocalBackend
from rewardd_service.backends.redis import RedisBackend, WorkerNode
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool import Limits, PoolSettings
from rewardd_verifiers import Need

PLANTED = Path(__file__).parent / "planted"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def _planted() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(PLANTED), *sys.path])
        yield


def _pools() -> LocalBackend:
    limits = Limits(cpu_seconds=0.3, memory_mib=256)
    return LocalBackend([PoolSettings(workers=2, limits=limits, verifiers=("exact", "planted"))])


@contextlib.asynccontextmanager
async def _embedded() -> AsyncGenerator[Backend]:
    backend = _pools()
    await backend.start()
    try:
        yield backend
    finally:
        await backend.close()


@contextlib.asynccontextmanager
async def _over_redis() -> AsyncGenerator[Backend]:
    with redis_server() as server:
        node, backend = WorkerNode(server.url, _pools()), RedisBackend(server.url)
        try:
            await node.start()
            await backend.start()
            yield backend
        finally:
            await backend.close()
            await node.close()


BACKENDS = {"local": _embedded, "redis": _over_redis}


@pytest.fixture(scope="module", params=BACKENDS)
async def backend(_planted: None, request: pytest.FixtureRequest) -> AsyncGenerator[Backend]:
    async with BACKENDS[request.param]() as opened:
        yield opened


def _chunk(*completions: str, verifier: str = "planted", seconds: float = 60.0) -> Chunk:
    jobs = [Job(i, 0, 0) for i in range(len(completions))]
    subjects = [Subject(completion) for completion in completions]
    return Chunk([Setup(verifier, {})], subjects, ["ok"], jobs, seconds)


async def _answers(backend: Backend, chunk: Chunk, need: Need = Need.CPU) -> list[Answer]:
    delivered: list[Answer] = []
    await backend.process(need, chunk, delivered.extend)
    return sorted(delivered, key=lambda answer: answer.job)


def _told(answers: list[Answer]) -> list[tuple[int, float | None, str]]:
    return [(answer.job, answer.score, answer.reason) for answer in answers]


async def test_it_is_ready_with_slots_and_a_window(backend: Backend) -> None:
    assert (backend.ready(), backend.outage()) == (None, None)
    assert backend.slots() == {Need.CPU: 2}
    assert backend.window()[Need.CPU] >= 2


async def test_each_job_is_answered_once(backend: Backend) -> None:
    answers = await _answers(backend, _chunk(*(["ok", "no"] * 20)))
    assert _told(answers) == [
        (i, float(i % 2 == 0), ["match", "mismatch"][i % 2]) for i in range(40)
    ]
    assert {answer.version for answer in answers} == {7}


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("loop", "timeout"),
        ("exit", "quarantined"),
        ("segfault", "quarantined"),
        ("raise", "fault"),
        ("nonsense", "fault"),
        ("nan", "fault"),
        ("forge_noise", "quarantined"),
    ],
)
async def test_what_a_sample_does_harms_it_alone(backend: Backend, deed: str, reason: str) -> None:
    answers = await _answers(backend, _chunk("ok", f"{deed} {id(backend)}", "no"))
    assert _told(answers) == [(0, 1.0, "match"), (1, None, reason), (2, 0.0, "mismatch")]


async def test_evidence_arrives_as_plain_values(backend: Backend) -> None:
    (answer,) = await _answers(backend, _chunk("evidence"))
    assert (answer.score, answer.evidence["big"]) == (1.0, str(2**70))


async def test_a_failed_gate_skips_what_stands_behind_it(backend: Backend) -> None:
    jobs = [Job(0, 0, 0, gate=True), Job(0, 0, 0), Job(1, 0, 0, gate=True), Job(1, 0, 0)]
    chunk = Chunk([Setup("exact", {})], [Subject("no"), Subject("ok")], ["ok"], jobs, 60.0)
    told = [answer.reason for answer in await _answers(backend, chunk)]
    assert told == ["mismatch", "skipped", "match", "match"]


async def test_a_reference_of_any_size_and_kind_arrives(backend: Backend) -> None:
    large = "r" * (3 << 20)
    chunk = Chunk(
        [Setup("planted", {})], [Subject(large)], [large, 2**80], [Job(0, 0, 0), Job(0, 0, 1)], 60.0
    )
    first, second = await _answers(backend, chunk)
    assert (first.score, second.reason) == (1.0, "invalid_reference")


async def test_past_its_deadline_nothing_is_run(backend: Backend) -> None:
    assert _told(await _answers(backend, _chunk("ok", seconds=0.0))) == [(0, None, "deadline")]


@pytest.mark.parametrize(
    ("need", "reason"),
    [(Need.SANDBOX, "sandbox_unavailable"), (Need.JUDGE, "judge_failed")],
)
async def test_a_need_without_slots_leaves_its_jobs_unscored(
    backend: Backend, need: Need, reason: str
) -> None:
    assert _told(await _answers(backend, _chunk("ok"), need)) == [(0, None, reason)]
    with pytest.raises(BackendUnavailableError):
        await backend.inspect(need, [Setup("code", {})])


async def test_a_chunk_without_jobs_delivers_nothing(backend: Backend) -> None:
    empty = Chunk([], [], [], [], 60.0)
    assert await _answers(backend, empty) + await _answers(backend, empty, Need.SANDBOX) == []


async def test_setups_are_reported_on_in_order(backend: Backend) -> None:
    setups = [Setup("exact", {}), Setup("exact", {"no_such": 1}), Setup("planted", {})]
    reports = await backend.inspect(Need.CPU, setups)
    assert [(report.error is None, report.version) for report in reports] == [
        (True, 1),
        (False, 0),
        (True, 7),
    ]


async def test_it_describes_its_verifiers(backend: Backend) -> None:
    cards = await backend.describe()
    assert [(card.name, card.version) for card in cards] == [("exact", 1), ("planted", 7)]


async def test_after_a_cancel_nothing_is_delivered_and_work_goes_on(backend: Backend) -> None:
    delivered: list[Answer] = []
    errand = asyncio.create_task(
        backend.process(Need.CPU, _chunk(*["loop 1"] * 3), delivered.extend)
    )
    await asyncio.sleep(0)
    errand.cancel()
    with pytest.raises(asyncio.CancelledError):
        await errand
    assert _told(await _answers(backend, _chunk("ok"))) == [(0, 1.0, "match")]
    assert delivered == []


async def test_many_chunks_at_once_are_each_answered_rightly(backend: Backend) -> None:
    chunks = [_chunk("ok", "no", "ok" if i % 2 else "no") for i in range(60)]
    many = await asyncio.gather(*(_answers(backend, chunk) for chunk in chunks))
    assert [[answer.score for answer in answers] for answers in many] == [
        [1.0, 0.0, float(i % 2)] for i in range(60)
    ]
