"""What Linux offers and the standard library does not."""

import ctypes
import os
import resource
import signal
import time
from pathlib import Path
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
_CPUCLOCK_SCHED: Final = 2
_PAGE_BYTES: Final = resource.getpagesize()


def die_with(parent_pid: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel signal this process when the parent's thread that started it ends.

    Raises:
        SystemExit: the parent is gone already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent_pid:
        raise SystemExit(1)


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time that process `pid` has used, all its threads; None if it is gone."""
    try:
        return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
    except OSError:
        return None


def resident_bytes(pid: int) -> int:
    """Return the resident memory of process `pid`; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


def address_space_bytes() -> int:
    """Return the size of this process's address space."""
    return int(Path("/proc/self/statm").read_bytes().split()[0]) * _PAGE_BYTES
