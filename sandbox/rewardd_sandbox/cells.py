"""What jails stand on, and what one of them needs beyond that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from rewardd_sandbox.inside.slotroot import CACHE
from rewardd_sandbox.lookout import Patience
from rewardd_sandbox.tiers import Footing
from rewardd_sandbox.toolchains import Interpreter


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
        patience: how long waits may hold up the event loop.
    """

    footing: Footing
    interpreter: Interpreter
    roots: tuple[str, ...]
    environment: Mapping[str, str]
    first_user: int
    state: Path
    landlock_cap: int | None = None
    patience: Patience = field(default_factory=Patience)

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
        companion: the second jail of a submission; it has its own user where there are several.
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
    streamed: bool = False
    writable: tuple[str, ...] = ()
    files: tuple[tuple[str, bytes], ...] = ()
