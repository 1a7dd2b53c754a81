"""One program in a slot: its batch process, its fresh processes, its companions."""

import asyncio
import hashlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from rewardd_sandbox import conversation
from rewardd_sandbox.berths import Berth
from rewardd_sandbox.child import Child
from rewardd_sandbox.collect import collect
from rewardd_sandbox.errors import SandboxError
from rewardd_sandbox.inside import orders
from rewardd_sandbox.loading import Loaded
from rewardd_sandbox.program import Answer, BuildFailure, End, Given, Limits, Program, Talk
from rewardd_sandbox.sandbox import Jail
from rewardd_sandbox.slot import Slot
from rewardd_sandbox.watch import Allowance, Seen
from rewardd_sandbox.zygote_link import Heard, Reaped

_LOG_BYTES = 64 << 10
_TAIL_BYTES = 64 << 10
_BUILD_WALL_FACTOR = 4

_T = TypeVar("_T")
OpenCompanion = Callable[[Slot, Program, Limits], Awaitable["LocalJail | BuildFailure"]]


class LocalJail:
    """A loaded program; see `sandbox.Jail`."""

    def __init__(
        self,
        slot: Slot,
        loaded: Loaded,
        program: Program,
        limits: Limits,
        *,
        release: Callable[[Slot], None] | None,
        open_companion: OpenCompanion,
    ) -> None:
        self._slot = slot
        self._loaded = loaded
        self._program = program
        self._limits = limits
        self._release = release
        self._open_companion = open_companion
        self._companions: list[LocalJail] = []
        self._child: Child | None = None
        self._closed = False
        self._ending = orders.NEXT_TEST
        self._fresh = True
        self._digest = hashlib.sha256(program.files[program.main]).digest()

    async def prepare(self) -> BuildFailure | None:
        """Compile a Python program; say why if it is none.

        Raises:
            SandboxError: the sandbox failed.
        """
        return await self._load(self._usual_ending(), self._loaded) if self._loaded.python else None

    async def feed(self, given: Given) -> Answer:
        """Run the next test; see `sandbox.Jail`."""
        if not self._loaded.python or self._program.fetch:
            return await self.alone(given)
        child = await self._ready(self._usual_ending(), {})
        if isinstance(child, Answer):
            return child
        fresh, self._fresh = self._fresh, False
        try:
            seen = await self._ask(child, given)
            gone = seen.died or seen.breach is not None or self._program.strict
            reaped = await child.reap() if seen.died else None
            answer = self._answer(seen, given, child, reaped)
        except BaseException:
            await self._drop()
            raise
        if gone:
            await self._drop()
        # A limit that ended a fresh process would end another one.
        final = fresh and seen.breach is not None
        return answer if answer.alone == final else replace(answer, alone=final)

    async def alone(self, given: Given) -> Answer:
        """Run a test in a fresh process; see `sandbox.Jail`."""
        child = await self._ready(orders.REAL_SHUTDOWN, given.files)
        if isinstance(child, Answer):
            return child
        try:
            seen = await self._ask(child, given)
            reaped = await child.reap()
            return self._answer(seen, given, child, reaped)
        finally:
            await self._drop()

    def _usual_ending(self) -> str:
        if self._program.fetch:
            return orders.REAL_SHUTDOWN
        return orders.QUICK_EXIT if self._program.strict else orders.NEXT_TEST

    async def _ready(self, ending: str, files: Mapping[str, bytes]) -> Child | Answer:
        """Return a process that waits for a test and ends it so, or why there is none."""
        if self._child is not None and (files or self._ending != ending):
            await self._drop()
        if self._child is None:
            failure = await self._load(ending, self._loaded.beside(files))
            if failure is not None:
                return Answer(end=End.BROKEN, note=failure.log[:200], alone=True)
        if self._child is None:
            raise SandboxError("the jail has no process")
        return self._child

    async def companion(self, program: Program, limits: Limits) -> "Jail | BuildFailure":
        """Load a second program in this slot; see `sandbox.Jail`."""
        opened = await self._open_companion(self._slot, program, limits)
        if isinstance(opened, LocalJail):
            self._companions.append(opened)
        return opened

    async def converse(self, given: Given, companion: Jail, theirs: Given) -> Talk:
        """Run program and companion, each as the other's input; see `sandbox.Jail`."""
        if not isinstance(companion, LocalJail):
            raise SandboxError("a program talks to a companion of its own jail only")
        try:
            mine = await self._side(given)
            other = await companion._side(theirs)  # noqa: SLF001  one of its own kind
            held = await self._guarded(conversation.hold(mine, other))
            answer = await self._talked(held.mine, mine.child, given)
            if held.silent and answer.end is End.WALL_LIMIT:
                answer = replace(answer, note="both sides waited, and nothing moved")
            said = await companion._talked(held.theirs, other.child, theirs)  # noqa: SLF001  the same
            return Talk(answer=answer, companion=said, companion_first=held.companion_first)
        finally:
            await self._drop()
            await companion._drop()  # noqa: SLF001  the same

    async def _side(self, given: Given) -> conversation.Side:
        """Start a process whose input is a pipe."""
        await self._drop()
        streamed = self._loaded.streamed().beside(given.files)
        failure = await self._load(orders.REAL_SHUTDOWN, streamed)
        if failure is not None or self._child is None:
            raise SandboxError("a program that was loaded before could not be loaded again")
        key, allowed = self._key(given), self._allowed(given, self._child)
        return conversation.Side(self._child, given.stdin, key, allowed)

    async def _talked(self, seen: Seen, child: Child, given: Given) -> Answer:
        return self._answer(seen, given, child, await child.reap())

    async def close(self) -> None:
        """End everything and free the slot."""
        if self._closed:
            return
        going = [reaping for reaping in self._let_go() if not reaping.done()]
        if going:
            await asyncio.shield(asyncio.ensure_future(self._free_after(going)))
        else:
            self._free()

    def _let_go(self) -> list["asyncio.Future[Heard]"]:
        """End everything; return what is done once a process is gone."""
        if self._closed:
            return []
        self._closed = True
        going = [reaping for one in self._companions for reaping in one._let_go()]  # noqa: SLF001  one of its own kind
        child, self._child = self._child, None
        if child is not None:
            going.append(child.let_go())
        if self._loaded.binary is not None:
            os.close(self._loaded.binary)
        return going

    async def _free_after(self, going: list["asyncio.Future[Heard]"]) -> None:
        await asyncio.wait(going)
        self._free()

    def _free(self) -> None:
        if self._release is not None:
            self._release(self._slot)

    async def _load(self, ending: str, loaded: Loaded) -> BuildFailure | None:
        self._ending = ending
        self._fresh = True
        self._child = await self._slot.start(loaded.cell, loaded.payload(ending), loaded.binary)
        if not self._loaded.python:
            return None
        limits = self._limits
        allowed = Allowance(
            limits.build_cpu_seconds, limits.build_cpu_seconds * _BUILD_WALL_FACTOR, _LOG_BYTES
        )
        seen = await self._guarded(self._child.ready(allowed))
        if seen.kind == orders.READY and seen.breach is None:
            return None
        log = self._child.stderr[:_LOG_BYTES].decode("utf-8", "replace")
        killed = self._child.berth.memory_kills()
        limit = seen.breach or (End.MEMORY_LIMIT if killed else None)
        await self._drop()
        return BuildFailure(log=log or "the compiler of Python died on it", limit=limit)

    async def _ask(self, child: Child, given: Given) -> Seen:
        action = orders.RUN_CALL if given.call else orders.RUN_STDIO
        self._prepare_files(child, given)
        try:
            allowed = self._allowed(given, child)
            return await child.ask(action, given.stdin, self._key(given), allowed)
        except BaseException:
            self._slot.doubtful = True
            raise

    def _key(self, given: Given) -> int:
        """Return the seed of a test."""
        key = hashlib.blake2b(given.stdin, digest_size=8, key=self._digest).digest()
        return int.from_bytes(key)

    def _allowed(self, given: Given, child: Child) -> Allowance:
        limits = self._limits
        return Allowance(
            limits.cpu_seconds,
            limits.wall_net_seconds,
            limits.output_bytes + given.extra_output_bytes,
            limits.wall_extension,
            child.berth.counts_all(self._loaded.cell),
        )

    async def _guarded(self, asked: Awaitable[_T]) -> _T:
        try:
            return await asked
        except BaseException:
            self._slot.doubtful = True
            raise

    def _prepare_files(self, child: Child, given: Given) -> None:
        """Where a jail can create nothing, put its input file there."""
        name = self._program.stdin_file
        if child.work is not None and name is not None:
            (child.work / name).write_bytes(given.stdin)

    def _answer(self, seen: Seen, given: Given, child: Child, reaped: Reaped | None) -> Answer:
        end, code, number, note = self._end(seen, given, child, reaped)
        if child.refused:
            end, code, note = End.BROKEN, None, f"the kernel does not start it: {child.refused}"
        files: Mapping[str, bytes] = {}
        if reaped is not None and child.directory is not None:
            most = self._limits.output_bytes + given.extra_output_bytes
            files = collect(child.directory, self._program.fetch, most)
        return Answer(
            end=end,
            stdout=seen.stdout,
            value=seen.body if seen.kind == orders.VALUE else None,
            stderr_tail=child.stderr[-_TAIL_BYTES:],
            exit_code=code,
            signal=number,
            cpu_seconds=seen.cpu_seconds,
            wall_seconds=seen.wall_seconds,
            peak_mib=_peak_mib(child, reaped),
            files=files,
            alone=reaped is not None,
            note=note,
        )

    def _end(
        self, seen: Seen, given: Given, child: Child, reaped: Reaped | None
    ) -> tuple[End, int | None, int | None, str]:
        """Return how it ended, with exit code, signal and a note."""
        if seen.breach is not None:
            return seen.breach, None, None, ""
        if seen.kind is not None:
            return _end_of_frame(seen, given)
        if reaped is None:
            return End.BROKEN, None, None, "the process ended before it answered"
        return _end_of_process(reaped, given, child.berth)

    async def _drop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            await child.close()


_FRAME_ENDS = {
    orders.DONE: End.EXITED,
    orders.RAISED: End.EXITED,
    orders.MEMORY: End.MEMORY_LIMIT,
    orders.VALUE: End.EXITED,
    orders.UNSUPPORTED: End.UNSUPPORTED,
    orders.NO_ENTRY: End.NO_ENTRY,
}


def _end_of_process(
    reaped: Reaped, given: Given, berth: Berth
) -> tuple[End, int | None, int | None, str]:
    if os.WIFSIGNALED(reaped.status):
        number = os.WTERMSIG(reaped.status)
        end = End.MEMORY_LIMIT if berth.memory_kills() else _end_of_signal(number)
        return end, None, number, ""
    code = os.WEXITSTATUS(reaped.status)
    if code and berth.memory_kills():
        return End.MEMORY_LIMIT, code, None, ""
    if given.call:
        return End.BROKEN if code == 0 else End.EXITED, code, None, "it ended without a result"
    return End.EXITED, code, None, ""


def _end_of_signal(number: int) -> End:
    if number == signal.SIGXFSZ:
        return End.FILE_LIMIT
    if number == signal.SIGXCPU:
        return End.CPU_LIMIT
    return End.SIGNALLED


def _peak_mib(child: Child, reaped: Reaped | None) -> float | None:
    if reaped is None:
        return None
    peak = None if child.berth.group is None else child.berth.group.peak_bytes()
    return round(reaped.peak_kib / 1024 if peak is None else peak / (1 << 20), 1)


def _end_of_frame(seen: Seen, given: Given) -> tuple[End, int | None, int | None, str]:
    end = _FRAME_ENDS.get(seen.kind or b"?", End.BROKEN)
    wrong = (seen.kind == orders.DONE and given.call) or (
        seen.kind in (orders.VALUE, orders.UNSUPPORTED, orders.NO_ENTRY) and not given.call
    )
    if wrong or end is End.BROKEN:
        return End.BROKEN, None, None, "it spoke out of turn"
    if end is End.UNSUPPORTED:
        return end, None, None, seen.body[:200].decode("utf-8", "replace")
    code = seen.number & 0xFF if seen.kind in (orders.DONE, orders.RAISED) else 0
    return end, code, None, ""
