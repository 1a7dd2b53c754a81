from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_service.job import SKIPPED, Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool.ledger import BadAnswerError, Ledger
from rewardd_service.pool.process import Cause, Charge, Death
from rewardd_service.pool.progress import Position
from rewardd_verifiers import Reason

BATCH = 9


def _chunk(jobs: int, gates: Sequence[int] = (), *, subjects: int = 64) -> Chunk:
    told = [Job(i % subjects, 0, 0, gate=i in gates) for i in range(jobs)]
    return Chunk([Setup("exact", {})], [Subject("")] * subjects, [""], told, 60.0)


def _match(job: int, score: float = 1.0) -> Answer:
    return Answer(job, score, "match" if score == 1.0 else "mismatch")


def _death(
    cause: Cause, job: int | None, *, charged: int | None = None, distrusted: bool = False
) -> Death:
    charge = None
    if charged is not None:
        charge = Charge(Position(BATCH, charged, 1.0, 1.0), 2.0, wall_only=False)
    return Death(cause, -9, Position(BATCH, job, 1.0, 1.0), charge, distrusted, "")


def _stall(job: int) -> Death:
    at = Position(BATCH, job, 1.0, 1.0)
    return Death(Cause.TIMEOUT, -9, at, Charge(at, 2.0, wall_only=True), False, "")  # noqa: FBT003  a plain record


def _told(answers: Sequence[Answer]) -> list[tuple[int, str, int]]:
    return [(answer.job, answer.reason, answer.attempts) for answer in answers]


def test_answers_pass_in_the_order_of_the_batch() -> None:
    ledger = Ledger(_chunk(3), retries=3)
    assert ledger.next_batch() == [0, 1, 2]
    assert ledger.accept([_match(0), _match(1)], reached=1, finished=False) == [
        _match(0),
        _match(1),
    ]
    ledger.accept([_match(2)], reached=2, finished=True)
    assert ledger.next_batch() == []


@pytest.mark.parametrize(
    ("answers", "reached", "finished"),
    [
        pytest.param([_match(1)], 2, False, id="not_its_turn"),
        pytest.param([_match(0), _match(0)], 2, False, id="twice"),
        pytest.param([_match(0), _match(1)], 0, False, id="not_begun"),
        pytest.param([_match(7)], 9, False, id="no_job_of_this_chunk"),
        pytest.param([_match(i) for i in range(4)], 9, False, id="too_many"),
        pytest.param([_match(0)], 2, True, id="finished_too_early"),
        pytest.param([Answer(0, 1.5, "match")], 2, False, id="above_1"),
        pytest.param([Answer(0, float("nan"), "match")], 2, False, id="nan"),
        pytest.param([Answer(0, 1.0, "marvellous")], 2, False, id="unknown_reason"),
        pytest.param([Answer(0, 0.0, "fault")], 2, False, id="failure_as_zero"),
        pytest.param([Answer(0, None, "mismatch")], 2, False, id="reason_without_score"),
        pytest.param([Answer(0, None, SKIPPED)], 2, False, id="skipped_without_a_gate"),
    ],
)
def test_what_is_no_answer_is_refused_whole(
    answers: list[Answer], reached: int, *, finished: bool
) -> None:
    ledger = Ledger(_chunk(3), retries=3)
    ledger.next_batch()
    with pytest.raises(BadAnswerError):
        ledger.accept(answers, reached=reached, finished=finished)
    assert ledger.next_batch() == [0, 1, 2]


def test_a_job_killed_at_its_limit_is_a_timeout_and_the_rest_goes_on() -> None:
    ledger = Ledger(_chunk(3), retries=3)
    ledger.next_batch()
    answers = ledger.bury(BATCH, _death(Cause.TIMEOUT, 1, charged=1))
    assert _told(answers) == [(1, "timeout", 1)]
    assert ledger.next_batch() == [0, 2]


def test_the_job_that_a_late_kill_strikes_is_not_blamed() -> None:
    ledger = Ledger(_chunk(3), retries=3)
    ledger.next_batch()
    assert ledger.bury(BATCH, _death(Cause.TIMEOUT, 2, charged=1)) == []
    assert ledger.next_batch() == [0, 1, 2]


def test_a_stall_on_the_wall_is_tried_once_more_alone() -> None:
    ledger = Ledger(_chunk(2), retries=3)
    ledger.next_batch()
    assert ledger.bury(BATCH, _stall(0)) == []
    assert ledger.next_batch() == [1]
    ledger.accept([_match(1)], reached=1, finished=True)
    assert ledger.next_batch() == [0]
    assert _told(ledger.bury(BATCH, _stall(0))) == [(0, "timeout", 2)]


@pytest.mark.parametrize("cause", [Cause.CRASH, Cause.MEMORY])
def test_a_job_that_ends_two_workers_is_quarantined(cause: Cause) -> None:
    ledger = Ledger(_chunk(3), retries=3)
    ledger.next_batch()
    assert ledger.bury(BATCH, _death(cause, 1)) == []
    assert ledger.next_batch() == [0, 2]
    ledger.accept([_match(0), _match(2)], reached=2, finished=True)
    assert ledger.next_batch() == [1]
    assert _told(ledger.bury(BATCH, _death(cause, 1))) == [(1, "quarantined", 2)]
    assert ledger.quarantined == [1]
    assert ledger.next_batch() == []


def test_a_neighbour_of_a_crash_that_passes_alone_is_scored_and_says_how_often_it_ran() -> None:
    ledger = Ledger(_chunk(1), retries=3)
    ledger.next_batch()
    ledger.bury(BATCH, _death(Cause.CRASH, 0))
    ledger.next_batch()
    assert _told(ledger.accept([_match(0)], reached=0, finished=True)) == [(0, "match", 2)]


def test_all_that_had_begun_are_tried_alone_when_who_sent_noise_is_not_known() -> None:
    ledger = Ledger(_chunk(4), retries=3)
    ledger.next_batch()
    ledger.bury(BATCH, _death(Cause.CRASH, 1, distrusted=True))
    assert ledger.next_batch() == [2, 3]
    ledger.accept([_match(2), _match(3)], reached=3, finished=True)
    assert ledger.next_batch() == [0]
    ledger.accept([_match(0)], reached=0, finished=True)
    assert ledger.next_batch() == [1]
    assert ledger.bury(BATCH, _death(Cause.CRASH, 1, distrusted=True)) == []
    ledger.next_batch()
    answers = ledger.bury(BATCH, _death(Cause.CRASH, 1, distrusted=True))
    assert [answer.reason for answer in answers] == ["quarantined"]


def _lose(ledger: Ledger, job: int | None, cause: Cause = Cause.EXTERNAL) -> list[Answer]:
    ledger.next_batch()
    return ledger.bury(BATCH, _death(cause, job))


def test_a_job_whose_workers_are_killed_from_outside_is_retried_three_times() -> None:
    ledger = Ledger(_chunk(1), retries=3)
    assert [_lose(ledger, 0) for _ in range(3)] == [[], [], []]
    assert _told(_lose(ledger, 0)) == [(0, "worker_lost", 4)]


@pytest.mark.parametrize(("cause", "retries"), [(Cause.CRASH, 3), (Cause.EXTERNAL, 32)])
def test_a_batch_whose_workers_end_before_they_begin_is_not_retried_for_ever(
    cause: Cause, retries: int
) -> None:
    ledger = Ledger(_chunk(2), retries=3)
    assert [_lose(ledger, None, cause) for _ in range(retries)] == [[]] * retries
    assert _told(_lose(ledger, None, cause)) == [(0, "worker_lost", 1), (1, "worker_lost", 1)]


def test_jobs_behind_a_suspected_gate_wait_for_it() -> None:
    ledger = Ledger(_chunk(6, gates=[0], subjects=2), retries=3)
    ledger.next_batch()
    ledger.bury(BATCH, _death(Cause.EXTERNAL, 0))
    assert ledger.next_batch() == [1, 3, 5]
    ledger.accept([_match(1), _match(3), _match(5)], reached=5, finished=True)
    assert ledger.next_batch() == [0]
    ledger.accept([_match(0)], reached=0, finished=True)
    assert ledger.next_batch() == [2, 4]


def test_jobs_behind_a_gate_that_was_killed_are_skipped() -> None:
    ledger = Ledger(_chunk(4, gates=[0], subjects=2), retries=3)
    ledger.next_batch()
    answers = ledger.bury(BATCH, _death(Cause.TIMEOUT, 0, charged=0))
    assert _told(answers) == [(0, "timeout", 1), (2, SKIPPED, 1)]


def test_jobs_behind_a_failed_gate_are_skipped_when_the_worker_dies_right_behind_it() -> None:
    ledger = Ledger(_chunk(4, gates=[0], subjects=2), retries=3)
    ledger.next_batch()
    ledger.accept([_match(0, 0.0)], reached=1, finished=False)
    answers = ledger.bury(BATCH, _death(Cause.EXTERNAL, 1))
    assert _told(answers) == [(2, SKIPPED, 1)]
    assert ledger.next_batch() == [3]


def test_a_worker_may_skip_behind_a_gate_that_failed_in_the_same_frame() -> None:
    ledger = Ledger(_chunk(3, gates=[0], subjects=2), retries=3)
    ledger.next_batch()
    skipped = Answer(2, None, SKIPPED)
    answers = [_match(0, 0.0), _match(1), skipped]
    assert ledger.accept(answers, reached=2, finished=True) == answers


def test_a_job_before_a_failed_gate_is_not_skipped() -> None:
    ledger = Ledger(_chunk(2, gates=[1], subjects=1), retries=3)
    ledger.next_batch()
    ledger.bury(BATCH, _death(Cause.EXTERNAL, 0))
    assert ledger.next_batch() == [1]
    ledger.accept([_match(1, 0.0)], reached=1, finished=True)
    assert ledger.next_batch() == [0]


def test_closing_answers_all_that_is_owed() -> None:
    ledger = Ledger(_chunk(3), retries=3)
    ledger.next_batch()
    ledger.accept([_match(0)], reached=0, finished=False)
    answers = ledger.close(Reason.DEADLINE, "late")
    assert _told(answers) == [(1, "deadline", 1), (2, "deadline", 1)]
    assert ledger.close(Reason.DEADLINE, "late") == []


HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from([None, *Cause]),
        st.integers(0, 8),  # jobs that are answered before it happens
        st.booleans(),  # whether a failing score is among them
        st.booleans(),  # whether the worker died between two jobs
    ),
    max_size=40,
)


def _live_through(
    ledger: Ledger, chunk: Chunk, happenings: list[tuple[Cause | None, int, bool, bool]]
) -> list[Answer]:
    """Play a worker that may fail at any point; return all that was delivered."""
    delivered: list[Answer] = []
    for cause, count, failing, between in [*happenings, *[(None, 99, False, False)] * 99]:
        batch = ledger.next_batch()
        if not batch:
            break
        done = batch if cause is None else batch[: min(count, len(batch) - 1)]
        answers = _worker_says(chunk, done, failing=failing)
        delivered += ledger.accept(answers, reached=batch[-1], finished=cause is None)
        if cause is not None:
            at = None if between else batch[len(done)]
            delivered += ledger.bury(BATCH, _death(cause, at, charged=at))
    return delivered


def _worker_says(chunk: Chunk, jobs: list[int], *, failing: bool) -> list[Answer]:
    shut: set[int] = set()
    answers: list[Answer] = []
    for index in jobs:
        job = chunk.jobs[index]
        if job.subject in shut:
            answers.append(Answer(index, None, SKIPPED))
            continue
        answers.append(_match(index, 0.0 if failing else 1.0))
        if job.gate and failing:
            shut.add(job.subject)
    return answers


@given(st.integers(1, 12), st.sets(st.integers(0, 11)), st.integers(1, 4), HAPPENINGS)
def test_whatever_happens_each_job_is_answered_exactly_once(
    jobs: int,
    gates: set[int],
    subjects: int,
    happenings: list[tuple[Cause | None, int, bool, bool]],
) -> None:
    chunk = _chunk(jobs, sorted(gates), subjects=subjects)
    ledger = Ledger(chunk, retries=3)
    delivered = _live_through(ledger, chunk, happenings)
    assert sorted(answer.job for answer in delivered) == list(range(jobs))
    assert all(
        answer.score is None or answer.reason in {"match", "mismatch"} for answer in delivered
    )
