"""Send tasks to lanes in chunks, on time, and settle each exactly once."""

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry.context import Context

from rewardd_service import tracing
from rewardd_service.backends import Backend
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.estimates import Estimates
from rewardd_service.job import SKIPPED, Answer, Chunk, Job, Setup, Subject
from rewardd_service.metrics import Metrics
from rewardd_service.plan import Plan, PlannedJob, Task
from rewardd_service.scheduler import Scheduler, Ticket, Unit
from rewardd_verifiers import Need, Reason

Settle = Callable[[Task], None]
"""Told of each task once, as soon as all its terms are answered or will not be."""

_NO_WORKER: Mapping[Need, Reason] = {
    Need.CPU: Reason.WORKER_LOST,
    Need.SANDBOX: Reason.SANDBOX_UNAVAILABLE,
    Need.JUDGE: Reason.JUDGE_FAILED,
}


@dataclass(slots=True, eq=False)
class _Flight:
    """A request on its way: what it waits for, and where its answers go."""

    plan: Plan
    settle: Settle
    started: float
    deadline: float
    tickets: dict[Need, Ticket]
    origin: Context
    unsettled: int
    outstanding: list[int]
    wave: list[int]
    chunks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    landed: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None
    closed: bool = False


class Dispatcher:
    """Deals the tasks of all requests to the lanes of one backend."""

    def __init__(self, backend: Backend, metrics: Metrics) -> None:
        self._backend = backend
        self._metrics = metrics
        self._lanes = {need: Scheduler() for need in Need}
        self._running = dict.fromkeys(Need, 0)
        self._running_jobs = dict.fromkeys(Need, 0)
        self._estimates = Estimates()
        self._flights: dict[Ticket, _Flight] = {}

    def backlog_seconds(self) -> float:
        """Return how long a job that came now would wait for a slot, at the worst lane."""
        slots = self._backend.slots()
        return max(
            lane.waiting_seconds / max(slots.get(need, 0), 1) for need, lane in self._lanes.items()
        )

    def waiting_jobs(self) -> Mapping[Need, int]:
        """Return the number of jobs that wait for a slot, by lane."""
        return {need: lane.waiting_jobs for need, lane in self._lanes.items()}

    def running_jobs(self) -> Mapping[Need, int]:
        """Return the number of jobs that are with a worker, by lane."""
        return dict(self._running_jobs)

    async def dispatch(
        self, plan: Plan, *, deadline_seconds: float, settle: Settle, tenant: str = ""
    ) -> None:
        """Return when each task was settled; tasks late for the deadline settle without a score.

        If the caller is cancelled, waiting work is dropped at once and running work is let go.
        """
        now = asyncio.get_running_loop().time()
        flight = _Flight(
            plan=plan,
            settle=settle,
            started=now,
            deadline=now + deadline_seconds,
            tickets={need: Ticket(tenant) for need in Need},
            origin=tracing.here(len(plan.tasks)),
            unsettled=len(plan.tasks),
            outstanding=[0] * len(plan.tasks),
            wave=[-1] * len(plan.tasks),
        )
        self._flights.update(dict.fromkeys(flight.tickets.values(), flight))
        try:
            async with asyncio.timeout(deadline_seconds):
                self._launch(flight)
                await flight.landed.wait()
        except TimeoutError:
            self._expire(flight)
        finally:
            self._land(flight)
        if flight.failure is not None:
            raise flight.failure

    def _launch(self, flight: _Flight) -> None:
        units: dict[Need, list[Unit]] = {need: [] for need in Need}
        for task in flight.plan.tasks:
            self._next_wave(flight, task, units)
        for need, waiting in units.items():
            self._submit(flight, need, waiting)

    def _next_wave(self, flight: _Flight, task: Task, units: dict[Need, list[Unit]]) -> None:
        """Queue the task's next wave into `units`, or settle the task if there is none."""
        number = flight.wave[task.index] = flight.wave[task.index] + 1
        if number >= len(task.waves):
            self._settle(flight, task)
            return
        wave = task.waves[number]
        flight.outstanding[task.index] = len(wave)
        if len(wave) == 1:
            units[wave[0].need].append(self._unit(flight.plan, task, wave))
            return
        for need in dict.fromkeys(job.need for job in wave):
            jobs = [job for job in wave if job.need is need]
            units[need].append(self._unit(flight.plan, task, jobs))

    def _unit(self, plan: Plan, task: Task, jobs: Sequence[PlannedJob]) -> Unit:
        seconds = 0.0
        size = len(task.subject.completion) + len(task.subject.prompt)
        for job in jobs:
            seconds += self._estimates.of(job.setup.verifier)
            size += plan.reference_bytes[job.reference]
        return Unit(jobs, seconds, size)

    def _submit(self, flight: _Flight, need: Need, units: Sequence[Unit]) -> None:
        if not units:
            return
        if self._backend.slots().get(need, 0) <= 0:
            for unit in units:
                detail = f"no worker of this server offers {need}"
                self._refuse(flight, unit.jobs, _NO_WORKER[need], detail)
            return
        self._lanes[need].add(flight.tickets[need], units)
        self._pump(need)

    def _pump(self, need: Need) -> None:
        """Start chunks while there is room and waiting work."""
        lane = self._lanes[need]
        slots = self._backend.slots().get(need, 0)
        window = self._backend.window().get(need, 0)
        if slots <= 0:
            self._turn_away(need)
        while self._running[need] < window:
            taken = lane.take(slots)
            if taken is None:
                return
            ticket, units = taken
            self._start(self._flights[ticket], need, units)

    def _turn_away(self, need: Need) -> None:
        """Answer what waits for a lane that has lost its last worker: nobody else would."""
        while (taken := self._lanes[need].take(1)) is not None:
            ticket, units = taken
            for unit in units:
                detail = f"no worker of this server offers {need}"
                self._refuse(self._flights[ticket], unit.jobs, _NO_WORKER[need], detail)

    def _start(self, flight: _Flight, need: Need, units: Sequence[Unit]) -> None:
        jobs = [job for unit in units for job in unit.jobs]
        self._running[need] += 1
        self._running_jobs[need] += len(jobs)
        waited = asyncio.get_running_loop().time() - flight.started
        self._metrics.chunk_sent(need, len(jobs), waited)
        estimated = sum(unit.seconds for unit in units)
        work = asyncio.create_task(self._run(flight, need, jobs, estimated))
        flight.chunks.add(work)
        work.add_done_callback(functools.partial(self._finished, flight, need, len(jobs)))

    async def _run(
        self, flight: _Flight, need: Need, jobs: Sequence[PlannedJob], estimated: float
    ) -> None:
        now = asyncio.get_running_loop().time()
        remaining = flight.deadline - now
        chunk = _chunk(flight.plan, jobs, max(remaining, 0.0))
        spent = 0.0

        def deliver(answers: Sequence[Answer]) -> None:
            nonlocal spent
            spent += sum(answer.seconds for answer in answers)
            if not flight.closed:
                self._record(flight, jobs, answers)

        try:
            with tracing.chunk(flight.origin, need, chunk, now - flight.started) as traced:
                await self._backend.process(need, traced, deliver)
        except BackendUnavailableError as error:
            if not flight.closed:
                self._refuse(flight, jobs, _NO_WORKER[need], error.detail)
        self._lanes[need].correct(flight.tickets[need].tenant, spent - estimated)

    def _finished(self, flight: _Flight, need: Need, jobs: int, work: asyncio.Task[None]) -> None:
        self._running[need] -= 1
        self._running_jobs[need] -= jobs
        flight.chunks.discard(work)
        if not work.cancelled() and work.exception() is not None:
            flight.failure = work.exception()
            flight.landed.set()
        self._pump(need)

    def _record(
        self, flight: _Flight, jobs: Sequence[PlannedJob], answers: Sequence[Answer]
    ) -> None:
        """Take answers to a chunk's jobs; the first answer to a job counts."""
        more: dict[Need, list[Unit]] = {need: [] for need in Need}
        for answer in answers:
            job = jobs[answer.job]
            task = flight.plan.tasks[job.task]
            if task.answers[job.term] is not None:
                continue
            task.answers[job.term] = answer
            if answer.reason != SKIPPED and answer.score is not None:
                self._estimates.learn(job.setup.verifier, answer.seconds)
            flight.outstanding[job.task] -= 1
            if flight.outstanding[job.task] == 0:
                self._advance(flight, task, more)
        for need, units in more.items():
            self._submit(flight, need, units)

    def _advance(self, flight: _Flight, task: Task, units: dict[Need, list[Unit]]) -> None:
        if _gate_failed(task, task.waves[flight.wave[task.index]]):
            self._settle(flight, task)
        else:
            self._next_wave(flight, task, units)

    def _refuse(
        self, flight: _Flight, jobs: Sequence[PlannedJob], reason: Reason, detail: str
    ) -> None:
        open_jobs = [
            number
            for number, job in enumerate(jobs)
            if flight.plan.tasks[job.task].answers[job.term] is None
        ]
        answers = [Answer(number, None, reason, detail) for number in open_jobs]
        self._record(flight, jobs, answers)

    def _expire(self, flight: _Flight) -> None:
        for task in flight.plan.tasks:
            if flight.wave[task.index] >= len(task.waves):
                continue
            for number, answer in enumerate(task.answers):
                if answer is None:
                    detail = "not judged before the request's deadline"
                    task.answers[number] = Answer(-1, None, Reason.DEADLINE, detail)
            self._settle(flight, task)

    def _settle(self, flight: _Flight, task: Task) -> None:
        flight.wave[task.index] = len(task.waves)
        flight.unsettled -= 1
        flight.settle(task)
        if flight.unsettled == 0:
            flight.landed.set()

    def _land(self, flight: _Flight) -> None:
        flight.closed = True
        for need, ticket in flight.tickets.items():
            self._lanes[need].drop(ticket)
            del self._flights[ticket]
        for work in flight.chunks:
            work.cancel()


def _gate_failed(task: Task, wave: Sequence[PlannedJob]) -> bool:
    for job in wave:
        answer = task.answers[job.term]
        if job.gate and answer is not None and (answer.score is None or answer.score < 1.0):
            return True
    return False


def _chunk(plan: Plan, jobs: Sequence[PlannedJob], remaining_seconds: float) -> Chunk:
    """Return the frame: completions, references and setups once each, jobs pointing to them."""
    setups: dict[int, int] = {}
    subjects: dict[int, int] = {}
    references: dict[int, int] = {}
    framed_setups: list[Setup] = []
    framed_subjects: list[Subject] = []
    framed_references: list[object] = []
    framed: list[Job] = []
    for job in jobs:
        setup = setups.setdefault(id(job.setup), len(setups))
        if setup == len(framed_setups):
            framed_setups.append(job.setup)
        subject = subjects.setdefault(job.task, len(subjects))
        if subject == len(framed_subjects):
            framed_subjects.append(plan.tasks[job.task].subject)
        reference = references.setdefault(job.reference, len(references))
        if reference == len(framed_references):
            framed_references.append(plan.references[job.reference])
        framed.append(Job(subject, setup, reference, job.gate))
    return Chunk(framed_setups, framed_subjects, framed_references, framed, remaining_seconds)
