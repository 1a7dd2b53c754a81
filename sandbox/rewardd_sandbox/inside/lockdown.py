"""What a fresh child does to itself, in order, before it looks at a submission."""

import contextlib
import os
import resource

from rewardd_sandbox.inside import kernel, landlock, seccomp
from rewardd_sandbox.inside.orders import GO, Order
from rewardd_sandbox.inside.slotroot import StepError

_ABOVE = 64
"""Descriptors are moved above this number first, so that none is overwritten."""


class Fence:
    """The parts of a jail's fence that its zygote prepares once and its children share."""

    def __init__(self, *, contained: bool, roots: list[str], landlock_abi: int) -> None:
        self._contained = contained
        self._roots = roots
        self._abi = landlock_abi
        self._filters: dict[seccomp.Rules, bytes] = {}
        self._rules: int | None = None

    def filter(self, order: Order) -> bytes:
        """Return the system call filter for an order."""
        rules = seccomp.Rules(
            processes=order.processes,
            contained=self._contained,
            memfd=order.memfd,
            shared=order.shared,
        )
        if rules not in self._filters:
            self._filters[rules] = seccomp.assemble(rules)
        return self._filters[rules]

    def shared_rules(self) -> int | None:
        """Return a descriptor of the Landlock rules that are the same for all jails, if any are.

        In a private root they are: the rule for writing stands on the directory above the mount
        point, which the kernel meets on its way up from any jail's own mount.
        """
        if self._abi == 0 or not self._contained:
            return None
        if self._rules is None:
            self._rules = self._private_rules()
        return self._rules

    def own_rules(self, order: Order) -> int | None:
        """Return a descriptor of rules for one jail on the host's own root."""
        if self._abi == 0 or self._contained:
            return None
        return landlock.ruleset(self._abi, self._host_rules(order))

    def _private_rules(self) -> int:
        everything = [("/", landlock.READ), ("/sandbox", landlock.WRITE), *_devices()]
        return landlock.ruleset(self._abi, [*everything, ("/proc", landlock.READ)])

    def _host_rules(self, order: Order) -> list[tuple[str, int]]:
        rules = [(root, landlock.READ) for root in [*self._roots, order.work]]
        rules += [(path, landlock.WRITE) for path in order.writable if path.endswith("/")]
        rules += [(path, landlock.WRITE_ONE) for path in order.writable if path[-1] != "/"]
        return [*rules, *_devices()]


def _devices() -> list[tuple[str, int]]:
    """Return the rules for devices: what can be written to of /dev/zero is memory, if mapped."""
    names = ("zero", "random", "urandom")
    only_read = [(f"/dev/{name}", landlock.READ_FILE) for name in names]
    return [*only_read, *((f"/dev/{name}", landlock.WRITE_ONE) for name in ("null", "full"))]


def place_descriptors(received: list[int], rules: int | None) -> int | None:
    """Put the received descriptors at 0, 1, 2, ... and close all others but `rules`.

    Returns:
        where the rules are now.
    """
    moved = received if rules is None else [*received, rules]
    top = max(_ABOVE, *moved) + 1
    for offset, descriptor in enumerate(moved):
        os.dup2(descriptor, top + offset, inheritable=False)
    for number in range(len(moved)):
        os.dup2(top + number, number, inheritable=number < GO)
    kernel.close_from(len(moved))
    return None if rules is None else len(received)


def seal(order: Order, fence: Fence, ids: int | None, rules: int | None) -> int | None:
    """Put this process into its jail; return its work directory if that is to be handed over.

    With `rules` None it makes its Landlock rules itself, for this jail alone.

    Raises:
        StepError: the kernel refused a step.
    """
    code = fence.filter(order)
    directory: int | None = None
    step = "session"
    try:
        os.setsid()
        step = "work directory"
        _enter_work(order, ids)
        if order.hand_over:
            directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
        step = "landlock"
        rules = fence.own_rules(order) if rules is None else rules
        step = "limits"
        _limit(order)
        step = "user"
        _drop(ids)
        step = "landlock"
        if rules is not None:
            landlock.restrict(rules)
            os.close(rules)
        step = "seccomp"
        seccomp.install(code, os.getpid())
    except OSError as error:
        raise StepError(step, error) from error
    return directory


def _enter_work(order: Order, ids: int | None) -> None:
    if order.work_bytes:
        owner = "" if ids is None else f",uid={ids},gid={ids}"
        options = f"size={order.work_bytes},nr_inodes={order.inodes},mode=700{owner}"
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        kernel.mount("work", order.work, "tmpfs", flags, options)
    if order.proc:
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
        with contextlib.suppress(OSError):  # containers that mask /proc allow no new one
            kernel.mount("proc", "/proc", "proc", flags)
    os.chdir(order.work)


def _limit(order: Order) -> None:
    for name, wanted in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
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
            resource.setrlimit(name, (value, value))
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (soft, soft if soft >= 0 else hard))


def _drop(ids: int | None) -> None:
    """Leave every privilege: user, groups, capabilities, and the way back."""
    if ids is not None:
        os.setgroups([])
        os.setresgid(ids, ids, ids)
        os.setresuid(ids, ids, ids)
    kernel.drop_capabilities()
    kernel.die_with_parent()
    kernel.forbid_new_privileges()
