"""A backend whose chunks wait until a test lets them go."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from fakes import InstantBackend, Judge, echo
from rewardd_service.backends import Deliver
from rewardd_service.job import Answer, Chunk
from rewardd_verifiers import Need

Spoil = Callable[[str], Answer | None]
"""Completion -> what is answered instead of a verdict, if anything."""


class HeldBackend(InstantBackend):
    """Judges what it was sent once `go` is set.

    Args:
        spoil: asked for each job as it is judged.

    Attributes:
        started: completions that reached a worker, in order, repeated if judged again.
        sent: set as soon as a chunk has reached a worker.
        go: chunks wait for it.
    """

    def __init__(
        self,
        judge: Judge = echo,
        *,
        slots: Mapping[Need, int] | None = None,
        spoil: Spoil | None = None,
    ) -> None:
        super().__init__(judge, slots=slots)
        self._spoil = spoil
        self.started: list[str] = []
        self.sent = asyncio.Event()
        self.go = asyncio.Event()

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        self.started += [chunk.subjects[job.subject].completion for job in chunk.jobs]
        self.sent.set()
        await self.go.wait()
        await super().process(need, chunk, lambda answers: deliver(self._spoilt(chunk, answers)))

    def _spoilt(self, chunk: Chunk, answers: Sequence[Answer]) -> list[Answer]:
        return [self._one(chunk, answer) for answer in answers]

    def _one(self, chunk: Chunk, answer: Answer) -> Answer:
        if self._spoil is None:
            return answer
        completion = chunk.subjects[chunk.jobs[answer.job].subject].completion
        spoilt = self._spoil(completion)
        if spoilt is None:
            return answer
        return Answer(answer.job, spoilt.score, spoilt.reason, spoilt.detail)
