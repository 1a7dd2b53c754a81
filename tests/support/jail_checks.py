"""What the sandbox suites ask of a sandbox, and how they look at a machine from outside."""

import asyncio
import os
from pathlib import Path

import pytest

from rewardd_sandbox import (
    Answer,
    BuildFailure,
    Given,
    Limits,
    Program,
    Sandbox,
    UnavailableError,
)
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_verifiers import Catalog, Sample, SandboxVerifier, Verdict, type_reference


def python(source: str, *, strict: bool = False) -> Program:
    return Program(
        language="python", files={"main.py": source.encode()}, main="main.py", strict=strict
    )


async def skip_unless_jails() -> None:
    """Skip, and say so, where no tier can start."""
    try:
        async with LocalSandbox(Options(slots=1)):
            pass
    except UnavailableError as error:
        pytest.skip(f"PROGRAMS NOT TESTED: {error}")


def skip_without_jails() -> None:
    """Do the same where there is no loop."""
    asyncio.run(skip_unless_jails())


async def run(
    sandbox: Sandbox,
    program: Program,
    *stdin: bytes,
    limits: Limits | None = None,
    alone: bool = False,
) -> list[Answer]:
    jail = await sandbox.open(program, limits or Limits())
    assert not isinstance(jail, BuildFailure), jail.log
    try:
        return [await (jail.alone if alone else jail.feed)(Given(stdin=given)) for given in stdin]
    finally:
        await jail.close()


async def judge(sandbox: Sandbox, source: str, reference: object, **params: object) -> Verdict:
    verifier = Catalog().build("code", params)
    assert isinstance(verifier, SandboxVerifier)
    completion = f"```{params.get('language', 'python')}\n{source}\n```"
    sample = Sample(completion=completion, reference=type_reference(verifier, reference))
    return await verifier.verify(sample, sandbox)


def jailed_processes(sandbox: LocalSandbox) -> list[str]:
    """Name the processes of users that only this sandbox's jails have."""
    found: list[str] = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            user = place.stat().st_uid
            zygote = b"rewardd_sandbox.inside" in (place / "cmdline").read_bytes()
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if (state, parent) == ("Z", "1"):
            continue  # dead, and init's to reap
        if user in sandbox.users and not (zygote and _is_idle(place)):
            found.append(f"{place.name} {state}")
    return found


def _is_idle(place: Path) -> bool:
    """Whether this is a zygote that waits for orders: its parent is the worker itself."""
    fields = (place / "stat").read_text().rpartition(")")[2].split()
    return int(fields[1]) == os.getpid()
