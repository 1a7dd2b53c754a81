"""What a process has used and waited for, seen from outside."""

import time
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of all threads of a process; 0 once it is gone. Children not."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    except OSError:
        return 0.0


def waited_seconds(pid: int) -> float:
    """Return how long a process was ready and had no processor; 0 where nobody tells."""
    try:
        fields = Path(f"/proc/{pid}/schedstat").read_text().split()
    except OSError:
        return 0.0
    return int(fields[1]) / 1e9 if len(fields) > 1 else 0.0


def virtual_bytes(pid: int) -> int:
    """Return the size of a process's address space; 0 where nobody tells."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * 4096
    except OSError:
        return 0
