"""What a jail is started with: its cell, its payload, and the program's file if it was built."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil

from rewardd_sandbox.cells import Cell, Kind
from rewardd_sandbox.inside.orders import NEXT_TEST
from rewardd_sandbox.inside.payload import Header, pack
from rewardd_sandbox.languages import LANGUAGES, Language, MemoryLimit
from rewardd_sandbox.program import Limits, Program
from rewardd_sandbox.tiers import Tier
from rewardd_sandbox.toolchains import Toolchain

_MIB = 1 << 20
_NUMPY = re.compile(rb"^[ \t]*(?:import|from)[ \t]+(?:numpy|scipy|pandas)\b", re.MULTILINE)
_NUMPY_FLOOR_MIB = 256
"""Below this its BLAS waits for ever for memory that does not come."""
_NAMES_STDIN = (b"/dev/stdin", b"/proc/self/fd/0", b"/dev/fd/0")
_NAMES_PROC = (b"/proc/self", b"/dev/fd", b"/dev/stdout", b"/dev/stderr")
_BATCH_TESTS = 20
"""RLIMIT_CPU of a batch allows so many full tests; it is a net, the clock outside decides."""
_DEFAULT_PROCESSES = 64
_BUILD_FILE_MIB = 256
_BUILD_INODES = 16384
_STDIN_FILE = ".stdin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A program that can be started as often as needed; `binary` is its owner's to close."""

    cell: Cell
    header: Header
    contents: tuple[bytes, ...]
    binary: int | None = None
    batch: bool = False

    @property
    def python(self) -> bool:
        """Whether the zygote's own interpreter runs it."""
        return self.cell.kind is not Kind.EXEC

    def payload(self, ending: str = NEXT_TEST) -> bytes:
        """Return what goes into the jail over its descriptor."""
        return pack(replace(self.header, ending=ending), list(self.contents))

    def streamed(self) -> "Loaded":
        """Return the same for a conversation: its input is a pipe."""
        cell = replace(self.cell, streamed=True)
        if self.header.stdin_file is None:
            return replace(self, cell=cell)
        return replace(self, cell=replace(cell, proc=True))

    def beside(self, files: Mapping[str, bytes]) -> "Loaded":
        """Return the same with further files in its work directory."""
        if not files:
            return self
        lengths = [(name, len(content)) for name, content in files.items()]
        return replace(
            self,
            cell=replace(self.cell, files=(*self.cell.files, *files.items())),
            header=replace(self.header, files=[*self.header.files, *lengths]),
            contents=(*self.contents, *files.values()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build left: files by name, and the program itself as a sealed memory file."""

    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    binary: int | None = None


def python(program: Program, limits: Limits, tier: Tier, *, numpy: bool) -> Loaded:
    """Prepare a program for the zygote's own interpreter."""
    source = program.files[program.main]
    wants_numpy = numpy and _NUMPY.search(source) is not None
    floor = _NUMPY_FLOOR_MIB if wants_numpy else 0
    cell = _cell(LANGUAGES[program.language], program, limits, tier)
    cell = replace(
        cell,
        kind=Kind.NUMPY if wants_numpy else Kind.PYTHON,
        memory_bytes=max(cell.memory_bytes, floor * _MIB),
        cpu_seconds=(ceil(limits.cpu_seconds) + 1) * _BATCH_TESTS + ceil(limits.build_cpu_seconds),
    )
    header = Header(
        files=[(name, len(content)) for name, content in program.files.items()],
        argv=[program.main, *program.arguments],
        stdin_file=_stdin_file(program, source),
        prelude=program.prelude,
        dialogue=program.dialogue,
    )
    return Loaded(
        cell=cell,
        header=header,
        contents=tuple(program.files.values()),
        batch=not program.fetch and not program.strict,
    )


def executable(
    program: Program, limits: Limits, tier: Tier, toolchain: Toolchain, built: Built
) -> Loaded:
    """Prepare a program that is exec'ed."""
    language = LANGUAGES[program.language]
    files = {**program.files, **built.files}
    words = {**toolchain.programs, **names(program), "memory_mib": str(limits.memory_mib)}
    argv = [word.format_map(words) for word in toolchain.variant.run] or [program.main]
    source = program.files[program.main]
    cell = _cell(language, program, limits, tier)
    return Loaded(
        cell=replace(cell, files=tuple(files.items())),
        header=Header(
            files=[(name, len(content)) for name, content in files.items()],
            argv=[*argv, *program.arguments],
            environment={**language.environment, **toolchain.environment},
            binary=built.binary is not None,
            stdin_file=_stdin_file(program, source),
        ),
        contents=tuple(files.values()),
        binary=None if built.binary is None else os.dup(built.binary),
    )


def compiler(program: Program, limits: Limits, toolchain: Toolchain, command: list[str]) -> Loaded:
    """Prepare a build: it may make processes, and runs nothing of the program's."""
    language = LANGUAGES[program.language]
    cell = Cell(
        kind=Kind.EXEC,
        memory_bytes=limits.build_memory_mib * _MIB,
        share_bytes=language.share_mib * _MIB,
        by_data=language.memory is MemoryLimit.DATA,
        cpu_seconds=ceil(limits.build_cpu_seconds) + 1,
        processes=32,
        threads=language.threads,
        descriptors=max(256, language.descriptors),
        proc=True,
        file_bytes=_BUILD_FILE_MIB * _MIB,
        inodes=_BUILD_INODES,
        hand_over=True,
        writable=("",),
        files=tuple(program.files.items()),
    )
    header = Header(
        files=[(name, len(content)) for name, content in program.files.items()],
        argv=command,
        environment={**language.build_environment, **toolchain.environment},
    )
    return Loaded(cell=cell, header=header, contents=tuple(program.files.values()))


def names(program: Program) -> dict[str, str]:
    """Return the words that stand for file names in a command line."""
    stem = program.main.rpartition(".")[0] or program.main
    name_entry = LANGUAGES[program.language].name_entry
    source = program.files[program.main].decode("utf-8", "replace")
    entry = name_entry(source) if name_entry else stem
    return {"main": program.main, "stem": stem, "out": f"{stem}.out", "entry": entry}


def _cell(language: Language, program: Program, limits: Limits, tier: Tier) -> Cell:
    source = program.files[program.main]
    processes = _processes(language, limits, tier)
    fetched = tuple(name for name in (*program.fetch, program.stdin_file) if name)
    return Cell(
        kind=Kind.EXEC,
        memory_bytes=limits.memory_mib * _MIB,
        share_bytes=language.share_mib * _MIB,
        by_data=language.memory is MemoryLimit.DATA,
        cpu_seconds=ceil(limits.cpu_seconds) + 1,
        processes=processes,
        threads=language.threads,
        descriptors=language.descriptors,
        file_bytes=limits.file_mib * _MIB,
        inodes=limits.inodes,
        proc=language.proc or any(name in source for name in _NAMES_PROC),
        hand_over=bool(program.fetch),
        writable=fetched,
        files=tuple(program.files.items()),
    )


def _processes(language: Language, limits: Limits, tier: Tier) -> int:
    """Return how many processes a tier can hold together and count."""
    asked = limits.processes
    if tier is Tier.FULL:
        return min(asked or _DEFAULT_PROCESSES, _DEFAULT_PROCESSES)
    if tier is Tier.USERNS:
        return min(asked or (16 if language.needs_processes else 1), _DEFAULT_PROCESSES)
    return 1


def _stdin_file(program: Program, source: bytes) -> str | None:
    if program.stdin_file is not None:
        return program.stdin_file
    return _STDIN_FILE if any(name in source for name in _NAMES_STDIN) else None


def as_companion(loaded: Loaded) -> Loaded:
    """Return the same for the second jail of a submission."""
    return replace(loaded, cell=replace(loaded.cell, companion=True))
