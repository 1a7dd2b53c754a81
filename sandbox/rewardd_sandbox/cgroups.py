"""Control groups, version 1 and 2: one per slot, made once, limited before every run."""

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rewardd_sandbox import stale
from rewardd_sandbox.errors import SetupError

_V1_CONTROLLERS = ("memory", "pids", "cpuacct")
_LEAF = "rewardd-worker"


class SlotGroup(Protocol):
    """What a slot asks of its group."""

    def joins(self) -> list[int]:
        """Return open `cgroup.procs` files; write a pid to each to move it in."""
        ...

    def limit(self, memory_bytes: int, tasks: int) -> None:
        """Set what everything in the group may hold, from now on."""
        ...

    def cpu_seconds(self) -> float:
        """Return the CPU time of everything that ever ran in it."""
        ...

    def memory_bytes(self) -> int:
        """Return what is held now."""
        ...

    def peak_bytes(self) -> int | None:
        """Return the most held at once since `limit`, if the kernel tells."""
        ...

    def kills(self) -> int:
        """Return how often the kernel killed for memory."""
        ...

    def pids(self) -> set[int]:
        """Return who is in it."""
        ...

    def remove(self) -> None:
        """Kill what is in it and take it away."""
        ...


@dataclass(frozen=True, slots=True)
class _Files:
    """A group's files, held open: opening costs more than reading."""

    folder: Path
    names: Mapping[str, int]

    def read(self, name: str) -> bytes:
        return os.pread(self.names[name], 4096, 0)

    def write(self, name: str, value: int | str) -> None:
        os.pwrite(self.names[name], str(value).encode(), 0)

    def close(self) -> None:
        for descriptor in self.names.values():
            os.close(descriptor)


def _open(folder: Path, reading: Sequence[str], writing: Sequence[str]) -> _Files:
    folder.mkdir(exist_ok=True)
    names = {name: os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC) for name in reading}
    names |= {name: os.open(folder / name, os.O_RDWR | os.O_CLOEXEC) for name in writing}
    return _Files(folder, names)


def _count(text: bytes, key: bytes) -> int:
    """Return the number behind a word in a flat file."""
    words = text.split()
    return int(words[words.index(key) + 1]) if key in words else 0


class GroupV1:
    """A slot's groups under the three controllers of version 1."""

    def __init__(self, parents: Mapping[str, Path], name: str) -> None:
        self._memory = _open(
            parents["memory"] / name,
            ["memory.oom_control"],
            [
                "cgroup.procs",
                "memory.limit_in_bytes",
                "memory.max_usage_in_bytes",
                "memory.usage_in_bytes",
            ],
        )
        self._pids = _open(parents["pids"] / name, [], ["cgroup.procs", "pids.max"])
        self._cpu = _open(parents["cpuacct"] / name, ["cpuacct.usage"], ["cgroup.procs"])

    def joins(self) -> list[int]:
        """Return the files that take a process in."""
        return [files.names["cgroup.procs"] for files in (self._memory, self._pids, self._cpu)]

    def limit(self, memory_bytes: int, tasks: int) -> None:
        """Set the limits."""
        self._memory.write("memory.limit_in_bytes", memory_bytes)
        self._memory.write("memory.max_usage_in_bytes", 0)
        self._pids.write("pids.max", tasks)

    def cpu_seconds(self) -> float:
        """Return the CPU time used."""
        return int(self._cpu.read("cpuacct.usage")) / 1e9

    def memory_bytes(self) -> int:
        """Return the memory held."""
        return int(self._memory.read("memory.usage_in_bytes"))

    def peak_bytes(self) -> int | None:
        """Return the most memory held."""
        return int(self._memory.read("memory.max_usage_in_bytes"))

    def kills(self) -> int:
        """Return the kills for memory."""
        return _count(self._memory.read("memory.oom_control"), b"oom_kill")

    def pids(self) -> set[int]:
        """Return who is in it."""
        return {int(pid) for pid in self._pids.read("cgroup.procs").split()}

    def remove(self) -> None:
        """Take it away."""
        for files in (self._memory, self._pids, self._cpu):
            _empty(files)


class GroupV2:
    """A slot's group in the unified hierarchy.

    Its `memory.peak` never falls again (what resets it came with Linux 6.12, and for one reader
    alone): it tells of a run only if that run went beyond all before it.
    """

    def __init__(self, parent: Path, name: str) -> None:
        folder = parent / name
        folder.mkdir(exist_ok=True)
        peak = ["memory.peak"] if (folder / "memory.peak").exists() else []
        self._files = _open(
            folder,
            ["memory.events", "memory.current", "cpu.stat", *peak],
            ["cgroup.procs", "memory.max", "pids.max"],
        )
        self._peak_before = 0
        with contextlib.suppress(OSError):
            (folder / "memory.swap.max").write_text("0")
        with contextlib.suppress(OSError):
            # The kubelet may have set it above: it would take the zygote with the jail.
            (folder / "memory.oom.group").write_text("0")

    def joins(self) -> list[int]:
        """Return the files that take a process in."""
        return [self._files.names["cgroup.procs"]]

    def limit(self, memory_bytes: int, tasks: int) -> None:
        """Set the limits."""
        self._files.write("memory.max", memory_bytes)
        self._files.write("pids.max", tasks)
        self._peak_before = self._peak()

    def cpu_seconds(self) -> float:
        """Return the CPU time used."""
        return _count(self._files.read("cpu.stat"), b"usage_usec") / 1e6

    def memory_bytes(self) -> int:
        """Return the memory held."""
        return int(self._files.read("memory.current"))

    def peak_bytes(self) -> int | None:
        """Return the most memory held."""
        peak = self._peak()
        return peak if peak > self._peak_before else None

    def _peak(self) -> int:
        return int(self._files.read("memory.peak")) if "memory.peak" in self._files.names else 0

    def kills(self) -> int:
        """Return the kills for memory."""
        return _count(self._files.read("memory.events"), b"oom_kill")

    def pids(self) -> set[int]:
        """Return who is in it."""
        return {int(pid) for pid in self._files.read("cgroup.procs").split()}

    def remove(self) -> None:
        """Take it away."""
        _empty(self._files)


def _empty(files: _Files) -> None:
    """Kill what is left in a group and remove it."""
    with contextlib.suppress(OSError):
        if (files.folder / "cgroup.kill").exists():
            (files.folder / "cgroup.kill").write_text("1")  # all at once, new ones too
    with contextlib.suppress(OSError):
        for pid in files.read("cgroup.procs").split():
            os.kill(int(pid), signal.SIGKILL)
    files.close()
    with contextlib.suppress(OSError):
        files.folder.rmdir()


class Groups:
    """The groups of one worker: a folder per hierarchy, below the worker's own.

    `about` is where the kernel tells of this process's groups and mounts.

    Raises:
        SetupError: no hierarchy here can be written to.
    """

    def __init__(self, name: str, about: Path = Path("/proc/self")) -> None:
        try:
            self._unified, self._parents = _own_folders(name, about)
            for parent in self._parents.values():
                stale.remove_groups(parent.parent)
        except (OSError, KeyError, ValueError) as error:
            raise SetupError("cgroup", getattr(error, "errno", None) or 0, str(error)) from error

    def slot(self, name: str) -> SlotGroup:
        """Make a slot's group.

        Raises:
            SetupError: a controller is missing or cannot be written to.
        """
        try:
            if self._unified is not None:
                return GroupV2(self._unified, name)
            return GroupV1(self._parents, name)
        except OSError as error:
            raise SetupError("cgroup", error.errno or 0, f"cgroup: {error}") from error

    def remove(self) -> None:
        """Take the worker's own folders away, once the slots' are gone."""
        for folder in {*self._parents.values()}:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _own_folders(name: str, about: Path) -> tuple[Path | None, dict[str, Path]]:
    """Return where to put slots: one folder of version 2, or one per controller of version 1."""
    mounts = _mounts(about)
    mine = dict(_memberships(about))
    if all(controller in mounts for controller in _V1_CONTROLLERS):
        parents = {c: _below(mounts[c], mine[c]) / name for c in _V1_CONTROLLERS}
        for parent in parents.values():
            parent.mkdir(exist_ok=True)
        return None, parents
    own = _below(mounts[""], mine[""])
    _delegate(own)
    folder = own / name
    folder.mkdir(exist_ok=True)
    (folder / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    return folder, {"": folder}


def _below(mount: tuple[str, Path], membership: str) -> Path:
    """Return a group's folder; in a container the mount shows a part of the hierarchy."""
    root, point = mount
    inner = membership.removeprefix(root) if root != "/" else membership
    inner = inner.removesuffix(f"/{_LEAF}")
    place = point / inner.lstrip("/")
    return place if place.is_dir() else point


def _mounts(about: Path) -> dict[str, tuple[str, Path]]:
    """Return root and mount point by controller; "" for version 2."""
    found: dict[str, tuple[str, Path]] = {}
    for line in (about / "mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if kind[0] == "cgroup2":
            found[""] = (fields[3], Path(fields[4]))
        elif kind[0] == "cgroup":
            for controller in kind[2].split(","):
                found.setdefault(controller, (fields[3], Path(fields[4])))
    return found


def _memberships(about: Path) -> list[tuple[str, str]]:
    """Return this process's groups by controller; "" for version 2."""
    rows = [line.split(":", 2) for line in (about / "cgroup").read_text().splitlines()]
    return [(name, row[2]) for row in rows for name in row[1].split(",")]


def _delegate(own: Path) -> None:
    """Enable the controllers below our own group; its processes must stand in a leaf for that."""
    try:
        (own / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    except OSError:
        leaf = own / _LEAF
        leaf.mkdir(exist_ok=True)
        for pid in (own / "cgroup.procs").read_text().split():
            (leaf / "cgroup.procs").write_text(pid)
        (own / "cgroup.subtree_control").write_text("+memory +pids +cpu")
