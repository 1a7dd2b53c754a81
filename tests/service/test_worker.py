import logging
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from rewardd_service.job import SKIPPED, Answer, Chunk, Job, Setup, SetupReport, Subject
from rewardd_service.worker import Worker, describe
from rewardd_verifiers import Catalog, Need, Reason
from sandbox_fakes import broken_sandbox, echo_sandbox

PLANTED = Path(__file__).parent / "planted"
ENTRIES = {
    Need.CPU: {"planted": "Planted", "picky": "Picky", "heavy": "Heavy"},
    Need.SANDBOX: {"boxed": "Boxed"},
    Need.JUDGE: {"asked": "Asked"},
}


@pytest.fixture(autouse=True)
def _planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(PLANTED), *sys.path])


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    sys.modules.pop("planted_verifiers", None)


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(
        (need, EntryPoint(name, f"planted_verifiers:{kind}", f"rewardd.verifiers.{need}"))
        for need, kinds in ENTRIES.items()
        for name, kind in kinds.items()
    )


def _chunk(
    completions: Sequence[str], verifier: str = "planted", *, seconds: float = 60.0
) -> Chunk:
    return Chunk(
        [Setup(verifier, {})],
        [Subject(completion) for completion in completions],
        ["ok"],
        [Job(i, 0, 0) for i in range(len(completions))],
        seconds,
    )


def _reasons(answers: Iterator[Answer]) -> list[str]:
    return [answer.reason for answer in answers]


class Stopping:
    """A progress that wants no more after a number of jobs."""

    def __init__(self, after: int) -> None:
        self.begun: list[int] = []
        self._after = after

    def begin(self, job: int) -> None:
        self.begun.append(job)

    def stopped(self) -> bool:
        return len(set(self.begun)) >= self._after


def test_each_job_is_answered_with_score_reason_and_version(catalog: Catalog) -> None:
    right, wrong = Worker(catalog).handle(_chunk(["ok", "no"]))
    assert (right.job, right.score, right.reason, right.version) == (0, 1.0, "match", 7)
    assert (wrong.job, wrong.score, wrong.reason, wrong.version) == (1, 0.0, "mismatch", 7)


@pytest.mark.parametrize(
    ("deed", "detail"),
    [
        ("raise", "LookupError at planted_verifiers.py:"),
        ("recurse", "RecursionError at planted_verifiers.py:"),
        ("sys_exit", "SystemExit at planted_verifiers.py:"),
        ("nonsense", "TypeError at answers.py:"),
        ("nan", "ValueError at answers.py:"),
    ],
)
def test_what_a_verifier_raises_is_a_fault_of_its_job_alone(
    catalog: Catalog, deed: str, detail: str
) -> None:
    before, fault, behind = Worker(catalog).handle(_chunk(["ok", deed, "ok"]))
    assert (before.score, fault.score, behind.score) == (1.0, None, 1.0)
    assert fault.reason == Reason.FAULT
    assert fault.detail.startswith(detail)


def test_a_fault_is_logged_once_and_without_the_completion(
    catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        list(Worker(catalog).handle(_chunk(["raise secret", "raise secret"])))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "secret" not in caplog.text


def test_a_bad_reference_is_unscored_and_spares_its_neighbours(catalog: Catalog) -> None:
    chunk = Chunk(
        [Setup("picky", {})],
        [Subject("1")],
        [1, "one", -1],
        [Job(0, 0, reference) for reference in (0, 1, 1, 2, 0)],
        60.0,
    )
    invalid = Reason.INVALID_REFERENCE.value
    assert _reasons(Worker(catalog).handle(chunk)) == ["match", invalid, invalid, invalid, "match"]


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param(Setup("no-such", {}), id="unknown_verifier"),
        pytest.param(Setup("picky", {"deeds": ""}), id="unknown_parameter"),
        pytest.param(Setup("picky", {"deed": "raise"}), id="raises_while_it_is_built"),
    ],
)
def test_a_verifier_that_cannot_be_built_is_a_fault(catalog: Catalog, setup: Setup) -> None:
    chunk = Chunk([setup, Setup("planted", {})], [Subject("1")], ["1"], [Job(0, 0, 0)] * 2, 60.0)
    assert _reasons(Worker(catalog).handle(chunk)) == ["fault", "fault"]


def test_no_memory_is_raised_so_that_the_worker_can_be_retired(catalog: Catalog) -> None:
    answers = Worker(catalog).handle(_chunk(["ok", "no_memory"]))
    assert next(answers).score == 1.0
    with pytest.raises(MemoryError):
        next(answers)


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        pytest.param("ok", ["match", "match", "match"], id="open"),
        pytest.param("no", ["mismatch", SKIPPED, "match"], id="shut"),
        pytest.param("raise", ["fault", SKIPPED, "match"], id="unscored"),
    ],
)
def test_a_failed_gate_skips_the_jobs_of_its_subject_alone(
    catalog: Catalog, gate: str, expected: list[str]
) -> None:
    chunk = Chunk(
        [Setup("planted", {}), Setup("heavy", {"rounds": 1})],
        [Subject(gate), Subject("ok")],
        ["ok", gate],
        [Job(0, 0, 0, gate=True), Job(0, 1, 1), Job(1, 0, 0)],
        60.0,
    )
    assert _reasons(Worker(catalog).handle(chunk)) == expected


def test_jobs_that_start_behind_the_deadline_are_not_computed(catalog: Catalog) -> None:
    answers = Worker(catalog).handle(_chunk(["loop", "loop"], seconds=0.0))
    assert _reasons(answers) == ["deadline", "deadline"]


def test_only_the_jobs_that_are_asked_for_are_run(catalog: Catalog) -> None:
    answers = list(Worker(catalog).handle(_chunk(["ok", "loop", "ok"]), [0, 2]))
    assert [answer.job for answer in answers] == [0, 2]


def test_nothing_more_is_begun_once_stopped(catalog: Catalog) -> None:
    progress = Stopping(after=2)
    answers = list(Worker(catalog, progress).handle(_chunk(["ok", "ok", "loop"])))
    assert [answer.job for answer in answers] == [0, 1]
    assert sorted(set(progress.begun)) == [0, 1]


def test_the_clock_of_a_job_starts_behind_what_is_made_for_its_neighbours_too(
    catalog: Catalog,
) -> None:
    progress = Stopping(after=9)
    list(Worker(catalog, progress).handle(_chunk(["ok", "ok"])))
    assert progress.begun == [0, 0, 1]


@pytest.mark.parametrize(
    ("verifier", "reason"),
    [("boxed", Reason.SANDBOX_UNAVAILABLE), ("asked", Reason.JUDGE_FAILED)],
)
def test_what_a_worker_does_not_have_leaves_a_job_unscored(
    catalog: Catalog, verifier: str, reason: Reason
) -> None:
    (answer,) = Worker(catalog).handle(_chunk(["ok"], verifier))
    assert (answer.score, answer.reason) == (None, reason)


def test_a_broken_sandbox_leaves_a_job_unscored(catalog: Catalog) -> None:
    worker = Worker(catalog, open_sandbox=broken_sandbox)
    (answer,) = worker.handle(_chunk(["ok"], "boxed"))
    worker.close()
    assert (answer.score, answer.reason) == (None, Reason.SANDBOX_UNAVAILABLE)
    assert "no room" in answer.detail


def test_a_sandbox_serves_one_chunk_after_another(catalog: Catalog) -> None:
    worker = Worker(catalog, open_sandbox=echo_sandbox)
    reasons = [_reasons(worker.handle(_chunk(["ok", "no"], "boxed"))) for _ in range(2)]
    worker.close()
    assert reasons == [["match", "mismatch"]] * 2


def test_setups_are_reported_in_order(catalog: Catalog) -> None:
    fine, misspelt, unknown, raising = Worker(catalog).inspect(
        [
            Setup("planted", {}),
            Setup("heavy", {"rounded": 3}),
            Setup("no-such", {}),
            Setup("picky", {"deed": "raise"}),
        ]
    )
    assert fine == SetupReport(None, 7, ["reference"])
    assert "rounded" in str(misspelt.error)
    assert "no-such" in str(unknown.error)
    assert "LookupError" in str(raising.error)


def test_verifiers_are_described_by_need(catalog: Catalog) -> None:
    assert [card.name for card in describe(catalog, Need.CPU)] == ["heavy", "picky", "planted"]
    (boxed,) = describe(catalog, Need.SANDBOX)
    assert (boxed.need, boxed.summary) == ("sandbox", "Run something.")
