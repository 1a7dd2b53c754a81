import asyncio
import sys
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from rewardd_service.backends.backend import Backend
from rewardd_service.backends.inline import InlineBackend
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_verifiers import Catalog, Need, Sample, Verdict
from sandbox_fakes import echo_sandbox

PLANTED = Path(__file__).parent / "planted"


@pytest.fixture(autouse=True)
def _planted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", [str(PLANTED), *sys.path])
    yield
    sys.modules.pop("planted_verifiers", None)


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(
        [
            (Need.CPU, EntryPoint("planted", "planted_verifiers:Planted", "rewardd.verifiers.cpu")),
            (Need.SANDBOX, EntryPoint("boxed", "planted_verifiers:Boxed", "")),
        ]
    )


def _chunk(*completions: str, verifier: str = "planted") -> Chunk:
    return Chunk(
        [Setup(verifier, {})],
        [Subject(completion) for completion in completions],
        ["ok"],
        [Job(i, 0, 0) for i in range(len(completions))],
        60.0,
    )


async def _answers(backend: Backend, need: Need, chunk: Chunk) -> list[tuple[int, str]]:
    delivered: list[Answer] = []
    await backend.process(need, chunk, delivered.extend)
    return [(told.job, told.reason) for told in delivered]


async def test_it_judges_in_this_process(catalog: Catalog) -> None:
    backend = InlineBackend(catalog)
    await backend.start()
    assert (backend.ready(), backend.slots()) == (None, {Need.CPU: 1})
    assert await _answers(backend, Need.CPU, _chunk("ok", "raise", "no")) == [
        (0, "match"),
        (1, "fault"),
        (2, "mismatch"),
    ]


async def test_running_out_of_memory_harms_one_job_alone(catalog: Catalog) -> None:
    answers = await _answers(InlineBackend(catalog), Need.CPU, _chunk("ok", "no_memory", "ok"))
    assert answers == [(0, "match"), (1, "fault"), (2, "match")]


async def test_a_sandbox_gives_it_another_slot(catalog: Catalog) -> None:
    backend = InlineBackend(catalog, echo_sandbox)
    assert backend.slots() == {Need.CPU: 1, Need.SANDBOX: 1}
    answers = await _answers(backend, Need.SANDBOX, _chunk("ok", "no", verifier="boxed"))
    assert answers == [(0, "match"), (1, "mismatch")]


@pytest.mark.parametrize(
    ("need", "reason"),
    [(Need.SANDBOX, "sandbox_unavailable"), (Need.JUDGE, "judge_failed")],
)
async def test_a_need_without_slots_leaves_its_jobs_unscored(
    catalog: Catalog, need: Need, reason: str
) -> None:
    assert await _answers(InlineBackend(catalog), need, _chunk("ok")) == [(0, reason)]


async def test_it_inspects_and_describes(catalog: Catalog) -> None:
    backend = InlineBackend(catalog)
    fine, bad = await backend.inspect(Need.CPU, [Setup("planted", {}), Setup("planted", {"a": 1})])
    assert (fine.error, fine.version) == (None, 7)
    assert "a: " in str(bad.error)
    assert [card.name for card in await backend.describe()] == ["planted"]


async def test_once_closed_it_answers_what_is_left_as_cancelled(catalog: Catalog) -> None:
    backend = InlineBackend(catalog)
    await backend.close()
    assert await _answers(backend, Need.CPU, _chunk("ok")) == [(0, "cancelled")]
    assert backend.ready() == "closed"


async def test_after_a_cancel_nothing_is_delivered(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(_verifier: object, sample: Sample[str]) -> Verdict:
        begun.set()
        go_on.wait(30)
        return Verdict.of(correct=sample.completion == "ok")

    kind = type(catalog.build("planted", {}))
    monkeypatch.setattr(kind, "verify", wait)
    backend = InlineBackend(catalog)
    errand = asyncio.create_task(_answers(backend, Need.CPU, _chunk("ok", "ok")))
    await asyncio.to_thread(begun.wait, 30)
    errand.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await errand
