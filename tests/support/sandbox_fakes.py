"""Sandboxes without a jail, for tests of what stands on them."""

import contextlib
from collections.abc import AsyncGenerator, Mapping

from rewardd_sandbox import (
    Answer,
    End,
    Given,
    Jail,
    Limits,
    Program,
    SandboxError,
    Talk,
    UnavailableError,
)


class _EchoJail:
    """A program that prints what it reads."""

    async def feed(self, given: Given) -> Answer:
        return Answer(end=End.EXITED, stdout=given.stdin, exit_code=0)

    async def alone(self, given: Given) -> Answer:
        return await self.feed(given)

    async def companion(self, program: Program, limits: Limits) -> Jail:
        raise SandboxError(f"no companion here for {program.main} under {limits}")

    async def converse(self, given: Given, companion: Jail, theirs: Given) -> Talk:
        raise SandboxError(f"nobody to talk to: {companion} {given} {theirs}")

    async def close(self) -> None:
        """Have nothing to end."""


class EchoSandbox:
    facts: Mapping[str, str] = {"tier": "none"}

    def toolchain(self, language: str) -> str:
        return language

    async def open(self, program: Program, limits: Limits) -> Jail:
        del program, limits
        return _EchoJail()


@contextlib.asynccontextmanager
async def echo_sandbox() -> AsyncGenerator[EchoSandbox]:
    """Open a sandbox whose programs print what they read."""
    yield EchoSandbox()


@contextlib.asynccontextmanager
async def broken_sandbox() -> AsyncGenerator[EchoSandbox]:
    """Fail as a machine does that has no tier."""
    message = "no room"
    raise UnavailableError(message)
    yield EchoSandbox()
