"""Engines without Docker: the worker of a container as a process here, or bytes in its place."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import BinaryIO, cast

from rewardd_sandbox import LostError
from rewardd_sandbox.containers.greeting import Hello
from rewardd_sandbox.containers.options import COMMAND
from rewardd_sandbox.containers.stream import Container
from rewardd_sandbox.containers.wire import Frame, Frames, Writer
from rewardd_sandbox.tiers import Tier

_PIECE_BYTES = 1 << 16


class ProcessContainer:
    """The worker of a container, run on this machine."""

    def __init__(self, name: str, process: subprocess.Popen[bytes]) -> None:
        self.name = name
        self.process = process
        self.removed = False
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.WriteTransport | None = None
        self._closing: asyncio.BaseTransport | None = None

    @property
    def stream(self) -> "ProcessContainer":
        return self

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        self._closing, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), cast("BinaryIO", self.process.stdout)
        )
        self._reader = reader
        self._writer, _ = await loop.connect_write_pipe(
            asyncio.BaseProtocol, cast("BinaryIO", self.process.stdin)
        )

    async def read(self) -> bytes:
        assert self._reader is not None
        return await self._reader.read(_PIECE_BYTES)

    async def write(self, content: bytes) -> None:
        assert self._writer is not None
        if self._writer.is_closing():
            raise BrokenPipeError("nobody reads")
        self._writer.write(content)

    def complaint(self) -> str:
        return ""

    def close(self) -> None:
        for transport in (self._writer, self._closing):
            if transport is not None:
                transport.close()

    async def remove(self) -> None:
        self.removed = True
        self.close()
        self.process.kill()
        await asyncio.to_thread(self.process.wait)


class ProcessEngine:
    """Starts such workers; `failures` of the next starts fail."""

    def __init__(self) -> None:
        self.started: list[ProcessContainer] = []
        self.failures = 0
        self.sweeps = 0

    async def start(self) -> ProcessContainer:
        if self.failures:
            self.failures -= 1
            raise LostError("the engine starts no container: asked for")
        process = subprocess.Popen(  # noqa: ASYNC220  it runs beside us
            [sys.executable, *COMMAND[1:]],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        container = ProcessContainer(f"process-{process.pid}", process)
        self.started.append(container)
        await container.open()
        return container

    async def sweep(self) -> None:
        self.sweeps += 1

    async def close(self) -> None:
        """Nothing is held."""


class Puppet:
    """A container that was taken over: it says hello, and then whatever `act` makes of a call."""

    def __init__(self, act: Callable[[Frame], bytes | None]) -> None:
        self.name = "puppet"
        self.removed = False
        self._act = act
        self._frames = Frames()
        self._says: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def stream(self) -> "Puppet":
        return self

    async def read(self) -> bytes:
        return await self._says.get()

    async def write(self, content: bytes) -> None:
        for frame in self._frames.feed(content, 1 << 30):
            said = greeting(frame) if frame.text("call") == "hello" else self._act(frame)
            if said is not None:
                self._says.put_nowait(said)

    def complaint(self) -> str:
        return ""

    def close(self) -> None:
        self._says.put_nowait(b"")

    async def remove(self) -> None:
        self.removed = True


class PuppetEngine:
    """Hands out containers in turn, and the last one for ever."""

    def __init__(self, *containers: Container) -> None:
        self._containers = list(containers)

    async def start(self) -> Container:
        return self._containers.pop(0) if len(self._containers) > 1 else self._containers[0]

    async def sweep(self) -> None:
        """Nothing is left over."""

    async def close(self) -> None:
        """Nothing is held."""


def greeting(frame: Frame) -> bytes:
    hello = Hello(tier=Tier.UID, versions={"python": "3.11.2"})
    return Writer(kind="hello", number=frame.number("number")).add("hello", hello).pack()


def loaded(frame: Frame) -> bytes:
    """What a sound container says when a program is loaded, or its jail closed."""
    return Writer(kind="jail", number=frame.number("number")).pack()
