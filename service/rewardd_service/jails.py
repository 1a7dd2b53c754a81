"""What `/readyz` tells of the sandboxes behind a gateway, asked in the background.

A worker is asked through the queue, as it would be for a sample: so what is told is what runs,
wherever the workers are. Nobody waits for it, and readiness does not depend on it.
"""

import asyncio
from typing import Any

from rewardd_service.edge.scoring import Scoring
from rewardd_service.errors import ServiceError
from rewardd_service.inquiry import Inquiry
from rewardd_service.job import Answer

_FRESH_SECONDS = 600.0
_AGAIN_SECONDS = 15.0
"""After a question that nobody could answer."""
_DEADLINE_SECONDS = 120.0
_FIRST = ("python",)


class Jails:
    """Remembers what a worker said of its sandbox."""

    def __init__(self, scorer: Scoring) -> None:
        self._scorer = scorer
        self._state: dict[str, Any] | None = None
        self._stale_at = 0.0
        self._all_languages = False
        self._asking: asyncio.Task[None] | None = None

    def state(self, *, all_languages: bool = False) -> dict[str, Any] | None:
        """Return tier, refusals and languages; None until somebody has answered.

        Asks anew, in the background, if what is known is old. Compilers are tried only once
        `all_languages` were asked for: that takes seconds of a worker.
        """
        wider = all_languages and not self._all_languages
        self._all_languages |= all_languages
        now = asyncio.get_running_loop().time()
        if self._asking is None and (wider or self._state is None or now >= self._stale_at):
            self._asking = asyncio.create_task(self._ask())
        return self._state

    async def _ask(self) -> None:
        languages = () if self._all_languages else _FIRST
        inquiry = Inquiry(
            verifier="sandbox_state",
            params={"languages": list(languages)},
            completion="",
            reference=None,
        )
        try:
            answer = await self._scorer.inquire(inquiry, deadline_seconds=_DEADLINE_SECONDS)
        except ServiceError as error:
            self._take(None, error.detail)
        else:
            self._take(answer if answer.score is not None else None, answer.detail)
        finally:
            self._asking = None

    def _take(self, answer: Answer | None, detail: str) -> None:
        patience = _FRESH_SECONDS if answer is not None else _AGAIN_SECONDS
        self._stale_at = asyncio.get_running_loop().time() + patience
        self._state = {"tier": None, "detail": detail} if answer is None else answer.evidence
