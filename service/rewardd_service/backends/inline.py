"""Run chunks in this process: for tests, and for a client that wants no server.

No limits, no protection: a verifier that loops or crashes takes the process with it.
"""

import asyncio
from collections.abc import Mapping, Sequence

from rewardd_service.answers import unscored
from rewardd_service.backends.backend import Deliver
from rewardd_service.job import Answer, Chunk, Setup, SetupReport, VerifierCard
from rewardd_service.sandboxed import OpenSandbox
from rewardd_service.worker import Worker, describe
from rewardd_verifiers import Catalog, Need, Reason


class InlineBackend:
    """Judges in a thread of this process, one chunk at a time; see `Backend`.

    Args:
        open_sandbox: makes the place where the verifiers that need one run programs; without it
            they have no slot.
    """

    def __init__(
        self, catalog: Catalog | None = None, open_sandbox: OpenSandbox | None = None
    ) -> None:
        self._catalog = catalog or Catalog()
        self._open_sandbox = open_sandbox
        self._needs = [Need.CPU] if open_sandbox is None else [Need.CPU, Need.SANDBOX]
        self._one_at_a_time = asyncio.Lock()
        self._closed = False

    async def start(self) -> None:
        """Nothing has to be started."""

    async def close(self) -> None:
        """Take no more chunks; the one that runs stops after its job."""
        self._closed = True

    def slots(self) -> Mapping[Need, int]:
        """Return one slot for each need."""
        return dict.fromkeys(self._needs, 1)

    def window(self) -> Mapping[Need, int]:
        """Return one chunk for each slot."""
        return self.slots()

    def ready(self) -> str | None:
        """Return None unless closed."""
        return "closed" if self._closed else None

    def degraded(self) -> str | None:
        """Return None: there is nothing behind it to do without."""
        return None

    def outage(self) -> str | None:
        """Return None: what is wrong here is told of each sample."""
        return None

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        """Run a chunk; its answers are delivered together."""
        if need not in self._needs:
            reason = Reason.JUDGE_FAILED if need is Need.JUDGE else Reason.SANDBOX_UNAVAILABLE
            detail = f"nothing here serves the need {need!r}"
            deliver([unscored(i, reason, detail) for i in range(len(chunk.jobs))])
            return
        errand = _Errand(self, chunk)
        try:
            async with self._one_at_a_time:
                answers = await asyncio.to_thread(errand.run)
        except asyncio.CancelledError:
            errand.cancelled = True
            raise
        deliver(answers)

    async def inspect(self, need: Need, setups: Sequence[Setup]) -> list[SetupReport]:
        """Check parameters; one report per setup, in order."""
        del need
        return Worker(self._catalog).inspect(setups)

    async def describe(self) -> list[VerifierCard]:
        """Return a card for each verifier that can run here."""
        return [card for need in self._needs for card in describe(self._catalog, need)]

    def worker(self, progress: "_Errand") -> Worker:
        """Return a worker for one errand."""
        return Worker(self._catalog, progress, self._open_sandbox)

    @property
    def closed(self) -> bool:
        """Whether no more is wanted."""
        return self._closed


class _Errand:
    """A chunk that runs in a thread, and the flag that stops it."""

    def __init__(self, backend: InlineBackend, chunk: Chunk) -> None:
        self.cancelled = False
        self._backend = backend
        self._chunk = chunk

    def begin(self, job: int) -> None:
        """Nobody watches."""

    def stopped(self) -> bool:
        return self.cancelled or self._backend.closed

    def run(self) -> list[Answer]:
        worker = self._backend.worker(self)
        answers: list[Answer] = []
        count = len(self._chunk.jobs)
        try:
            while len(answers) < count and not self.stopped():
                try:
                    answers += worker.handle(self._chunk, range(len(answers), count))
                except MemoryError:
                    answers.append(unscored(len(answers), Reason.FAULT, "MemoryError"))
        finally:
            worker.close()
        rest = range(len(answers), count)
        return answers + [unscored(i, Reason.CANCELLED, "the backend is closed") for i in rest]
