"""Calls to the worker in a container: each has a number, a bound on its answer, and a deadline."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from rewardd_sandbox.containers.stream import Stream
from rewardd_sandbox.containers.wire import Frame, Frames, Writer
from rewardd_sandbox.errors import (
    LostError,
    SandboxError,
    SetupError,
    StarvedError,
    UnavailableError,
    WireError,
)

_REFUSALS: Mapping[str, type[SandboxError]] = {
    kind.__name__: kind for kind in (SandboxError, UnavailableError, StarvedError, LostError)
}
_MOST_COMPLAINT = 2000


@dataclass(slots=True)
class _Call:
    """A call that waits; `dropped` ones still get an answer, which nobody reads."""

    answer: asyncio.Future[Frame]
    most_bytes: int
    dropped: bool = False


class Link:
    """The trusted end of a container's stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._calls: dict[int, _Call] = {}
        self._numbers = 0
        self._why = ""
        self._listening = asyncio.ensure_future(self._listen())

    @property
    def alive(self) -> bool:
        """Whether calls may still be answered."""
        return not self._why

    async def call(
        self, what: Writer, *, most_bytes: int = 0, patience_seconds: float = 60.0
    ) -> Frame:
        """Ask the worker inside, and return its answer.

        `most_bytes` bounds the answer's blobs. A call that is cancelled is cancelled inside.

        Raises:
            LostError: the container went away, spoke out of turn, or did not answer in time.
            SandboxError: what the sandbox inside raised.
        """
        if self._why:
            raise LostError(self._why)
        self._numbers += 1
        number = self._numbers
        waiting: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        call = self._calls[number] = _Call(waiting, most_bytes)
        try:
            async with asyncio.timeout(patience_seconds):
                await self._write(what.add("number", number))
                frame = await waiting
        except TimeoutError as error:
            self._lose(f"the container did not answer in {patience_seconds:g} s")
            raise LostError(self._why) from error
        except asyncio.CancelledError:
            await asyncio.shield(self._drop(number, call))
            raise
        if frame.head.get("kind") == "refusal":
            raise _refusal(frame)
        return frame

    async def close(self) -> None:
        """Let go of the stream; whoever waits is told that the container is lost."""
        self._lose("the container was given up")
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening

    async def _drop(self, number: int, call: _Call) -> None:
        call.dropped = True
        if not self._why and number in self._calls:
            with contextlib.suppress(LostError):
                await self._write(Writer(call="drop", number=0, target=number))

    async def _write(self, what: Writer) -> None:
        try:
            await self._stream.write(what.pack())
        except OSError as error:
            self._lose(f"the container is gone: {error}")
            raise LostError(self._why) from error

    async def _listen(self) -> None:
        frames = Frames()
        try:
            while piece := await self._stream.read():
                most_bytes = max((call.most_bytes for call in self._calls.values()), default=0)
                for frame in frames.feed(piece, most_bytes):
                    self._take(frame)
        except WireError as error:
            self._lose(str(error))
        except OSError as error:
            self._lose(f"the container is gone: {error}")
        else:
            self._lose("the container ended")

    def _take(self, frame: Frame) -> None:
        call = self._calls.pop(frame.number("number"), None)
        if call is None:
            raise WireError("the container answered what nobody asked")
        if sum(map(len, frame.blobs)) > call.most_bytes and not call.dropped:
            raise WireError("the container said more than was asked")
        if not call.answer.done():
            call.answer.set_result(frame)

    def _lose(self, why: str) -> None:
        if self._why:
            return
        said = self._stream.complaint()
        self._why = f"{why} ({said})" if said else why
        self._stream.close()
        for call in self._calls.values():
            if not call.answer.done():
                call.answer.set_exception(LostError(self._why))
                call.answer.exception()
        self._calls.clear()


def _refusal(frame: Frame) -> SandboxError:
    name, message = frame.text("error"), frame.text("message")[:_MOST_COMPLAINT]
    if name == SetupError.__name__:
        return SetupError(frame.text("step")[:100], frame.number("errno"), message)
    return _REFUSALS.get(name, SandboxError)(message)
