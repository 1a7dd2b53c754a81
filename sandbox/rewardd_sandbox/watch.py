"""Wait for one jail: for its frames, its output, its end, or the limit that ends it.

Nothing here reads to end of file: a test is over when its frame has come or the process is dead.
"""

import os
import select
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from rewardd_sandbox import clocks, pipes
from rewardd_sandbox.errors import StarvedError
from rewardd_sandbox.inside import orders
from rewardd_sandbox.inside.codec import MAX_BYTES
from rewardd_sandbox.lookout import LINGER_SECONDS, Lookout, Patience
from rewardd_sandbox.program import End

_STDERR_KEPT = 64 << 10
_HEAD = struct.Struct(orders.REPORT)
_FRAME_HEAD = _HEAD.size
_SHORTEST_CHECK_SECONDS = 0.004
_STARVED = 0.25
"""Who waited for a processor for a smaller share of its time was idle, where none is given back."""
_LISTEN_AFTER_SECONDS = 0.004
"""What a test has printed by its end is taken then, in one piece. Only one that takes longer, or
that has filled the pipe and waits, is listened to: each piece would wake this process and stop the
jail, which on one processor costs more than the test."""
_PROCESSORS = os.cpu_count() or 1
_BODIES = (orders.VALUE, orders.UNSUPPORTED)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be spent until the next frame.

    Attributes:
        extension: how many times the wall limit a jail may take that waits for a processor.
        excusable: whether one that still waits then is our failure, and not a limit overrun.
    """

    cpu_seconds: float
    wall_seconds: float
    output_bytes: int
    extension: int = 10
    excusable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came until the frame, the death, or the breach.

    Attributes:
        kind, number, body: the frame, if it came.
        breach: the limit that was overrun; the process still lives then, if `died` is false.
    """

    kind: bytes | None = None
    number: int = 0
    body: bytes = b""
    stdout: bytes = b""
    died: bool = False
    breach: End | None = None
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0


class Watch:
    """The worker's eyes on one jail, from its birth to its death."""

    def __init__(
        self,
        ends: pipes.Pipes,
        pid: int,
        handle: int,
        cpu: Callable[[], float],
        patience: Patience,
    ) -> None:
        self._ends = ends
        self._pid = pid
        self._handle = handle
        self._cpu = cpu
        self._charged_from = cpu()
        self._control = bytearray()
        self._framed = False
        self._stdout: list[bytes] = []
        self._stdout_bytes = 0
        self._most = 0
        self._listening = False
        self._deaf = False
        self._hear: Callable[[bytes], None] | None = None
        self._excused: Callable[[], float] = float
        self._ended_by: End | None = None
        self.stderr = bytearray()
        self.died = False
        self._leftovers = select.poll()
        self._leftovers.register(ends.stdout, select.POLLIN)
        self._leftovers.register(ends.control, select.POLLIN)
        self._lookout = Lookout(patience)
        self._lookout.add(ends.control, self._on_control)
        self._lookout.add(ends.stderr, self._on_stderr)
        self._lookout.add(handle, self._on_death)

    def close(self) -> None:
        """Stop watching; the descriptors stay open."""
        self._lookout.close()

    def forget(self) -> None:
        """Throw away what came since the last frame: it belongs to nobody."""
        self._deafen()
        self._deaf = False
        if self._leftovers.poll(0):
            pipes.drain(self._ends.stdout)
            pipes.drain(self._ends.control)
        self._control.clear()
        self._framed = False
        self._stdout.clear()
        self._stdout_bytes = 0
        self.stderr.clear()

    def overhear(self, hear: Callable[[bytes], None], excused: Callable[[], float]) -> None:
        """Pass each piece of output on; add what `excused` says to the wall limit."""
        self._hear, self._excused = hear, excused

    def end(self, breach: End) -> None:
        """Have the wait that goes on end by this limit."""
        self._ended_by = breach
        self._lookout.wake()

    def busy_seconds(self) -> float:
        """Return how long the jail has worked, or wanted to and got no processor."""
        return self._cpu() + clocks.waited_seconds(self._pid)

    async def wait(self, allowed: Allowance) -> Seen:
        """Wait for a frame, the end, or a limit.

        Raises:
            StarvedError: the machine gave the jail no time.
        """
        cpu, started = self._charged_from, time.monotonic()
        self._most = allowed.output_bytes
        breach: End | None = None
        if self._hear is not None:
            self._listen()
        next_check = min(_first_check(allowed), _LISTEN_AFTER_SECONDS)
        lingering = self._hear is None
        while not self._over() and breach is None:
            await self._lookout.wait(next_check, lingering=lingering)
            if self._over():
                break
            self._listen()
            wall = time.monotonic() - started
            spent = self._cpu() - cpu
            breach, next_check = self._judge(allowed, spent, wall)
            lingering = lingering and wall < LINGER_SECONDS
        return self._seen(allowed, cpu, started, breach)

    def _seen(self, allowed: Allowance, cpu: float, started: float, breach: End | None) -> Seen:
        wall = time.monotonic() - started
        # What it burns from here on, between two tests, is charged to the next one.
        self._charged_from = self._cpu()
        spent = self._charged_from - cpu
        rest = pipes.read_now(self._ends.stdout, self._most)
        if self._hear is not None and rest:
            self._hear(rest)
        stdout = b"".join([*self._stdout, rest])
        self._stdout.clear()
        if spent > allowed.cpu_seconds:
            breach = breach or End.CPU_LIMIT
        breach = breach or self._ended_by
        if len(stdout) > allowed.output_bytes:
            breach = breach or End.OUTPUT_LIMIT
        kind, number, body = self._take_frame()
        return Seen(
            kind=kind,
            number=number,
            body=body,
            stdout=stdout,
            died=self.died,
            breach=breach,
            cpu_seconds=spent,
            wall_seconds=wall,
        )

    def _over(self) -> bool:
        return self._framed or self.died or self._stdout_bytes > self._most

    def _judge(self, allowed: Allowance, spent: float, wall: float) -> tuple[End | None, float]:
        """Return the limit that is overrun, or None and when to look again."""
        if spent > allowed.cpu_seconds:
            return End.CPU_LIMIT, 0.0
        if self._ended_by is not None:
            return self._ended_by, 0.0
        if self._stdout_bytes > self._most:
            return End.OUTPUT_LIMIT, 0.0
        left = allowed.wall_seconds - wall
        if left <= 0 and not self._over():
            # Since its birth, not since this test: one look costs as much as a test.
            waited = clocks.waited_seconds(self._pid) + self._excused()
            left += waited
            over = wall > allowed.wall_seconds * allowed.extension
            starved = allowed.excusable and waited >= _STARVED * wall
            if left <= 0 or (over and not starved):
                return End.WALL_LIMIT, 0.0
            if over:
                raise StarvedError(f"the jail had {spent:.2f} s of CPU in {wall:.0f} s")
        soonest = (allowed.cpu_seconds - spent) / _PROCESSORS
        return None, max(min(soonest, left), _SHORTEST_CHECK_SECONDS)

    def _frame_complete(self) -> bool:
        if len(self._control) < _FRAME_HEAD:
            return False
        kind, length = _HEAD.unpack_from(self._control)
        if kind not in _BODIES:
            return True
        return length > MAX_BYTES or len(self._control) >= _FRAME_HEAD + length

    def _take_frame(self) -> tuple[bytes | None, int, bytes]:
        """Return the one frame of this test; a part, or more than one, is none."""
        if not self._framed:
            return None, 0, b""
        kind, number = _HEAD.unpack_from(self._control)
        body = bytes(self._control[_FRAME_HEAD:])
        self._control.clear()
        self._framed = False
        if len(body) != (number if kind in _BODIES else 0):
            return b"?", 0, b""
        return kind, number, body

    def _on_stdout(self) -> None:
        if not self._lookout.waiting:
            self._deafen()
            return
        piece = _read(self._ends.stdout)
        if piece is None:
            return
        if not piece:
            self._deafen()
            return
        self._stdout.append(piece)
        self._stdout_bytes += len(piece)
        if self._hear is not None:
            self._hear(piece)
        if self._stdout_bytes > self._most:
            self._deafen()
            self._lookout.wake()

    def _listen(self) -> None:
        """Take standard output as it comes from here on, unless it has ended or floods."""
        if not self._listening and not self._deaf:
            self._listening = True
            self._lookout.add(self._ends.stdout, self._on_stdout)

    def _deafen(self) -> None:
        """Stop listening to standard output: it ended, floods, or comes between two tests."""
        self._deaf = True
        if self._listening:
            self._listening = False
            self._lookout.remove(self._ends.stdout)

    def _on_stderr(self) -> None:
        piece = _read(self._ends.stderr)
        if piece == b"":
            self._lookout.remove(self._ends.stderr)
        elif piece:
            self.stderr += piece
            del self.stderr[:-_STDERR_KEPT]

    def _on_control(self) -> None:
        piece = _read(self._ends.control)
        if piece == b"" or len(self._control) > MAX_BYTES + _FRAME_HEAD:
            self._lookout.remove(self._ends.control)
        elif piece:
            self._control += piece
        self._framed = self._frame_complete()
        if self._framed:
            self._lookout.wake()

    def _on_death(self) -> None:
        self._lookout.remove(self._handle)
        self.died = True
        self._control += pipes.read_now(self._ends.control, MAX_BYTES)
        self._framed = self._frame_complete()
        self.stderr += pipes.read_now(self._ends.stderr, _STDERR_KEPT)
        del self.stderr[:-_STDERR_KEPT]
        self._lookout.wake()


def _first_check(allowed: Allowance) -> float:
    soonest = allowed.cpu_seconds / _PROCESSORS
    return max(min(soonest, allowed.wall_seconds), _SHORTEST_CHECK_SECONDS)


def _read(descriptor: int) -> bytes | None:
    try:
        return os.read(descriptor, 1 << 16)
    except BlockingIOError:
        return None
