"""Decides what follows a failed try: again, after how long and where, or an error.

There is no count of tries: a server that restarts is waited for until the caller's deadline.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rewardd_client.answers import read_problem, request_error, retry_after_seconds
from rewardd_client.errors import ProtocolError, RewarddError, ServerFault

AGAIN = frozenset({408, 429, 502, 503, 504})

# Full jitter (Brooker 2015, "Exponential Backoff And Jitter"): anything from 0 to the ceiling,
# so that a thousand callers who failed together do not come back together.
FIRST_CEILING_SECONDS = 0.5
LAST_CEILING_SECONDS = 8.0

Jitter = Callable[[float, float], float]
"""Draws between two bounds; `random.uniform` unless a test hands in another."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A try that gave no answer.

    Attributes:
        text: for people.
        final: what to raise; None if it may pass by itself.
        once_more: `final` is raised only if it happens again.
    """

    text: str
    retry_after_seconds: float = 0.0
    final: RewarddError | None = None
    once_more: bool = False


def trouble_of(
    status: int, headers: Mapping[str, str], body: bytes, places: Sequence[int], now: datetime
) -> Trouble:
    """Judge an answer whose status is not 200."""
    problem = read_problem(status, body)
    text = f"{status} {problem.code}: {problem.detail or problem.title}"
    if status in AGAIN:
        return Trouble(text, retry_after_seconds(headers, problem, now))
    if status >= 500:  # noqa: PLR2004  # where the server's own statuses begin
        fault = ServerFault(text, status=status, request_id=problem.request_id)
        return Trouble(text, final=fault, once_more=True)
    if status >= 400:  # noqa: PLR2004  # where the caller's begin
        return Trouble(text, final=request_error(status, problem, places))
    return Trouble(text, final=ProtocolError(f"status {status} is not of this protocol"))


class Route:
    """Says when and where the next try goes.

    Several servers are tried in turn, without a pause until all have failed; then it begins
    anew after a drawn pause. A server that asked for time gets it.
    """

    def __init__(self, servers: int, start: int = 0, jitter: Jitter = random.uniform) -> None:
        self.server = start
        self._servers = servers
        self._jitter = jitter
        self._failures = 0
        self._faults = 0
        self._asked: dict[int, float] = {}

    def after(self, trouble: Trouble) -> float:
        """Return the seconds to wait, and turn to the next server.

        Raises:
            RewarddError: no other try would end differently.
        """
        if trouble.final is not None:
            self._faults += 1
            if not trouble.once_more or self._faults > 1:
                raise trouble.final
        self._asked[self.server] = trouble.retry_after_seconds
        self._failures += 1
        self.server = (self.server + 1) % self._servers
        pause = self._pause() if self._failures % self._servers == 0 else 0.0
        return max(self._asked.pop(self.server, 0.0), pause)

    def _pause(self) -> float:
        rounds = self._failures // self._servers - 1
        # The exponent is bounded too: 2.0 ** 1100 raises.
        ceiling = min(LAST_CEILING_SECONDS, FIRST_CEILING_SECONDS * 2.0 ** min(rounds, 16))
        return self._jitter(0.0, ceiling)
