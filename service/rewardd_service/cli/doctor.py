"""`rewardd doctor`: whether everything that rewardd needs is here and works."""

import asyncio
import os
import platform
import sys
import time
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from rewardd_client import RequestError, RewarddError
from rewardd_client.schema import Sample, ScoreRequest
from rewardd_service.cli.checks import Check, State
from rewardd_service.cli.configuration import settings_of
from rewardd_service.cli.console import CommandError, ExitCode, quit_with, screen, told
from rewardd_service.cli.engines import Engine, embedded, remote
from rewardd_service.cli.jail_checks import examined
from rewardd_service.cli.jail_checks import told as told_of_jails
from rewardd_service.cli.options import KeyOption, RecipesOption, WorkersOption
from rewardd_service.errors import RequestRefusedError, ServiceError
from rewardd_service.pool import usable_cores
from rewardd_service.recipes import RecipeBook
from rewardd_verifiers import BrokenVerifierError, Catalog

_PACKAGES = (
    "rewardd-service",
    "rewardd-verifiers",
    "rewardd-sandbox",
    "rewardd-client",
    "pydantic",
    "fastapi",
    "uvicorn",
    "httpx2",
    "msgspec",
)
_EXTRAS = {
    "math": ("sympy", "latex2sympy2_extended", "python-flint"),
    "language": ("py3langid",),
    "parquet": ("pyarrow",),
    "redis": ("redis", "faststream"),
}
_PATIENCE_SECONDS = 5.0
_JAIL_PATIENCE_SECONDS = 30.0
"""Workers that run programs start with the first one."""


def doctor(
    *,
    url: Annotated[str | None, typer.Option("--url", help="Also examine this server.")] = None,
    key: KeyOption = None,
    recipes: RecipesOption = None,
    workers: WorkersOption = None,
) -> None:
    """Examine this installation, and a running server if one is named.

    Ends with 0 if nothing is broken, else with 1. What is not configured is not broken.
    """
    with told():
        checks = [_python(), *_packages(), _cores(), *_verifiers(), _recipes(recipes)]
        checks += asyncio.run(_live_checks(recipes, workers, url, key))
    checks.append(Check("redis backend", State.ABSENT, "not configured"))
    table = Table(box=None, show_header=False)
    colours = {State.FINE: "green", State.ABSENT: "dim", State.BROKEN: "bold red"}
    for check in checks:
        state = f"[{colours[check.state]}]{check.state}[/]"
        table.add_row(state, escape(check.name), escape(check.detail))
    screen().print(table)
    broken = any(check.state is State.BROKEN for check in checks)
    quit_with(ExitCode.FINDINGS if broken else ExitCode.CLEAN)


def _python() -> Check:
    running = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    return Check("python", State.FINE, f"{running}, {sys.executable}")


def _packages() -> Iterator[Check]:
    for name in _PACKAGES:
        found = _version(name)
        state = State.BROKEN if found is None else State.FINE
        yield Check(name, state, found or "not installed")
    for extra, names in _EXTRAS.items():
        for name in names:
            found = _version(name)
            state = State.ABSENT if found is None else State.FINE
            yield Check(name, state, found or f"not installed: rewardd[{extra}] brings it")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _cores() -> Check:
    visible, usable = len(os.sched_getaffinity(0)), usable_cores()
    detail = f"{usable} usable" + (f" of {visible}: a quota" if usable < visible else "")
    return Check("cores", State.FINE, detail)


def _verifiers() -> Iterator[Check]:
    catalog = Catalog()
    for name in catalog.names():
        try:
            card = catalog.describe(name)
        except BrokenVerifierError as error:
            yield Check(f"verifier {name}", State.BROKEN, str(error))
        else:
            yield Check(f"verifier {name}", State.FINE, f"version {card.version}, {card.need}")


def _recipes(folder: Path | None) -> Check:
    try:
        count = len(RecipeBook(Catalog(), folder).recipes())
    except ServiceError as error:
        return Check("recipes", State.BROKEN, error.detail)
    return Check("recipes", State.FINE, f"{count}, those of single verifiers included")


async def _live_checks(
    recipes: Path | None, workers: int | None, url: str | None, key: str | None
) -> list[Check]:
    checks = [check async for check in _pool(recipes, workers)]
    checks += await examined(settings_of({}))
    if url is not None:
        checks += [check async for check in _server(url, key)]
    return checks


async def _pool(recipes: Path | None, workers: int | None) -> AsyncIterator[Check]:
    begun = time.monotonic()
    try:
        async with embedded(recipes, workers) as engine:
            seconds = time.monotonic() - begun
            yield Check("workers", State.FINE, f"warm after {seconds:.2f} s")
            yield await _two_samples("workers score", engine)
    except ServiceError as error:
        yield Check("workers", State.BROKEN, error.detail)


async def _server(url: str, key: str | None) -> AsyncIterator[Check]:
    try:
        async with remote(url, key, deadline_seconds=_PATIENCE_SECONDS) as engine:
            count = len(await engine.recipes())
            yield Check("server", State.FINE, f"{url} answers, and knows {count} recipes")
            yield Check("key", State.FINE, "accepted" if key else "none was asked for")
            yield await _two_samples("server scores", engine)
            async for check in _jails(engine):
                yield check
    except RewarddError as error:
        yield Check("server", State.BROKEN, str(error))
    except CommandError as error:
        yield _door(error)


def _door(error: CommandError) -> Check:
    refused = error.__cause__
    name = "key" if isinstance(refused, RequestError) else "server"
    return Check(name, State.BROKEN, str(error))


async def _jails(engine: Engine) -> AsyncIterator[Check]:
    """Have a server's worker tell of its sandbox."""
    request = ScoreRequest(
        reward="sandbox_state",
        samples=[Sample(completion="")],
        deadline_seconds=_JAIL_PATIENCE_SECONDS,
    )
    try:
        (result,) = (await engine.score(request)).results
    except RequestRefusedError as error:
        yield Check("server's sandbox", State.ABSENT, error.detail)
        return
    (term,) = result.terms
    if term.score is None:
        yield Check("server's sandbox", State.ABSENT, f"{term.reason}: {term.detail}")
        return
    for check in told_of_jails(term.evidence):
        yield Check(f"server's {check.name}", check.state, check.detail)


async def _two_samples(name: str, engine: Engine) -> Check:
    """Have a right and a wrong answer judged by the simplest verifier."""
    samples = [Sample(completion=text, reference="42") for text in ("42", "43")]
    request = ScoreRequest(reward="exact", samples=samples, deadline_seconds=_PATIENCE_SECONDS)
    begun = time.monotonic()
    rewards = [result.reward for result in (await engine.score(request)).results]
    took = f"in {(time.monotonic() - begun) * 1000:.0f} ms"
    state = State.FINE if rewards == [1.0, 0.0] else State.BROKEN
    return Check(name, state, f"a right answer got {rewards[0]}, a wrong one {rewards[1]}, {took}")
