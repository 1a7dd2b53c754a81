"""Verifiers that run programs: one event loop for a worker, and the sandbox that lives in it."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from rewardd_sandbox import Sandbox, SandboxError
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier
from rewardd_verifiers import Sample, SandboxVerifier

OpenSandbox: TypeAlias = Callable[[], AbstractAsyncContextManager[Sandbox]]
"""Makes a sandbox that starts as it is entered and leaves nothing behind."""


class SandboxRunner:
    """Runs asynchronous verifiers one after another; the sandbox starts with the first."""

    def __init__(self, open_sandbox: OpenSandbox) -> None:
        self._opening = open_sandbox()
        self._runner = asyncio.Runner()
        self._sandbox: Sandbox | None = None
        self._refusal: SandboxError | None = None

    def verify(self, verifier: SandboxVerifier[object], sample: Sample[object]) -> object:
        """Return what the verifier returns.

        Raises:
            SandboxError: nothing can run here, or the sandbox failed.
        """
        return self._runner.run(verifier.verify(sample, self._ready()))

    def close(self) -> None:
        """End the sandbox and its loop."""
        if self._sandbox is not None:
            self._runner.run(self._leave())
        self._runner.close()

    def _ready(self) -> Sandbox:
        if self._refusal is not None:
            raise self._refusal.with_traceback(None)
        if self._sandbox is None:
            try:
                self._sandbox = self._runner.run(self._enter())
            except SandboxError as error:
                # What this machine lacks it will lack for the next sample as well.
                self._refusal = error
                raise
        return self._sandbox

    async def _enter(self) -> Sandbox:
        return await self._opening.__aenter__()

    async def _leave(self) -> None:
        await self._opening.__aexit__(None, None, None)


def local_sandbox(**wishes: str) -> AbstractAsyncContextManager[Sandbox]:
    """Return the sandbox of one worker process: one slot, as it judges one chunk at a time.

    Args:
        wishes: `python`, `search_path`, `min_tier`; see `rewardd_sandbox.local.Options`.
    """
    return LocalSandbox(options_of(wishes))


def options_of(wishes: Mapping[str, str]) -> Options:
    """Return the options of one slot that an operator's wishes come to."""
    usual = Options()
    return Options(
        slots=1,
        python=wishes.get("python"),
        search_path=wishes.get("search_path", usual.search_path),
        min_tier=Tier(wishes.get("min_tier", usual.min_tier)),
    )
