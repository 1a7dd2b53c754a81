"""Verdicts that gateways share through a Redis of their own: never waited for, never relied upon.

A question has 50 ms. What fails, or is late, is a miss, and for a while nobody asks again: a Redis
that hangs must not cost each chunk its 50 ms. Writing happens behind the requests' backs, from a
buffer that drops what it cannot hold. That Redis is a cache (`maxmemory-policy allkeys-lru`), not
the instance that holds the queue, where nothing may be evicted.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

READ_SECONDS = 0.05
WRITE_SECONDS = 1.0
SILENCE_SECONDS = (1.0, 30.0)
"""After the first failure and at most; it doubles with each further one."""
_PREFIX = b"rewardd:verdict:"
_MAX_BUFFERED = 4096
_MAX_WRITTEN = 256


class RedisShelf:
    """Entries in Redis; see `rewardd_service.cache.Shelf`.

    Args:
        url: `redis://` or `rediss://`, or `unix://`.
        keep_seconds: after which Redis drops an entry.
        read_seconds: after which an unanswered question is a miss.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self, url: str, keep_seconds: float, *, read_seconds: float = READ_SECONDS
    ) -> None:
        self._client = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # its kwargs are untyped
            url,
            socket_connect_timeout=WRITE_SECONDS,
            socket_timeout=WRITE_SECONDS,
            health_check_interval=15,
            max_connections=64,
        )
        self._read_seconds = read_seconds
        self._keep_ms = max(1, int(keep_seconds * 1000))
        self._buffer: dict[bytes, bytes] = {}
        self._writer: asyncio.Task[None] | None = None
        self._silent_until = 0.0
        self._silence_seconds = SILENCE_SECONDS[0]

    async def fetch(self, keys: Sequence[bytes]) -> Mapping[bytes, bytes]:
        """Return the entries that are there; none if Redis does not answer in time."""
        if not keys or self._silent():
            return {}
        try:
            async with asyncio.timeout(self._read_seconds):
                found = await self._client.mget([_PREFIX + key for key in keys])
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            return {}
        self._silence_seconds = SILENCE_SECONDS[0]
        return {
            key: entry for key, entry in zip(keys, found, strict=True) if isinstance(entry, bytes)
        }

    def put(self, key: bytes, entry: bytes) -> None:
        """Write an entry behind the request's back; dropped if Redis is away or too slow."""
        if self._silent() or len(self._buffer) >= _MAX_BUFFERED:
            return
        self._buffer[key] = entry
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write())

    async def close(self) -> None:
        """Write what is buffered if that is quick, and close the connections."""
        if self._writer is not None:
            await asyncio.wait([self._writer], timeout=WRITE_SECONDS)
            self._writer.cancel()
        await self._client.aclose()

    async def _write(self) -> None:
        while self._buffer:
            keys = list(self._buffer)[:_MAX_WRITTEN]
            pipeline = self._client.pipeline(transaction=False)
            for key in keys:
                pipeline.set(_PREFIX + key, self._buffer.pop(key), px=self._keep_ms)
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await pipeline.execute()
            except (RedisError, OSError, TimeoutError) as error:
                self._buffer.clear()
                self._failed(error)

    def _silent(self) -> bool:
        return asyncio.get_running_loop().time() < self._silent_until

    def _failed(self, error: Exception) -> None:
        self._silent_until = asyncio.get_running_loop().time() + self._silence_seconds
        logger.warning(
            "the cache of verdicts does not answer: %s; not asked for %g s",
            type(error).__name__,
            self._silence_seconds,
        )
        self._silence_seconds = min(2 * self._silence_seconds, SILENCE_SECONDS[1])
