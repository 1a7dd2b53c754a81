"""What is known of one request: made by the outermost middleware, filled in on the way down."""

import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

_KEY = "rewardd.visit"


@dataclass
class Visit:
    """One request, for its log line, its metrics and its problems.

    Attributes:
        tenant: whose key it came with; "" without keys.
        code: of the problem that it was answered with.
        reasons: number of unscored samples by reason.
        scored: number of samples with a reward.
    """

    request_id: str
    method: str = ""
    path: str = ""
    tenant: str = ""
    code: str | None = None
    samples: int = 0
    scored: int = 0
    reasons: dict[str, int] = field(default_factory=dict[str, int])
    body_bytes: int = 0
    body_seconds: float = 0.0
    replayed: bool = False
    started: float = field(default_factory=time.perf_counter)

    def seconds(self) -> float:
        """Return the time since the headers came."""
        return time.perf_counter() - self.started


def attach(scope: MutableMapping[str, Any], visit: Visit) -> None:
    """Let everything below find the visit in the ASGI scope."""
    scope[_KEY] = visit


def visit_of(scope: MutableMapping[str, Any]) -> Visit:
    """Return the visit of this request; an anonymous one outside of the middleware."""
    visit = scope.get(_KEY)
    return visit if isinstance(visit, Visit) else Visit(request_id="")
