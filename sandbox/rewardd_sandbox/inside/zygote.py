"""The process from which jails are forked: it clones and reaps, and never sees a submission."""

import contextlib
import errno
import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn

from rewardd_sandbox.inside import kernel, landlock, lockdown, payload, rehearsal, slotroot
from rewardd_sandbox.inside.orders import PAYLOAD, SET_UP, SETUP, Order, Setup
from rewardd_sandbox.inside.reaper import GoneError, Reaper
from rewardd_sandbox.inside.slotroot import StepError

_PRELOAD = """
re math cmath collections collections.abc itertools functools heapq bisect string random json copy
operator typing types datetime decimal fractions statistics io threading queue array dataclasses
enum abc contextlib textwrap traceback time struct numbers pprint calendar atexit signal linecache
inspect warnings locale encodings.latin_1 encodings.ascii reprlib zlib
"""
_IGNORED = {signal.SIGPIPE, signal.SIGXFSZ}
_MESSAGE_BYTES = 1 << 20
_MAX_DESCRIPTORS = 16
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
    setup = Setup(**json.loads(channel.recv(_MESSAGE_BYTES)))
    try:
        fence = _prepare(setup)
        reaper = Reaper.start(hooks=_threaded()) if setup.namespaces else None
    except StepError as error:
        _answer(channel, {"step": error.step, "errno": error.errno, "error": str(error)})
        return None
    _answer(channel, {"init": None if reaper is None else reaper.pid})
    zygote = _Zygote(channel, setup, fence, reaper)
    _kept.append(zygote)
    return zygote.serve()


def _prepare(setup: Setup) -> lockdown.Fence:
    """Become what `setup` says.

    Raises:
        StepError: the kernel refused.
    """
    gc.disable()
    if setup.preload:
        _preload(numpy=setup.numpy)
    kernel.drop_bounding()
    if setup.become is not None:
        _become(setup.become)
    if setup.user_namespace:
        slotroot.enter_user_namespace()
    if setup.namespaces:
        slotroot.enter_namespaces()
        slotroot.build(setup.roots, setup.cache)
    abi = landlock.version(setup.landlock_cap)
    if not setup.namespaces and abi == 0:
        raise StepError("landlock", OSError(38, "the kernel has none"))
    if not setup.namespaces:
        kernel.adopt_orphans()
    kernel.drop_bounding()
    _settle(practised=setup.preload)
    roots = [*setup.roots, setup.cache]
    return lockdown.Fence(contained=setup.namespaces, roots=roots, landlock_abi=abi)


def _settle(*, practised: bool) -> None:
    """Bring this process into the state that all jails are to share."""
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _heed_signals()
    os.umask(0o022)
    if practised:
        rehearsal.rehearse()
    for name in [name for name in sys.modules if name.startswith("rewardd_sandbox")]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()


def _heed_signals() -> None:
    """Ignore what an interpreter ignores, and nothing that whoever started the worker does.

    `nohup` has its programs ignore a signal, and a shell those that it runs in the background.
    """
    for number in signal.valid_signals() - _IGNORED:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _become(user: int) -> None:
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        kernel.make_dumpable()
    except OSError as error:
        raise StepError("user", error) from error


def _preload(*, numpy: bool) -> None:
    for name in _PRELOAD.split():
        importlib.import_module(name)
    if numpy:
        importlib.import_module("numpy")


def _threaded() -> bool:
    """Whether something that was imported, such as a `.pth` file's, has started a thread."""
    return len(_frames()) > 1


def _answer(channel: socket.socket, message: dict[str, object], *descriptors: int) -> None:
    socket.send_fds(channel, [json.dumps(message).encode()], list(descriptors))


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
        self._setup = setup
        self._fence = fence
        self._reaper = reaper
        self._threads = _threaded()
        self._children: set[int] = set()
        self._ended: dict[int, tuple[int, float, int]] = {}

    def serve(self) -> Program:
        """Clone and reap until the channel ends; in a jail, return what it is to run."""
        while True:
            text, descriptors, _, _ = socket.recv_fds(
                self._channel, _MESSAGE_BYTES, _MAX_DESCRIPTORS
            )
            if not text:
                self._end()
            message = json.loads(text)
            if "reap" in message:
                self._reap(message["reap"])
                continue
            if "sweep" in message:
                self._sweep(message["sweep"], message["group"])
                continue
            program = self._spawn(Order(**message["spawn"]), descriptors)
            if program is not None:
                return program

    def _spawn(self, order: Order, descriptors: list[int]) -> Program | None:
        self._fence.filter(order)
        self._fence.shared_rules()
        flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC if self._setup.namespaces else 0
        try:
            self._keep_apart()
            pid = kernel.clone(flags, hooks=self._threads)
        except OSError as error:
            _close(descriptors)
            _answer(self._channel, {"step": "clone", "errno": error.errno, "error": str(error)})
            return None
        if pid == 0:
            return self._child(order, descriptors)
        self._children.add(pid)
        _close(descriptors)
        handle = os.pidfd_open(pid)
        _answer(self._channel, {"pid": pid}, handle)
        os.close(handle)
        return None

    def _keep_apart(self) -> None:
        """See that no other jail is alive where this one would see it.

        Raises:
            OSError: one is.
        """
        if self._reaper is not None and self._children:
            raise OSError(errno.EBUSY, "a jail is alive in this pid namespace")

    def _child(self, order: Order, descriptors: list[int]) -> Program:
        """Enter the jail and return what to run there; what fails is told on `setup`."""
        gc.enable()
        self._channel.detach()
        ids = self._setup.jail_ids
        own = None if ids is None else ids[order.companion]
        try:
            rules = lockdown.place_descriptors(descriptors, self._fence.shared_rules())
            directory = lockdown.seal(order, self._fence, own, rules)
            program = payload.load(PAYLOAD, python=order.runner, private=order.work_bytes > 0)
            _announce(directory)
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
        _answer(self._channel, {"status": status, "cpu": spent, "peak_kib": peak})

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


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _announce(directory: int | None) -> None:
    """Say that the jail stands; hand over its work directory if there is one to hand over."""
    if directory is None:
        os.write(SETUP, SET_UP)
        return
    with socket.socket(fileno=os.dup(SETUP)) as channel:
        socket.send_fds(channel, [SET_UP], [directory])
    os.close(directory)


def _fail(error: OSError | StepError) -> NoReturn:
    step = error.step if isinstance(error, StepError) else "payload"
    told = {"step": step, "errno": error.errno, "error": str(error)}
    os.write(SETUP, json.dumps(told).encode())
    os._exit(_SETUP_FAILED)
