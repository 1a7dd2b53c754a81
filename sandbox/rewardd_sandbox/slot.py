"""One slot: its zygotes, its group, its users and its directory; one submission at a time."""

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rewardd_sandbox import clocks
from rewardd_sandbox.cgroups import SlotGroup
from rewardd_sandbox.child import Child
from rewardd_sandbox.errors import SandboxError, SetupError
from rewardd_sandbox.inside.orders import Order, Setup
from rewardd_sandbox.inside.slotroot import CACHE, WORK
from rewardd_sandbox.tiers import Footing
from rewardd_sandbox.toolchains import Interpreter
from rewardd_sandbox.zygote_link import Zygote

_MIB = 1 << 20
_RETIRE_AFTER = 2000
"""Jails of one zygote: its pages slowly stop being shared."""
_THREAD_STACKS = 192 * _MIB
"""Address space beside the limit: threads reserve far more than they touch."""
_FALLBACK_SHARE = 256 * _MIB
_OWN_USER_TASKS = 256
"""Where jails share our user: so many more of its processes than there are now."""


class Kind(StrEnum):
    """What a zygote has loaded; page tables are the cost of a fork."""

    PYTHON = "python"
    NUMPY = "numpy"
    EXEC = "exec"


@dataclass(frozen=True, slots=True)
class Ground:
    """What all slots of a worker stand on.

    Attributes:
        first_user: slots take two users each from here on, where jails have their own.
        state: directory of ours on the host, for tiers without mounts.
    """

    footing: Footing
    interpreter: Interpreter
    roots: tuple[str, ...]
    environment: Mapping[str, str]
    first_user: int
    state: Path
    landlock_cap: int | None = None

    @property
    def cache(self) -> Path:
        """Where the worker puts what compilers may share."""
        return self.state / "cache"

    @property
    def cache_inside(self) -> str:
        """The same as jails see it."""
        return CACHE if self.footing.namespaces else str(self.cache)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one jail needs beyond the defaults of its tier.

    Attributes:
        kind: of the zygote that it is forked from.
        memory_bytes: the limit; `share_bytes` is what the runtime takes on top of it.
        by_data: count private data, not address space, where there is no cgroup.
        companion, suspect: of a submission; and whether it holds what a policy wrote as well.
        streamed: standard input is a pipe, for a conversation.
        writable: names in the work directory that may be written where nothing can be created;
            "" for all of it.
    """

    kind: Kind
    memory_bytes: int
    share_bytes: int
    by_data: bool
    cpu_seconds: int
    processes: int
    threads: int
    descriptors: int
    file_bytes: int
    inodes: int
    proc: bool = False
    hand_over: bool = False
    companion: bool = False
    suspect: bool = False
    streamed: bool = False
    writable: tuple[str, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()


class Slot:
    """A place for one submission and its companion; rebuilt whenever it is in doubt."""

    def __init__(
        self, number: int, ground: Ground, group: Callable[[str], SlotGroup] | None
    ) -> None:
        self._number = number
        self._ground = ground
        self._group = None if group is None else group(f"slot{number}")
        self._zygotes: dict[Kind, Zygote] = {}
        self._baseline_tasks = _own_tasks() if not self._isolated_users else 0
        self._directories = 0
        self._held_bytes = 0
        self._held_tasks = 0
        self._kills = 0
        self._companions: list[Child] = []
        self.doubtful = False

    @property
    def ground(self) -> Ground:
        """What this slot stands on."""
        return self._ground

    @property
    def _isolated_users(self) -> bool:
        footing = self._ground.footing
        return footing.separate_users or footing.namespaces

    @property
    def group(self) -> SlotGroup | None:
        """The slot's control group, in tier A."""
        return self._group

    @property
    def users(self) -> tuple[int, int]:
        """The users of a jail and of its companion, where jails have their own."""
        first = self._ground.first_user + 2 * self._number
        return first, first + 1

    async def warm(self, kind: Kind) -> Zygote:
        """Return a zygote of a kind, starting it if need be.

        Raises:
            SetupError: the kernel refused a step.
            LostError: it died.
        """
        zygote = self._zygotes.get(kind)
        if zygote is not None and zygote.alive and zygote.spawned < _RETIRE_AFTER:
            return zygote
        if zygote is not None:
            zygote.kill()
        footing, ground = self._ground.footing, self._ground
        setup = Setup(
            become=self.users[0] if footing.drop_first else None,
            user_namespace=footing.user_namespace,
            namespaces=footing.namespaces,
            roots=list(ground.roots),
            cache=str(ground.cache),
            preload=kind is not Kind.EXEC,
            numpy=kind is Kind.NUMPY,
            landlock_cap=ground.landlock_cap,
            jail_ids=list(self.users) if footing.separate_users else None,
        )
        if self._group is not None:
            self._group.limit(_FALLBACK_SHARE * 16, 64)
        joins = [] if self._group is None else self._group.joins()
        started = await Zygote.start(ground.interpreter.path, setup, ground.environment, joins)
        self._zygotes[kind] = started
        return started

    async def start(self, cell: Cell, payload: bytes, binary: int | None = None) -> Child:
        """Fork a jail.

        Raises:
            SandboxError: the slot is in trouble, and rebuilt before its next use.
        """
        zygote = await self.warm(cell.kind)
        self._limit(cell)
        try:
            work = self._make_work(cell)
            order = self._order(cell, zygote, work)
            child = await Child.start(
                zygote, order, payload, binary=binary, cpu=self._clock(cell), streamed=cell.streamed
            )
        except OSError as error:
            self.doubtful = True
            raise SetupError("work directory", error.errno or 0, str(error)) from error
        except SandboxError:
            self.doubtful = True
            raise
        if not self._ground.footing.namespaces and cell.hand_over:
            child.directory = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        child.work = None if self._ground.footing.namespaces else Path(work)
        if cell.companion and not cell.suspect and self._group is not None:
            self._companions.append(child)
        return child

    def _clock(self, cell: Cell) -> Callable[[], float] | None:
        """Return what counts for a jail in place of its own clock; None for that one.

        The group counts a program and all that it starts, but also its companions, whose work is
        not its to pay. They have their own clocks: the program could run up any other.
        """
        group = self._group
        if group is None or cell.processes <= 1 or (cell.companion and not cell.suspect):
            return None
        return lambda: group.cpu_seconds() - sum(c.own_seconds() for c in self._companions)

    def _limit(self, cell: Cell) -> None:
        """Write the group's limits for this run, on top of what it holds now."""
        if self._group is None:
            return
        if not cell.companion:
            self._held_bytes = self._group.memory_bytes()
            self._held_tasks = len(self._zygotes)
            self._kills = self._group.kills()
        self._held_bytes += cell.memory_bytes
        self._held_tasks += cell.processes + cell.threads
        self._group.limit(self._held_bytes, self._held_tasks)

    def memory_kills(self) -> int:
        """Return how often the kernel killed for memory since this submission began."""
        return 0 if self._group is None else self._group.kills() - self._kills

    def _order(self, cell: Cell, zygote: Zygote, work: str) -> Order:
        grouped, namespaces = self._group is not None, self._ground.footing.namespaces
        bound = None if grouped else self._share(cell, zygote) + cell.memory_bytes
        return Order(
            runner=cell.kind is not Kind.EXEC,
            companion=cell.companion,
            cpu_seconds=cell.cpu_seconds,
            address_bytes=None if bound is None or cell.by_data else bound + _THREAD_STACKS,
            data_bytes=bound if cell.by_data else None,
            file_bytes=cell.file_bytes,
            descriptors=cell.descriptors,
            tasks=self._baseline_tasks + cell.processes + cell.threads + len(self._zygotes),
            processes=cell.processes > 1,
            memfd=grouped,
            shared=grouped or not cell.by_data,
            work_bytes=cell.file_bytes if namespaces else 0,
            inodes=cell.inodes,
            work=work,
            proc=cell.proc and namespaces,
            hand_over=cell.hand_over and namespaces,
            writable=[f"{work}/{name}" for name in cell.writable],
        )

    def _share(self, cell: Cell, zygote: Zygote) -> int:
        if cell.kind is Kind.EXEC:
            return cell.share_bytes
        return clocks.virtual_bytes(zygote.pid) or _FALLBACK_SHARE

    def _make_work(self, cell: Cell) -> str:
        """Return the directory to start in; without mounts, one on the host with the files."""
        if self._ground.footing.namespaces:
            return WORK
        self._directories += 1
        place = self._ground.state / f"slot{self._number}" / str(self._directories)
        place.mkdir(parents=True)
        for name, content in cell.files:
            file = place / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(0o755)
        for name in cell.writable:
            if name and not (place / name).exists():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                (place / name).touch()
            self._own(place / name if name else place, cell)
        return str(place)

    def _own(self, place: Path, cell: Cell) -> None:
        """Give a file to the jail's user."""
        footing = self._ground.footing
        if footing.separate_users or footing.drop_first:
            user = self.users[cell.companion and footing.separate_users]
            os.chown(place, user, user)

    async def sweep(self) -> None:
        """End a submission: make sure that nothing of it is left, or rebuild the slot."""
        footing = self._ground.footing
        self._companions.clear()
        if not footing.namespaces:
            shutil.rmtree(self._ground.state / f"slot{self._number}", ignore_errors=True)
        if self._group is not None:
            ours = {zygote.pid for zygote in self._zygotes.values()}
            self.doubtful |= bool(self._group.pids() - ours)
        if self.doubtful:
            await self.rebuild()

    async def sweep_build(self, child: Child, *, companion: bool) -> None:
        """Kill whatever a compiler has left, where no namespace held it together."""
        footing = self._ground.footing
        if not footing.namespaces:
            await child.sweep(self.users[companion] if footing.separate_users else None)

    async def rebuild(self) -> None:
        """Begin anew with fresh zygotes."""
        self.close_zygotes()
        self.doubtful = False

    def close_zygotes(self) -> None:
        """End the zygotes, and with them their namespaces."""
        for zygote in self._zygotes.values():
            zygote.kill()
        self._zygotes.clear()

    def close(self) -> None:
        """Leave nothing behind."""
        self.close_zygotes()
        if self._group is not None:
            self._group.remove()
        shutil.rmtree(self._ground.state / f"slot{self._number}", ignore_errors=True)


def _own_tasks() -> int:
    """Return how many processes and threads our user may have in all, for jails that share it."""
    count, user = _OWN_USER_TASKS, os.getuid()
    with contextlib.suppress(OSError):
        for place in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if place.name.isdigit() and place.stat().st_uid == user:
                    count += len(os.listdir(place / "task"))  # noqa: PTH208  a count, no paths
    return count
