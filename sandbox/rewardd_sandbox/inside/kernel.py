"""The kernel's calls that Python does not offer, over ctypes: each raises OSError with its name."""

import ctypes
import functools
import os
import signal
import struct
from collections.abc import Sequence
from pathlib import Path

from rewardd_sandbox.inside.numbers import machine, numbers

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_CLONE_CHILD_CLEARTID = 0x00200000
_CLONE_CHILD_SETTID = 0x01000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_GET_TID_ADDRESS = 4, 24, 36, 40
_LAST_CAPABILITY = 63

# PyDLL keeps the GIL: nothing else runs between clone and its return.
_syscall = ctypes.PyDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
_MOST_ARGUMENTS = 6
_plain_syscall = ctypes.PyDLL(None, use_errno=True)["syscall"]
_plain_syscall.restype = ctypes.c_long
_plain_syscall.argtypes = (ctypes.c_long,) * (1 + _MOST_ARGUMENTS)
_MACHINE = machine()
_NUMBERS = numbers(_MACHINE)


def call(name: str, *arguments: int | bytes | None) -> int:
    """Make the call `name`; integers go as longs, bytes as pointers.

    Raises:
        OSError: the kernel refused; the message is the call's name.
    """
    made = [ctypes.c_long(a) if isinstance(a, int) else ctypes.c_char_p(a) for a in arguments]
    result: int = _syscall(ctypes.c_long(_NUMBERS[name]), *made)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result


def prepared(name: str, *arguments: int) -> tuple[int, ...]:
    """Return a call as `make` takes it."""
    padding = (0,) * (_MOST_ARGUMENTS - len(arguments))
    return _NUMBERS[name], *arguments, *padding


def make(calls: Sequence[tuple[int, ...]], first: int) -> int:
    """Make the calls from `first` on; return the place of the one that is refused, or past all."""
    for place in range(first, len(calls)):
        if _plain_syscall(*calls[place]) < 0:
            return place
    return len(calls)


def refusal(name: str) -> OSError:
    """Return why the last call was refused."""
    number = ctypes.get_errno()
    return OSError(number, f"{name}: {os.strerror(number)}")


def clone(flags: int, *, hooks: bool) -> int:
    """Fork into new namespaces; 0 in the child. Only from a process with one thread.

    The child's thread id is written where glibc caches it: with a stale one `raise` and `abort`
    would signal somebody else.

    With `hooks` the interpreter mends its locks and thread states, and runs what modules have
    registered. A process that has never had a second thread has nothing to mend, and the mending
    writes to many of its pages, which the child must copy for that.
    """
    if hooks:
        ctypes.pythonapi.PyOS_BeforeFork()
    pid: int = _plain_syscall(*_cloning(flags))
    if hooks and pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    if hooks and pid != 0:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise refusal("clone")
    return pid


@functools.cache
def _cloning(flags: int) -> tuple[int, ...]:
    flags |= signal.SIGCHLD
    cached = _tid_address()
    if cached:
        flags |= _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID
    last = (cached, 0) if _MACHINE == "x86_64" else (0, cached)
    return prepared("clone", flags, 0, 0, *last)


def _tid_address() -> int:
    """Return where glibc keeps the thread id; 0 where the kernel does not tell."""
    place = ctypes.c_ulong(0)
    done = _syscall(
        ctypes.c_long(_NUMBERS["prctl"]),
        ctypes.c_long(_PR_GET_TID_ADDRESS),
        ctypes.byref(place),
        *[ctypes.c_long(0)] * 3,
    )
    return place.value if done == 0 else 0


def unshare(flags: int) -> None:
    """Move this process into new namespaces."""
    call("unshare", flags)


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Attach a file system, or change how one is attached."""
    call(
        "mount",
        None if source is None else source.encode(),
        target.encode(),
        None if kind is None else kind.encode(),
        flags,
        options.encode() or None,
    )


def protect_mounts(target: str) -> None:
    """Make `target` and what is mounted below it read-only, without devices and setuid.

    Kernels before 5.12, and containers that filter the newer call, get the top mount alone; there
    the file's own permissions hold for the rest.
    """
    attributes = struct.pack("=QQQQ", MS_RDONLY | MS_NOSUID | MS_NODEV, 0, 0, 0)
    try:
        call(
            "mount_setattr", _AT_FDCWD, target.encode(), _AT_RECURSIVE, attributes, len(attributes)
        )
    except OSError:
        # Flags that the mount came with are locked in a user namespace, and must be repeated.
        locked = os.statvfs(target).f_flag & (MS_NOEXEC | 1024 | 2048)
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | locked
        mount(None, target, None, flags)


def pivot(root: str) -> None:
    """Make `root` (a mount) the root directory and let go of the old one."""
    old = f"{root}/.old"
    Path(old).mkdir(0o700)
    call("pivot_root", root.encode(), old.encode())
    os.chdir("/")
    call("umount2", b"/.old", MNT_DETACH)
    Path("/.old").rmdir()


def drop_bounding() -> None:
    """Empty the bounding set: no exec can bring a capability back."""
    for capability in range(_LAST_CAPABILITY):
        try:
            call("prctl", _PR_CAPBSET_DROP, capability, 0, 0, 0)
        except OSError:
            return


def hide() -> None:
    """Keep this process's memory and descriptors from others of its user."""
    call("prctl", _PR_SET_DUMPABLE, 0, 0, 0, 0)


def make_dumpable() -> None:
    """Let this process write to its own /proc again, after it has changed its user."""
    call("prctl", _PR_SET_DUMPABLE, 1, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent is gone."""
    call("prctl", _PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent dies."""
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def close_from(first: int) -> None:
    """Close every descriptor from `first` on."""
    call("close_range", first, 0xFFFFFFFF, 0)


def exec_descriptor(descriptor: int, argv: list[str], environment: dict[str, str]) -> None:
    """Replace this process by the program in an open file.

    Raises:
        OSError: the kernel refused; otherwise it does not return.
    """
    arguments = (ctypes.c_char_p * (len(argv) + 1))(*[os.fsencode(a) for a in argv], None)
    pairs = [os.fsencode(f"{name}={value}") for name, value in environment.items()]
    variables = (ctypes.c_char_p * (len(pairs) + 1))(*pairs, None)
    _syscall(
        ctypes.c_long(_NUMBERS["execveat"]),
        ctypes.c_long(descriptor),
        ctypes.c_char_p(b""),
        arguments,
        variables,
        ctypes.c_long(_AT_EMPTY_PATH),
    )
    raise OSError(ctypes.get_errno(), f"execveat: {os.strerror(ctypes.get_errno())}")
