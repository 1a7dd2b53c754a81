"""What programs could leave on a machine, looked for from outside their jails."""

import contextlib
import ctypes
import gc
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/", "/root")  # noqa: S108  looked at
_STATES = "rewardd-sandbox-{}-*"
_ZYGOTE = b"rewardd_sandbox.inside"


@dataclass(frozen=True, slots=True)
class Size:
    """What this worker and its zygotes hold: memory in KiB, and descriptors."""

    worker_kib: int
    worker_descriptors: int
    zygotes: int
    zygote_kib: int
    zygote_descriptors: int


def size() -> Size:
    """Measure now; of zygotes, the largest of each.

    What this process has freed goes back to the kernel first: how much it once held at a time is
    chance, what it keeps is not.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    zygotes = list(_zygotes())
    return Size(
        _resident_kib(os.getpid()),
        _descriptors(os.getpid()),
        len(zygotes),
        max(map(_resident_kib, zygotes), default=0),
        max(map(_descriptors, zygotes), default=0),
    )


def found(mark: str, ipc_key: int, users: range) -> dict[str, list[str]]:
    """Name what carries the mark, the key or the users of jails; others may be at work here."""
    return {
        "processes": list(_processes(mark, users)),
        "mounts": list(_lines("/proc/self/mountinfo", mark)),
        "cgroups": _cgroups(mark),
        "files": list(_files(mark, users)),
        "sockets": [*_lines("/proc/net/unix", mark), *_open_ports(users)],
        "keys": list(_keys(mark, users)),
        "IPC": list(_ipc(ipc_key, users)),
    }


def ours() -> dict[str, list[str]]:
    """Name what a sandbox of this process has and must have no more once it is closed."""
    pid = os.getpid()
    state = _STATES.format(pid)
    return {
        "children": [str(child) for child in _children(pid)],
        "mounts": list(_lines("/proc/self/mountinfo", f"rewardd-sandbox-{pid}-")),
        "cgroups": _cgroups(f"rewardd-sandbox-{pid}-*"),
        "files": [str(place) for place in Path("/tmp").glob(state)],  # noqa: S108  looked at
    }


def _zygotes() -> Iterator[int]:
    for child in _children(os.getpid()):
        with contextlib.suppress(OSError):
            if _ZYGOTE in Path(f"/proc/{child}/cmdline").read_bytes():
                yield child


def _children(pid: int) -> Iterator[int]:
    for place in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, place.read_text().split())


def _resident_kib(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _processes(mark: str, users: range) -> Iterator[str]:
    """Yield what is neither a zygote that waits nor dead and init's to reap."""
    known = set(_zygotes())
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            name, _, rest = (place / "stat").read_text().rpartition(")")
            state, parent = rest.split()[:2]
            if (state, parent) == ("Z", "1") or int(place.name) in known:
                continue
            if place.stat().st_uid in users or mark[:15] in name:
                yield f"{name}) {state}"


def _lines(file: str, mark: str) -> Iterator[str]:
    with contextlib.suppress(OSError):
        text = Path(file).read_text(encoding="utf-8", errors="replace")
        yield from (line for line in text.splitlines() if mark in line)


def _cgroups(name: str) -> list[str]:
    depths = ("", "*/", "*/*/", "*/*/*/")
    return [str(p) for depth in depths for p in Path("/sys/fs/cgroup").glob(depth + name)]


def _files(mark: str, users: range) -> Iterator[str]:
    for folder in _FOLDERS:
        with contextlib.suppress(OSError):
            for place in Path(folder).iterdir():
                with contextlib.suppress(OSError):
                    if mark in place.name or place.lstat().st_uid in users:
                        yield str(place)
    for state in Path("/tmp").glob(_STATES.format(os.getpid())):  # noqa: S108  looked at
        yield from (str(place) for place in state.rglob("*") if mark in place.name)
        yield from (str(place) for place in state.glob("slot*/*"))


def _open_ports(users: range) -> Iterator[str]:
    for kind in ("tcp", "tcp6", "udp", "udp6", "raw"):
        yield from _owned(f"/proc/net/{kind}", 7, users)


def _keys(mark: str, users: range) -> Iterator[str]:
    yield from _lines("/proc/keys", mark)
    yield from (
        line for line in _lines("/proc/key-users", ":") if int(line.partition(":")[0]) in users
    )


def _ipc(key: int, users: range) -> Iterator[str]:
    signed = str(key - (1 << 32) if key >= 1 << 31 else key)
    for kind, column in (("shm", 7), ("sem", 4), ("msg", 7)):
        place = f"/proc/sysvipc/{kind}"
        yield from (line for line in _lines(place, signed) if line.split()[0] == signed)
        yield from _owned(place, column, users)


def _owned(file: str, column: int, users: Iterable[int]) -> Iterator[str]:
    """Yield the rows of a table of the kernel's that belong to users."""
    with contextlib.suppress(OSError):
        for line in Path(file).read_text().splitlines()[1:]:
            fields = line.split()
            if len(fields) > column and int(fields[column]) in users:
                yield f"{file}: {line.strip()}"
