"""A request on its way through the lanes: what it waits for, and the frames it sends."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from opentelemetry.context import Context

from rewardd_service.cache import Claim, JobKeys
from rewardd_service.estimates import Estimates
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.plan import Plan, PlannedJob, Task
from rewardd_service.scheduler import Ticket, Unit
from rewardd_verifiers import Need

Settle = Callable[[Task], None]
"""Told of each task once, as soon as all its terms are answered or will not be."""


@dataclass(slots=True, eq=False)
class Flight:
    """A request on its way: what it waits for, and where its answers go.

    Attributes:
        claims: by the job's identity, of those that may be equal to others.
        outstanding: number of jobs of each task's wave that have no answer yet.
    """

    plan: Plan
    settle: Settle
    started: float
    deadline: float
    tickets: dict[Need, Ticket]
    origin: Context
    keys: JobKeys
    unsettled: int
    outstanding: list[int]
    wave: list[int]
    claims: dict[int, "Claim[Flight]"] = field(default_factory=dict[int, "Claim[Flight]"])
    chunks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    landed: asyncio.Event = field(default_factory=asyncio.Event)
    failure: BaseException | None = None
    closed: bool = False

    def answer(self, job: PlannedJob) -> Answer | None:
        """Return the answer to a job, if it is there."""
        return self.plan.tasks[job.task].answers[job.term]

    def behind(self, gate: PlannedJob) -> list[PlannedJob]:
        """Return the jobs that do not run if this gate fails: later ones of its lane and wave."""
        wave = self.plan.tasks[gate.task].waves[self.wave[gate.task]]
        return [job for job in wave if job.term > gate.term and job.need is gate.need]

    def with_gates(self, wanted: PlannedJob) -> list[PlannedJob]:
        """Return a job, and before it the gates that it must not run without."""
        wave = self.plan.tasks[wanted.task].waves[self.wave[wanted.task]]
        gates = [
            job
            for job in wave
            if job.gate
            and job.term < wanted.term
            and job.need is wanted.need
            and self.answer(job) is None
        ]
        return [*gates, wanted]

    def with_open_gates(self, jobs: Sequence[PlannedJob], mine: set[int]) -> list[PlannedJob]:
        """Return those of a sample's jobs that are mine, and the open gates before them.

        Such a gate may run elsewhere at the same time; without it, a worker would do for a
        sample what a failed gate spares.
        """
        sent: list[PlannedJob] = []
        for job in reversed(jobs):
            if self.answer(job) is None and (id(job) in mine or (job.gate and sent)):
                sent.append(job)
        sent.reverse()
        return sent

    def unit(self, jobs: Sequence[PlannedJob], estimates: Estimates) -> Unit:
        """Return jobs of one sample as what a scheduler queues."""
        subject = self.plan.tasks[jobs[0].task].subject
        seconds = 0.0
        size = len(subject.completion) + len(subject.prompt)
        for job in jobs:
            seconds += estimates.of(job.setup.verifier)
            size += self.plan.reference_bytes[job.reference]
        return Unit(jobs, seconds, size)

    def chunk(self, jobs: Sequence[PlannedJob], remaining_seconds: float) -> Chunk:
        """Return the frame: completions, references and setups once, jobs pointing to them."""
        plan = self.plan
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


def failed(gate: PlannedJob, answer: Answer | None) -> bool:
    """Return whether an answer to a job ends its sample."""
    return gate.gate and answer is not None and (answer.score is None or answer.score < 1.0)
