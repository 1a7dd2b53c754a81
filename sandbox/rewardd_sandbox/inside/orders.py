"""What the worker tells a zygote: nothing in it comes from a policy or a reference."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Setup:
    """What a zygote makes of itself before it takes orders.

    Attributes:
        become: user and group to turn into first; None to stay.
        user_namespace, namespaces: which of them to enter.
        roots: files and directories that jails may read.
        cache: directory of ours on the host that jails find, read-only, at `slotroot.CACHE`.
        preload: import what submissions import.
        numpy: import numpy as well.
        landlock_cap: act as if the kernel had no newer Landlock; None for what it has.
        jail_ids: user and group of jails, of a jail's companion; None to keep the zygote's.
    """

    become: int | None
    user_namespace: bool
    namespaces: bool
    roots: list[str]
    cache: str
    preload: bool
    numpy: bool
    landlock_cap: int | None
    jail_ids: list[int] | None


@dataclass(frozen=True)
class Order:
    """One jail. Descriptors come beside it: see `DESCRIPTORS`.

    Attributes:
        runner: run Python in this process; else exec what the payload says.
        companion: the second jail of a submission; has its own user where there are several.
        cpu_seconds: RLIMIT_CPU, the net below the worker's own clock.
        address_bytes, data_bytes: RLIMIT_AS, RLIMIT_DATA; None for none.
        tasks: RLIMIT_NPROC; None for none.
        processes, memfd, shared: see `seccomp.Rules`.
        work_bytes, inodes: of the private work directory, where there is one.
        work: the directory to start in; the mount point of that directory, or one on the host.
        proc: mount the jail's own /proc.
        writable: files or directories on the host that may be written (no private directory).
        hand_over: send the open work directory back, so that files can be fetched.
    """

    runner: bool
    companion: bool
    cpu_seconds: int
    address_bytes: int | None
    data_bytes: int | None
    file_bytes: int
    descriptors: int
    tasks: int | None
    processes: bool
    memfd: bool
    shared: bool
    work_bytes: int
    inodes: int
    work: str
    proc: bool
    hand_over: bool
    writable: list[str] = field(default_factory=list[str])


DESCRIPTORS = ("stdin", "stdout", "stderr", "go", "control", "setup", "payload")
STDIN, STDOUT, STDERR, GO, CONTROL, SETUP, PAYLOAD, BINARY = range(8)
"""Where a jail finds them; BINARY is there when the payload says so."""

SET_UP = b"ready"
"""What a jail says on `setup` when it stands, before it looks at a program."""

REPORT = ">cI"
"""A frame on `control`: what happened, and a number (exit code, or length of what follows)."""

GO_FRAME = "<cQ"
"""A frame on `go`: what to do, and the seed of this test."""

NEXT_TEST, QUICK_EXIT, REAL_SHUTDOWN = "next", "quick", "shutdown"
"""What comes after a test: another one, an end after the program's own hooks and finalizers, or the
interpreter's real shutdown, which takes as long as the rest of a short test."""

RUN_STDIO, RUN_CALL = b"t", b"c"
READY, DONE, RAISED, MEMORY, VALUE, UNSUPPORTED, NO_ENTRY, NOT_COMPILED = (
    b"r", b"d", b"e", b"m", b"v", b"u", b"n", b"c",
)  # fmt: skip
