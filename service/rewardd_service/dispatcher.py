"""Send tasks to lanes in chunks, on time, and settle each exactly once."""

import asyncio
import functools
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from rewardd_service import tracing
from rewardd_service.backends import Backend
from rewardd_service.cache import VerdictCache, taken_over
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.estimates import Estimates
from rewardd_service.flight import Flight, Settle, failed
from rewardd_service.job import SKIPPED, Answer
from rewardd_service.lanes import Lanes
from rewardd_service.metrics import Metrics
from rewardd_service.plan import SLICE, Plan, PlannedJob, Task
from rewardd_service.scheduler import Ticket, Unit
from rewardd_service.sharing import Questions, Sharing
from rewardd_verifiers import Need, Reason

_NO_WORKER: Mapping[Need, Reason] = {
    Need.CPU: Reason.WORKER_LOST,
    Need.SANDBOX: Reason.SANDBOX_UNAVAILABLE,
    Need.JUDGE: Reason.JUDGE_FAILED,
}

_Ready = dict[tuple[Flight, Need], list[Unit]]
"""Units that are to be queued, by request and lane."""

_SKIPPED = Answer(-1, None, SKIPPED, attempts=0)


class Dispatcher:
    """Deals the tasks of all requests to the lanes of one backend.

    Args:
        cache: of verdicts; None for none.
        join: whether equal jobs in flight run once.
        weights: of tenants, 1 where absent: their shares of a busy lane.

    Attributes:
        lanes: what waits and what runs.
    """

    def __init__(
        self,
        backend: Backend,
        metrics: Metrics,
        cache: VerdictCache | None = None,
        *,
        join: bool = True,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self._backend = backend
        self._weights = weights or {}
        self._metrics = metrics
        self.lanes = Lanes(backend, self._send, self._turn_away)
        self._estimates = Estimates()
        self._sharing = Sharing(self._estimates, metrics, cache, join=join)
        self._flights: dict[Ticket, Flight] = {}

    def twins_in_flight(self) -> int:
        """Return how many different jobs are known to be in flight."""
        return self._sharing.entries()

    async def dispatch(
        self, plan: Plan, *, deadline_seconds: float, settle: Settle, tenant: str = ""
    ) -> None:
        """Return when each task was settled; tasks late for the deadline settle without a score.

        If the caller is cancelled, waiting work is dropped at once and running work is let go.
        """
        now = asyncio.get_running_loop().time()
        weight = self._weights.get(tenant, 1.0)
        flight = Flight(
            plan=plan,
            settle=settle,
            started=now,
            deadline=now + deadline_seconds,
            tickets={need: Ticket(tenant, weight) for need in Need},
            origin=tracing.here(len(plan.tasks)),
            keys=self._sharing.keys(plan),
            unsettled=len(plan.tasks),
            outstanding=[0] * len(plan.tasks),
            wave=[-1] * len(plan.tasks),
        )
        self._flights.update(dict.fromkeys(flight.tickets.values(), flight))
        try:
            async with asyncio.timeout(deadline_seconds):
                await self._launch(flight)
                await flight.landed.wait()
        except TimeoutError:
            self._expire(flight)
        finally:
            self._land(flight)
        if flight.failure is not None:
            raise flight.failure

    async def _launch(self, flight: Flight) -> None:
        """Queue the first wave, giving the loop away between slices."""
        tasks = flight.plan.tasks
        for start in range(0, len(tasks), SLICE):
            ready: _Ready = {}
            for task in tasks[start : start + SLICE]:
                self._next_wave(flight, task, ready)
            self._submit(ready)
            await asyncio.sleep(0)

    def _next_wave(self, flight: Flight, task: Task, ready: _Ready) -> None:
        """Queue the task's next wave into `ready`, or settle the task if there is none."""
        number = flight.wave[task.index] = flight.wave[task.index] + 1
        if number >= len(task.waves):
            self._settle(flight, task)
            return
        wave = task.waves[number]
        flight.outstanding[task.index] = len(wave)
        if len(wave) == 1:
            self._enlist(flight, wave, ready)
            return
        for need in dict.fromkeys(job.need for job in wave):
            self._enlist(flight, [job for job in wave if job.need is need], ready)

    def _enlist(self, flight: Flight, jobs: Sequence[PlannedJob], ready: _Ready) -> None:
        """Queue a sample's jobs of one lane, unless their twins will answer all of them."""
        claims = [self._sharing.enlist(flight, job) for job in jobs]
        if any(claim is None or not (claim.waits or claim.answer) for claim in claims):
            ready.setdefault((flight, jobs[0].need), []).append(flight.unit(jobs, self._estimates))
        for job, claim in zip(jobs, claims, strict=True):
            answer = None if claim is None else self._sharing.joined(claim)
            if answer is not None:
                self._answer(flight, job, answer, ready)

    def _submit(self, ready: _Ready) -> None:
        for (flight, need), units in ready.items():
            if flight.closed:
                continue
            if self.lanes.offered(need):
                self.lanes.add(need, flight.tickets[need], units)
            else:
                self._refuse_all(flight, need, units)
        for need in dict.fromkeys(need for _, need in ready):
            self.lanes.pump(need)

    def _turn_away(self, ticket: Ticket, need: Need, units: Sequence[Unit]) -> None:
        """Answer what waits for a lane that has lost its last worker: nobody else would."""
        self._refuse_all(self._flights[ticket], need, units)

    def _refuse_all(self, flight: Flight, need: Need, units: Sequence[Unit]) -> None:
        for unit in units:
            detail = f"no worker of this server offers {need}"
            self._refuse(flight, unit.jobs, _NO_WORKER[need], detail)

    def _send(self, ticket: Ticket, need: Need, units: Sequence[Unit]) -> bool:
        """Start a chunk with what nobody else answers; return whether anything was left."""
        flight = self._flights[ticket]
        ready: _Ready = {}
        questions: Questions = {}
        jobs = [job for unit in units for job in self._pick(flight, unit, questions, ready)]
        estimated = sum(unit.seconds for unit in units)
        if jobs:
            self._start(flight, need, jobs, self._run(flight, need, jobs, questions, estimated))
        else:
            self.lanes.correct(need, ticket, -estimated)
        self._submit(ready)
        return bool(jobs)

    def _pick(
        self, flight: Flight, unit: Unit, questions: Questions, ready: _Ready
    ) -> list[PlannedJob]:
        """Return the jobs that have no answer, no twin that runs, and no verdict from before."""
        mine: set[int] = set()
        for job in unit.jobs:
            if flight.answer(job) is not None or not self._sharing.starts(flight, job):
                continue
            question = self._sharing.question(flight, job)
            known = None if question is None else self._sharing.find(question)
            if known is not None:
                self._answer(flight, job, known, ready)
                continue
            mine.add(id(job))
            if question is not None:
                questions[id(job)] = question
        return flight.with_open_gates(unit.jobs, mine) if mine else []

    def _start(
        self,
        flight: Flight,
        need: Need,
        jobs: Sequence[PlannedJob],
        run: Coroutine[Any, Any, None],
    ) -> None:
        self.lanes.started(need, len(jobs))
        waited = asyncio.get_running_loop().time() - flight.started
        self._metrics.chunk_sent(need, len(jobs), waited)
        work = asyncio.create_task(run)
        flight.chunks.add(work)
        work.add_done_callback(functools.partial(self._finished, flight, need, len(jobs)))

    async def _run(
        self,
        flight: Flight,
        need: Need,
        jobs: Sequence[PlannedJob],
        questions: Questions,
        estimated: float,
    ) -> None:
        spent = 0.0

        def deliver(answers: Sequence[Answer]) -> None:
            nonlocal spent
            spent += sum(answer.seconds for answer in answers)
            if not flight.closed:
                self._record(flight, jobs, answers, questions)

        if questions:
            jobs = await self._fetch(flight, jobs, questions)
        now = asyncio.get_running_loop().time()
        chunk = flight.chunk(jobs, max(flight.deadline - now, 0.0))
        try:
            if jobs:
                with tracing.chunk(flight.origin, need, chunk, now - flight.started) as traced:
                    await self._backend.process(need, traced, deliver)
        except BackendUnavailableError as error:
            if not flight.closed:
                self._refuse(flight, jobs, _NO_WORKER[need], error.detail)
        self.lanes.correct(need, flight.tickets[need], spent - estimated)

    async def _fetch(
        self, flight: Flight, jobs: Sequence[PlannedJob], questions: Questions
    ) -> Sequence[PlannedJob]:
        """Take the verdicts that other gateways have left; return the jobs that have none."""
        found = await self._sharing.fetch(list(questions.values()))
        self._sharing.missed(sum(asked.key not in found for asked in questions.values()))
        if not found or flight.closed:
            return jobs
        ready: _Ready = {}
        for job in jobs:
            question = questions.get(id(job))
            if question is not None and question.key in found:
                self._answer(flight, job, found[question.key], ready)
        self._submit(ready)
        return [job for job in jobs if flight.answer(job) is None]

    def _finished(self, flight: Flight, need: Need, jobs: int, work: asyncio.Task[None]) -> None:
        self.lanes.finished(need, jobs)
        flight.chunks.discard(work)
        if not work.cancelled() and work.exception() is not None:
            flight.failure = work.exception()
            flight.landed.set()
        self.lanes.pump(need)

    def _record(
        self,
        flight: Flight,
        jobs: Sequence[PlannedJob],
        answers: Sequence[Answer],
        questions: Questions,
    ) -> None:
        """Take a worker's answers to a chunk's jobs."""
        ready: _Ready = {}
        for answer in answers:
            job = jobs[answer.job]
            if flight.answer(job) is not None:
                continue
            if answer.reason == SKIPPED:
                # The gate failed here, but a twin of it had passed: then its answer counts.
                self._queue(flight, job, ready)
                continue
            if answer.score is not None:
                self._estimates.learn(job.setup.verifier, answer.seconds)
            self._sharing.learn(job, answer, questions.get(id(job)))
            self._answer(flight, job, answer, ready)
        self._submit(ready)

    def _answer(self, flight: Flight, job: PlannedJob, answer: Answer, ready: _Ready) -> None:
        """Take a job's first answer, give it to equal jobs, and go on with the sample."""
        task = flight.plan.tasks[job.task]
        if flight.closed or task.answers[job.term] is not None:
            return
        task.answers[job.term] = answer
        self._spread(flight, job, answer, ready)
        flight.outstanding[job.task] -= 1
        if failed(job, answer):
            self._skip_behind(flight, job, ready)
        if flight.outstanding[job.task] == 0:
            self._advance(flight, task, ready)

    def _spread(self, flight: Flight, job: PlannedJob, answer: Answer, ready: _Ready) -> None:
        others, stranded = self._sharing.spread(flight, job, answer)
        if others:
            same = taken_over(answer)
            for claim in others:
                self._answer(claim.holder, claim.job, same, ready)
        for claim in stranded:
            self._queue(claim.holder, claim.job, ready)

    def _skip_behind(self, flight: Flight, gate: PlannedJob, ready: _Ready) -> None:
        """Answer what stands behind a failed gate, also where a twin has brought a verdict."""
        answers = flight.plan.tasks[gate.task].answers
        for job in flight.behind(gate):
            if answers[job.term] is None:
                flight.outstanding[job.task] -= 1
                self._spread(flight, job, _SKIPPED, ready)
            answers[job.term] = _SKIPPED

    def _queue(self, flight: Flight, job: PlannedJob, ready: _Ready) -> None:
        """Queue a job that has waited for a twin, with the gates before it."""
        unit = flight.unit(flight.with_gates(job), self._estimates)
        ready.setdefault((flight, job.need), []).append(unit)

    def _advance(self, flight: Flight, task: Task, ready: _Ready) -> None:
        wave = task.waves[flight.wave[task.index]]
        if any(failed(job, task.answers[job.term]) for job in wave):
            self._settle(flight, task)
        else:
            self._next_wave(flight, task, ready)

    def _refuse(
        self, flight: Flight, jobs: Sequence[PlannedJob], reason: Reason, detail: str
    ) -> None:
        ready: _Ready = {}
        for number, job in enumerate(jobs):
            self._answer(flight, job, Answer(number, None, reason, detail), ready)
        self._submit(ready)

    def _expire(self, flight: Flight) -> None:
        for task in flight.plan.tasks:
            if flight.wave[task.index] >= len(task.waves):
                continue
            for number, answer in enumerate(task.answers):
                if answer is None:
                    detail = "not judged before the request's deadline"
                    task.answers[number] = Answer(-1, None, Reason.DEADLINE, detail)
            self._settle(flight, task)

    def _settle(self, flight: Flight, task: Task) -> None:
        flight.wave[task.index] = len(task.waves)
        flight.unsettled -= 1
        flight.settle(task)
        if flight.unsettled == 0:
            flight.landed.set()

    def _land(self, flight: Flight) -> None:
        flight.closed = True
        for need, ticket in flight.tickets.items():
            self.lanes.drop(need, ticket)
            del self._flights[ticket]
        for work in flight.chunks:
            work.cancel()
        ready: _Ready = {}
        for claim in self._sharing.leave(flight):
            self._queue(claim.holder, claim.job, ready)
        self._submit(ready)
