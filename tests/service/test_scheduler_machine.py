"""The scheduler under any order of events, on a virtual clock.

A lane of a few slots serves tenants that submit, cancel and finish at random. The machine keeps its
own account: what was submitted is taken once or dropped, in order, and no chunk passes its bounds.
Fairness is checked where it is defined: among tenants that have work waiting all the while.
"""

from collections import deque
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rewardd_service.job import Setup
from rewardd_service.plan import PlannedJob
from rewardd_service.scheduler import (
    CHUNK_BYTES,
    CHUNK_JOBS,
    CHUNK_SECONDS,
    QUANTUM_SECONDS,
    Scheduler,
    Ticket,
    Unit,
)
from rewardd_verifiers import Need

SLOTS = 2
TENANTS = {"a": 1.0, "b": 1.0, "c": 2.0, "d": 0.5}
LONGEST_UNIT_SECONDS = 0.2
JOB = PlannedJob(0, 0, Setup("exact", {}), Need.CPU, 0, gate=False)


@dataclass(eq=False)
class Running:
    """A chunk with a worker.

    Attributes:
        until: when it ends, on the virtual clock.
    """

    tenant: str
    units: list[Unit]
    until: float
    error_seconds: float


class SchedulerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler()
        self.now_seconds = 0.0
        self.running: list[Running] = []
        self.waiting: dict[Ticket, deque[Unit]] = {}
        self.submitted = self.taken = self.dropped = 0

    @rule(
        tenant=st.sampled_from(sorted(TENANTS)),
        count=st.integers(1, 150),
        seconds=st.sampled_from([0.00005, 0.001, 0.02, LONGEST_UNIT_SECONDS]),
        size_bytes=st.sampled_from([10, 4_000, CHUNK_BYTES]),
        jobs=st.integers(1, 3),
    )
    def submit(self, tenant: str, count: int, seconds: float, size_bytes: int, jobs: int) -> None:
        ticket = Ticket(tenant, TENANTS[tenant])
        units = [Unit([JOB] * jobs, seconds, size_bytes) for _ in range(count)]
        self.waiting[ticket] = deque(units)
        self.scheduler.add(ticket, units)
        self.submitted += count

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), count=st.integers(1, 20))
    def submit_another_wave(self, data: st.DataObject, count: int) -> None:
        ticket = data.draw(st.sampled_from(list(self.waiting)))
        units = [Unit([JOB], 0.01, 100) for _ in range(count)]
        self.waiting[ticket].extend(units)
        self.scheduler.add(ticket, units)
        self.submitted += count

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(list(self.waiting)))
        self.dropped += len(self.waiting.pop(ticket))
        self.scheduler.drop(ticket)

    @rule(error=st.sampled_from([-0.5, 0.0, 0.0, 0.5]))
    def pump(self, error: float) -> None:
        """Fill the free slots; `error` is how wrong the estimates are."""
        while len(self.running) < SLOTS:
            taken = self.scheduler.take(SLOTS)
            if taken is None:
                assert not any(self.waiting.values())
                return
            self._take(*taken, error)

    @precondition(lambda self: self.running)
    @rule()
    def finish(self) -> None:
        """Let the clock run to the end of the next chunk."""
        chunk = min(self.running, key=lambda one: one.until)
        self.running.remove(chunk)
        self.now_seconds = chunk.until
        self.scheduler.correct(chunk.tenant, chunk.error_seconds)

    def _take(self, ticket: Ticket, units: list[Unit], error: float) -> None:
        expected = self.waiting[ticket]
        assert units == [expected.popleft() for _ in units]  # in order, each once
        if not expected:
            del self.waiting[ticket]
        self.taken += len(units)
        seconds = sum(unit.seconds for unit in units)
        self._check_bounds(units, seconds)
        self.running.append(
            Running(ticket.tenant, units, self.now_seconds + seconds, error * seconds)
        )

    def _check_bounds(self, units: list[Unit], seconds: float) -> None:
        if len(units) > 1:
            assert seconds <= CHUNK_SECONDS + 1e-9
            assert sum(len(unit.jobs) for unit in units) <= CHUNK_JOBS
            assert sum(unit.size_bytes for unit in units) <= CHUNK_BYTES

    @invariant()
    def nothing_is_forgotten_and_nothing_left_counted(self) -> None:
        waiting = [unit for units in self.waiting.values() for unit in units]
        assert self.submitted == self.taken + self.dropped + len(waiting)
        assert self.scheduler.waiting_jobs == sum(len(unit.jobs) for unit in waiting)
        assert self.scheduler.waiting_bytes == sum(unit.size_bytes for unit in waiting)
        assert abs(self.scheduler.waiting_seconds - sum(u.seconds for u in waiting)) < 1e-6

    def teardown(self) -> None:
        while (taken := self.scheduler.take(SLOTS)) is not None:
            self._take(*taken, 0.0)
        assert not self.waiting
        assert self.submitted == self.taken + self.dropped


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)


_LOADS = st.lists(
    st.tuples(
        st.sampled_from([0.25, 1.0, 1.0, 4.0]),
        st.sampled_from([0.0002, 0.003, 0.02, LONGEST_UNIT_SECONDS]),
    ),
    min_size=2,
    max_size=5,
)


@settings(max_examples=25, deadline=None)
@given(loads=_LOADS)
def test_tenants_that_wait_are_served_by_weight_within_a_quantum_and_a_chunk(
    loads: list[tuple[float, float]],
) -> None:
    scheduler = Scheduler()
    served = dict.fromkeys(range(len(loads)), 0.0)
    for number, (weight, seconds) in enumerate(loads):
        units = [Unit([JOB], seconds, 10) for _ in range(int(8 * weight / seconds))]
        scheduler.add(Ticket(str(number), weight), units)
    while sum(served.values()) < 2 * sum(weight for weight, _ in loads):
        taken = scheduler.take(SLOTS)
        assert taken is not None
        served[int(taken[0].tenant)] += sum(unit.seconds for unit in taken[1])
    rounds = [served[n] / weight for n, (weight, _) in enumerate(loads)]
    largest_chunk = max(CHUNK_SECONDS, LONGEST_UNIT_SECONDS)
    slack = [QUANTUM_SECONDS + 2 * largest_chunk / weight for weight, _ in loads]
    assert max(rounds) - min(rounds) <= 2 * max(slack)


@settings(max_examples=25, deadline=None)
@given(
    others=st.integers(1, 6),
    size=st.integers(1, 64),
    seconds=st.sampled_from([0.0002, 0.001, 0.01]),
    served_before=st.integers(0, 50),
)
def test_a_small_request_waits_for_one_round_each_quantum_that_it_needs(
    others: int, size: int, seconds: float, served_before: int
) -> None:
    scheduler = Scheduler()
    for number in range(others):
        scheduler.add(Ticket(f"large{number}"), [Unit([JOB], 0.001, 10)] * 5_000)
    for _ in range(served_before):
        scheduler.take(SLOTS)
    scheduler.add(Ticket("small"), [Unit([JOB], seconds, 10)] * size)
    ahead, left = 0.0, size
    while left:
        taken = scheduler.take(SLOTS)
        assert taken is not None
        if taken[0].tenant == "small":
            left -= len(taken[1])
        else:
            ahead += sum(unit.seconds for unit in taken[1])
    rounds = size * seconds / QUANTUM_SECONDS + 2
    assert ahead <= others * rounds * (QUANTUM_SECONDS + CHUNK_SECONDS)
