"""The worker inside a container: a local sandbox that answers frames on standard input.

It ends, and the container with it, when standard input does: whoever owned it is gone then.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import BinaryIO

from rewardd_sandbox.containers.greeting import Hello, Wishes
from rewardd_sandbox.containers.wire import PROTOCOL, Frame, Frames, Writer
from rewardd_sandbox.errors import SandboxError, SetupError, UnavailableError, WireError
from rewardd_sandbox.languages import LANGUAGES
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.program import BuildFailure, Given, Limits, Program
from rewardd_sandbox.sandbox import Jail

MOST_REQUEST_BYTES = 512 << 20
"""What our own side may send at once: it is trusted, and bounded all the same."""
_PIECE_BYTES = 1 << 18


class Server:
    """Answers one far end; calls may overlap."""

    def __init__(self, say: Callable[[bytes], Awaitable[None]]) -> None:
        self._say = say
        self._sandbox: LocalSandbox | None = None
        self._jails: dict[int, Jail] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._answers: Mapping[str, Callable[[Frame], Awaitable[Writer]]] = {
            "hello": self._hello,
            "open": self._open,
            "companion": self._companion,
            "converse": self._converse,
            "feed": self._feed,
            "alone": self._alone,
            "close": self._close,
        }

    async def serve(self, frames: AsyncIterator[Frame]) -> None:
        """Answer until there are no more calls; then leave nothing behind."""
        try:
            async for frame in frames:
                self._begin(frame)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            for jail in self._jails.values():
                await jail.close()
            if self._sandbox is not None:
                await self._sandbox.close()

    def _begin(self, frame: Frame) -> None:
        number = frame.number("number")
        if frame.text("call") == "drop":
            task = self._tasks.get(frame.number("target"))
            if task is not None:
                task.cancel()
            return
        answering = asyncio.ensure_future(self._answer(number, frame))
        self._tasks[number] = answering
        answering.add_done_callback(lambda _: self._tasks.pop(number, None))

    async def _answer(self, number: int, frame: Frame) -> None:
        act = self._answers.get(frame.text("call"), _unknown)
        try:
            answer = await act(frame)
        except SandboxError as error:
            answer = _refusal(type(error).__name__, str(error))
            if isinstance(error, SetupError):
                answer.add("step", error.step).add("errno", error.errno)
        except asyncio.CancelledError:
            answer = _refusal("LostError", "the call was dropped")
        await self._say(answer.add("number", number).pack())

    async def _hello(self, frame: Frame) -> Writer:
        protocol = frame.number("protocol")
        if protocol != PROTOCOL:
            raise UnavailableError(
                f"the image speaks protocol {PROTOCOL}, its owner {protocol}: build the image anew"
            )
        sandbox = LocalSandbox(_options(frame.record("wishes", Wishes)))
        report = await sandbox.start()
        if report.tier is None:
            raise UnavailableError("no program can be run in this container")
        self._sandbox = sandbox
        versions = {name: sandbox.toolchain(name) for name in LANGUAGES}
        return Writer(kind="hello").add("hello", Hello(tier=report.tier, versions=versions))

    async def _open(self, frame: Frame) -> Writer:
        if self._sandbox is None:
            raise UnavailableError("nobody said hello")
        return self._opened(frame, await self._sandbox.open(*_program(frame)))

    async def _companion(self, frame: Frame) -> Writer:
        beside = self._jail(frame, "beside")
        return self._opened(frame, await beside.companion(*_program(frame)))

    def _opened(self, frame: Frame, jail: Jail | BuildFailure) -> Writer:
        if isinstance(jail, BuildFailure):
            return Writer(kind="failure").add("failure", jail)
        self._jails[frame.number("jail")] = jail
        return Writer(kind="jail")

    async def _feed(self, frame: Frame) -> Writer:
        answer = await self._jail(frame).feed(frame.record("given", Given))
        return Writer(kind="answer").add("answer", answer)

    async def _alone(self, frame: Frame) -> Writer:
        answer = await self._jail(frame).alone(frame.record("given", Given))
        return Writer(kind="answer").add("answer", answer)

    async def _converse(self, frame: Frame) -> Writer:
        given, theirs = frame.record("given", Given), frame.record("theirs", Given)
        companion = self._jail(frame, "companion")
        talk = await self._jail(frame).converse(given, companion, theirs)
        return Writer(kind="talk").add("talk", talk)

    async def _close(self, frame: Frame) -> Writer:
        jail = self._jails.pop(frame.number("jail"), None)
        if jail is not None:
            await jail.close()
        return Writer(kind="closed")

    def _jail(self, frame: Frame, name: str = "jail") -> Jail:
        jail = self._jails.get(frame.number(name))
        if jail is None:
            raise SandboxError("there is no such jail")
        return jail


def _options(wishes: Wishes) -> Options:
    return Options(
        slots=wishes.slots,
        min_tier=wishes.min_tier,
        search_path=wishes.search_path,
        python=wishes.python,
    )


async def _unknown(_: Frame) -> Writer:
    raise SandboxError("there is no such call")


def _program(frame: Frame) -> tuple[Program, Limits]:
    return frame.record("program", Program), frame.record("limits", Limits)


def _refusal(name: str, message: str) -> Writer:
    return Writer(kind="refusal", error=name, message=message)


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[Frame]:
    frames = Frames()
    while piece := await reader.read(_PIECE_BYTES):
        for frame in frames.feed(piece, MOST_REQUEST_BYTES):
            yield frame


async def _serve(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(_PIECE_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), incoming)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, outgoing)
    writer = asyncio.StreamWriter(transport, protocol, None, loop)

    async def say(content: bytes) -> None:
        writer.write(content)
        await writer.drain()

    try:
        await Server(say).serve(_frames(reader))
    except WireError as error:
        sys.stderr.write(f"{error}\n")
    writer.close()


def main() -> None:
    """Serve standard input and output."""
    asyncio.run(_serve(sys.stdin.buffer, sys.stdout.buffer))


if __name__ == "__main__":
    main()
