"""A TCP proxy that does to a connection what networks do: delay, freeze, cut, half-close."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

Cut = Callable[[bytes], int | None]
"""Looks at what the server sends; returns after how many of these bytes to cut, or None."""


class FaultProxy:
    """Listens on a port of its own in front of a Unix socket.

    Attributes:
        delay_seconds: that each packet waits, both ways.
        flowing: cleared, nothing passes, and nothing is said about it.
        cut: asked about each packet from the server.
        cuts: connections that were cut.
    """

    def __init__(self, target: str) -> None:
        self.delay_seconds = 0.0
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.cut: Cut | None = None
        self.cuts = 0
        self._target = target
        self._pipes: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the proxy does not listen")
        host, port = self._server.sockets[0].getsockname()
        return f"redis://{host}:{port}"

    def cut_all(self) -> None:
        """Cut all connections, without a goodbye."""
        for writer in self._writers:
            self.cuts += 1
            writer.transport.abort()

    def half_close(self) -> None:
        """Say on all connections that nothing more is coming, and go on listening."""
        for writer in self._writers:
            with contextlib.suppress(OSError, RuntimeError):
                writer.write_eof()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut_all()
        pipes = list(self._pipes)
        for pipe in pipes:
            pipe.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, to_server = await asyncio.open_unix_connection(self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, to_server}
        up = asyncio.create_task(self._pipe(reader, to_server, from_server=False))
        down = asyncio.create_task(self._pipe(there, writer, from_server=True))
        self._pipes |= {up, down}
        await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
        for pipe in (up, down):
            pipe.cancel()
        for end in (writer, to_server):
            self._writers.discard(end)
            end.transport.abort()
        self._pipes -= {up, down}

    async def _pipe(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_server: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while packet := await reader.read(1 << 16):
                await asyncio.sleep(self.delay_seconds)
                await self.flowing.wait()
                end = self.cut(packet) if from_server and self.cut is not None else None
                writer.write(packet if end is None else packet[:end])
                await writer.drain()
                if end is not None:
                    self.cuts += 1
                    return


@asynccontextmanager
async def fault_proxy(target: str) -> AsyncGenerator[FaultProxy]:
    """Run a proxy in front of a Unix socket for a while."""
    proxy = FaultProxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
