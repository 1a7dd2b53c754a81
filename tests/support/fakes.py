"""Small parts that keep the service's contracts, for tests of what stands on them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from rewardd_service.backends import Deliver
from rewardd_service.job import SKIPPED, Answer, Chunk, Setup, SetupReport, VerifierCard
from rewardd_verifiers import Need

Judge = Callable[[str, str, object], tuple[float | None, str]]
"""Verifier, completion, reference -> score and reason."""


def echo(_verifier: str, completion: str, reference: object) -> tuple[float | None, str]:
    """Judge by equality; a completion "?" cannot be judged."""
    if completion == "?":
        return None, "undecided"
    correct = completion == reference
    return float(correct), "match" if correct else "mismatch"


class InstantBackend:
    """Answers each chunk in the loop's next turn.

    Attributes:
        chunks: all that were processed, in order.
    """

    def __init__(
        self,
        judge: Judge = echo,
        *,
        slots: Mapping[Need, int] | None = None,
        inputs: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._judge = judge
        self._slots = {Need.CPU: 2} if slots is None else dict(slots)
        self._inputs = inputs or {}
        self.chunks: list[tuple[Need, Chunk]] = []

    async def start(self) -> None:
        """Have nothing to warm."""

    async def close(self) -> None:
        """Have nothing to stop."""

    def slots(self) -> Mapping[Need, int]:
        return self._slots

    def window(self) -> Mapping[Need, int]:
        return self.slots()

    def ready(self) -> str | None:
        return None

    def degraded(self) -> str | None:
        return None

    def outage(self) -> str | None:
        return None

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        self.chunks.append((need, chunk))
        await asyncio.sleep(0)
        closed: set[int] = set()
        for number, job in enumerate(chunk.jobs):
            if job.subject in closed:
                deliver([Answer(number, None, SKIPPED)])
                continue
            setup = chunk.setups[job.setup]
            completion = chunk.subjects[job.subject].completion
            score, reason = self._judge(setup.verifier, completion, chunk.references[job.reference])
            deliver([Answer(number, score, reason, version=1, seconds=0.001)])
            if job.gate and (score is None or score < 1):
                closed.add(job.subject)

    async def inspect(self, need: Need, setups: Sequence[Setup]) -> list[SetupReport]:
        del need
        return [self._report(setup) for setup in setups]

    async def describe(self) -> list[VerifierCard]:
        return [VerifierCard("exact", "cpu", 1, "Equal or not.", {}, {"type": "string"})]

    def _report(self, setup: Setup) -> SetupReport:
        if "wrong" in setup.params:
            return SetupReport(f"wrong: no such parameter (got {setup.params['wrong']!r})")
        inputs = self._inputs.get(setup.verifier, ["reference"])
        return SetupReport(None, 1, list(inputs))


class StuckBackend(InstantBackend):
    """Never answers chunks.

    Attributes:
        full: set when both slots are taken.
        free: set when both were let go again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._running = 0
        self.full = asyncio.Event()
        self.free = asyncio.Event()

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        del chunk, deliver
        self._running += 1
        if self._running == self.slots()[need]:
            self.full.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._running -= 1
            if self._running == 0:
                self.free.set()
