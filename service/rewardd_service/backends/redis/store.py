"""The commands that are used of Redis, typed: redis-py's own types stop half-way.

Every method raises `RedisError` if it fails or takes longer than the socket's limit. Nothing is
tried again down here: who asks knows whether once more does harm.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self, cast

from faststream.redis import RedisBroker
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError, WatchError

from rewardd_service.backends.redis.names import GROUP
from rewardd_service.backends.rhythm import Rhythm

# XRANGE would send the entries themselves, half a megabyte each, to say that they are there.
_PRESENT: Final = """
local present = {}
for i = 1, #ARGV do
    present[i] = #redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])
end
return present
"""
TRANSPORT_LOGGER: Final = "rewardd_service.transport"
_HEALTH_SECONDS: Final = 5
_CONSUMERS_READ: Final = 1000


def open_broker(url: str, rhythm: Rhythm, *, drain_seconds: float | None = None) -> RedisBroker:
    """Return a broker that gives up in time and repeats nothing by itself.

    Raises:
        ValueError: the URL is none.
    """
    return RedisBroker(
        url,
        socket_timeout=rhythm.socket,
        socket_connect_timeout=rhythm.socket / 2,
        health_check_interval=_HEALTH_SECONDS,
        retry=Retry(NoBackoff(), 0),
        graceful_timeout=drain_seconds,  # not the default, which would kill what runs
        apply_types=False,
        logger=logging.getLogger(TRANSPORT_LOGGER),
        log_level=logging.DEBUG,
    )


class Store:
    """A connected Redis, through the client of a broker."""

    def __init__(self, client: object) -> None:
        self._client = cast("Any", client)

    async def ensure_group(self, stream: str) -> None:
        """Make the stream and its group if they are not there.

        At id 0, so that what was sent before is not lost; FastStream itself would begin at the
        end of the stream.
        """
        try:
            await self._client.xgroup_create(stream, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def put(self, key: str, value: bytes, *, seconds: float) -> None:
        """Set a key for a time."""
        await self._client.set(key, value, px=_milliseconds(seconds))

    async def get(self, key: str) -> bytes | None:
        """Return what a key holds."""
        return cast("bytes | None", await self._client.get(key))

    async def prolong(self, key: str, *, seconds: float) -> bool:
        """Let a key live on; return whether it was there."""
        return bool(await self._client.pexpire(key, _milliseconds(seconds)))

    async def push(self, key: str, value: bytes, *, seconds: float) -> None:
        """Append to a list; an emptied list has forgotten its time, so it is set each time."""
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.rpush(key, value)
            pipe.pexpire(key, _milliseconds(seconds))
            await pipe.execute()

    async def pop(self, key: str, *, most: int, seconds: float) -> list[bytes]:
        """Take from the front of a list, waiting for the first."""
        first = await self._client.blpop([key], seconds)
        if first is None:
            return []
        rest = await self._client.lpop(key, most - 1)
        return [cast("bytes", first[1]), *cast("list[bytes]", rest or [])]

    async def present(self, stream: str, ids: Sequence[bytes]) -> list[bool]:
        """Return which entries are still in a stream."""
        found = await self._client.eval(_PRESENT, 1, stream, *ids)
        return [bool(number) for number in found]

    async def delete(self, stream: str, ids: Sequence[bytes]) -> None:
        """Delete entries of a stream."""
        await self._client.xdel(stream, *ids)

    async def finish(self, stream: str, entry: bytes) -> None:
        """Acknowledge and delete an entry."""
        async with self._client.pipeline(transaction=False) as pipe:
            pipe.xack(stream, GROUP, entry)
            pipe.xdel(stream, entry)
            await pipe.execute()

    async def keep(self, stream: str, consumer: str, entry: bytes) -> None:
        """Say that an entry is still being worked on; its count of deliveries stays."""
        await self._client.xclaim(stream, GROUP, consumer, 0, [entry], justid=True)

    async def release(self, stream: str, consumer: str) -> int:
        """Let others claim at once what a consumer holds; return how much that was."""
        held = await self._client.xpending_range(
            stream, GROUP, "-", "+", _CONSUMERS_READ, consumername=consumer
        )
        ids = [entry["message_id"] for entry in held]
        if ids:
            # A day: longer than anybody's limit.
            await self._client.xclaim(stream, GROUP, consumer, 0, ids, idle=86_400_000, justid=True)
        return len(ids)

    async def forget_consumers(self, stream: str, *, idle_seconds: float) -> None:
        """Remove consumers that hold nothing and have not been seen for a while."""
        for consumer in await self._client.xinfo_consumers(stream, GROUP):
            if consumer["pending"] == 0 and consumer["idle"] > idle_seconds * 1000:
                await self._client.xgroup_delconsumer(stream, GROUP, consumer["name"])

    async def age_seconds(self, entry: bytes) -> float:
        """Return how long ago an entry was added, by the clock of Redis alone."""
        seconds, microseconds = await self._client.time()
        added = int(entry.partition(b"-")[0]) / 1000
        return max(0.0, float(seconds) + float(microseconds) / 1e6 - added)

    async def add(self, stream: str, field: str, value: bytes, *, most: int) -> None:
        """Append an entry to a stream of facts, and drop the oldest beyond `most`."""
        await self._client.xadd(stream, {field: value}, maxlen=most, approximate=True)

    async def read(
        self, stream: str, field: str, *, after: bytes, most: int
    ) -> list[tuple[bytes, bytes]]:
        """Return ids and values of the entries of a stream of facts that follow `after`."""
        answer = await self._client.xread({stream: after}, count=most)
        name = field.encode()
        streams = cast("list[tuple[bytes, list[tuple[bytes, dict[bytes, bytes]]]]]", answer or [])
        return [(entry, fields.get(name, b"")) for _, found in streams for entry, fields in found]

    async def names(self, key: str) -> list[str]:
        """Return the members of a set."""
        return sorted(name.decode() for name in await self._client.smembers(key))

    async def drop_names(self, key: str, names: Sequence[str]) -> None:
        """Remove members of a set."""
        await self._client.srem(key, *names)

    async def fields(
        self, keys: Sequence[str], names: Sequence[str]
    ) -> list[Mapping[str, bytes] | None]:
        """Return fields of several hashes; None for one that does not exist."""
        async with self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hmget(key, list(names))
            rows = await pipe.execute()
        return [_named(names, row) for row in rows]

    async def write_fields(self, key: str, fields: Mapping[str, bytes], *, seconds: float) -> None:
        """Write fields of a hash that lives for a time."""
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping=dict(fields))
            pipe.pexpire(key, _milliseconds(seconds))
            await pipe.execute()

    async def remove(self, key: str) -> None:
        """Delete a key."""
        await self._client.delete(key)

    def guarded(self, watched: str) -> "Guarded":
        """Return a transaction that fails if somebody else writes `watched` meanwhile."""
        return Guarded(self._client, watched)


class Guarded:
    """An optimistic transaction: look, decide, then write all or nothing."""

    def __init__(self, client: Any, watched: str) -> None:  # noqa: ANN401 - as in Store
        self._pipe = client.pipeline(transaction=True)
        self._watched = watched

    async def __aenter__(self) -> Self:
        """Begin to watch."""
        await self._pipe.watch(self._watched)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Watch no more."""
        await self._pipe.reset()

    async def enrol(
        self, roster: str, name: str, key: str, fields: Mapping[str, bytes], *, seconds: float
    ) -> bool:
        """Write a member and count the change; return False if somebody else was faster."""
        self._pipe.multi()
        self._pipe.sadd(roster, name)
        self._pipe.hset(key, mapping=dict(fields))
        self._pipe.pexpire(key, _milliseconds(seconds))
        self._pipe.incr(self._watched)
        try:
            await self._pipe.execute()
        except WatchError:
            return False
        return True


def _named(names: Sequence[str], row: Sequence[bytes | None]) -> Mapping[str, bytes] | None:
    if all(value is None for value in row):
        return None
    return {name: value for name, value in zip(names, row, strict=True) if value is not None}


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


__all__ = ["TRANSPORT_LOGGER", "Guarded", "RedisError", "Store", "open_broker"]
