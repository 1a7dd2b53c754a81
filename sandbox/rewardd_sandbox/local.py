"""The sandbox on this machine: probe what the kernel gives, keep slots, open jails in them."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from rewardd_sandbox import loading, stale, standings, toolchains
from rewardd_sandbox.builds import Builder
from rewardd_sandbox.cgroups import Groups
from rewardd_sandbox.errors import SandboxError, SetupError, UnavailableError
from rewardd_sandbox.jail import LocalJail
from rewardd_sandbox.languages import LANGUAGES
from rewardd_sandbox.lookout import LINGER_SECONDS, Patience
from rewardd_sandbox.program import Answer, BuildFailure, End, Given, Limits, Program
from rewardd_sandbox.shelf import Shelf
from rewardd_sandbox.slot import Slot
from rewardd_sandbox.standings import Standing
from rewardd_sandbox.tiers import Footing, Refusal, Report, Tier, footings, is_root, remedy
from rewardd_sandbox.toolchains import Toolchain

_FIRST_USER = 61_000
_COMPLAINT_BYTES = 2000
_HELLO_LIMITS = Limits(cpu_seconds=10.0, wall_seconds=60.0, build_cpu_seconds=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an operator may choose.

    Attributes:
        slots: how many submissions run at once; None for the processors we may use. One that is
            alone has nobody else to serve: short waits hold up the event loop then.
        python: interpreter for submissions; None for the one this worker's was made from, or the
            first other one that jails can read.
        search_path: where toolchains are looked for.
        min_tier: refuse to run below it.
        only_tier: try no other; for tests and for `doctor`.
        landlock_cap: act as if the kernel's Landlock were no newer.
        first_user: numbers of users that nobody else has, two for each slot.
    """

    slots: int | None = None
    python: str | None = None
    search_path: str = toolchains.SEARCH_PATH
    min_tier: Tier = Tier.USER
    only_tier: Tier | None = None
    landlock_cap: int | None = None
    first_user: int = _FIRST_USER


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageReport:
    """Whether a language runs here: its version, or the first line of what went wrong."""

    name: str
    available: bool
    version: str = ""
    path: str = ""
    problem: str = ""


class LocalSandbox:
    """Runs programs on this machine. It belongs to the event loop that it was started in.

    Whoever does not start it has it started by the first program.
    """

    def __init__(self, options: Options | None = None) -> None:
        self._options = options or Options()
        self._standing: Standing | None = None
        self._found: dict[str, Toolchain | str] = {}
        self._hello: dict[str, asyncio.Task[LanguageReport]] = {}
        self._starting: asyncio.Task[Report] | None = None
        self._closed = False
        self.report = Report(footing=None)

    async def start(self) -> Report:
        """Probe the tiers, best first, by running a program in each; make the slots.

        Raises:
            UnavailableError: no tier at or above the least one works; the message says what
                would give one.
        """
        self._found = {
            language.name: toolchains.find(language, self._options.search_path)
            for language in LANGUAGES.values()
            if not language.runner
        }
        refusals: list[Refusal] = []
        for footing in footings(root=is_root(), only=self._options.only_tier):
            if footing.tier.rank > self._options.min_tier.rank:
                break
            try:
                self._standing = await self._stand(footing)
            except (SetupError, SandboxError) as error:
                step = error.step if isinstance(error, SetupError) else "zygote"
                refusals.append(
                    Refusal(tier=footing.tier, step=step, message=str(error), remedy=remedy(step))
                )
                continue
            self.report = Report(footing=footing, refusals=tuple(refusals))
            return self.report
        self.report = Report(footing=None, refusals=tuple(refusals))
        lines = (
            "; ".join(map(str, refusals))
            or f"no tier from {self._options.min_tier} up can be tried here"
        )
        raise UnavailableError(f"no program can be run here: {lines}")

    async def close(self) -> None:
        """Kill everything and remove every trace; the second time it does nothing."""
        self._closed = True
        standing, self._standing = self._standing, None
        for task in self._hello.values():
            task.cancel()
        if standing is not None:
            standing.take_down()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def slots(self) -> int:
        """How many submissions can run at once."""
        return 0 if self._standing is None else len(self._standing.slots)

    @property
    def facts(self) -> Mapping[str, str]:
        """What verdicts say of where they ran."""
        tier = self.report.tier
        return {"tier": "none" if tier is None else str(tier)}

    @property
    def users(self) -> range:
        """The numbers of the users that jails run as, where they have users of their own."""
        if self._standing is None:
            return range(0)
        first = self._standing.ground.first_user
        return range(first, first + 2 * self.slots)

    @property
    def builds(self) -> int:
        """How many compilers have run."""
        return 0 if self._standing is None else self._standing.builder.builds

    def toolchain(self, language: str) -> str:
        """Return the language's version."""
        if LANGUAGES[language].runner:
            return "" if self._standing is None else self._standing.ground.interpreter.version
        found = self._found.get(language)
        return found.version if isinstance(found, Toolchain) else ""

    async def check_languages(self, names: Iterable[str] | None = None) -> list[LanguageReport]:
        """Build and run each language's hello program in a jail; the results are kept.

        Raises:
            UnavailableError: the sandbox was not started.
        """
        self._up()
        wanted = list(LANGUAGES if names is None else names)
        return [await self._checked(name) for name in wanted]

    async def open(self, program: Program, limits: Limits) -> LocalJail | BuildFailure:
        """Build and load a program; see `sandbox.Sandbox`."""
        if self._standing is None and not self._closed:
            self._starting = self._starting or asyncio.ensure_future(self.start())
            await asyncio.shield(self._starting)
        if not LANGUAGES[program.language].runner:
            report = await self._checked(program.language)
            if not report.available:
                raise UnavailableError(report.problem)
        return await self._open(program, limits, None)

    async def _open(
        self, program: Program, limits: Limits, beside: Slot | None
    ) -> LocalJail | BuildFailure:
        standing = self._up()
        loaded: loading.Loaded | BuildFailure
        if LANGUAGES[program.language].runner:
            numpy = standing.ground.interpreter.numpy is not None
            tier = standing.ground.footing.tier
            loaded = loading.python(program, limits, tier, numpy=numpy)
        else:
            loaded = await self._build(program, limits, beside)
            if isinstance(loaded, BuildFailure):
                return loaded
        if beside is not None:
            loaded = loading.as_companion(loaded)
        slot = beside or await standing.idle.get()
        jail = LocalJail(
            slot,
            loaded,
            program,
            limits,
            release=self._release if beside is None else None,
            open_companion=self._open_companion,
        )
        try:
            failure = await jail.prepare()
        except BaseException:
            await jail.close()
            raise
        if failure is not None:
            await jail.close()
            return failure
        return jail

    async def _open_companion(
        self, slot: Slot, program: Program, limits: Limits
    ) -> LocalJail | BuildFailure:
        found = self._found.get(program.language)
        if isinstance(found, str):
            raise UnavailableError(found)
        return await self._open(program, limits, slot)

    async def _build(
        self, program: Program, limits: Limits, slot: Slot | None
    ) -> loading.Loaded | BuildFailure:
        standing = self._up()
        toolchain = self._found[program.language]
        if isinstance(toolchain, str):
            raise UnavailableError(toolchain)
        built = await standing.builder.build(program, limits, toolchain, slot)
        if isinstance(built, BuildFailure):
            return built
        tier = standing.ground.footing.tier
        return loading.executable(program, limits, tier, toolchain, built)

    def _up(self) -> Standing:
        if self._standing is None:
            raise UnavailableError("the sandbox is not running")
        return self._standing

    @contextlib.asynccontextmanager
    async def _borrow(self) -> AsyncGenerator[Slot]:
        slot = await self._up().idle.get()
        try:
            yield slot
        finally:
            self._release(slot)

    def _release(self, slot: Slot) -> None:
        """Sweep a slot and put it back, in whatever state its program left it."""
        try:
            slot.sweep()
        finally:
            if self._standing is not None:
                self._standing.idle.put_nowait(slot)

    async def _checked(self, name: str) -> LanguageReport:
        task = self._hello.get(name)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._hello[name] = asyncio.ensure_future(self._say_hello(name))
        return await asyncio.shield(task)

    async def _say_hello(self, name: str) -> LanguageReport:
        language = LANGUAGES[name]
        found = self._found.get(name)
        if isinstance(found, str):
            return LanguageReport(name=name, available=False, problem=found)
        path = next(iter(found.programs.values())) if found else self._python_path()
        program = Program(
            language=name, files={language.main: language.hello.encode()}, main=language.main
        )
        try:
            problem = await self._try(program)
        except SetupError as error:
            problem = str(error)
        version = self.toolchain(name)
        if problem:
            problem = f"{name} does not run on this worker ({problem})"
        return LanguageReport(
            name=name, available=not problem, version=version, path=path, problem=problem
        )

    def _python_path(self) -> str:
        return self._up().ground.interpreter.path

    async def _try(self, program: Program) -> str:
        """Run a hello program; return what went wrong, or nothing."""
        jail = await self._open(program, _HELLO_LIMITS, None)
        if isinstance(jail, BuildFailure):
            return (jail.log.strip().splitlines() or [str(jail.limit)])[0]
        try:
            answer = await jail.alone(Given(stdin=b""))
        finally:
            await jail.close()
        if answer.end is End.EXITED and answer.stdout.split() == [b"hello"]:
            return ""
        return _complaint(answer)

    async def _stand(self, footing: Footing) -> Standing:
        """Make the slots on a footing, and prove the first by running a program in it."""
        count = self._options.slots or len(os.sched_getaffinity(0))
        users = standings.users(self._options.first_user, count, footing)
        state = stale.make_directory()
        groups: Groups | None = None
        standing: Standing | None = None
        try:
            groups = Groups(state.name) if footing.cgroup else None
            ground = standings.ground(
                footing,
                [found for found in self._found.values() if isinstance(found, Toolchain)],
                python=self._options.python,
                landlock_cap=self._options.landlock_cap,
                first_user=users.first,
                state=state,
            )
            ground = replace(ground, patience=Patience(LINGER_SECONDS if count == 1 else 0.0))
            builder = Builder(self._borrow, ground.cache, ground.cache_inside, Shelf.ours())
            standing = Standing(ground, builder, [], groups, users)
            make = None if groups is None else groups.slot
            standing.slots += [Slot(number, ground, make) for number in range(count)]
            for slot in standing.slots:
                standing.idle.put_nowait(slot)
            self._standing = standing
            await self._prove()
        except BaseException:
            self._standing = None
            if standing is not None:
                standing.take_down()
            elif groups is not None:
                groups.remove()
            users.close()
            shutil.rmtree(state, ignore_errors=True)
            raise
        return standing

    async def _prove(self) -> None:
        language = LANGUAGES["python"]
        files = {language.main: language.hello.encode()}
        problem = await self._try(Program(language="python", files=files, main=language.main))
        if problem:
            raise SetupError("interpreter", 0, f"python does not run in this tier ({problem})")


def _complaint(answer: Answer) -> str:
    said = answer.stderr_tail or answer.stdout
    tail = said[-_COMPLAINT_BYTES:].decode("utf-8", "replace").strip().splitlines()
    return tail[-1][:200] if tail else f"{answer.end} {answer.exit_code} {answer.signal}"
