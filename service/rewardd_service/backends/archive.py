"""Answers that outlive the gateway which gave them, so that another one can give them again."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer to a request with an Idempotency-Key.

    Attributes:
        digest: of the request's path and body.
        answer: as JSON.
    """

    digest: bytes
    answer: bytes


class Archive(Protocol):
    """Where gateways leave such answers for each other.

    It is an offer, not a promise: what cannot be read is not there, and what cannot be written is
    the writer's own answer.
    """

    async def find(self, tenant: str, key: str) -> Kept | None:
        """Return the answer that was given under a key; None if there is none to be had."""
        ...

    async def keep(self, tenant: str, key: str, kept: Kept) -> Kept:
        """Leave an answer, and return the one that stands: the first that came."""
        ...
