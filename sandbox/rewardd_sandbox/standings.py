"""What a started sandbox holds: its slots, and the ground, users and groups that they stand on."""

import asyncio
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rewardd_sandbox import interpreters
from rewardd_sandbox.builds import Builder
from rewardd_sandbox.cells import Ground
from rewardd_sandbox.cgroups import Groups
from rewardd_sandbox.errors import SetupError
from rewardd_sandbox.inside.slotroot import WORK
from rewardd_sandbox.slot import Slot
from rewardd_sandbox.tiers import Footing
from rewardd_sandbox.toolchains import Toolchain
from rewardd_sandbox.users import Users

_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": WORK,
    "TMPDIR": WORK,
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}


def _no_slots() -> "asyncio.LifoQueue[Slot]":
    return asyncio.LifoQueue()


@dataclass(slots=True)
class Standing:
    """What a started sandbox holds."""

    ground: Ground
    builder: Builder
    slots: list[Slot]
    groups: Groups | None
    users: Users
    idle: "asyncio.LifoQueue[Slot]" = field(default_factory=_no_slots)

    def take_down(self) -> None:
        """Kill everything and remove every trace."""
        self.builder.close()
        for slot in self.slots:
            slot.close()
        if self.groups is not None:
            self.groups.remove()
        self.users.close()
        shutil.rmtree(self.ground.state, ignore_errors=True)


def ground(
    footing: Footing,
    found: Iterable[Toolchain],
    *,
    python: str | None,
    landlock_cap: int | None,
    first_user: int,
    state: Path,
) -> Ground:
    """Return what slots stand on, with the interpreter and all toolchains readable in it.

    Raises:
        SetupError: jails on this footing can read no interpreter.
    """
    interpreter = interpreters.choose(python, footing)
    roots = {root for toolchain in found for root in toolchain.roots}
    return Ground(
        footing=footing,
        interpreter=interpreter,
        roots=tuple(sorted({*interpreter.roots, *roots})),
        environment=_ENVIRONMENT,
        first_user=first_user,
        state=state,
        landlock_cap=landlock_cap,
    )


def users(first: int, slots: int, footing: Footing) -> Users:
    """Return users for jails, which no other worker has where the footing has use for them.

    Raises:
        SetupError: they are taken.
    """
    taken = Users(first, 2 * slots)
    if not taken.alone and (footing.separate_users or footing.drop_first):
        raise SetupError("users", 0, f"no {2 * slots} user numbers from {first} on are free")
    return taken
