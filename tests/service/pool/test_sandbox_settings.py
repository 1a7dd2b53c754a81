"""What an operator wishes of the sandbox reaches the jails of real workers."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from jail_checks import skip_unless_jails
from rewardd_service.composition import local_backend
from rewardd_service.inquiry import Inquiry
from rewardd_service.job import Answer
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_service.settings import Settings
from rewardd_verifiers import Catalog


@asynccontextmanager
async def _scorer(settings: Settings) -> AsyncGenerator[Scorer]:
    await skip_unless_jails()
    backend = local_backend(settings)
    try:
        await backend.start()
        yield Scorer(backend, RecipeBook(Catalog()))
    finally:
        await backend.close()


async def _state(settings: Settings) -> Answer:
    asked = Inquiry(
        verifier="sandbox_state", params={"languages": ["python"]}, completion="", reference=None
    )
    async with _scorer(settings) as scorer:
        return await scorer.inquire(asked, deadline_seconds=60)


async def test_the_interpreter_of_the_settings_runs_submissions() -> None:
    python = getattr(sys, "_base_executable", sys.executable)
    told = await _state(Settings(workers=1, sandbox_workers=1, sandbox_python=python))
    assert told.score == 1.0
    assert told.evidence["languages"]["python"]["path"] == python


async def test_a_least_tier_that_cannot_be_had_is_no_verdict_with_the_remedy() -> None:
    settings = Settings(workers=1, sandbox_workers=1, sandbox_python="/nonexistent")
    told = await _state(settings)
    assert (told.score, told.reason) == (None, "sandbox_unavailable")
    assert "set sandbox_python to a Python" in told.detail


async def test_compilers_are_looked_for_where_the_settings_say() -> None:
    settings = Settings(workers=1, sandbox_workers=1, sandbox_path="/nonexistent")
    asked = Inquiry(
        verifier="sandbox_state", params={"languages": ["c"]}, completion="", reference=None
    )
    async with _scorer(settings) as scorer:
        told = await scorer.inquire(asked, deadline_seconds=60)
    assert (told.score, told.reason) == (0.0, "mismatch")
    assert "no toolchain for c" in told.evidence["languages"]["c"]["problem"]
