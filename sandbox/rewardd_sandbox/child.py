"""One process in a jail, from its clone to its reaping."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from rewardd_sandbox import clocks, pipes
from rewardd_sandbox.berths import Berth
from rewardd_sandbox.cells import Cell
from rewardd_sandbox.errors import LostError, SetupError
from rewardd_sandbox.inside import orders
from rewardd_sandbox.inside.payload import PROGRAM
from rewardd_sandbox.program import End
from rewardd_sandbox.watch import Allowance, Seen, Watch
from rewardd_sandbox.zygote_link import Born, Heard, Reaped, Zygote

_WORST_VICTIM = b"1000"
_GO = struct.Struct(orders.GO_FRAME)


class Child:
    """A jail's process: started, asked, killed, reaped."""

    def __init__(
        self,
        zygote: Zygote,
        ends: pipes.Pipes,
        born: Born,
        berth: Berth,
        cpu: Callable[[], float] | None,
    ) -> None:
        self._zygote = zygote
        self.berth = berth
        self._ends = ends
        self._born = born
        self._reaping: asyncio.Future[Heard] | None = None
        self.directory: int | None = None
        self._set_up = False
        self.refused = ""
        self.work: Path | None = None
        pid = born.pid
        clock = cpu or (lambda: clocks.cpu_seconds(pid))
        self._watch = Watch(ends, pid, born.handle, clock, zygote.patience)

    @classmethod
    async def start(
        cls,
        zygote: Zygote,
        order: orders.Order,
        payload: bytes,
        berth: Berth,
        cell: Cell,
        *,
        binary: int | None = None,
    ) -> "Child":
        """Fork a child into its jail; it waits for `ask`.

        Raises:
            SetupError: descriptors or the clone were refused.
            LostError: the zygote died.
        """
        try:
            ends = pipes.make(payload, binary, streamed=cell.streamed)
        except OSError as error:
            raise SetupError("descriptors", error.errno or 0, str(error)) from error
        try:
            born = await zygote.spawn(order, ends.theirs)
        except BaseException:
            ends.close()
            raise
        ends.give_away()
        _offer_to_the_oom_killer(born.pid)
        return cls(zygote, ends, born, berth, berth.clock(cell))

    @property
    def stderr(self) -> bytes:
        """What was last said on standard error."""
        return bytes(self._watch.stderr)

    @property
    def died(self) -> bool:
        """Whether the process has ended."""
        return self._watch.died

    async def ready(self, allowed: Allowance) -> Seen:
        """Wait until a Python program is compiled, or is found not to be one.

        Raises:
            SandboxError: the jail could not be set up, or starved.
        """
        return await self._observe(allowed)

    async def ask(self, action: bytes, stdin: bytes, seed: int, allowed: Allowance) -> Seen:
        """Run one test.

        Raises:
            SandboxError: the jail could not be set up, or starved.
        """
        pipes.write_whole(self._ends.stdin, stdin)
        self._go(action, seed)
        return await self._observe(allowed)

    async def talk(
        self,
        seed: int,
        allowed: Allowance,
        hear: Callable[[bytes], None],
        excused: Callable[[], float],
    ) -> Seen:
        """Run one test whose input is a pipe.

        `hear` gets each piece of its output; `excused` says how long it may have waited for
        another's work, so far.

        Raises:
            SandboxError: the jail could not be set up, or starved.
        """
        self._watch.overhear(hear, excused)
        self._go(orders.RUN_STDIO, seed)
        return await self._observe(allowed)

    def _go(self, action: bytes, seed: int) -> None:
        self._watch.forget()
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self._ends.go, _GO.pack(action, seed))

    @property
    def input(self) -> int:
        """The pipe that it reads, for those that `talk`."""
        return self._ends.stdin

    def end_input(self) -> None:
        """Let the input of one that talks end."""
        self._ends.end_input()

    def end(self, breach: End) -> None:
        """Have the test that runs end by a limit that only an onlooker can see."""
        self._watch.end(breach)

    def busy_seconds(self) -> float:
        """Return how long it has worked, or wanted to and got no processor."""
        return self._watch.busy_seconds()

    async def reap(self) -> Reaped:
        """Kill whatever is left of it and return what the kernel says.

        Raises:
            LostError: the zygote died.
        """
        reaping = self._dismiss()
        if not reaping.done():
            await asyncio.shield(reaping)
        return Reaped.told(reaping.result())

    async def sweep(self, user: int | None) -> None:
        """Kill what is left of its session, and of a user, if it had one of its own.

        Raises:
            LostError: the zygote died.
        """
        await self._zygote.sweep(user, self._born.pid)

    async def close(self) -> None:
        """Kill, reap, and let go of every descriptor."""
        reaping = self.let_go()
        if not reaping.done():
            with contextlib.suppress(LostError):
                await asyncio.shield(reaping)

    def let_go(self) -> "asyncio.Future[Heard]":
        """Kill it and let go of every descriptor; it is reaped when what comes back is done."""
        reaping = self._dismiss()
        self._watch.close()
        self._ends.close()
        os.close(self._born.handle)
        if self.directory is not None:
            os.close(self.directory)
        return reaping

    def _dismiss(self) -> "asyncio.Future[Heard]":
        """Kill it and have it reaped; the second time it does nothing."""
        if self._reaping is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._born.handle, signal.SIGKILL)
            self._reaping = self._zygote.reap(self._born.pid)
        return self._reaping

    async def _observe(self, allowed: Allowance) -> Seen:
        seen = await self._watch.wait(allowed)
        if self._ends.setup.fileno() >= 0:
            self._check_setup()
        return seen

    def _check_setup(self) -> None:
        """Take what the jail said before it looked at the program.

        Raises:
            SetupError: a step failed, or it never said that all went well; nothing that a program
                does can look like that, and nothing of ours like a program.
        """
        while self._ends.setup.fileno() >= 0:
            text, directory = _told(self._ends.setup)
            if directory is not None:
                self.directory = directory
            if text is None:
                break
            if text.startswith(b"{"):
                told = json.loads(text)
                if told["step"] == PROGRAM:
                    self.refused = str(told["error"])
                    continue
                raise SetupError(told["step"], told["errno"], told["error"])
            if not text:
                self._ends.setup.close()
            self._set_up |= text == orders.SET_UP
        if not self._set_up:
            raise SetupError("set-up", 0, "the jail ended before it was set up")


def _told(setup: socket.socket) -> tuple[bytes | None, int | None]:
    """Return the next thing said on `setup`, None for nothing yet, and the descriptor with it."""
    try:
        text, descriptors, _, _ = socket.recv_fds(setup, 1 << 12, 1)
    except BlockingIOError:
        return None, None
    except ConnectionResetError:
        return b"", None
    return text, descriptors[0] if descriptors else None


def _offer_to_the_oom_killer(pid: int) -> None:
    """Make the kernel take the jail before anything of ours when memory runs out."""
    with contextlib.suppress(OSError):
        place = os.open(f"/proc/{pid}/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(place, _WORST_VICTIM)
        finally:
            os.close(place)
