"""Carries results from the engine's thread into a caller's event loop, many at a time.

`asyncio.wrap_future` wakes the caller's loop once a result, with a system call each: for a
thousand samples that costs more than their encoding.
"""

import asyncio
import contextlib
from collections import deque
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """The results on their way to one event loop."""

    def __init__(self) -> None:
        self._arrived: deque[tuple[asyncio.Future[T], Future[T]]] = deque()
        self._called = False

    def forward(self, source: Future[T]) -> asyncio.Future[T]:
        """Return a future of the running loop that ends as `source` does, and cancels it."""
        awaited: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        awaited.add_done_callback(lambda ended: source.cancel() if ended.cancelled() else None)
        source.add_done_callback(lambda ended: self._arrive(awaited, ended))
        return awaited

    def _arrive(self, awaited: asyncio.Future[T], source: Future[T]) -> None:
        self._arrived.append((awaited, source))
        # As at the desk: the flag falls before the box is emptied, so nothing stays behind.
        if not self._called:
            self._called = True
            # A loop that is closed has nobody who waits.
            with contextlib.suppress(RuntimeError):
                awaited.get_loop().call_soon_threadsafe(self._open)

    def _open(self) -> None:
        self._called = False
        while self._arrived:
            _hand_over(*self._arrived.popleft())


def _hand_over(awaited: asyncio.Future[T], source: Future[T]) -> None:
    if awaited.done():
        return
    if source.cancelled():
        awaited.cancel()
    elif (error := source.exception()) is not None:
        awaited.set_exception(error)
    else:
        awaited.set_result(source.result())
