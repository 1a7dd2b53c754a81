"""Requests that come again: the same key and body joins the run or gets its answer once more."""

import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from rewardd_client.schema import FieldError
from rewardd_service.backends.archive import Archive, Kept
from rewardd_service.edge.field_errors import shown
from rewardd_service.edge.refusal import EdgeRefusalError
from rewardd_service.edge.runs import Run
from rewardd_service.edge.shelf import Shelf
from rewardd_service.errors import RequestRefusedError

KEY_PATTERN = "^[!-~]{1,256}$"
"""Visible ASCII, as header fields can carry it through every proxy."""

Scope: TypeAlias = tuple[str, str]
"""Tenant and key: no tenant sees another's answers."""

Settle: TypeAlias = Callable[[bytes], Awaitable[bytes]]
"""Takes the answer of a run, and returns the one that stands for its key."""


@dataclass(frozen=True)
class Earlier:
    """A request that came before with the same key.

    Attributes:
        digest: of its path and body.
        run: where it is still running.
        stored: its answer as JSON, once it has ended.
        job: the id of the job that it made.
    """

    digest: bytes
    run: Run | None = None
    stored: bytes | None = None
    job: str | None = None


def digest_of(path: str, body: bytes | bytearray) -> bytes:
    """Return what two requests must share to be the same."""
    digest = hashlib.blake2b(path.encode(), digest_size=32)
    digest.update(b"\0")
    digest.update(body)
    return digest.digest()


def checked_key(key: str | None) -> str | None:
    """Return the header's value if it can serve as a key; None if there is none.

    Raises:
        RequestRefusedError: it is empty, too long, or no visible ASCII.
    """
    if key is None or re.fullmatch(KEY_PATTERN, key):
        return key
    message = "must be 1 to 256 visible ASCII characters"
    field = FieldError(field="header Idempotency-Key", message=message, value=shown(key))
    raise RequestRefusedError("invalid_request", f"Idempotency-Key {message}", [field])


class Idempotency:
    """Remembers keyed requests while they run, and their answers for a while.

    Args:
        max_bytes, keep_seconds: bounds on the answers in this process.
        archive: where other gateways find them, and this one theirs; None if it is alone.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        keep_seconds: float,
        archive: Archive | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._archive = archive
        self._running: dict[Scope, Earlier] = {}
        self._ended: Shelf[Scope, Earlier] = Shelf(
            max_bytes=max_bytes, keep_seconds=keep_seconds, clock=clock
        )

    def knows(self, scope: Scope) -> bool:
        """Return whether a request with this key has come before."""
        return scope in self._running or self._ended.get(scope) is not None

    def earlier(self, scope: Scope, digest: bytes) -> Earlier | None:
        """Return the equal request that came before.

        Raises:
            EdgeRefusalError: one with this key came before, and was another.
        """
        earlier = self._running.get(scope) or self._ended.get(scope)
        if earlier is None or (earlier.run is not None and earlier.run.task.cancelling()):
            return None
        _check_equal(scope, earlier.digest, digest)
        return earlier

    async def recall(self, scope: Scope, digest: bytes) -> Earlier | None:
        """Return the equal request that came before, here or to another gateway.

        Raises:
            EdgeRefusalError: one with this key came before, and was another.
        """
        earlier = self.earlier(scope, digest)
        if earlier is not None or self._archive is None:
            return earlier
        kept = await self._archive.find(*scope)
        earlier = self.earlier(scope, digest)  # it may have come here meanwhile
        if earlier is not None or kept is None:
            return earlier
        _check_equal(scope, kept.digest, digest)
        earlier = Earlier(digest, stored=kept.answer)
        self._ended.put(scope, earlier, len(kept.answer))
        return earlier

    def settling(self, scope: Scope | None, digest: bytes) -> Settle | None:
        """Return what settles with other gateways which answer stands; None if it is alone."""
        archive = self._archive
        if scope is None or archive is None:
            return None

        async def settle(answer: bytes) -> bytes:
            standing = await archive.keep(*scope, Kept(digest, answer))
            _check_equal(scope, standing.digest, digest)
            return standing.answer

        return settle

    def begin(self, scope: Scope, digest: bytes, run: Run) -> None:
        """Remember a run that others may join."""
        self._running[scope] = Earlier(digest, run=run)

    def end(self, scope: Scope, run: Run, answer: bytes | None) -> None:
        """Keep the answer of an ended run; without one, another try begins anew."""
        running = self._running.get(scope)
        if running is None or running.run is not run:
            return
        del self._running[scope]
        if answer is not None:
            self._ended.put(scope, Earlier(running.digest, stored=answer), len(answer))

    def made_job(self, scope: Scope, digest: bytes, job: str) -> None:
        """Remember the job that a request made."""
        self._ended.put(scope, Earlier(digest, job=job), len(job))


def _check_equal(scope: Scope, earlier: bytes, digest: bytes) -> None:
    if earlier != digest:
        raise EdgeRefusalError(
            "idempotency_conflict", f"Idempotency-Key {scope[1]!r} came with another request"
        )
