"""Length-prefixed msgpack: one frame is the same on a socketpair and in Redis.

msgpack ends at 64 bits, references do not: larger integers travel as an extension type.
"""

import struct
from typing import Any, Final, cast

import msgspec

from rewardd_service.job import Chunk

MAX_FRAME_BYTES: Final = 16 << 20
"""Of one frame's payload, both ways: a length beyond it is noise, not a message."""

_PREFIX = struct.Struct("!I")
_BIG_INTEGER: Final = 1
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1


class FrameError(ValueError):
    """What should travel cannot, or what came is no message of ours."""


def _read_extension(code: int, payload: memoryview) -> int:
    if code != _BIG_INTEGER:
        raise FrameError(f"extension type {code} is unknown")
    return int.from_bytes(payload, "big", signed=True)


_encoder = msgspec.msgpack.Encoder()
_canonical = msgspec.msgpack.Encoder(order="sorted")
_chunks = msgspec.msgpack.Decoder(Chunk, ext_hook=_read_extension)


def frame(payload: bytes) -> bytes:
    """Return `payload` with its length before it.

    Raises:
        FrameError: it is longer than MAX_FRAME_BYTES.
    """
    if len(payload) > MAX_FRAME_BYTES:
        raise FrameError(f"{len(payload)} bytes, and a frame holds at most {MAX_FRAME_BYTES}")
    return _PREFIX.pack(len(payload)) + payload


class FrameReader:
    """Cuts a stream of bytes, however it arrives, into the payloads of its frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> list[bytes]:
        """Return the payloads that `received` completes.

        Raises:
            FrameError: a length is out of range; the stream cannot be read any further.
        """
        self._buffer += received
        payloads: list[bytes] = []
        start = 0
        while len(self._buffer) - start >= _PREFIX.size:
            (length,) = _PREFIX.unpack_from(self._buffer, start)
            if length > MAX_FRAME_BYTES:
                raise FrameError(f"a frame announces {length} bytes")
            end = start + _PREFIX.size + length
            if len(self._buffer) < end:
                break
            payloads.append(bytes(self._buffer[start + _PREFIX.size : end]))
            start = end
        del self._buffer[:start]
        return payloads


def encode_chunk(chunk: Chunk) -> bytes:
    """Return the chunk as msgpack.

    Raises:
        FrameError: it holds what cannot travel (lone surrogates, bottomless nesting).
    """
    return _encode(chunk, _encoder)


def decode_chunk(payload: bytes | memoryview | msgspec.Raw) -> Chunk:
    """Return the chunk that `encode_chunk` wrote.

    Raises:
        FrameError: it is none.
    """
    try:
        return _chunks.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(f"not a chunk: {error}") from error


def canonical(value: object) -> bytes:
    """Return bytes that are equal for equal values, whatever the order of their keys.

    Raises:
        FrameError: it holds what cannot travel.
    """
    return _encode(value, _canonical)


def _encode(value: object, encoder: msgspec.msgpack.Encoder) -> bytes:
    try:
        try:
            return encoder.encode(value)
        except OverflowError:  # rare enough that others do not pay for it
            return encoder.encode(_with_big_integers(msgspec.to_builtins(value)))
    except (UnicodeEncodeError, RecursionError, TypeError, OverflowError) as error:
        raise FrameError(f"cannot be sent: {error}") from error


def _with_big_integers(value: object) -> object:
    if isinstance(value, int) and not _MIN_INTEGER <= value <= _MAX_INTEGER:
        size = value.bit_length() // 8 + 1
        return msgspec.msgpack.Ext(_BIG_INTEGER, value.to_bytes(size, "big", signed=True))
    if isinstance(value, dict):
        items = cast("dict[Any, object]", value).items()
        return {key: _with_big_integers(inner) for key, inner in items}
    if isinstance(value, list | tuple):
        return [_with_big_integers(inner) for inner in cast("list[object]", value)]
    return value
