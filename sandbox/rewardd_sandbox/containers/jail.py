"""One program in a container; whatever comes from there is data, and checked as such."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from rewardd_sandbox.containers.guest import Guest
from rewardd_sandbox.containers.wire import Frame, Writer
from rewardd_sandbox.errors import SandboxError, WireError
from rewardd_sandbox.program import Answer, BuildFailure, Given, Limits, Program
from rewardd_sandbox.sandbox import Jail

# Nets below the deadlines that the worker inside keeps: a starved jail gets its wall limit up to
# tenfold there, and the first C++ program waits for a precompiled header.
_PATIENCE_SECONDS = 60.0
_STRETCH = 10
_BUILD_WALL_FACTOR = 6
_FIRST_HEADER_SECONDS = 900.0

_BESIDE_OUTPUT_BYTES = 6 << 20
"""An encoded value, and the tail of standard error."""
_LOG_BYTES = 64 << 10
_TAIL_BYTES = 2 << 10
_NOTE_CHARACTERS = 200

Record = TypeVar("Record")
Release = Callable[[], Awaitable[None]]
OpenCompanion = Callable[[Program, Limits], Awaitable["DockerJail | BuildFailure"]]


class DockerJail:
    """A loaded program; see `sandbox.Jail`.

    Its companions run in another container than it: what they hold, expected values among it, is
    not even on the same side of a container's wall as a program.
    """

    def __init__(
        self,
        guest: Guest,
        program: Program,
        limits: Limits,
        release: Release,
        open_companion: OpenCompanion,
    ) -> None:
        guest.jails += 1
        self._guest = guest
        self._number = guest.jails
        self._program = program
        self._limits = limits
        self._release = release
        self._open_companion = open_companion
        self._companions: list[DockerJail] = []
        self._closed = False

    async def prepare(self) -> BuildFailure | None:
        """Build and load the program inside; say why if it is none.

        Raises:
            SandboxError: the sandbox failed.
        """
        what = Writer(call="open", jail=self._number)
        stretched = _STRETCH * _BUILD_WALL_FACTOR * self._limits.build_cpu_seconds
        frame = await self._guest.call(
            what.add("program", self._program).add("limits", self._limits),
            patience_seconds=_PATIENCE_SECONDS + _FIRST_HEADER_SECONDS + stretched,
        )
        if frame.head.get("kind") == "jail":
            return None
        failure = self._read(frame, "failure", BuildFailure)
        return replace(failure, log=failure.log[:_LOG_BYTES])

    async def feed(self, given: Given) -> Answer:
        """Run the next test; see `sandbox.Jail`."""
        return await self._ask("feed", given)

    async def alone(self, given: Given) -> Answer:
        """Run a test in a fresh process; see `sandbox.Jail`."""
        return await self._ask("alone", given)

    async def companion(self, program: Program, limits: Limits) -> Jail | BuildFailure:
        """Load a second program, in a container that never held a submission."""
        opened = await self._open_companion(program, limits)
        if isinstance(opened, DockerJail):
            self._companions.append(opened)
        return opened

    async def close(self) -> None:
        """End everything and free the place."""
        if self._closed:
            return
        self._closed = True
        await asyncio.shield(asyncio.ensure_future(self._close()))

    async def _close(self) -> None:
        try:
            for companion in self._companions:
                await companion.close()
            if self._guest.sound:
                with contextlib.suppress(SandboxError):
                    what = Writer(call="close", jail=self._number)
                    await self._guest.call(what, patience_seconds=_PATIENCE_SECONDS)
        finally:
            await self._release()

    async def _ask(self, call: str, given: Given) -> Answer:
        limits = self._limits
        output_bytes = limits.output_bytes + given.extra_output_bytes
        seconds = limits.wall_net_seconds + _BUILD_WALL_FACTOR * limits.build_cpu_seconds
        frame = await self._guest.call(
            Writer(call=call, jail=self._number).add("given", given),
            # Standard output, and the files that were asked for, which are as long together.
            most_bytes=2 * output_bytes + _BESIDE_OUTPUT_BYTES,
            patience_seconds=_PATIENCE_SECONDS + _STRETCH * seconds,
        )
        return self._believed(self._read(frame, "answer", Answer), output_bytes)

    def _read(self, frame: Frame, name: str, kind: type[Record]) -> Record:
        try:
            return frame.record(name, kind)
        except WireError:
            self._guest.doubtful = True
            raise

    def _believed(self, answer: Answer, output_bytes: int) -> Answer:
        """Return an answer that a sound worker could have given, or give up the container."""
        unasked = set(answer.files) - set(self._program.fetch)
        if unasked or min(answer.cpu_seconds, answer.wall_seconds) < 0:
            self._guest.doubtful = True
            raise WireError("the container answered what no worker of ours does")
        return replace(
            answer,
            # A breach of the limit keeps what was read until it was seen: so much and no more.
            stdout=answer.stdout[: output_bytes + _BESIDE_OUTPUT_BYTES],
            stderr_tail=answer.stderr_tail[-_TAIL_BYTES:],
            note=answer.note[:_NOTE_CHARACTERS],
        )
