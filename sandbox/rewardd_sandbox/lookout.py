"""Wait for descriptors: a moment in place, where the event loop is ours alone, else in the loop.

A turn of the event loop costs this process as much as a short test costs the jail. A worker with
one slot has nobody else to serve meanwhile, so it waits where it stands, and goes back to its loop
for what takes longer.
"""

import asyncio
import select
import time
from collections.abc import Callable

LINGER_SECONDS = 0.02
"""How long one wait may hold the event loop up: longer than a jail takes to be made, and too short
for a deadline or a cancellation to mind."""


class Patience:
    """How long waits may hold an event loop up: `seconds` each, 0 for not at all."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._turned = time.monotonic()

    def worn(self) -> bool:
        """Whether it is time to give the loop its turn; whoever asks does so then."""
        now = time.monotonic()
        if now - self._turned <= self.seconds:
            return False
        self._turned = now
        return True


class Lookout:
    """Descriptors that may be read, and what to do then."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._acts: dict[int, Callable[[], None]] = {}
        self._poll = select.poll()
        self._loop = asyncio.get_running_loop()
        self._in_loop = False
        self._event: asyncio.Future[None] | None = None
        self._woken = False
        self.waiting = False

    def add(self, descriptor: int, act: Callable[[], None]) -> None:
        """Call `act` whenever there is something to read, or its end."""
        self._acts[descriptor] = act
        self._poll.register(descriptor, select.POLLIN)
        if self._in_loop:
            self._loop.add_reader(descriptor, act)

    def remove(self, descriptor: int) -> None:
        """Look there no more; the second time it does nothing."""
        if self._acts.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)
            if self._in_loop:
                self._loop.remove_reader(descriptor)

    def close(self) -> None:
        """Look nowhere any more."""
        for descriptor in tuple(self._acts):
            self.remove(descriptor)

    async def wait(self, seconds: float, *, lingering: bool) -> None:
        """Wait until `wake` is called, at most so long.

        `lingering`: it may hold the event loop up, as far as its patience goes.
        """
        self.waiting, self._woken = True, False
        try:
            if lingering and self._patience.seconds:
                if self._patience.worn():
                    await asyncio.sleep(0)
                seconds -= self._linger(min(seconds, self._patience.seconds))
            if seconds > 0 and not self._woken:
                await self._wait_in_loop(seconds)
        finally:
            self.waiting = False

    def wake(self) -> None:
        """End the wait that goes on."""
        self._woken = True
        if self._event is not None and not self._event.done():
            self._event.set_result(None)

    def _linger(self, seconds: float) -> float:
        """Wait in place; return for how long at most."""
        until, left = time.monotonic() + seconds, seconds
        while left > 0 and not self._woken:
            for descriptor, _ in self._poll.poll(left * 1000):
                act = self._acts.get(descriptor)
                if act is not None:
                    act()
            left = until - time.monotonic()
        return seconds

    async def _wait_in_loop(self, seconds: float) -> None:
        if not self._in_loop:
            self._in_loop = True
            for descriptor, act in self._acts.items():
                self._loop.add_reader(descriptor, act)
        self._event = self._loop.create_future()
        timer = self._loop.call_later(seconds, self.wake)
        try:
            await self._event
        finally:
            timer.cancel()
            self._event = None
