"""Whether Redis serves: asked every second, so that nobody has to find out by waiting."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from rewardd_service.backends.redis.store import RedisError
from rewardd_service.backends.rhythm import Rhythm

logger = logging.getLogger(__name__)

_FAILURES_DOWN = 3
_AGAIN_AFTER = 0.2
"""Share of the rhythm after which a failed question is asked again."""


class Link:
    """The state of the connection to one Redis.

    The question is a write: a replica, a full disk and a full memory answer PING, too.

    Args:
        probe: writes something; raises RedisError if it cannot.
        changed: told of each change.

    Attributes:
        up: whether Redis serves; False before the first answer.
        why: the last failure.
    """

    def __init__(
        self,
        probe: Callable[[], Awaitable[None]],
        rhythm: Rhythm,
        changed: Callable[["Link"], None],
    ) -> None:
        self.up = False
        self.why = "not asked yet"
        self._probe = probe
        self._rhythm = rhythm
        self._changed = changed
        self._failures = 0
        self._answered = 0.0

    async def watch(self) -> None:
        """Ask for ever."""
        while True:
            await self.ask()
            share = _AGAIN_AFTER if self._failures else 1.0
            await asyncio.sleep(self._rhythm.probe * share)

    async def ask(self) -> None:
        """Ask once."""
        try:
            async with asyncio.timeout(self._rhythm.probe_answer):
                await self._probe()
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
        else:
            self._succeeded()

    def _succeeded(self) -> None:
        self._answered = asyncio.get_running_loop().time()
        self._failures = 0
        if not self.up:
            self.up = True
            logger.info("redis serves")
            self._changed(self)

    def _failed(self, error: Exception) -> None:
        """Take note; two failures at least, as a loop that stood still looks like a freeze."""
        self._failures += 1
        self.why = f"{type(error).__name__}: {error}"
        silent = asyncio.get_running_loop().time() - self._answered
        too_long = self._failures > 1 and silent >= self._rhythm.down
        if self.up and (too_long or self._failures >= _FAILURES_DOWN):
            self.up = False
            logger.warning("redis does not serve", extra={"why": self.why})
            self._changed(self)
