"""Room for one container: there is a sound one in it whenever one is needed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from rewardd_sandbox.containers.guest import Guest
from rewardd_sandbox.errors import LostError, SandboxError

Invite = Callable[[], Awaitable[Guest]]


class Berth:
    """Holds a container until it is worn or in doubt, and then another."""

    def __init__(self, invite: Invite, recycle_after: int) -> None:
        self._invite = invite
        self._recycle_after = recycle_after
        self._guest: Guest | None = None
        self._coming: asyncio.Task[Guest] | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False

    async def guest(self) -> Guest:
        """Return a container for the next submission; a worn one serves until the next is there.

        Raises:
            SandboxError: none can be had now; the next call tries anew.
        """
        self.refresh()
        held = self._guest
        if held is not None and not (self._worn(held) and self._arrived()):
            return held
        coming = self.prepare()
        try:
            arrived = await asyncio.shield(coming)
            self._guest = arrived
        finally:
            if coming.done() and self._coming is coming:
                self._coming = None
        if held is not None:
            self._show_out(held)
        return arrived

    def prepare(self) -> "asyncio.Task[Guest]":
        """Begin to start a container, so that the next submission does not wait for it.

        Raises:
            LostError: the sandbox was closed.
        """
        if self._closed:
            raise LostError("the sandbox is not running")
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._invite())
            self._coming.add_done_callback(_heard)
        return self._coming

    def refresh(self) -> None:
        """After a submission: show out a container in doubt, and send for the next in time."""
        held = self._guest
        if held is None or self._closed:
            return
        if not held.sound:
            self._guest = None
            self._show_out(held)
        if not held.sound or self._worn(held):
            self.prepare()

    async def close(self) -> None:
        """Remove the container, and the one that is on its way."""
        self._closed = True
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.cancel()
            with contextlib.suppress(asyncio.CancelledError, SandboxError):
                self._show_out(await coming)
        if self._guest is not None:
            self._show_out(self._guest)
            self._guest = None
        await asyncio.gather(*self._leaving)

    def _worn(self, guest: Guest) -> bool:
        return guest.jails >= self._recycle_after

    def _arrived(self) -> bool:
        """Whether the next one is there; if none could be had, the worn one goes on serving."""
        coming = self._coming
        if coming is None or not coming.done():
            return False
        if coming.cancelled() or coming.exception() is not None:
            self._coming = None
            return False
        return True

    def _show_out(self, guest: Guest) -> None:
        leaving = asyncio.ensure_future(guest.close())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


def _heard(task: "asyncio.Task[Guest]") -> None:
    """Take note of a failure that nobody may wait for."""
    if not task.cancelled():
        task.exception()
