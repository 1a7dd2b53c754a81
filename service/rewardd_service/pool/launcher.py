"""Start the preload, and order workers from it."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from rewardd_service import frames
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.pool.limits import PoolSettings
from rewardd_service.pool.messages import Exited, Forked, FromPreload, Plan, Warm
from rewardd_service.pool.preload import ORDER
from rewardd_service.pool.tail import StderrTail
from rewardd_verifiers import Need

_PROGRAM: Final = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from rewardd_service.pool.preload import main; main(int(sys.argv[1]))"
)
"""The caller's sys.path goes along: workers find the packages that the caller finds."""
_SECRETS: Final = "REWARDD_"
_FIXED: Final = {
    # The order of a set must not decide between two verdicts, nor differ between two hosts.
    "PYTHONHASHSEED": "0",
    # A worker is one core's; a numeric library's own threads would only fight its neighbours.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_RECEIVE_BYTES: Final = 1 << 18
_STOP_SECONDS: Final = 10.0
_DRAIN_SECONDS: Final = 0.05


class Launcher:
    """One preload process, seen from the pool; lives in the event loop's thread.

    Args:
        settings: what the workers are for.
        on_start: called with (number, process id) when an ordered worker is there.
        on_exit: called with (number, status) once a worker is dead and reaped.
        on_loss: called with a reason when the preload itself is gone, and so all its workers.
    """

    def __init__(
        self,
        settings: PoolSettings,
        *,
        on_start: Callable[[int, int], None],
        on_exit: Callable[[int, int], None],
        on_loss: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._on_start = on_start
        self._on_exit = on_exit
        self._on_loss = on_loss
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._reader = frames.FrameReader()
        self._decoder = msgspec.msgpack.Decoder[FromPreload](FromPreload)
        self._warm: asyncio.Future[Warm | None] | None = None
        self._stderr = StderrTail()

    async def start(self) -> Warm:
        """Start the preload and return what it found.

        Blocks the loop for the milliseconds of one exec, on purpose: the kernel ties the
        preload's life to the thread that starts it, so that must be the loop's own.

        Raises:
            BackendUnavailableError: it did not get ready; the message ends in its own error.
        """
        self._warm = asyncio.get_running_loop().create_future()
        self._open()
        give_up_at = time.monotonic() + self._settings.limits.start_seconds
        while not self._warm.done() and time.monotonic() < give_up_at:
            await asyncio.wait([self._warm], timeout=_DRAIN_SECONDS)
            self._stderr.drain()
        if not self._warm.done():
            seconds = self._settings.limits.start_seconds
            self._hang_up()
            raise BackendUnavailableError(
                f"the workers' preload was not ready after {seconds:g} s: {await self._epitaph()}"
            )
        warm = self._warm.result()
        if warm is None:
            raise BackendUnavailableError(f"the workers' preload ended: {await self._epitaph()}")
        return warm

    def order(self, number: int, descriptors: Sequence[int]) -> None:
        """Have worker `number` made; `on_start` follows, or `on_loss`.

        Raises:
            BackendUnavailableError: the preload is gone.
        """
        if self._control is None:
            raise BackendUnavailableError("the workers' preload is gone")
        try:
            socket.send_fds(self._control, [ORDER.pack(number)], descriptors)
        except OSError as error:
            raise BackendUnavailableError(f"the workers' preload is gone: {error}") from error

    def drain(self) -> None:
        """Take in what the preload wrote to stderr."""
        self._stderr.drain()

    async def close(self) -> None:
        """Hang up, which ends the preload and its workers, and wait for it."""
        self._hang_up()
        if self._process is not None:
            await self._epitaph()
            self._process = None
            self._stderr.close()

    def _open(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter and program
                [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr.write_end,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                env=_environment(os.environ),  # noqa: TID251  a child's environment, no setting
            )
        self._stderr.handed_over()
        ours.sendall(frames.frame(msgspec.msgpack.encode(self._plan())))
        ours.setblocking(False)  # noqa: FBT003  the standard library's signature
        self._control = ours
        asyncio.get_running_loop().add_reader(ours.fileno(), self._read)

    def _plan(self) -> Plan:
        settings = self._settings
        return Plan(
            parent_pid=os.getpid(),
            need=settings.need,
            verifiers=None if settings.verifiers is None else list(settings.verifiers),
            sandbox=settings.sandbox,
            memory_mib=settings.limits.memory_mib,
            sandbox_options=dict(settings.sandbox_options),
            # Not to those that have jails below them, which began as their copies.
            probe_secret=settings.probe_secret if settings.need is Need.CPU else b"",
        )

    def _read(self) -> None:
        if self._control is None:
            return
        try:
            received = self._control.recv(_RECEIVE_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionError:
            received = b""
        if not received:
            self._lost()
            return
        for payload in self._reader.feed(received):
            self._take(self._decoder.decode(payload))

    def _take(self, message: FromPreload) -> None:
        match message:
            case Warm():
                if self._warm is not None and not self._warm.done():
                    self._warm.set_result(message)
            case Forked(number, pid):
                self._on_start(number, pid)
            case Exited(number, status):
                self._on_exit(number, status)

    def _lost(self) -> None:
        served = self._warm is not None and self._warm.done()
        self._hang_up()
        if served:
            self._on_loss(f"the workers' preload ended: {self._stderr.last_line() or 'killed'}")

    def _hang_up(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
        if self._warm is not None and not self._warm.done():
            self._warm.set_result(None)

    async def _epitaph(self) -> str:
        """Wait for the preload's end, and return the error that it ended with.

        Its traceback comes after its end of the line is closed.
        """
        if self._process is None:
            return ""
        status = await asyncio.to_thread(_reap, self._process)
        return self._stderr.last_line() or f"status {status}"


def _environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of workers: no secret of the service in it."""
    return {key: value for key, value in inherited.items() if not key.startswith(_SECRETS)} | _FIXED


def _reap(process: subprocess.Popen[bytes]) -> int:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(_STOP_SECONDS)
    process.kill()
    return process.wait()
