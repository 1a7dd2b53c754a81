"""One slot: its berths, its users and its directory; one submission at a time."""

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from rewardd_sandbox.berths import Berth
from rewardd_sandbox.cells import Cell, Ground, Kind
from rewardd_sandbox.cgroups import SlotGroup
from rewardd_sandbox.child import Child
from rewardd_sandbox.errors import SetupError
from rewardd_sandbox.inside.orders import Order
from rewardd_sandbox.inside.slotroot import WORK
from rewardd_sandbox.zygote_link import Zygote

_MIB = 1 << 20
_THREAD_STACKS = 192 * _MIB
"""Address space beside the limit: threads reserve far more than they touch."""
_FALLBACK_SHARE = 256 * _MIB
_OWN_USER_TASKS = 256
"""Where jails share our user: so many more of its processes than there are now."""


class Slot:
    """A place for one submission and its companions; rebuilt whenever it is in doubt."""

    def __init__(
        self, number: int, ground: Ground, group: Callable[[str], SlotGroup] | None
    ) -> None:
        self._number = number
        self._ground = ground
        self._make_group = group
        self._berths = [self._berth(0)]
        self._baseline_tasks = _own_tasks() if not self._isolated_users else 0
        self._directories = 0
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
    def users(self) -> tuple[int, int]:
        """The users of a jail and of its companion, where jails have their own."""
        first = self._ground.first_user + 2 * self._number
        return first, first + 1

    async def start(self, cell: Cell, payload: bytes, binary: int | None = None) -> Child:
        """Fork a jail.

        Raises:
            SandboxError: the slot is in trouble, and rebuilt before its next use.
        """
        try:
            berth = self._free_berth(companion=cell.companion)
            zygote = await berth.warm(cell.kind)
            berth.limit(cell)
            work = self._make_work(cell)
            order = self._order(cell, berth, zygote, work)
            child = await Child.start(zygote, order, payload, berth, cell, binary=binary)
        except OSError as error:
            self.doubtful = True
            raise SetupError("work directory", error.errno or 0, str(error)) from error
        except BaseException:
            self.doubtful = True
            raise
        if not self._ground.footing.namespaces and cell.hand_over:
            child.directory = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        child.work = None if self._ground.footing.namespaces else Path(work)
        return child

    def _free_berth(self, *, companion: bool) -> Berth:
        """Return a berth with no jail in it: companions have others than submissions.

        Without namespaces jails do not see each other, and all can come from one zygote.
        """
        if not self._ground.footing.namespaces:
            return self._berths[0]
        for berth in self._berths[companion:]:
            if berth.free:
                return berth
        self._berths.append(self._berth(len(self._berths)))
        return self._berths[-1]

    def _berth(self, index: int) -> Berth:
        name = f"slot{self._number}" + (f"-{index}" if index else "")
        group = None if self._make_group is None else self._make_group(name)
        return Berth(self._ground, self.users, group)

    def _order(self, cell: Cell, berth: Berth, zygote: Zygote, work: str) -> Order:
        grouped, namespaces = berth.group is not None, self._ground.footing.namespaces
        bound = None
        if not grouped:
            bound = berth.share_bytes(cell, zygote, _FALLBACK_SHARE) + cell.memory_bytes
        tasks = self._baseline_tasks + sum(each.tasks() for each in self._berths)
        return Order(
            runner=cell.kind is not Kind.EXEC,
            companion=cell.companion,
            cpu_seconds=cell.cpu_seconds,
            address_bytes=None if bound is None or cell.by_data else bound + _THREAD_STACKS,
            data_bytes=bound if cell.by_data else None,
            file_bytes=cell.file_bytes,
            descriptors=cell.descriptors,
            tasks=tasks + cell.processes + cell.threads,
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

    def sweep(self) -> None:
        """End a submission: make sure that nothing of it is left, or rebuild the slot."""
        footing = self._ground.footing
        if not footing.namespaces:
            shutil.rmtree(self._ground.state / f"slot{self._number}", ignore_errors=True)
        self.doubtful |= not all(berth.clean() for berth in self._berths)
        if self.doubtful:
            self.rebuild()

    async def sweep_build(self, child: Child, *, companion: bool) -> None:
        """Kill whatever a compiler has left, where no namespace held it together."""
        footing = self._ground.footing
        if not footing.namespaces:
            await child.sweep(self.users[companion] if footing.separate_users else None)

    def rebuild(self) -> None:
        """Begin anew with fresh zygotes."""
        for berth in self._berths:
            berth.close_zygotes()
        self.doubtful = False

    def close(self) -> None:
        """Leave nothing behind."""
        for berth in self._berths:
            berth.close()
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
