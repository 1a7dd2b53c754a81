from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_service.job import Setup
from rewardd_service.plan import PlannedJob
from rewardd_service.scheduler import CHUNK_BYTES, CHUNK_JOBS, Scheduler, Ticket, Unit
from rewardd_verifiers import Need


def _units(count: int, seconds: float = 0.001, size_bytes: int = 100) -> list[Unit]:
    job = PlannedJob(0, 0, Setup("exact", {}), Need.CPU, 0, gate=False)
    return [Unit([job], seconds, size_bytes) for _ in range(count)]


def _drain(scheduler: Scheduler, slots: int = 2) -> list[tuple[Ticket, Sequence[Unit]]]:
    taken: list[tuple[Ticket, Sequence[Unit]]] = []
    while (chunk := scheduler.take(slots)) is not None:
        taken.append(chunk)
    return taken


@pytest.mark.parametrize(
    ("seconds", "size_bytes", "most"),
    [
        pytest.param(0.01, 1, 5, id="seconds"),
        pytest.param(0.0001, 1, CHUNK_JOBS, id="jobs"),
        pytest.param(0.0001, CHUNK_BYTES // 3, 3, id="bytes"),
        pytest.param(9.0, CHUNK_BYTES * 2, 1, id="one_too_large_goes_alone"),
    ],
)
def test_a_chunk_closes_at_its_first_bound(seconds: float, size_bytes: int, most: int) -> None:
    scheduler = Scheduler()
    scheduler.add(Ticket(), _units(2000, seconds, size_bytes))
    assert max(len(units) for _, units in _drain(scheduler)) == most


def test_the_last_chunks_are_small_so_that_no_slot_idles() -> None:
    scheduler = Scheduler()
    scheduler.add(Ticket(), _units(16, 0.01))
    sizes = [len(units) for _, units in _drain(scheduler, slots=4)]
    assert sizes[0] == 2
    assert sum(sizes) == 16


def test_a_small_tenant_waits_for_a_quantum_and_not_for_a_batch() -> None:
    scheduler = Scheduler()
    large, small = Ticket("large"), Ticket("small")
    scheduler.add(large, _units(50_000))
    scheduler.add(small, _units(64))
    order = [ticket.tenant for ticket, _ in _drain(scheduler)]
    assert order.index("small") <= 2
    assert len(order) - 1 - order[::-1].index("small") <= 6


def test_a_heavier_tenant_gets_its_share() -> None:
    scheduler = Scheduler()
    scheduler.add(Ticket("light", 1.0), _units(3000))
    scheduler.add(Ticket("heavy", 3.0), _units(3000))
    first = [scheduler.take(2) for _ in range(40)]
    jobs = {"light": 0, "heavy": 0}
    for chunk in first:
        assert chunk is not None
        jobs[chunk[0].tenant] += len(chunk[1])
    assert 2.0 <= jobs["heavy"] / jobs["light"] <= 4.0


def test_requests_of_one_tenant_take_turns() -> None:
    scheduler = Scheduler()
    first, second = Ticket("t"), Ticket("t")
    scheduler.add(first, _units(500))
    scheduler.add(second, _units(500))
    order = [ticket for ticket, _ in _drain(scheduler)]
    assert order[:4] == [first, second, first, second]


def test_a_dropped_ticket_leaves_nothing_behind() -> None:
    scheduler = Scheduler()
    kept, dropped = Ticket("a"), Ticket("b")
    scheduler.add(kept, _units(3))
    scheduler.add(dropped, _units(500))
    scheduler.drop(dropped)
    assert scheduler.waiting_jobs == 3
    assert {ticket for ticket, _ in _drain(scheduler)} == {kept}
    scheduler.drop(kept)
    assert scheduler.take(2) is None


def test_a_tenant_pays_for_work_that_was_underestimated() -> None:
    scheduler = Scheduler()
    scheduler.add(Ticket("wrong"), _units(1000))
    scheduler.add(Ticket("right"), _units(1000))
    scheduler.correct("wrong", 0.5)
    first = [chunk[0].tenant for chunk in (scheduler.take(2) for _ in range(8)) if chunk]
    assert first.count("right") >= 7


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 40), st.floats(1e-5, 1.0)), max_size=30
    )
)
def test_every_unit_is_taken_exactly_once_and_nothing_is_left_counted(
    submissions: list[tuple[str, int, float]],
) -> None:
    scheduler = Scheduler()
    submitted = 0
    for tenant, count, seconds in submissions:
        scheduler.add(Ticket(tenant), _units(count, seconds))
        submitted += count
    taken = sum(len(units) for _, units in _drain(scheduler))
    assert taken == submitted
    assert (scheduler.waiting_jobs, scheduler.waiting_bytes) == (0, 0)
    assert scheduler.waiting_seconds < 1e-6
