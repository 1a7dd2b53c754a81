"""A chunk on its way: its books, who takes the answers, how long there is."""

import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from rewardd_service import frames
from rewardd_service.job import Answer, Chunk, Job
from rewardd_service.pool.ledger import Ledger
from rewardd_verifiers import Reason

Deliver = Callable[[Sequence[Answer]], None]

MAX_CHUNK_BYTES: Final = frames.MAX_FRAME_BYTES - (1 << 20)
"""Leaves room in the frame for the list of jobs."""


class Errand:
    """A chunk with its ledger; all answers leave through it."""

    def __init__(self, chunk: Chunk, deliver: Deliver, *, retries: int) -> None:
        self.chunk = chunk
        self.ledger = Ledger(chunk, retries=retries)
        self.encoded = msgspec.Raw()
        self._deliver = deliver
        self._deadline = time.monotonic() + chunk.remaining_seconds

    def remaining_seconds(self) -> float:
        """Return the time until the deadline."""
        return self._deadline - time.monotonic()

    def deliver(self, answers: Sequence[Answer]) -> None:
        """Hand over answers, if there are any."""
        if answers:
            self._deliver(answers)

    def give_up(self, reason: Reason, detail: str) -> None:
        """Answer all that is owed as unscored."""
        self.deliver(self.ledger.close(reason, detail))

    def for_part(self, jobs: Sequence[int]) -> Deliver:
        """Return who takes the answers for a part that holds these jobs of the chunk."""

        def deliver(answers: Sequence[Answer]) -> None:
            owed = [msgspec.structs.replace(told, job=jobs[told.job]) for told in answers]
            self.deliver(self.ledger.take_over(owed))

        return deliver

    def verifier(self, job: int) -> str:
        """Return the name of the verifier that judges a job."""
        return self.chunk.setups[self.chunk.jobs[job].setup].verifier

    def limits(self, default_seconds: float) -> list[float]:
        """Return the CPU time that each job may take."""
        setups = self.chunk.setups
        by_setup = [default_seconds if s.cpu_seconds is None else s.cpu_seconds for s in setups]
        return [by_setup[job.setup] for job in self.chunk.jobs]


def parts_by_subject(chunk: Chunk) -> list[tuple[Chunk, list[int]]]:
    """Cut a chunk that is too large for a frame: a part for each subject, and whose jobs it has.

    A subject stays whole, as its gates decide on its jobs.
    """
    by_subject: dict[int, list[int]] = {}
    for index, job in enumerate(chunk.jobs):
        by_subject.setdefault(job.subject, []).append(index)
    return [(_narrow(chunk, jobs), jobs) for jobs in by_subject.values()]


def _narrow(chunk: Chunk, jobs: Sequence[int]) -> Chunk:
    told = [chunk.jobs[index] for index in jobs]
    subjects = list(dict.fromkeys(job.subject for job in told))
    setups = list(dict.fromkeys(job.setup for job in told))
    references = list(dict.fromkeys(job.reference for job in told))
    return msgspec.structs.replace(
        chunk,
        setups=[chunk.setups[i] for i in setups],
        subjects=[chunk.subjects[i] for i in subjects],
        references=[chunk.references[i] for i in references],
        jobs=[
            Job(
                subjects.index(job.subject),
                setups.index(job.setup),
                references.index(job.reference),
                job.gate,
            )
            for job in told
        ],
    )
