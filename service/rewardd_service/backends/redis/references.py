"""Large references travel once: they are kept in Redis under the hash of their content."""

import hashlib
from collections import OrderedDict
from typing import Any, Final

import msgspec

from rewardd_service import frames
from rewardd_service.backends.redis import names
from rewardd_service.backends.redis.store import Store
from rewardd_service.backends.rhythm import REFERENCE_SECONDS
from rewardd_service.job import Chunk

LARGE_BYTES: Final = 1 << 20
_HELD_BYTES: Final = 128 << 20


class MissingReferenceError(Exception):
    """Redis does not hold a reference, or holds another under its name."""


def _digest(encoded: bytes) -> str:
    return hashlib.blake2b(encoded, digest_size=20).hexdigest()


def _encoded(reference: object) -> bytes:
    """Return a reference as the only content of a chunk: frames know how to write those."""
    return frames.encode_chunk(Chunk([], [], [reference], [], 0.0))


async def deposit(store: Store, chunk: Chunk) -> tuple[Chunk, dict[int, str]]:
    """Return the chunk without its large references, which are now in Redis, and their digests.

    Raises:
        FrameError: a reference cannot travel.
        RedisError: Redis does not take one.
    """
    light: list[Any] = list(chunk.references)
    digests: dict[int, str] = {}
    for index, reference in enumerate(chunk.references):
        encoded = _encoded(reference)
        if len(encoded) <= LARGE_BYTES:
            continue
        digest = _digest(encoded)
        key = names.reference(digest)
        if not await store.prolong(key, seconds=REFERENCE_SECONDS):
            await store.put(key, encoded, seconds=REFERENCE_SECONDS)
        light[index] = None
        digests[index] = digest
    return msgspec.structs.replace(chunk, references=light), digests


class Larder:
    """A worker's large references, those used last; see `deposit`."""

    def __init__(self, store: Store, *, held_bytes: int = _HELD_BYTES) -> None:
        self._store = store
        self._held_bytes = held_bytes
        self._size = 0
        self._held: OrderedDict[str, tuple[object, int]] = OrderedDict()

    async def complete(self, chunk: Chunk, digests: dict[int, str]) -> Chunk:
        """Return the chunk with all its references.

        Raises:
            MissingReferenceError: one is not there.
            RedisError: Redis cannot be asked.
        """
        if not digests:
            return chunk
        whole: list[Any] = list(chunk.references)
        for index, digest in digests.items():
            if not 0 <= index < len(whole):
                raise MissingReferenceError(f"there is no reference {index}")
            whole[index] = await self._fetch(digest)
        return msgspec.structs.replace(chunk, references=whole)

    async def _fetch(self, digest: str) -> object:
        if digest in self._held:
            self._held.move_to_end(digest)
            return self._held[digest][0]
        encoded = await self._store.get(names.reference(digest))
        if encoded is None or _digest(encoded) != digest:
            raise MissingReferenceError(f"reference {digest} is not in Redis")
        reference = frames.decode_chunk(encoded).references[0]
        self._hold(digest, reference, len(encoded))
        return reference

    def _hold(self, digest: str, reference: object, size: int) -> None:
        self._held[digest] = (reference, size)
        self._size += size
        while self._size > self._held_bytes and len(self._held) > 1:
            _, (_, dropped) = self._held.popitem(last=False)
            self._size -= dropped
