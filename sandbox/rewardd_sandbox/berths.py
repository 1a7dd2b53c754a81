"""Where a slot's jails live: in each berth one at a time, with zygotes and a group of its own.

Who shares neither a pid namespace nor a control group can neither see nor signal another, and pays
for nothing but what it and its children do.
"""

from collections.abc import Callable, Mapping

from rewardd_sandbox import clocks
from rewardd_sandbox.cells import Cell, Ground, Kind
from rewardd_sandbox.cgroups import SlotGroup
from rewardd_sandbox.inside.orders import Setup
from rewardd_sandbox.zygote_link import Zygote

_RETIRE_AFTER = 2000
"""Jails of one zygote: its pages slowly stop being shared."""
_START_BYTES = 4 << 30
_START_TASKS = 64
"""What a zygote may take while it starts, whatever an earlier jail was allowed."""


class Berth:
    """A place for one jail.

    Args:
        users: of a jail and of a companion, where they have users of their own.
    """

    def __init__(self, ground: Ground, users: tuple[int, int], group: SlotGroup | None) -> None:
        self._ground = ground
        self._users = users
        self.group = group
        self._zygotes: dict[Kind, Zygote] = {}
        self._kills = 0

    @property
    def zygotes(self) -> Mapping[Kind, Zygote]:
        """Those that have been started."""
        return self._zygotes

    @property
    def free(self) -> bool:
        """Whether no jail lives here."""
        return not any(zygote.jails for zygote in self._zygotes.values())

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
        if self.group is not None:
            self.group.limit(_START_BYTES, _START_TASKS)
        joins = [] if self.group is None else self.group.joins()
        ground = self._ground
        path, environment = ground.interpreter.path, ground.environment
        setup = self._setup(kind)
        started = await Zygote.start(path, setup, environment, joins, ground.patience)
        self._zygotes[kind] = started
        return started

    def _setup(self, kind: Kind) -> Setup:
        ground, footing = self._ground, self._ground.footing
        return Setup(
            become=self._users[0] if footing.drop_first else None,
            user_namespace=footing.user_namespace,
            namespaces=footing.namespaces,
            roots=list(ground.roots),
            cache=str(ground.cache),
            preload=kind is not Kind.EXEC,
            numpy=kind is Kind.NUMPY,
            landlock_cap=ground.landlock_cap,
            jail_ids=list(self._users) if footing.separate_users else None,
        )

    def tasks(self) -> int:
        """Return how many processes are ours here."""
        return sum(len(zygote.household) for zygote in self._zygotes.values())

    def limit(self, cell: Cell) -> None:
        """Write the group's limits for a jail, on top of what it holds now."""
        if self.group is None:
            return
        self._kills = self.group.kills()
        held_bytes = self.group.memory_bytes() + cell.memory_bytes
        self.group.limit(held_bytes, self.tasks() + cell.processes + cell.threads)

    def clock(self, cell: Cell) -> Callable[[], float] | None:
        """Return what counts for a jail in place of its own clock; None for that one."""
        return None if self.group is None or cell.processes <= 1 else self.group.cpu_seconds

    def counts_all(self, cell: Cell) -> bool:
        """Whether a jail's clock counts all its processes: else one could starve another."""
        return self.group is not None or cell.processes <= 1

    def memory_kills(self) -> int:
        """Return how often the kernel killed for memory since the last jail began."""
        return 0 if self.group is None else self.group.kills() - self._kills

    def share_bytes(self, cell: Cell, zygote: Zygote, otherwise: int) -> int:
        """Return what a jail has mapped from its start on."""
        if cell.kind is Kind.EXEC:
            return cell.share_bytes
        return clocks.virtual_bytes(zygote.pid) or otherwise

    def clean(self) -> bool:
        """Whether nothing but our own processes is left, as far as anyone counts."""
        if self.group is None:
            return True
        ours = {pid for zygote in self._zygotes.values() for pid in zygote.household}
        return not self.group.pids() - ours

    def close_zygotes(self) -> None:
        """End the zygotes, and with them their namespaces."""
        for zygote in self._zygotes.values():
            zygote.kill()
        self._zygotes.clear()

    def close(self) -> None:
        """Leave nothing behind."""
        self.close_zygotes()
        if self.group is not None:
            self.group.remove()
