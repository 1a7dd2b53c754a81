"""What a fresh child does to itself before it looks at a submission: system calls in a row.

The zygote works them out beforehand, for all jails of the same order: a child that did so would
copy, for each thing that it looks at, the page where that lies, and most of a short program's cost
is copies of pages.
"""

import ctypes
import os
import resource
import signal
import struct
from collections.abc import Sequence

from rewardd_sandbox.inside import kernel, seccomp
from rewardd_sandbox.inside.lockdown import Fence
from rewardd_sandbox.inside.orders import GO, Order
from rewardd_sandbox.inside.slotroot import StepError

LOWEST = 16
"""Descriptors that come with an order lie from here on, above all that they are moved to."""
_LIMIT = struct.Struct("=QQ")
_NO_CAPABILITIES = bytes(24)
_CAPABILITY_HEADER = struct.pack("=Ii", 0x20080522, 0)
_FILTER_MODE = 2
_DISPENSABLE = {"proc"}
"""Containers that mask /proc allow no new one."""


def limit_for_good() -> None:
    """Set the limits that are the same for all jails, on this process already."""
    for name in (resource.RLIMIT_CORE, resource.RLIMIT_MSGQUEUE, resource.RLIMIT_MEMLOCK):
        resource.setrlimit(name, (0, 0))


def reserve_numbers() -> None:
    """Take all numbers below `LOWEST`, so that no descriptor that comes later gets one."""
    while (place := os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)) < LOWEST:
        pass
    os.close(place)


class Plan:
    """The way into one kind of jail.

    Args:
        ids: user and group to turn into; None to stay.
        received: descriptors that came with the order, all from `LOWEST` on.
        rules: descriptor of Landlock rules, if there are any.
    """

    def __init__(
        self,
        order: Order,
        fence: Fence,
        ids: int | None,
        received: Sequence[int],
        rules: int | None,
    ) -> None:
        self._names: list[str] = []
        self._calls: list[tuple[int, ...]] = []
        self._held: list[object] = []
        """What the kernel is to read: its addresses stand in the calls."""
        self._filter = ctypes.create_string_buffer(code := fence.filter(order), len(code))
        self._own = seccomp.places_of_self(code)
        self._place(received, rules)
        self._add("session", "setsid")
        self._enter_work(order, ids)
        self._limit(order)
        self._drop(ids)
        if rules is not None:
            self._add("landlock", "landlock_restrict_self", len(received), 0)
            self._add("landlock", "close", len(received))
        program = self._hold(seccomp.program(self._filter))
        self._add("seccomp", "prctl", kernel.PR_SET_SECCOMP, _FILTER_MODE, program)

    def carry_out(self) -> None:
        """Put this process into its jail.

        Raises:
            StepError: the kernel refused a step.
        """
        for place in self._own:
            seccomp.OWN_PID.pack_into(self._filter, place, os.getpid())
        done = kernel.make(self._calls, 0)
        while done < len(self._calls):
            if self._names[done] not in _DISPENSABLE:
                raise StepError(self._names[done], kernel.refusal(self._names[done]))
            done = kernel.make(self._calls, done + 1)

    def _place(self, received: Sequence[int], rules: int | None) -> None:
        """Put the received descriptors at 0, 1, 2, ..., the rules behind them; close all others."""
        moved = list(received) if rules is None else [*received, rules]
        for number, descriptor in enumerate(moved):
            flags = 0 if number < GO else os.O_CLOEXEC
            self._add("descriptors", "dup3", descriptor, number, flags)
        self._add("descriptors", "close_range", len(moved), 0xFFFFFFFF, 0)

    def _enter_work(self, order: Order, ids: int | None) -> None:
        work = self._hold(order.work.encode())
        if order.work_bytes:
            owner = "" if ids is None else f",uid={ids},gid={ids}"
            options = f"size={order.work_bytes},nr_inodes={order.inodes},mode=700{owner}"
            flags = kernel.MS_NOSUID | kernel.MS_NODEV
            source, kind, told = map(self._hold, (b"work", b"tmpfs", options.encode()))
            self._add("work directory", "mount", source, work, kind, flags, told)
        if order.proc:
            flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
            kind, place = map(self._hold, (b"proc", b"/proc"))
            self._add("proc", "mount", kind, place, kind, flags)
        self._add("work directory", "chdir", work)

    def _limit(self, order: Order) -> None:
        for name, wanted in (
            (resource.RLIMIT_FSIZE, order.file_bytes),
            (resource.RLIMIT_NOFILE, order.descriptors),
            (resource.RLIMIT_CPU, order.cpu_seconds),
            (resource.RLIMIT_AS, order.address_bytes),
            (resource.RLIMIT_DATA, order.data_bytes),
            (resource.RLIMIT_NPROC, order.tasks),
        ):
            if wanted is not None:
                hard = resource.getrlimit(name)[1]
                value = wanted if hard < 0 else min(wanted, hard)
                self._add("limits", "prlimit64", 0, name, self._hold(_LIMIT.pack(value, value)))
        if order.data_bytes is not None and order.address_bytes is None:
            # A stack is no data: what nothing else counts must not grow.
            soft = resource.getrlimit(resource.RLIMIT_STACK)[0]
            stack = self._hold(_LIMIT.pack(soft, soft))
            self._add("limits", "prlimit64", 0, resource.RLIMIT_STACK, stack)

    def _drop(self, ids: int | None) -> None:
        """Leave every privilege: user, groups, capabilities, and the way back."""
        if ids is not None:
            self._add("user", "setgroups", 0, 0)
            self._add("user", "setresgid", ids, ids, ids)
            self._add("user", "setresuid", ids, ids, ids)
        self._add("user", "prctl", kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
        header, nothing = self._hold(_CAPABILITY_HEADER), self._hold(_NO_CAPABILITIES)
        self._add("user", "capset", header, nothing)
        self._add("user", "prctl", kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        self._add("user", "prctl", kernel.PR_SET_NO_NEW_PRIVS, 1)

    def _add(self, name: str, call: str, *arguments: int) -> None:
        self._names.append(name)
        self._calls.append(kernel.prepared(call, *arguments))

    def _hold(self, content: bytes) -> int:
        """Keep what a call points to; return its address."""
        held = ctypes.create_string_buffer(content)
        self._held.append(held)
        return ctypes.addressof(held)
