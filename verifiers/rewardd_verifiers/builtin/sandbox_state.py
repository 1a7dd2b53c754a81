"""Whether programs can be run at all, and how well they are fenced off: for health checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rewardd_sandbox import (
    BuildFailure,
    Given,
    Limits,
    Program,
    Sandbox,
    SandboxError,
    UnavailableError,
)
from rewardd_sandbox.examination import Examinable, examine
from rewardd_sandbox.languages import LANGUAGES, Language, find
from rewardd_sandbox.tiers import Tier
from rewardd_verifiers.sample import Sample
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import SandboxVerifier

_HELLO_LIMITS = Limits(cpu_seconds=10.0, wall_seconds=60.0, build_cpu_seconds=60.0)


@dataclass(frozen=True)
class SandboxState(SandboxVerifier[object]):
    """A worker's sandbox runs hello programs of these languages; says nothing of a completion.

    The evidence holds the tier, why it is no better one with what would help, and each language
    with its version or the first line of what went wrong.

    Attributes:
        languages: to be tried, all if empty; the score is the share of them that run.
    """

    languages: tuple[str, ...] = ("python",)

    def __post_init__(self) -> None:
        """Refuse a language that nobody knows."""
        for name in self.languages:
            if find(name) is None:
                known = ", ".join(LANGUAGES)
                raise ValueError(f"language {name[:40]!r} is not any of: {known}")

    def inputs(self) -> frozenset[str]:
        """Return nothing: it looks at no part of the sample."""
        return frozenset()

    async def verify(self, sample: Sample[object], sandbox: Sandbox) -> Verdict:
        """Run the hello programs; what has run once is remembered by the sandbox."""
        del sample
        facts: dict[str, object] = dict(sandbox.facts)
        wanted = [found.name for name in self.languages if (found := find(name)) is not None]
        try:
            if isinstance(sandbox, Examinable):
                state = await examine(sandbox, wanted or None)
            else:
                state = await _tried(sandbox, wanted or list(LANGUAGES))
        except SandboxError as error:
            return Verdict.unscored(Reason.SANDBOX_UNAVAILABLE, str(error), facts)
        languages = state["languages"]
        told: dict[str, dict[str, object]] = languages if isinstance(languages, dict) else {}  # pyright: ignore[reportUnknownVariableType]  a dict by text, as `examine` made it
        absent = [name for name, one in told.items() if not one["available"]]
        detail = f"these do not run: {', '.join(absent)}" if absent else ""
        return Verdict.share(1.0 - len(absent) / max(len(told), 1), detail, {**facts, **state})


async def _tried(sandbox: Sandbox, names: Sequence[str]) -> Mapping[str, object]:
    """Return what `examine` would, of a sandbox that only runs programs."""
    languages = {name: await _try(sandbox, LANGUAGES[name]) for name in names}
    tier = sandbox.facts.get("tier", "none")
    letter = Tier(tier).letter if tier in list(Tier) else None
    return {"tier": tier, "letter": letter, "refusals": [], "languages": languages}


async def _try(sandbox: Sandbox, language: Language) -> dict[str, object]:
    files = {language.main: language.hello.encode()}
    program = Program(language=language.name, files=files, main=language.main)
    try:
        jail = await sandbox.open(program, _HELLO_LIMITS)
    except UnavailableError as error:
        return {"available": False, "problem": str(error)}
    if isinstance(jail, BuildFailure):
        return {"available": False, "problem": jail.log.strip().partition("\n")[0]}
    try:
        answer = await jail.alone(Given(stdin=b""))
    finally:
        await jail.close()
    if answer.stdout.split() != [b"hello"]:
        problem = f"{language.name} does not run on this worker ({answer.end})"
        return {"available": False, "problem": problem}
    return {"available": True, "version": sandbox.toolchain(language.name), "path": ""}
