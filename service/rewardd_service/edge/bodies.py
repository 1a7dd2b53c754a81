"""Read a body whole, within limits on the wire, in memory, and on their ratio."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Receive

from rewardd_service.edge.encodings import CODINGS, unpacker
from rewardd_service.edge.refusal import ClientGoneError, EdgeRefusalError

MIB = 1024 * 1024

# Small bodies of repeated text compress better than any bomb needs to.
_RATIO_FREE_BYTES = MIB


@dataclass(frozen=True)
class BodyLimits:
    """Bounds on one body.

    Attributes:
        ratio: of plain to compressed bytes, once there is more than 1 MiB of plain ones.
        zstd_window_log: the decompressor's window is at most two to this power.
    """

    wire_bytes: int = 64 * MIB
    plain_bytes: int = 128 * MIB
    ratio: int = 200
    zstd_window_log: int = 23


def announced_bytes(headers: Headers) -> int | None:
    """Return the Content-Length; None for a chunked body."""
    text = headers.get("content-length")
    return int(text) if text is not None and text.isdecimal() and text.isascii() else None


def coding_of(headers: Headers) -> str | None:
    """Return the body's compression, None for a plain one.

    Raises:
        EdgeRefusalError: it is one that we do not undo.
    """
    coding = headers.get("content-encoding", "identity").strip().lower().removeprefix("x-")
    if coding in {"identity", ""}:
        return None
    if coding in CODINGS:
        return coding
    raise EdgeRefusalError(
        "unsupported_encoding",
        f"Content-Encoding {coding[:100]!r} is none of gzip, zstd, identity",
        headers={"Accept-Encoding": "gzip, zstd"},
    )


async def read_body(
    receive: Receive, *, coding: str | None, limits: BodyLimits, reserve: Callable[[int], None]
) -> bytearray:
    """Return the plain body.

    Args:
        receive: of the request, from its first body message.
        coding: as `coding_of` says.
        limits: what is refused beyond.
        reserve: called with the number of bytes about to be kept; raises if there is no room.

    Raises:
        EdgeRefusalError: it breaks a limit, or is not of its announced coding.
        ClientGoneError: the connection closed before its end.
    """
    body = bytearray()
    wire_bytes = 0
    stream = None if coding is None else unpacker(coding, zstd_window_log=limits.zstd_window_log)
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError("the connection closed before the end of the body")
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        wire_bytes += len(piece)
        _check_wire(wire_bytes, limits)
        if stream is None:
            reserve(len(piece))
            body += piece
            continue
        for part in stream.unpack(piece):
            _check_plain(len(body) + len(part), wire_bytes, limits)
            reserve(len(part))
            body += part
            await asyncio.sleep(0)
    if stream is not None:
        stream.finish()
    _check_plain(len(body), wire_bytes, limits)
    return body


def refuse_announced(length: int | None, limits: BodyLimits) -> None:
    """Refuse a body by its Content-Length, before any of it is read.

    Raises:
        EdgeRefusalError: it is too large.
    """
    if length is not None:
        _check_wire(length, limits)


def _check_wire(wire_bytes: int, limits: BodyLimits) -> None:
    if wire_bytes > limits.wire_bytes:
        raise EdgeRefusalError(
            "body_too_large", f"the body exceeds {limits.wire_bytes} bytes on the wire"
        )


def _check_plain(plain_bytes: int, wire_bytes: int, limits: BodyLimits) -> None:
    if plain_bytes > limits.plain_bytes:
        raise EdgeRefusalError(
            "body_too_large", f"the body exceeds {limits.plain_bytes} bytes once unpacked"
        )
    if plain_bytes > max(_RATIO_FREE_BYTES, limits.ratio * wire_bytes):
        raise EdgeRefusalError(
            "body_too_large", f"the body unpacks to more than {limits.ratio} times its size"
        )
