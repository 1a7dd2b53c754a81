"""One program in a container; whatever comes from there is data, and checked as such."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from rewardd_sandbox.containers.guest import Guest
from rewardd_sandbox.containers.wire import Frame, Writer
from rewardd_sandbox.errors import SandboxError, WireError
from rewardd_sandbox.program import Answer, BuildFailure, Given, Limits, Program, Talk
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
    not even on the same side of a container's wall as a program. Those that it talks to are loaded
    a second time beside it, as the worker inside carries what is said.
    """

    def __init__(
        self,
        guest: Guest,
        program: Program,
        limits: Limits,
        release: Release,
        open_companion: OpenCompanion,
    ) -> None:
        self._guest = guest
        self._number = guest.next_number()
        self.program = program
        self.limits = limits
        self._release = release
        self._open_companion = open_companion
        self._companions: list[DockerJail] = []
        self._twins: dict[DockerJail, int] = {}
        self._closed = False

    def output_bytes(self, given: Given) -> int:
        """How much a test may print."""
        return self.limits.output_bytes + given.extra_output_bytes

    def most_bytes(self, given: Given) -> int:
        """How long an answer may be: output, and as much again in files."""
        return 2 * self.output_bytes(given) + _BESIDE_OUTPUT_BYTES

    @property
    def patience_seconds(self) -> float:
        """How long to wait for an answer before the container is given up."""
        limits = self.limits
        seconds = limits.wall_net_seconds + _BUILD_WALL_FACTOR * limits.build_cpu_seconds
        return _PATIENCE_SECONDS + _STRETCH * seconds

    async def prepare(self) -> BuildFailure | None:
        """Build and load the program inside; say why if it is none.

        Raises:
            SandboxError: the sandbox failed.
        """
        return await self._load(self, Writer(call="open", jail=self._number))

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

    async def converse(self, given: Given, companion: Jail, theirs: Given) -> Talk:
        """Run program and companion, each as the other's input; see `sandbox.Jail`."""
        if not isinstance(companion, DockerJail):
            raise SandboxError("a program talks to a companion of its own jail only")
        what = Writer(call="converse", jail=self._number, companion=await self._twin(companion))
        sides = ((self, given), (companion, theirs))
        frame = await self._guest.call(
            what.add("given", given).add("theirs", theirs),
            most_bytes=sum(side.most_bytes(said) for side, said in sides),
            patience_seconds=sum(side.patience_seconds for side, _ in sides),
        )
        talk = self._read(frame, "talk", Talk)
        return replace(
            talk,
            answer=self._believed(talk.answer, given, self),
            companion=self._believed(talk.companion, theirs, companion),
        )

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
            for number in (*self._twins.values(), self._number):
                await self._end(number)
        finally:
            await self._release()

    async def _end(self, number: int) -> None:
        """End a jail; a container that cannot is not used again."""
        if self._guest.sound:
            with contextlib.suppress(SandboxError):
                what = Writer(call="close", jail=number)
                await self._guest.call(what, patience_seconds=_PATIENCE_SECONDS)

    async def _twin(self, companion: "DockerJail") -> int:
        """Return the number of a companion that is loaded beside this program."""
        number = self._twins.get(companion)
        if number is None:
            number = self._guest.next_number()
            what = Writer(call="companion", jail=number, beside=self._number)
            failure = await self._load(companion, what)
            if failure is not None:
                raise SandboxError("a program that was loaded before could not be loaded again")
            self._twins[companion] = number
        return number

    async def _load(self, jail: "DockerJail", what: Writer) -> BuildFailure | None:
        limits = jail.limits
        stretched = _STRETCH * _BUILD_WALL_FACTOR * limits.build_cpu_seconds
        frame = await self._guest.call(
            what.add("program", jail.program).add("limits", limits),
            patience_seconds=_PATIENCE_SECONDS + _FIRST_HEADER_SECONDS + stretched,
        )
        if frame.head.get("kind") == "jail":
            return None
        failure = self._read(frame, "failure", BuildFailure)
        return replace(failure, log=failure.log[:_LOG_BYTES])

    async def _ask(self, call: str, given: Given) -> Answer:
        frame = await self._guest.call(
            Writer(call=call, jail=self._number).add("given", given),
            most_bytes=self.most_bytes(given),
            patience_seconds=self.patience_seconds,
        )
        return self._believed(self._read(frame, "answer", Answer), given, self)

    def _read(self, frame: Frame, name: str, kind: type[Record]) -> Record:
        try:
            return frame.record(name, kind)
        except WireError:
            self._guest.doubtful = True
            raise

    def _believed(self, answer: Answer, given: Given, jail: "DockerJail") -> Answer:
        """Return an answer that a sound worker could have given, or give up the container."""
        unasked = set(answer.files) - set(jail.program.fetch)
        if unasked or min(answer.cpu_seconds, answer.wall_seconds) < 0:
            self._guest.doubtful = True
            raise WireError("the container answered what no worker of ours does")
        return replace(
            answer,
            # A breach of the limit keeps what was read until it was seen: so much and no more.
            stdout=answer.stdout[: jail.output_bytes(given) + _BESIDE_OUTPUT_BYTES],
            stderr_tail=answer.stderr_tail[-_TAIL_BYTES:],
            note=answer.note[:_NOTE_CHARACTERS],
        )
