"""A sandbox's word on itself."""

from typing import Any

import pytest

from rewardd_sandbox.errors import SetupError
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier
from rewardd_verifiers import (
    Catalog,
    InvalidParamsError,
    Reason,
    Sample,
    SandboxVerifier,
    Verdict,
)
from sandbox_fakes import EchoSandbox


class Plain:
    """A sandbox that can be asked for no more than the contract has."""

    def __init__(self, box: LocalSandbox) -> None:
        self.facts = box.facts
        self.toolchain = box.toolchain
        self.open = box.open


async def state(sandbox: Any, *languages: str) -> Verdict:
    verifier = Catalog().build("sandbox_state", {"languages": list(languages)})
    assert isinstance(verifier, SandboxVerifier)
    return await verifier.verify(Sample(completion="", reference=None), sandbox)


async def test_it_tells_tier_and_version(sandbox: LocalSandbox) -> None:
    verdict = await state(sandbox, "python")
    evidence: Any = verdict.evidence
    assert (verdict.score, evidence["tier"]) == (1.0, sandbox.facts["tier"])
    assert evidence["languages"]["python"]["version"].startswith("3.")


async def test_it_tells_why_a_language_does_not_run() -> None:
    async with LocalSandbox(Options(slots=1, search_path="/nonexistent")) as box:
        verdict = await state(box, "python", "c")
    evidence: Any = verdict.evidence
    assert (verdict.score, "c" in verdict.detail) == (0.5, True)
    assert "gcc not found" in evidence["languages"]["c"]["problem"]


async def test_it_tells_why_there_is_no_better_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rewardd_sandbox.local.Groups", _refuse)
    async with LocalSandbox(Options(slots=1)) as box:
        evidence: Any = (await state(box, "python")).evidence
    assert evidence["tier"] != Tier.FULL
    (refusal,) = [one for one in evidence["refusals"] if one["tier"] == Tier.FULL]
    assert "writable cgroup" in refusal["remedy"]


def _refuse(_name: str) -> None:
    raise SetupError("cgroup", 30, "read-only file system")


async def test_a_sandbox_that_only_runs_programs_is_tried() -> None:
    verdict = await state(EchoSandbox(), "python")
    evidence: Any = verdict.evidence
    assert (verdict.score, verdict.reason) == (0.0, Reason.MISMATCH)
    assert "does not run" in evidence["languages"]["python"]["problem"]


async def test_what_runs_anywhere_is_told_with_its_version(sandbox: LocalSandbox) -> None:
    verdict = await state(Plain(sandbox), "python")
    evidence: Any = verdict.evidence
    assert (verdict.score, evidence["tier"]) == (1.0, sandbox.facts["tier"])
    assert evidence["languages"]["python"]["version"].startswith("3.")


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(InvalidParamsError, match="klingon"):
        Catalog().build("sandbox_state", {"languages": ["klingon"]})
