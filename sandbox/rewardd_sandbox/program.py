"""A program to run, its limits, one input, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one test may spend; the unit is part of each name.

    Attributes:
        cpu_seconds: decides; taken outside, over all threads.
        wall_seconds: a net for sleepers; None for three times the CPU limit and two seconds. A
            jail that had to wait for a processor gets that time back.
        wall_extension: how many times the wall limit such a jail may take; 1 gives nothing back.
        memory_mib: of all processes together in tier A, else of the address space.
        output_bytes: of standard output.
        processes: how many may live at once; None for what the tier can count (A: 64, else 1).
        file_mib, inodes: size of the private work directory; the size also bounds each file.
        build_cpu_seconds, build_memory_mib: of a compiler.
    """

    cpu_seconds: float = 5.0
    wall_seconds: float | None = None
    wall_extension: int = 10
    memory_mib: int = 512
    output_bytes: int = 1 << 20
    processes: int | None = None
    file_mib: int = 16
    inodes: int = 1024
    build_cpu_seconds: float = 10.0
    build_memory_mib: int = 1024

    @property
    def wall_net_seconds(self) -> float:
        """The wall limit, before any time is given back."""
        return 3 * self.cpu_seconds + 2 if self.wall_seconds is None else self.wall_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Source files and how to run them.

    Attributes:
        language: a name of the table in `languages`.
        files: by name relative to the work directory, the main one among them.
        main: name of the file that is compiled or run.
        arguments: what follows the program's name on its command line.
        prelude: offer the names of the usual imports behind the builtins (Python).
        stdin_file: the input is also written to this name before each test.
        fetch: names of files to read back after each test, which then always runs alone.
        strict: each test gets a fresh process, also when it is fed.
        dialogue: a call may use `__ask__(value)` (Python): its value comes as the answer, and the
            next call's input, encoded, is what `__ask__` returns.
    """

    language: str
    files: Mapping[str, bytes]
    main: str
    arguments: tuple[str, ...] = ()
    prelude: bool = False
    stdin_file: str | None = None
    fetch: tuple[str, ...] = ()
    strict: bool = False
    dialogue: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One input.

    Attributes:
        stdin: standard input; for a call, the request as `rewardd_sandbox.codec` encodes it.
        call: the input is a request to call a function, and the answer has a value.
        files: further files in the work directory, for a program that is exec'ed.
        extra_output_bytes: allowed on top of the limit, for tests that print much by nature.
    """

    stdin: bytes
    call: bool = False
    extra_output_bytes: int = 0
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


class End(StrEnum):
    """How a test ended; every member is the program's doing, never the sandbox's."""

    EXITED = "exited"
    SIGNALLED = "signalled"
    CPU_LIMIT = "cpu_limit"
    WALL_LIMIT = "wall_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    FILE_LIMIT = "file_limit"
    NO_ENTRY = "no_entry"
    UNSUPPORTED = "unsupported"
    BROKEN = "broken"

    @property
    def limit(self) -> bool:
        """Whether a limit ended it."""
        return self in _LIMITS


_LIMITS = frozenset(
    {End.CPU_LIMIT, End.WALL_LIMIT, End.MEMORY_LIMIT, End.OUTPUT_LIMIT, End.FILE_LIMIT}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one test left behind.

    Attributes:
        value: of a call, still encoded; None where there was none.
        stderr_tail: the last of standard error: for people, never for judging.
        exit_code: where the program ended by itself; `signal` where one killed it.
        peak_mib: most memory held at once, where known.
        files: those asked for that are there, as far as the limit goes.
        alone: whether it ran in a fresh process.
    """

    end: End
    stdout: bytes = b""
    value: bytes | None = None
    stderr_tail: bytes = b""
    exit_code: int | None = None
    signal: int | None = None
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_mib: float | None = None
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    alone: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """What a conversation of a program with its companion left behind.

    Attributes:
        answer, companion: of both; `stdout` is all that a side said.
        companion_first: the companion ended before the program did, which may be why that did.
    """

    answer: Answer
    companion: Answer
    companion_first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFailure:
    """The program does not compile, or its compiler ran into a limit."""

    log: str
    limit: End | None = None
