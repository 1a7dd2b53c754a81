"""Who owns a container: a name by which any process here can tell whether its owner still lives."""

import os
from pathlib import Path


def name() -> str:
    """Name this process so that another on this machine can tell whether it still lives."""
    return f"{_place()}/{os.getpid()}/{_born(os.getpid())}"


def _place() -> str:
    """Name the machine's boot and the process namespace: numbers mean something only in there.

    Empty where the system tells neither.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink().name}"
    except OSError:
        return ""


def _born(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; "" if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def orphaned(owner: str) -> bool:
    """Whether a container's owner is known to be dead; those of other machines are left alone."""
    place, _, rest = owner.rpartition("/")[0].rpartition("/")
    if place != _place() or not place or not rest.isdigit():
        return False
    return _born(int(rest)) != owner.rpartition("/")[2]
