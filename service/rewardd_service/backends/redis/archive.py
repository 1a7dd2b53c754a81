"""Answers by Idempotency-Key in the Redis of the queue: bounded, compressed, the first one stands.

That Redis evicts nothing, so what is kept there for later is counted: by one script, which also
makes room, as several gateways write.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

from backports import zstd
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rewardd_service.backends.archive import Kept
from rewardd_service.backends.redis import names
from rewardd_service.backends.redis.store import RedisError

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 1.0
"""That a question may take, connecting included: then the request is served without."""
_STEP_SECONDS: Final = 0.4
"""That connecting, or a command, may take; a step that is cut from outside leaves its socket."""
_SILENCE_SECONDS: Final = 2.0
"""After a failure nobody asks: a Redis that hangs must not cost each request its second."""
_CONNECTIONS: Final = 16
_DIGEST_BYTES: Final = 32
_CHECK_BYTES: Final = 16
_FORMAT: Final = b"\x01"
# Compressing is for a thread from here on; below, the hop costs more.
_LARGE_BYTES: Final = 64 * 1024
# A ZSET of `size:key` by the time at which they end, and the sum of the sizes.
_KEEP: Final = """
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local most = tonumber(ARGV[3])
local size = #ARGV[1] + 200
local function shrink(room)
    local held = tonumber(redis.call('GET', KEYS[3]) or '0')
    while true do
        local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
        if not oldest[1] then
            redis.call('DEL', KEYS[3])
            return
        end
        if held + room <= most and tonumber(oldest[2]) > now then
            return
        end
        local bytes, key = string.match(oldest[1], '^(%d+):(.*)$')
        redis.call('ZREM', KEYS[2], oldest[1])
        redis.call('UNLINK', key)
        held = redis.call('DECRBY', KEYS[3], bytes)
    end
end
shrink(0)
local standing = redis.call('GET', KEYS[1])
if standing then
    return standing
end
if size > most then
    return false
end
shrink(size)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZADD', KEYS[2], now + ARGV[2], size .. ':' .. KEYS[1])
redis.call('INCRBY', KEYS[3], size)
return false
"""


class RedisArchive:
    """See `Archive`.

    Args:
        url: of the Redis, with its password.
        max_bytes: of all answers of all gateways, compressed; the oldest make room.
        keep_seconds: after which an answer is gone.
        max_answer_bytes: of one answer as JSON; larger ones are taken for damaged.

    Raises:
        ValueError: the URL is none.
    """

    def __init__(
        self, url: str, *, max_bytes: int, keep_seconds: float, max_answer_bytes: int = 1 << 30
    ) -> None:
        pool = BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]  # its kwargs are untyped
            url,
            max_connections=_CONNECTIONS,
            timeout=_STEP_SECONDS,
            socket_timeout=_STEP_SECONDS,
            socket_connect_timeout=_STEP_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._client = cast("Any", Redis.from_pool(pool))
        self._max_bytes = max_bytes
        self._keep_ms = max(1, round(keep_seconds * 1000))
        self._max_answer_bytes = max_answer_bytes
        self._silent_until = 0.0

    async def find(self, tenant: str, key: str) -> Kept | None:
        """Return the answer that was given under a key; None if there is none to be had."""
        mark = names.answer(_mark(tenant, key))
        entry = await self._asked(lambda: self._client.get(mark))
        return None if entry is None else await self._opened(entry)

    async def keep(self, tenant: str, key: str, kept: Kept) -> Kept:
        """Leave an answer, and return the one that stands: the first that came."""
        entry = await _aside(len(kept.answer), lambda: _sealed(kept))
        mark = names.answer(_mark(tenant, key))
        told = (mark, names.ANSWERS, names.ANSWERS_BYTES, entry, self._keep_ms, self._max_bytes)
        standing = await self._asked(lambda: self._client.eval(_KEEP, 3, *told))
        earlier = None if standing is None else await self._opened(standing)
        return kept if earlier is None else earlier

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose(close_connection_pool=True)

    async def _asked(self, ask: Callable[[], Awaitable[Any]]) -> bytes | None:
        """Return what Redis says; None if it says nothing in time, or has not lately."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._silent_until:
            return None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                said = await ask()
        except (RedisError, OSError, TimeoutError) as error:
            self._silent_until = loop.time() + _SILENCE_SECONDS
            logger.warning("no answers by key for a while", extra={"why": str(error)})
            return None
        return said if isinstance(said, bytes) else None

    async def _opened(self, entry: bytes) -> Kept | None:
        kept = await _aside(len(entry), lambda: _unsealed(entry, self._max_answer_bytes))
        if kept is None:
            logger.warning("an answer by key is damaged")
        return kept


def _mark(tenant: str, key: str) -> str:
    """Return what stands for tenant and key: neither is told to Redis."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for part in (tenant, key):
        digest.update(len(part.encode()).to_bytes(8, "big") + part.encode())
    return digest.hexdigest()


def _sealed(kept: Kept) -> bytes:
    return _FORMAT + kept.digest + _check(kept) + zstd.compress(kept.answer, 1)


def _unsealed(entry: bytes, most: int) -> Kept | None:
    """Return what an entry holds; None if it is none of ours, cut, or altered by accident."""
    at = len(_FORMAT) + _DIGEST_BYTES
    digest, check, packed = entry[1:at], entry[at : at + _CHECK_BYTES], entry[at + _CHECK_BYTES :]
    if not entry.startswith(_FORMAT):
        return None
    unpacker = zstd.ZstdDecompressor()
    try:
        kept = Kept(digest, unpacker.decompress(packed, max_length=most))
    except zstd.ZstdError:
        return None
    whole = unpacker.eof and not unpacker.unused_data
    return kept if whole and _check(kept) == check else None


def _check(kept: Kept) -> bytes:
    return hashlib.blake2b(kept.digest + kept.answer, digest_size=_CHECK_BYTES).digest()


async def _aside(size_bytes: int, act: Callable[[], Result]) -> Result:
    return act() if size_bytes < _LARGE_BYTES else await asyncio.to_thread(act)
