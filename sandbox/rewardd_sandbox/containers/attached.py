"""The attached streams of a container: standard output and error, told apart by the engine."""

import asyncio
import socket
import struct

_STDOUT = 1
_HEADER = struct.Struct(">BxxxI")
_PIECE_BYTES = 1 << 18
_MOST_STDERR_BYTES = 1 << 20
"""Our worker says next to nothing there; who says more is not our worker any more."""
_COMPLAINT_BYTES = 2000
_COMPLAINT_CHARACTERS = 300


class DockerStream:
    """The attached streams of a container; the engine says which bytes are whose."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._left = 0
        self._source = 0
        self._stderr = bytearray()
        self._stderr_bytes = 0

    @classmethod
    async def over(cls, attached: socket.socket) -> "DockerStream":
        """Take over a connection."""
        if attached.family == socket.AF_UNIX:
            return cls(*await asyncio.open_unix_connection(sock=attached))
        return cls(*await asyncio.open_connection(sock=attached))

    async def read(self) -> bytes:
        """Return what came next on standard output; see `stream.Stream`."""
        while True:
            if self._left == 0:
                try:
                    header = await self._reader.readexactly(_HEADER.size)
                except asyncio.IncompleteReadError:
                    return b""
                self._source, self._left = _HEADER.unpack(header)
                continue
            piece = await self._reader.read(min(self._left, _PIECE_BYTES))
            self._left -= len(piece)
            if not piece or self._source == _STDOUT:
                return piece
            if not self._keep(piece):
                return b""

    async def write(self, content: bytes) -> None:
        """Write to standard input; see `stream.Stream`."""
        self._writer.write(content)
        await self._writer.drain()

    def complaint(self) -> str:
        """Return the last line of standard error."""
        lines = self._stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:_COMPLAINT_CHARACTERS] if lines else ""

    def close(self) -> None:
        """Let go; the engine closes the container's standard input."""
        self._writer.close()

    def _keep(self, piece: bytes) -> bool:
        self._stderr += piece
        del self._stderr[:-_COMPLAINT_BYTES]
        self._stderr_bytes += len(piece)
        return self._stderr_bytes <= _MOST_STDERR_BYTES
