"""What the dispatcher asks of a place where chunks run."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from rewardd_service.job import Answer, Chunk, Setup, SetupReport, VerifierCard
from rewardd_verifiers import Need

Deliver = Callable[[Sequence[Answer]], None]
"""Takes answers as they come; called in the event loop's thread, never twice for one job."""


class Backend(Protocol):
    """Runs chunks of one or more needs."""

    async def start(self) -> None:
        """Return when the workers are warm.

        Raises:
            BackendUnavailableError: they cannot be started; the message says why.
        """
        ...

    async def close(self) -> None:
        """Stop the workers; what still runs is answered as cancelled."""
        ...

    def slots(self) -> Mapping[Need, int]:
        """Return how many chunks can run at once, by need; a need that is absent has none."""
        ...

    def window(self) -> Mapping[Need, int]:
        """Return how many chunks may be out at once, by need: at least as many as can run."""
        ...

    def ready(self) -> str | None:
        """Return None if work can run now, else why not."""
        ...

    def degraded(self) -> str | None:
        """Return why work does not run where it is configured to; None if it does."""
        ...

    def outage(self) -> str | None:
        """Return why new requests are to be refused as a whole; None if they can be taken."""
        ...

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        """Run a chunk; on return each of its jobs has been delivered exactly once.

        Never raises for what a verifier or worker does: that is an answer. If the caller
        cancels, work stops after the job that runs, and nothing more is delivered.
        """
        ...

    async def inspect(self, need: Need, setups: Sequence[Setup]) -> list[SetupReport]:
        """Check parameters where the verifiers are installed; one report per setup, in order.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        ...

    async def describe(self) -> list[VerifierCard]:
        """Return a card for each verifier that can run here.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        ...
