"""Loops that must not end: one that raises is told of, and begins anew."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

logger = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 0.1

Loop = Callable[[], Awaitable[None]]


class Keeper:
    """Keeps loops going until it is closed."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], Loop] = {}
        self._waiting: set[asyncio.TimerHandle] = set()
        self._closed = False

    def keep(self, loop: Loop) -> None:
        """Run a loop from now on."""
        if self._closed:
            return
        task = asyncio.create_task(_run(loop))
        self._tasks[task] = loop
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """End all loops."""
        self._closed = True
        for handle in self._waiting:
            handle.cancel()
        while tasks := list(self._tasks):
            for task in tasks:
                task.cancel()
            # A cancel that meets a reply of Redis half-way may be lost: say it again.
            await asyncio.wait(tasks, timeout=_AGAIN_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        loop = self._tasks.pop(task)
        if task.cancelled() or self._closed:
            return
        logger.error("a loop broke", exc_info=task.exception())
        handle = asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self.keep, loop)
        self._waiting = {one for one in self._waiting if not one.cancelled()} | {handle}


async def _run(loop: Loop) -> None:
    await loop()
