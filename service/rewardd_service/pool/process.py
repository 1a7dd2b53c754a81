"""One worker process, seen from the pool: what it sends, what it does, and how it ends."""

import asyncio
import contextlib
import os
import signal
import socket
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from rewardd_service import frames
from rewardd_service.pool.messages import FromWorker, ToWorker
from rewardd_service.pool.progress import Position, ProgressSlot
from rewardd_service.pool.tail import StderrTail
from rewardd_service.pool.worker_process import EXIT_MEMORY

_RECEIVE_BYTES: Final = 1 << 18
_OUTSIDE: Final = (-signal.SIGKILL, -signal.SIGTERM)


class Cause(StrEnum):
    """Why a worker ended: a closed list, safe to use as a metric's label.

    `timeout` and `recycled` are orders of the pool, `external` is somebody else's, the others
    are the doing of what ran in it.
    """

    TIMEOUT = "timeout"
    RECYCLED = "recycled"
    MEMORY = "memory"
    CRASH = "crash"
    EXTERNAL = "external"


class Phase(StrEnum):
    """What a worker is at; a closed list, safe to use as a metric's label."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    RETIRING = "retiring"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Charge:
    """What a worker is killed for.

    Attributes:
        at: the job that passed a limit.
        limit_seconds: the job's limit of CPU time.
        wall_only: the wall backstop struck, and the job's CPU time was far from its limit.
    """

    at: Position
    limit_seconds: float
    wall_only: bool


@dataclass(frozen=True, slots=True)
class Death:
    """How a worker ended.

    Attributes:
        status: exit code, or minus the signal.
        at: what it was doing when it died.
        charge: for a `timeout`, what it was found doing for too long.
        distrusted: killed for what it sent, a moment after; by then it may have been at
            another job than the one that sent it.
        last_words: the end of its stderr.
    """

    cause: Cause
    status: int
    at: Position
    charge: Charge | None
    distrusted: bool
    last_words: str


Event: TypeAlias = FromWorker | Death


class WorkerProcess:
    """A worker's socket, progress slot, stderr and process; lives in the loop's thread.

    Attributes:
        number: unlike the process id, never used again.
        retiring: whether its replacement is there already.
        distrusted: whether it sent what no worker sends; only its Death counts from then on.
        reached: where it was when it was heard last.
        assigned: the batch that it was given last; 0 before the first.
        heard_out: whether all that it had to say of that batch has been taken.
        limits: CPU seconds that each job of that batch may take.
        began: loop time at which the process was there.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.phase = Phase.STARTING
        self.pid = 0
        self.jobs_done = 0
        self.checked_at = 0.0
        self.retiring = False
        self.assigned = 0
        self.heard_out = True
        self.assigned_at = 0.0
        self.limits: Sequence[float] = ()
        self.began = 0.0
        self.slot = ProgressSlot()
        self.stderr = StderrTail()
        self.reached = self.slot.read()
        self._socket, self._theirs = socket.socketpair()
        self._socket.setblocking(False)  # noqa: FBT003  the standard library's signature
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._read)
        self._pidfd: int | None = None
        self._reader = frames.FrameReader()
        self._decoder = msgspec.msgpack.Decoder[FromWorker](FromWorker)
        self._outgoing = memoryview(b"")
        self._events: deque[Event] = deque()
        self._arrived: asyncio.Future[None] | None = None
        self._ordered: Cause | None = None
        self._charge: Charge | None = None
        self.distrusted = False

    def descriptors(self) -> tuple[int, int, int]:
        """Return what the new process is to hold: socket, progress slot, stderr."""
        return self._theirs.fileno(), self.slot.fd, self.stderr.write_end

    def handed_over(self) -> None:
        """Close what is now on its way to the new process."""
        self._theirs.close()
        self.stderr.handed_over()

    def started(self, pid: int) -> None:
        """Take note that process `pid` is this worker."""
        self.pid = pid
        self.began = self._loop.time()
        with contextlib.suppress(ProcessLookupError):  # dead already: its exit is on its way
            self._pidfd = os.pidfd_open(pid)

    def assign(self, message: ToWorker, limits: Sequence[float]) -> None:
        """Send a batch; a worker that cannot take it any more says so by its death.

        Raises:
            FrameError: it is too large.
        """
        payload = frames.frame(msgspec.msgpack.encode(message))
        self.assigned, self.assigned_at = message.batch, self._loop.time()
        self.heard_out = False
        self.limits = limits
        self._outgoing = memoryview(payload)
        if not self._write():
            self._loop.add_writer(self._socket.fileno(), self._write_on)

    async def receive(self) -> Event:
        """Return what came next; a Death is the last that ever comes."""
        while not self._events:
            self._arrived = self._loop.create_future()
            await self._arrived
        return self._events.popleft()

    def kill(self, cause: Cause, charge: Charge | None = None) -> None:
        """Kill it; its Death follows once it is reaped."""
        if self._ordered is None:
            self._ordered, self._charge = cause, charge
        self._signal(signal.SIGKILL)

    def distrust(self) -> None:
        """Kill it for what it sent, and listen no more."""
        self.distrusted = True
        self.kill(Cause.CRASH)

    def ask_for_stack(self) -> None:
        """Have it write its stack to stderr; works in the middle of a C function, too."""
        self._signal(signal.SIGUSR1)

    def hang_up(self) -> None:
        """Let it go: it ends by itself once it has read the end of its input."""
        if self._ordered is None:
            self._ordered = Cause.RECYCLED
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def exited(self, status: int) -> Death:
        """Take note of its death; what it sent before it died comes before it."""
        while self._receive():
            pass
        self.phase = Phase.DEAD
        at, words = self.slot.read(), self.stderr.text()
        death = Death(self._cause(status), status, at, self._charge, self.distrusted, words)
        self._release()
        self._post([death])
        return death

    def _cause(self, status: int) -> Cause:
        if self._ordered is not None:
            return self._ordered
        if status == EXIT_MEMORY:
            return Cause.MEMORY
        return Cause.EXTERNAL if status in _OUTSIDE else Cause.CRASH

    def _write(self) -> bool:
        """Write what the socket takes; return whether nothing is left."""
        try:
            self._outgoing = self._outgoing[self._socket.send(self._outgoing) :]
        except BlockingIOError:
            return False
        except OSError:  # it is dead or dying
            self._outgoing = memoryview(b"")
        return not self._outgoing

    def _write_on(self) -> None:
        if self._write():
            self._loop.remove_writer(self._socket.fileno())

    def _read(self) -> None:
        if self._receive() == b"":
            # A dead worker's socket stays readable until its exit is known.
            self._loop.remove_reader(self._socket.fileno())

    def _receive(self) -> bytes | None:
        """Take in what is there; return b"" at the end, None if there is nothing yet."""
        try:
            received = self._socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except ConnectionError:
            return b""
        if received and not self.distrusted:
            self._take(received)
        return received

    def _take(self, received: bytes) -> None:
        self.reached = self.slot.read()
        try:
            self._post([self._decoder.decode(part) for part in self._reader.feed(received)])
        except (frames.FrameError, msgspec.DecodeError, UnicodeDecodeError):
            self.distrust()

    def _post(self, events: Sequence[Event]) -> None:
        self._events += events
        if self._events and self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def _signal(self, number: signal.Signals) -> None:
        if self._pidfd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def _release(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        self._socket.close()
        self.slot.close()
        self.stderr.close()
