"""Undo the compression of a body piece by piece, so that a bomb is noticed while it goes off."""

import zlib
from collections.abc import Iterator
from typing import Protocol

from backports import zstd

from rewardd_service.edge.refusal import EdgeRefusalError

CODINGS = ("gzip", "zstd")

# One piece takes well under a millisecond to make, so that the event loop turns between two.
_PIECE_BYTES = 256 * 1024
# gzip allows members in a row; each costs a new state, and a body of empty ones says nothing.
_MAX_MEMBERS = 1024
_GZIP_ONLY = 16 + zlib.MAX_WBITS


class Unpacker(Protocol):
    """Turns compressed pieces into plain ones."""

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        """Yield what a piece holds, in parts of bounded size.

        Raises:
            EdgeRefusalError: these bytes are not of the announced coding.
        """
        ...

    def finish(self) -> None:
        """Check that the stream is complete.

        Raises:
            EdgeRefusalError: it ends in the middle.
        """
        ...


def unpacker(coding: str, *, zstd_window_log: int) -> Unpacker:
    """Return a fresh unpacker for one of `CODINGS`."""
    return _Gunzip() if coding == "gzip" else _Unzstd(zstd_window_log)


class _Gunzip:
    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_ONLY)
        self._members = 1
        self._within = False

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        while piece:
            self._within = True
            try:
                part = self._member.decompress(piece, _PIECE_BYTES)
                piece = self._member.unconsumed_tail
                yield part
                # The state may hold more output than fitted, with no input left to ask for it.
                while len(part) == _PIECE_BYTES and not piece and not self._member.eof:
                    part = self._member.decompress(b"", _PIECE_BYTES)
                    yield part
            except zlib.error as error:
                raise _broken("gzip", error) from error
            if self._member.eof:
                piece = self._next_member()

    def _next_member(self) -> bytes:
        rest = self._member.unused_data
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise EdgeRefusalError("invalid_body", f"more than {_MAX_MEMBERS} gzip members")
        self._member = zlib.decompressobj(_GZIP_ONLY)
        self._within = False
        return rest

    def finish(self) -> None:
        if self._within:
            raise EdgeRefusalError("invalid_body", "the gzip body ends in the middle")


class _Unzstd:
    def __init__(self, window_log: int) -> None:
        self._options = {int(zstd.DecompressionParameter.window_log_max): window_log}
        self._frame = zstd.ZstdDecompressor(options=self._options)
        self._frames = 1
        self._within = False

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        while piece or not self._frame.needs_input:
            self._within = True
            try:
                yield self._frame.decompress(piece, _PIECE_BYTES)
            except zstd.ZstdError as error:
                raise _broken("zstd", error) from error
            piece = self._next_frame() if self._frame.eof else b""

    def _next_frame(self) -> bytes:
        rest = self._frame.unused_data
        self._frames += 1
        if self._frames > _MAX_MEMBERS:
            raise EdgeRefusalError("invalid_body", f"more than {_MAX_MEMBERS} zstd frames")
        self._frame = zstd.ZstdDecompressor(options=self._options)
        self._within = False
        return rest

    def finish(self) -> None:
        if self._within:
            raise EdgeRefusalError("invalid_body", "the zstd body ends in the middle")


def _broken(coding: str, error: Exception) -> EdgeRefusalError:
    return EdgeRefusalError("invalid_body", f"the body is not {coding}: {error}")
