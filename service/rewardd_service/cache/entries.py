"""A verdict as bytes that show whether they are whole, ours, and meant for the key they lie under.

An entry is a seal and a content. The seal is a keyed BLAKE2b over key, length and content: what
was truncated, altered, or moved from another key is no entry, and counts as a miss. Without a
secret the seal is a checksum: whoever can write to the store can also forge entries, and so
rewards. With one (`cache_secret`, the same on all gateways), only a gateway can make them; a
writer may still delete entries, or put an older entry back under its own key, which is the
verdict of the same version on the same input.
"""

import hashlib
import hmac

import msgspec

from rewardd_service.cache.policy import remembered
from rewardd_service.frames import FrameError, canonical
from rewardd_service.job import Answer

MAX_ENTRY_BYTES = 64 * 1024
"""Larger verdicts are cheaper to make than to move."""

_SEAL_BYTES = 16
_decoder = msgspec.msgpack.Decoder(Answer)


class Sealer:
    """Writes and reads entries.

    Args:
        secret: of any length; empty for a checksum only.
    """

    def __init__(self, secret: bytes = b"") -> None:
        self._seal_key = hashlib.blake2b(secret, digest_size=32, person=b"rewardd cache").digest()

    def seal(self, key: bytes, answer: Answer) -> bytes | None:
        """Return the entry for an answer; None if it is too large, or cannot be written."""
        try:
            content = canonical(answer)
        except FrameError:
            return None
        if len(content) > MAX_ENTRY_BYTES - _SEAL_BYTES:
            return None
        return self._seal(key, content) + content

    def open(self, key: bytes, entry: bytes, version: int) -> Answer | None:
        """Return the answer in an entry; None unless it is whole and may be given for `version`."""
        if not _SEAL_BYTES < len(entry) <= MAX_ENTRY_BYTES:
            return None
        seal, content = entry[:_SEAL_BYTES], entry[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._seal(key, content)):
            return None
        try:
            answer = _decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return answer if remembered(answer, version) else None

    def _seal(self, key: bytes, content: bytes) -> bytes:
        head = len(content).to_bytes(4, "big")
        return hashlib.blake2b(
            key + head + content, digest_size=_SEAL_BYTES, key=self._seal_key
        ).digest()
