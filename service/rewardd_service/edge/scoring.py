"""What the gateway asks of a scorer, and nothing more: routes know only this."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from rewardd_client.schema import Recipe, ScoreRequest
from rewardd_service.inquiry import Inquiry
from rewardd_service.job import Answer, VerifierCard

PlainResult: TypeAlias = dict[str, Any]
"""A result as plain JSON values, in the shape of `schema.Result`."""

Deliver: TypeAlias = Callable[[int, PlainResult], None]
"""Takes a result as it becomes final, with its index in the request; called in the event loop."""


class Outcome(Protocol):
    """What came of a request: one result per sample, in their order."""

    @property
    def results(self) -> list[PlainResult]:
        """Return one result per sample, in the order of the request."""
        ...

    @property
    def groups(self) -> list[dict[str, Any]]:
        """Return summaries of the groups that were named, in the shape of `schema.GroupResult`."""
        ...


class Scoring(Protocol):
    """Scores batches; `rewardd_service.scorer.Scorer` is the one that ships."""

    async def score(
        self, request: ScoreRequest, *, tenant: str = "", deliver: Deliver | None = None
    ) -> Outcome:
        """Score a batch; cancelling the task gives up its work.

        Raises:
            RequestRefusedError, OverloadedError, BackendUnavailableError: see `errors`.
        """
        ...

    async def inquire(
        self, inquiry: Inquiry, *, deadline_seconds: float, tenant: str = ""
    ) -> Answer:
        """Return one verifier's answer with its record; cancelling the task gives it up.

        Raises:
            RequestRefusedError, BackendUnavailableError: see `errors`.
            FrameError: it holds what cannot travel.
        """
        ...

    async def verifiers(self) -> list[VerifierCard]:
        """Return a card for each verifier that can be asked.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        ...

    def recipes(self) -> list[Recipe]:
        """Return all recipes that have a name."""
        ...

    def ready(self) -> str | None:
        """Return None if work can run now, else why not."""
        ...

    def degraded(self) -> str | None:
        """Return why work does not run where it is configured to; None if it does."""
        ...
