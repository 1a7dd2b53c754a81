"""A small assembler for system call filters, and what a jail is denied.

The filter is a binary search over ranges of numbers: the kernel walks it once for every call's
number when it is installed, and a chain of comparisons costs ten times as much there.
"""

import ctypes
import struct
from dataclasses import dataclass

from rewardd_sandbox.inside.numbers import AUDIT_ARCH, NEWEST, machine, numbers

_LOAD, _JEQ, _JGE, _JSET, _AND, _RET = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS = 1, 38
_NR, _ARCH = 0, 4
_X32_BIT = 0x40000000
_SELF = 0x5E1F0000
"""Stands for the jail's own pid until the filter is installed."""
OWN_PID = struct.Struct("=I")

_NAMESPACES = 0x7E020000
_CLONE_PARENT = 0x00008000
"""Would make a child of the zygote's: nobody waits for it, and a dead one stays for ever."""
_CLONE_THREAD = 0x00010000
_SHARED_ANONYMOUS = 0x21
_TYPE_MASK = 0xF
_INJECTION = (0x5412, 0x541C, 0x5423, 0x8901, 0x8902)
"""ioctls: TIOCSTI, TIOCLINUX, TIOCSETD, FIOSETOWN, SIOCSPGRP."""
_OWNERS = (8, 10, 15, 1024, 1026, 1031)
"""fcntls: F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY, F_SETPIPE_SZ."""
_PRCTLS = (1, 22, 35, 36, 47, 0x59616D61)
"""PDEATHSIG, SECCOMP, MM, CHILD_SUBREAPER, CAP_AMBIENT, PTRACER."""

_ALWAYS = """
accept accept4 acct add_key adjtimex bind bpf chroot clock_adjtime clock_settime connect
create_module delete_module fanotify_init fanotify_mark finit_module fsconfig fsmount fsopen fspick
get_kernel_syms init_module io_uring_enter io_uring_register io_uring_setup io_setup ioperm iopl
kcmp kexec_file_load kexec_load keyctl landlock_add_rule landlock_create_ruleset
landlock_restrict_self listen lookup_dcookie memfd_secret migrate_pages modify_ldt mount
mount_setattr move_mount move_pages mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend
mq_unlink msgctl msgget msgrcv msgsnd name_to_handle_at nfsservctl open_by_handle_at open_tree
perf_event_open personality pidfd_getfd pivot_root process_madvise process_mrelease process_vm_readv
process_vm_writev ptrace query_module quotactl quotactl_fd reboot request_key sched_setattr
sched_setparam sched_setscheduler seccomp semctl semget semop semtimedop setdomainname sethostname
setns settimeofday shmat shmctl shmdt shmget socket swapoff swapon sysctl sysfs syslog umount2
unshare uselib userfaultfd ustat vhangup vmsplice
"""
_OUTSIDE_NAMESPACES = """
chmod chown fchmod fchmodat fchmodat2 fchown fchownat fremovexattr fsetxattr futimesat
get_robust_list inotify_init inotify_init1 ioprio_set lchown lremovexattr lsetxattr mknod mknodat
pidfd_open pidfd_send_signal removexattr setxattr truncate utime utimensat utimes
"""
_ON_ITSELF = "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo prlimit64"
_NOT_ON_INIT = f"{_ON_ITSELF} pidfd_open"
"""Where jails run as the user of their namespace's first process, they could limit it to death."""
_INIT = 1
_PRETENDED = "setpriority sched_setaffinity sync syncfs"
"""Answered with success and not done: a jail that starves itself could not be told from one that
the machine starves, and would get no verdict in place of its zero. To have the whole host write
back is such a way, and stops the neighbours too."""

Instruction = tuple[int, int, int, int]
Fragment = tuple[Instruction, ...]


@dataclass(frozen=True)
class Rules:
    """What differs between jails.

    Attributes:
        processes: whether it may make processes (threads it always may).
        contained: whether a pid namespace is around it; without, it may name no process but itself.
        memfd: whether memory files are counted by something.
        shared: whether shared anonymous mappings are counted by something.
    """

    processes: bool
    contained: bool
    memfd: bool
    shared: bool


def assemble(rules: Rules) -> bytes:
    """Return the filter; `install` puts the jail's own pid into it."""
    name = machine()
    known = numbers(name)
    leaves = {known[call]: leaf for call, leaf in _leaves(rules).items() if call in known}
    cuts: list[tuple[int, Fragment]] = []
    for number in range(NEWEST + 1):
        leaf = leaves.get(number, _return(_ALLOW))
        if not cuts or cuts[-1][1] != leaf:
            cuts.append((number, leaf))
    cuts.append((NEWEST + 1, _return(_ERRNO | _ENOSYS)))
    head: Fragment = (
        (_LOAD, 0, 0, _ARCH),
        (_JEQ, 1, 0, AUDIT_ARCH[name]),
        (_RET, 0, 0, _KILL),
        (_LOAD, 0, 0, _NR),
        (_JGE, 0, 1, _X32_BIT),
        (_RET, 0, 0, _KILL),
    )
    return b"".join(struct.pack("=HBBI", *step) for step in head + _search(cuts))


def places_of_self(code: bytes) -> list[int]:
    """Return where in a filter the jail's own pid, as `OWN_PID` packs it, is to be put."""
    sought, places, place = OWN_PID.pack(_SELF), list[int](), -1
    while (place := code.find(sought, place + 1)) >= 0:
        places.append(place)
    return places


def program(held: ctypes.Array[ctypes.c_char]) -> bytes:
    """Return what the kernel wants of a filter that lies in `held`."""
    return struct.pack("=HxxxxxxQ", len(held) // 8, ctypes.addressof(held))


def _search(cuts: list[tuple[int, Fragment]]) -> Fragment:
    if len(cuts) == 1:
        return cuts[0][1]
    middle = len(cuts) // 2
    below, above = _search(cuts[:middle]), _search(cuts[middle:])
    return ((_JGE, len(below), 0, cuts[middle][0]), *below, *above)


def _leaves(rules: Rules) -> dict[str, Fragment]:
    deny = _return(_ERRNO | _EPERM)
    leaves: dict[str, Fragment] = {name: deny for name in _ALWAYS.split()}  # noqa: C420  fromkeys loses the type
    leaves |= dict.fromkeys(_PRETENDED.split(), _return(_ERRNO))
    leaves["clone3"] = _return(_ERRNO | _ENOSYS)
    leaves["clone"] = _clone(processes=rules.processes)
    leaves["socketpair"] = _stream_pairs()
    leaves["ioctl"] = _unless(1, _INJECTION)
    leaves["fcntl"] = _unless(1, _OWNERS)
    leaves["prctl"] = _unless(0, _PRCTLS)
    if not rules.processes:
        leaves |= {"fork": deny, "vfork": deny}
    if not rules.memfd:
        leaves["memfd_create"] = deny
    if not rules.shared:
        leaves["mmap"] = _private_mappings()
    if rules.contained:
        leaves |= dict.fromkeys(_NOT_ON_INIT.split(), _unless(0, (_INIT,)))
    else:
        leaves |= dict.fromkeys(_OUTSIDE_NAMESPACES.split(), deny)
        leaves |= dict.fromkeys(_ON_ITSELF.split(), _on_itself(0))
    return leaves


def _return(action: int) -> Fragment:
    return ((_RET, 0, 0, action),)


def _argument(index: int) -> Instruction:
    return (_LOAD, 0, 0, 16 + 8 * index)


def _unless(index: int, denied: tuple[int, ...]) -> Fragment:
    """Deny the listed values of one argument."""
    tests = tuple((_JEQ, len(denied) - i, 0, value) for i, value in enumerate(denied))
    return (_argument(index), *tests, *_return(_ALLOW), *_return(_ERRNO | _EPERM))


def _on_itself(index: int) -> Fragment:
    """Allow pid 0 and the jail's own."""
    return (
        _argument(index),
        (_JEQ, 2, 0, 0),
        (_JEQ, 1, 0, _SELF),
        *_return(_ERRNO | _EPERM),
        *_return(_ALLOW),
    )


def _clone(*, processes: bool) -> Fragment:
    end = (*_return(_ALLOW), *_return(_ERRNO | _EPERM))
    if processes:
        return (_argument(0), (_JSET, 1, 0, _NAMESPACES | _CLONE_PARENT), *end)
    return (
        _argument(0),
        (_JSET, 2, 0, _NAMESPACES | _CLONE_PARENT),
        (_JSET, 0, 1, _CLONE_THREAD),
        *end,
    )


def _stream_pairs() -> Fragment:
    """Allow connected stream pairs of AF_UNIX: a datagram end could be sent to any address."""
    return (
        _argument(0),
        (_JEQ, 0, 4, 1),
        _argument(1),
        (_AND, 0, 0, _TYPE_MASK),
        (_JEQ, 0, 1, 1),
        *_return(_ALLOW),
        *_return(_ERRNO | _EPERM),
    )


def _private_mappings() -> Fragment:
    return (
        _argument(3),
        (_AND, 0, 0, _SHARED_ANONYMOUS),
        (_JEQ, 1, 0, _SHARED_ANONYMOUS),
        *_return(_ALLOW),
        *_return(_ERRNO | _EPERM),
    )
