"""A slot's namespaces and its root directory, made once by its zygote."""

import os
import socket
from collections.abc import Sequence
from pathlib import Path

from rewardd_sandbox.inside import kernel

WORK = "/sandbox/home"
"""The mount point of a jail's own work directory."""
CACHE = "/sandbox/cache"
"""Where jails find what compilers may share."""

_STAGES = ("/mnt", "/media", "/srv", "/opt", "/var/empty", "/home", "/tmp")  # noqa: S108  covered, not used
_DEVICES = ("null", "zero", "full", "random", "urandom")
_TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_LINKS = {
    "/dev/stdin": f"{WORK}/.stdin",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
    "/dev/fd": "/proc/self/fd",
    "/dev/shm": WORK,  # noqa: S108  a link in the jail's own root
    "/tmp": WORK,  # noqa: S108  a link in the jail's own root
    "/var/tmp": WORK,  # noqa: S108  a link in the jail's own root
}


class StepError(Exception):
    """A step of the set-up that the kernel refused."""

    def __init__(self, step: str, error: OSError) -> None:
        super().__init__(f"{step}: {error.strerror or error}")
        self.step = step
        self.errno = error.errno or 0


def enter_user_namespace() -> None:
    """Enter a user namespace in which this user keeps its number.

    Raises:
        StepError: there are none for us.
    """
    uid, gid = os.getuid(), os.getgid()
    try:
        kernel.unshare(kernel.CLONE_NEWUSER)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            Path(f"/proc/self/{name}").write_text(text)
    except OSError as error:
        raise StepError("user namespace", error) from error


def enter_namespaces() -> None:
    """Enter mount, network, IPC and host name namespaces of the slot's own.

    Raises:
        StepError: the kernel refused.
    """
    for name, flag in (
        ("mount namespace", kernel.CLONE_NEWNS),
        ("network namespace", kernel.CLONE_NEWNET),
        ("ipc namespace", kernel.CLONE_NEWIPC),
        ("uts namespace", kernel.CLONE_NEWUTS),
    ):
        try:
            kernel.unshare(flag)
        except OSError as error:
            raise StepError(name, error) from error
    try:
        socket.sethostname("sandbox")
    except OSError as error:
        raise StepError("host name", error) from error


def build(roots: Sequence[str], cache: str) -> None:
    """Make the jail's root directory out of `roots`, read-only, and nothing else.

    Args:
        roots: files and directories to show at their own places.
        cache: directory of the host to show at `CACHE`.

    Raises:
        StepError: the kernel refused a mount.
    """
    stage = _stage(roots)
    try:
        kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        kernel.mount("rewardd", stage, "tmpfs", flags, "size=1m,mode=755")
        for root in sorted({os.path.realpath(root) for root in roots}):
            _show(stage, root)
        _top_directories(stage, roots)
        _devices(stage)
        for name in (WORK, CACHE, "/proc"):
            Path(stage + name).mkdir(0o755, parents=True)
        kernel.mount(cache, stage + CACHE, None, kernel.MS_BIND)
        kernel.protect_mounts(stage + CACHE)
        for link, target in _LINKS.items():
            place = Path(stage + link)
            place.parent.mkdir(0o755, parents=True, exist_ok=True)
            if not place.is_dir():
                place.symlink_to(target)
        kernel.pivot(stage)
        kernel.mount(None, "/", None, kernel.MS_REMOUNT | kernel.MS_RDONLY | flags, "size=1m")
    except OSError as error:
        raise StepError("mount", error) from error


def _stage(roots: Sequence[str]) -> str:
    """Return a directory to build on: one that no root lies below."""
    for place in _STAGES:
        if Path(place).is_dir() and not any(r == place or r.startswith(f"{place}/") for r in roots):
            return place
    raise StepError("mount", OSError(0, "no directory to build the root on"))


def _show(stage: str, root: str) -> None:
    target = Path(stage + root)
    if os.path.lexists(target) or not Path(root).exists():
        return  # inside a root that is shown already, or not there on this machine
    _stand_in(target, folder=Path(root).is_dir())
    kernel.mount(root, str(target), None, kernel.MS_BIND | kernel.MS_REC)
    kernel.protect_mounts(str(target))


def _stand_in(target: Path, *, folder: bool) -> None:
    """Make what a mount can cover."""
    target.parent.mkdir(0o755, parents=True, exist_ok=True)
    if folder:
        target.mkdir(0o755, exist_ok=True)
    else:
        target.touch(0o644)


def _top_directories(stage: str, roots: Sequence[str]) -> None:
    """Give /bin, /lib and the like as they are here: links into /usr, or directories."""
    if "/usr" not in roots:
        return
    for name in _TOP:
        place = Path(f"/{name}")
        if place.is_symlink():
            Path(f"{stage}/{name}").symlink_to(place.readlink())
        elif place.is_dir():
            _show(stage, f"/{name}")


def _devices(stage: str) -> None:
    for name in _DEVICES:
        if Path(f"/dev/{name}").exists():
            target = Path(f"{stage}/dev/{name}")
            _stand_in(target, folder=False)
            kernel.mount(f"/dev/{name}", str(target), None, kernel.MS_BIND)
