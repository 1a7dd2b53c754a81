import sys
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest

from rewardd_service.backends.backend import Backend
from rewardd_service.backends.local import LocalBackend
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


@pytest.fixture(scope="module")
async def backend(_planted: None) -> AsyncGenerator[Backend]:
    limits = Limits(cpu_seconds=0.3)
    backend = LocalBackend([PoolSettings(workers=2, limits=limits)])
    await backend.start()
    yield backend
    await backend.close()


def _chunk(completion: str, verifier: str = "planted") -> Chunk:
    return Chunk([Setup(verifier, {})], [Subject(completion)], ["ok"], [Job(0, 0, 0)] * 2, 60.0)


async def test_it_runs_chunks_on_its_slots(backend: Backend) -> None:
    delivered: list[Answer] = []
    await backend.process(Need.CPU, _chunk("ok"), delivered.extend)
    assert [(told.job, told.score) for told in delivered] == [(0, 1.0), (1, 1.0)]
    assert backend.slots() == {Need.CPU: 2}
    assert backend.ready() is None


@pytest.mark.parametrize(
    ("need", "reason"),
    [(Need.SANDBOX, "sandbox_unavailable"), (Need.JUDGE, "judge_failed")],
)
async def test_a_need_without_slots_leaves_its_jobs_unscored(
    backend: Backend, need: Need, reason: str
) -> None:
    delivered: list[Answer] = []
    await backend.process(need, _chunk("ok"), delivered.extend)
    assert [(told.job, told.score, told.reason) for told in delivered] == [
        (0, None, reason),
        (1, None, reason),
    ]


async def test_a_chunk_without_jobs_delivers_nothing(backend: Backend) -> None:
    delivered: list[Answer] = []
    empty = Chunk([], [], [], [], 60.0)
    await backend.process(Need.SANDBOX, empty, delivered.extend)
    await backend.process(Need.CPU, empty, delivered.extend)
    assert delivered == []


async def test_verifiers_are_described_without_being_imported_here(backend: Backend) -> None:
    cards = await backend.describe()
    assert {"exact", "planted", "heavy", "picky"} <= {card.name for card in cards}
    (planted,) = [card for card in cards if card.name == "planted"]
    assert (planted.need, planted.version, planted.reference["type"]) == ("cpu", 7, "string")
    assert "planted_verifiers" not in sys.modules


async def test_parameters_are_checked_in_a_worker_even_if_they_end_it(backend: Backend) -> None:
    reports = await backend.inspect(
        Need.CPU,
        [
            Setup("exact", {}),
            Setup("exact", {"ignore_caps": True}),
            Setup("no-such", {}),
            Setup("picky", {"deed": "exit"}),
            Setup("picky", {"deed": "loop"}),
            Setup("picky", {"deed": "raise"}),
            Setup("planted", {}),
        ],
    )
    assert [report.error is None for report in reports] == [True, *[False] * 5, True]
    shown = ["ignore_caps", "no-such", "ends the worker", "takes too long", "LookupError"]
    assert [
        words in str(report.error) for words, report in zip(shown, reports[1:6], strict=True)
    ] == [True] * 5
    assert (reports[6].version, reports[6].inputs) == (7, ["reference"])


async def test_nobody_can_be_asked_about_a_need_without_slots(backend: Backend) -> None:
    with pytest.raises(BackendUnavailableError, match="sandbox"):
        await backend.inspect(Need.SANDBOX, [Setup("code", {})])


async def test_a_pool_that_does_not_come_up_ends_the_others() -> None:
    settings = [
        PoolSettings(workers=1, verifiers=("exact",)),
        PoolSettings(workers=1, need=Need.SANDBOX, verifiers=(), sandbox="no_such_module:make"),
    ]
    backend = LocalBackend(settings)
    with pytest.raises(BackendUnavailableError, match="no_such_module"):
        await backend.start()
    assert backend.ready() is not None
