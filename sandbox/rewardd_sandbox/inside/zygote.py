"""The process from which jails are forked: it clones and reaps, and never sees a submission."""

import contextlib
import errno
import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from rewardd_sandbox.inside import kernel, lockdown, payload, preparation, sealing
from rewardd_sandbox.inside.orders import PAYLOAD, SET_UP, SETUP, Order, Setup
from rewardd_sandbox.inside.reaper import GoneError, Reaper
from rewardd_sandbox.inside.slotroot import StepError

_SETUP_BYTES = 1 << 20
_ORDER_BYTES = 120_000
"""What is larger would be mapped and unmapped each time."""
_BESIDE_BYTES = socket.CMSG_SPACE(16 * 4)
_REAP = b'{"reap": '
_MOST_ENTRIES = 64
_SETUP_FAILED = 127
_MOST_SWEEPS = 100
"""A zombie that nobody reaps can be signalled for ever."""

_frames: Callable[[], dict[int, object]] = getattr(sys, "_current_frames")  # noqa: B009  it has no public name
_kept: list["_Zygote"] = []
"""What a jail has inherited and never looks at: to free it would copy the pages that it lies on."""

Program = Callable[[], object]


def main(channel_number: int) -> Program | None:
    """Serve orders until the worker goes; in a jail, return what it is to run."""
    channel = socket.socket(fileno=channel_number)
    setup = Setup(**json.loads(channel.recv(_SETUP_BYTES)))
    try:
        fence = preparation.become(setup)
        reaper = Reaper.start(hooks=_threaded()) if setup.namespaces else None
    except StepError as error:
        _answer(channel, {"step": error.step, "errno": error.errno, "error": str(error)})
        return None
    _answer(channel, {"init": None if reaper is None else reaper.pid})
    zygote = _Zygote(channel, setup, fence, reaper)
    _kept.append(zygote)
    return zygote.serve()


def _threaded() -> bool:
    """Whether something that was imported, such as a `.pth` file's, has started a thread."""
    return len(_frames()) > 1


def _answer(channel: socket.socket, message: dict[str, object]) -> None:
    channel.send(json.dumps(message).encode())


@dataclass(frozen=True)
class _Entry:
    """The way into the jails of one order; `own_rules` are for one jail and are to be closed."""

    order: Order
    plan: sealing.Plan
    own_rules: list[int]


class _Zygote:
    """One worker's orders, one after the other."""

    def __init__(
        self,
        channel: socket.socket,
        setup: Setup,
        fence: lockdown.Fence,
        reaper: Reaper | None,
    ) -> None:
        self._channel = channel
        self._number = channel.fileno()
        self._setup = setup
        self._fence = fence
        self._reaper = reaper
        self._threads = _threaded()
        self._flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC if setup.namespaces else 0
        self._entries: dict[tuple[bytes | int, ...], _Entry] = {}
        self._children: set[int] = set()
        self._ended: dict[int, tuple[int, float, int]] = {}

    def serve(self) -> Program:
        """Clone and reap until the channel ends; in a jail, return what it is to run."""
        while True:
            text, descriptors = self._hear()
            if not text:
                self._end()
            entry = self._entries.get((text, *descriptors))
            if entry is None and text.startswith(_REAP):
                self._reap(int(text[len(_REAP) : -1]))
                continue
            message: dict[str, Any] = {} if entry else json.loads(text)
            if "sweep" in message:
                self._sweep(message["sweep"], message["group"])
                continue
            program = self._spawn(entry, message.get("spawn"), text, descriptors)
            if program is not None:
                return program

    def _hear(self) -> tuple[bytes, Sequence[int]]:
        """Return the next order and what came with it."""
        text, beside, _, _ = self._channel.recvmsg(_ORDER_BYTES, _BESIDE_BYTES)
        content = beside[0][2] if beside else b""
        return text, memoryview(content).cast("i").tolist()

    def _tell(self, answer: bytes) -> None:
        os.write(self._number, answer)

    def _spawn(
        self,
        entry: "_Entry | None",
        given: dict[str, Any] | None,
        text: bytes,
        descriptors: Sequence[int],
    ) -> Program | None:
        """Fork a jail and tell of it; in it, return what it is to run."""
        step = "landlock"
        try:
            if entry is None:
                entry = self._entry(Order(**(given or {})), text, descriptors)
            step = "clone"
            self._keep_apart()
            pid = kernel.clone(self._flags, hooks=self._threads)
        except OSError as error:
            _close(descriptors)
            _answer(self._channel, {"step": step, "errno": error.errno, "error": str(error)})
            return None
        if pid == 0:
            return self._child(entry)
        self._children.add(pid)
        _close(descriptors)
        _close(entry.own_rules)
        self._tell(b'{"pid": %d}' % pid)
        return None

    def _entry(self, order: Order, text: bytes, descriptors: Sequence[int]) -> "_Entry":
        """Return the way into a jail; it is kept, where nothing in it is for one jail alone.

        Raises:
            OSError: the kernel refused.
        """
        ids = self._setup.jail_ids
        own = None if ids is None else ids[order.companion]
        rules = self._fence.rules(order)
        plan = sealing.Plan(order, self._fence, own, descriptors, rules)
        if not self._fence.shares_rules:
            return _Entry(order, plan, [] if rules is None else [rules])
        if len(self._entries) >= _MOST_ENTRIES:
            self._entries.clear()
        entry = self._entries[(text, *descriptors)] = _Entry(order, plan, [])
        return entry

    def _keep_apart(self) -> None:
        """See that no other jail is alive where this one would see it.

        Raises:
            OSError: one is.
        """
        if self._reaper is not None and self._children:
            raise OSError(errno.EBUSY, "a jail is alive in this pid namespace")

    def _child(self, entry: "_Entry") -> Program:
        """Enter the jail and return what to run there; what fails is told on `setup`."""
        gc.enable()
        self._channel.detach()
        order = entry.order
        try:
            entry.plan.carry_out()
            program = payload.load(PAYLOAD, python=order.runner, private=order.work_bytes > 0)
            _announce(hand_over=order.hand_over)
            if order.runner:
                os.close(SETUP)
        except (OSError, StepError) as error:
            _fail(error)
        return program

    def _reap(self, pid: int) -> None:
        if pid in self._ended:
            status, spent, peak = self._ended.pop(pid)
        else:
            status, spent, peak = _ending(os.wait4(pid, 0))
        self._children.discard(pid)
        if self._reaper is not None:
            self._bury(self._reaper)
        self._tell(b'{"status": %d, "cpu": %a, "peak_kib": %d}' % (status, spent, peak))

    def _bury(self, reaper: Reaper) -> None:
        """Have nothing outlive a jail; without its namespace a zygote is of no use."""
        try:
            reaper.sweep()
        except GoneError:
            self._end()

    def _sweep(self, user: int | None, group: int) -> None:
        """Kill whatever a jail has left where no namespace held it together.

        Args:
            user: whose processes to kill; None where jails have no user of their own.
            group: the session of the jail, which is dead by now.
        """
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        if user is not None:
            self._kill_user(user)
        with contextlib.suppress(ChildProcessError):
            while True:
                waited = os.wait4(-1, os.WNOHANG)
                if waited[0] == 0:
                    break
                if waited[0] in self._children:
                    self._ended[waited[0]] = _ending(waited)
        _answer(self._channel, {"swept": True})

    def _kill_user(self, user: int) -> None:
        """Kill as that user: no number can be reused in between."""
        pid = os.fork()
        if pid == 0:
            try:
                os.setresuid(user, user, user)
                for _ in range(_MOST_SWEEPS):
                    os.kill(-1, signal.SIGKILL)
            finally:
                os._exit(0)
        os.waitpid(pid, 0)

    def _end(self) -> NoReturn:
        """Take everything along."""
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)
        if self._reaper is not None:
            self._reaper.end()
        os._exit(0)


def _ending(waited: tuple[int, int, resource.struct_rusage]) -> tuple[int, float, int]:
    """Return status, CPU seconds and peak in KiB."""
    _, status, usage = waited
    return status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _announce(*, hand_over: bool) -> None:
    """Say that the jail stands; hand over its work directory if that is wanted."""
    if not hand_over:
        os.write(SETUP, SET_UP)
        return
    directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    with socket.socket(fileno=os.dup(SETUP)) as channel:
        socket.send_fds(channel, [SET_UP], [directory])
    os.close(directory)


def _fail(error: OSError | StepError) -> NoReturn:
    step = error.step if isinstance(error, StepError) else "payload"
    told = {"step": step, "errno": error.errno, "error": str(error)}
    os.write(SETUP, json.dumps(told).encode())
    os._exit(_SETUP_FAILED)
