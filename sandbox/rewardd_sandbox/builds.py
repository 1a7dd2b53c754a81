"""Compile each distinct source once, in a jail of its own."""

import asyncio
import fcntl
import fnmatch
import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from rewardd_sandbox import pipes
from rewardd_sandbox.collect import collect, listing
from rewardd_sandbox.errors import SandboxError
from rewardd_sandbox.inside import orders
from rewardd_sandbox.languages import LANGUAGES
from rewardd_sandbox.loading import Built, compiler, names
from rewardd_sandbox.program import BuildFailure, Limits, Program
from rewardd_sandbox.shelf import Shelf
from rewardd_sandbox.slot import Slot
from rewardd_sandbox.toolchains import Toolchain
from rewardd_sandbox.watch import Allowance, Seen

_MIB = 1 << 20
_RESULT_BYTES = 64 * _MIB
_HEADER_BYTES = 192 * _MIB
_KEPT_BYTES = 512 * _MIB
_LOG_BYTES = 64 << 10
_WALL_FACTOR = 6
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_HEADER_LIMITS = Limits(build_cpu_seconds=60.0, build_memory_mib=2048)

Outcome = Built | BuildFailure
Borrow = Callable[[], AbstractAsyncContextManager[Slot]]


class Builder:
    """Builds programs: one flight per distinct source, the last results kept by size."""

    def __init__(self, borrow: Borrow, cache: Path, cache_inside: str, shelf: Shelf) -> None:
        self._borrow = borrow
        self._shelf = shelf
        self._cache = cache
        self._cache_inside = cache_inside
        self._kept: OrderedDict[bytes, tuple[Outcome, int]] = OrderedDict()
        self._flights: dict[bytes, asyncio.Task[Outcome]] = {}
        self._headers: dict[str, asyncio.Task[str | None]] = {}
        self.builds = 0

    async def build(
        self, program: Program, limits: Limits, toolchain: Toolchain, slot: Slot | None
    ) -> Outcome:
        """Build in `slot`, or in one that is borrowed for it.

        Raises:
            SandboxError: the sandbox failed; such an outcome is not kept.
        """
        if not toolchain.variant.build:
            return Built()
        key = _key(program, limits, toolchain)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept[0]
        if slot is not None:
            # Whoever holds a slot must not wait for one that waits for a slot.
            return self._keep(key, await self._compile(program, limits, toolchain, slot))
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.ensure_future(self._fly(key, program, limits, toolchain))
            self._flights[key] = flight
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return await asyncio.shield(flight)

    def close(self) -> None:
        """Let go of everything that was built."""
        for task in [*self._flights.values(), *self._headers.values()]:
            task.cancel()
        for outcome, _ in self._kept.values():
            _release(outcome)
        self._kept.clear()

    async def _fly(
        self, key: bytes, program: Program, limits: Limits, toolchain: Toolchain
    ) -> Outcome:
        async with self._borrow() as slot:
            return self._keep(key, await self._compile(program, limits, toolchain, slot))

    def _keep(self, key: bytes, outcome: Outcome) -> Outcome:
        self._kept[key] = outcome, _size(outcome)
        while sum(size for _, size in self._kept.values()) > _KEPT_BYTES:
            _release(self._kept.popitem(last=False)[1][0])
        return outcome

    async def _compile(
        self, program: Program, limits: Limits, toolchain: Toolchain, slot: Slot
    ) -> Outcome:
        words = {**toolchain.programs, **names(program)}
        command = [word.format_map(words) for word in toolchain.variant.build[0]]
        header = await self._precompiled(program, toolchain, slot)
        if header is not None:
            command[1:1] = ["-I", header]
        patterns = toolchain.variant.built
        patterns = tuple(pattern.format_map(words) for pattern in patterns)
        seen, failed, found, log = await self._run(
            program, limits, toolchain, command, slot, (patterns, _RESULT_BYTES)
        )
        if seen.breach is not None or failed or not found:
            return BuildFailure(log=log, limit=seen.breach)
        if toolchain.variant.run:
            return Built(files=found)
        return Built(binary=_sealed(next(iter(found.values()))))

    async def _precompiled(self, program: Program, toolchain: Toolchain, slot: Slot) -> str | None:
        """Return the directory with the header that the source includes, made on first use."""
        header = LANGUAGES[program.language].precompile
        if header is None or f"<{header}>".encode() not in program.files[program.main]:
            return None
        made_of = f"{toolchain.identity} {toolchain.variant.build} {header}"
        name = hashlib.sha256(made_of.encode()).hexdigest()[:16]
        if name not in self._headers:
            making = self._make_header(program.language, header, name, toolchain, slot)
            self._headers[name] = asyncio.ensure_future(making)
        return await asyncio.shield(self._headers[name])

    async def _make_header(
        self, language: str, header: str, name: str, toolchain: Toolchain, slot: Slot
    ) -> str | None:
        place = self._cache / name / f"{header}.gch"
        place.parent.mkdir(parents=True, exist_ok=True)
        # Behind other code the compiled form cannot be used, but the place is looked at first.
        place.with_suffix("").write_text(_forward(header))
        async with self._shelf.making(name):
            if await asyncio.to_thread(self._shelf.take, name, place):
                return f"{self._cache_inside}/{name}"
            content = await self._compile_header(language, header, toolchain, slot)
            if content is None:
                return None
            await asyncio.to_thread(self._shelf.put, name, content, place)
        return f"{self._cache_inside}/{name}"

    async def _compile_header(
        self, language: str, header: str, toolchain: Toolchain, slot: Slot
    ) -> bytes | None:
        main = Path(header).name
        source = Program(language=language, files={main: _forward(header).encode()}, main=main)
        words = {**toolchain.programs, "main": main, "out": f"{main}.gch"}
        command = [word.format_map(words) for word in toolchain.variant.build[0]]
        command[1:1] = ["-x", "c++-header"]
        seen, failed, found, _ = await self._run(
            source, _HEADER_LIMITS, toolchain, command, slot, ((f"{main}.gch",), _HEADER_BYTES)
        )
        ended_well = seen.breach is None and not failed
        return next(iter(found.values()), None) if ended_well else None

    async def _run(
        self,
        program: Program,
        limits: Limits,
        toolchain: Toolchain,
        command: list[str],
        slot: Slot,
        wanted: tuple[tuple[str, ...], int],
    ) -> tuple[Seen, bool, dict[str, bytes], str]:
        """Run one compiler; return what was seen, whether it failed, its files and its log."""
        self.builds += 1
        loaded = compiler(program, limits, toolchain, command)
        child = await slot.start(loaded.cell, loaded.payload())
        try:
            cpu = limits.build_cpu_seconds
            allowed = Allowance(cpu, cpu * _WALL_FACTOR, _LOG_BYTES)
            seen = await child.ask(orders.RUN_STDIO, b"", 0, allowed)
            reaped = await child.reap()
            await slot.sweep_build(child, companion=loaded.cell.companion)
            found: dict[str, bytes] = {}
            if child.directory is not None and reaped.status == 0:
                present = listing(child.directory)
                chosen = [n for pattern in wanted[0] for n in fnmatch.filter(present, pattern)]
                found = dict(collect(child.directory, chosen, wanted[1]))
            log = (child.stderr + seen.stdout)[:_LOG_BYTES].decode("utf-8", "replace")
        except SandboxError:
            slot.doubtful = True
            raise
        else:
            return seen, reaped.status != 0, found, log
        finally:
            await child.close()


def _forward(header: str) -> str:
    return f"#include_next <{header}>\n"


def _key(program: Program, limits: Limits, toolchain: Toolchain) -> bytes:
    digest = hashlib.sha256(toolchain.identity.encode())
    settings = f"{toolchain.variant.build} {limits.build_cpu_seconds} {limits.build_memory_mib}"
    digest.update(f"{program.language} {program.main} {settings}".encode())
    for name, content in sorted(program.files.items()):
        digest.update(f"{len(name)} {name} {len(content)} ".encode())
        digest.update(content)
    return digest.digest()


def _sealed(content: bytes) -> int:
    """Return an executable file that nobody can change any more."""
    descriptor = pipes.memory_file("program", sealable=True)
    pipes.write_whole(descriptor, content)
    os.fchmod(descriptor, 0o555)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    return descriptor


def _size(outcome: Outcome) -> int:
    if isinstance(outcome, BuildFailure):
        return len(outcome.log)
    held = 0 if outcome.binary is None else os.fstat(outcome.binary).st_size
    return held + sum(map(len, outcome.files.values()))


def _release(outcome: Outcome) -> None:
    if isinstance(outcome, Built) and outcome.binary is not None:
        os.close(outcome.binary)
