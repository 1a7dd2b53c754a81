"""The worker's end of a zygote: start it, send it orders, take its answers in turn."""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rewardd_sandbox.errors import LostError, SetupError
from rewardd_sandbox.inside.orders import Order, Setup
from rewardd_sandbox.lookout import Patience

_PATIENCE_SECONDS = 60.0
"""A healthy zygote answers within milliseconds; beyond this it is replaced."""
_NO_ANSWER = f"the zygote did not answer in {_PATIENCE_SECONDS:g} s"
_GRACE_SECONDS = 3.0
_MESSAGE_BYTES = 1 << 16
_BORN = b'"pid"'
_STACK_BYTES = 64 << 20

# The gap below the stack is fixed at exec, so the limit is raised and the interpreter started
# again, and binds its libraries then, once for all jails. The package is loaded without its
# `__init__`, which may import what it likes.
_BOOT = f"""
import os, resource, sys, types
if sys.argv[2] != "again":
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    want = {_STACK_BYTES} if hard < 0 else min({_STACK_BYTES}, hard)
    resource.setrlimit(resource.RLIMIT_STACK, (want, hard))
    os.environ["LD_BIND_NOW"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.argv[4:], sys.argv[1], "again", sys.argv[3]])
os.environ.pop("LD_BIND_NOW", None)
package = types.ModuleType("rewardd_sandbox")
package.__path__ = [sys.argv[3]]
sys.modules["rewardd_sandbox"] = package
from rewardd_sandbox.inside.zygote import main
channel = int(sys.argv[1])
del package, types, resource, sys
program = main(channel)
if program is not None:
    program()
"""


@dataclass(frozen=True, slots=True)
class Born:
    """A child as the worker sees it; `handle` is a pidfd that the taker closes."""

    pid: int
    handle: int


@dataclass(frozen=True, slots=True)
class Reaped:
    """What the kernel says of a child that ended."""

    status: int
    cpu_seconds: float
    peak_kib: int

    @classmethod
    def told(cls, heard: "Heard") -> "Reaped":
        """Return what an answer says."""
        return cls(heard["status"], heard["cpu"], heard["peak_kib"])


Heard = dict[str, Any]
"""An answer of a zygote."""


class Zygote:
    """One zygote process. Orders may overlap; answers come in their order."""

    def __init__(
        self, process: subprocess.Popen[bytes], channel: socket.socket, patience: Patience
    ) -> None:
        self._process = process
        self._channel = channel
        self._waiting: deque[asyncio.Future[Heard]] = deque()
        self._poll = select.poll()
        self._poll.register(channel, select.POLLIN)
        self.patience = patience
        self.spawned = 0
        self.jails: set[int] = set()
        """Those that nobody has asked to be reaped."""
        self.init: int | None = None
        """The first process of the namespace that its jails live in, if they have one."""
        asyncio.get_running_loop().add_reader(channel, self._receive)

    @classmethod
    async def start(
        cls,
        python: str,
        setup: Setup,
        environment: Mapping[str, str],
        joins: Sequence[int] = (),
        patience: Patience | None = None,
    ) -> "Zygote":
        """Start a zygote and wait until it takes orders.

        `joins` are open `cgroup.procs` files that the process is written to before it begins;
        `patience` says how long waits for it and its jails may hold up the event loop.

        Raises:
            SetupError: the kernel refused a step of its set-up.
            LostError: it died, or did not answer.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(0)
        with theirs:
            process = _launch(python, theirs.fileno(), environment)
        for place in joins:
            os.write(place, str(process.pid).encode())
        zygote = cls(process, ours, patience or Patience())
        try:
            answer = await zygote._ask(json.dumps(asdict(setup)).encode(), ())
        except BaseException:
            zygote.kill()
            raise
        if "error" in answer:
            zygote.kill()
            raise SetupError(answer["step"], answer["errno"], answer["error"])
        zygote.init = answer["init"]
        return zygote

    @property
    def pid(self) -> int:
        """The process id, for accounting."""
        return self._process.pid

    @property
    def household(self) -> set[int]:
        """The processes that are there while it has no jail."""
        return {self.pid} if self.init is None else {self.pid, self.init}

    @property
    def alive(self) -> bool:
        """Whether it still takes orders."""
        return self._channel.fileno() >= 0

    async def spawn(self, order: Order, descriptors: Sequence[int]) -> Born:
        """Fork a jail; `descriptors` are as `inside.orders.DESCRIPTORS` lists them.

        Raises:
            SetupError: the kernel refused the clone.
            LostError: the zygote died.
        """
        self.spawned += 1
        answer = await self._ask(json.dumps({"spawn": vars(order)}).encode(), descriptors)
        if "error" in answer:
            raise SetupError(answer["step"], answer["errno"], answer["error"])
        pid = answer["pid"]
        self.jails.add(pid)
        try:
            # Nobody else has its number: it is the zygote's to reap, dead or alive.
            return Born(pid, os.pidfd_open(pid))
        except OSError as error:
            self._lose(str(error))
            raise LostError(f"the jail cannot be held: {error}") from error

    def reap(self, pid: int) -> "asyncio.Future[Heard]":
        """Ask for a child that was killed or has ended; see `Reaped.told`.

        The answer may be there at once. It is a `LostError` if the zygote died.
        """
        self.jails.discard(pid)
        return self._ask(b'{"reap": %d}' % pid, ())

    async def sweep(self, user: int | None, group: int) -> None:
        """Kill a session and all processes of one user: where no namespace holds them together.

        Raises:
            LostError: the zygote died.
        """
        await self._ask(json.dumps({"sweep": user, "group": group}).encode(), ())

    def kill(self) -> None:
        """End it: without its channel it ends and reaps its children, and then itself."""
        self._lose("the zygote was stopped")
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def _ask(self, message: bytes, descriptors: Sequence[int]) -> "asyncio.Future[Heard]":
        """Send an order and return its answer to be, which may be there already."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Heard] = loop.create_future()
        self._waiting.append(future)
        try:
            if self.alive:
                socket.send_fds(self._channel, [message], descriptors)
            else:
                self._lose("the zygote is gone")
        except OSError as error:
            self._lose(f"the zygote cannot be reached: {error}")
        self._linger(future)
        if not future.done():
            patience = loop.call_later(_PATIENCE_SECONDS, self._lose, _NO_ANSWER)
            future.add_done_callback(lambda _: patience.cancel())
        return future

    def _linger(self, future: "asyncio.Future[Heard]") -> None:
        """Wait for an answer in place, as long as patience allows."""
        left = self.patience.seconds
        until = time.monotonic() + left
        while left > 0 and not future.done() and self._poll.poll(left * 1000):
            self._receive()
            left = until - time.monotonic()

    def _receive(self) -> None:
        try:
            text = self._channel.recv(_MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(str(error))
            return
        if not text or not self._waiting:
            self._lose("the zygote died")
            return
        future = self._waiting.popleft()
        if future.cancelled():
            if _BORN in text:
                self._lose("a jail was born that nobody waits for")
        else:
            future.set_result(json.loads(text))

    def _lose(self, why: str) -> None:
        if self.alive:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._channel.close()
            self.jails.clear()
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(LostError(why))
                future.exception()


def _launch(python: str, channel: int, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    flags = ["-B", "-s", "-P", "-X", "utf8", "-c", _BOOT]
    folder = str(Path(__file__).parent)
    return subprocess.Popen(  # noqa: S603  our own interpreter, our own code
        [python, *flags, str(channel), "first", folder, *flags],
        env=dict(environment),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(channel,),
        start_new_session=True,
    )
