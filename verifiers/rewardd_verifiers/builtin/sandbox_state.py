"""Whether programs can be run at all, and how well they are fenced off: for health checks."""

from dataclasses import dataclass

from rewardd_sandbox import Sandbox, SandboxError
from rewardd_sandbox.examination import Examinable, examine
from rewardd_sandbox.languages import LANGUAGES, find
from rewardd_verifiers.sample import Sample
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import SandboxVerifier


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
        if not isinstance(sandbox, Examinable):
            return Verdict.unscored(Reason.UNDECIDED, "this sandbox cannot tell", facts)
        wanted = [found.name for name in self.languages if (found := find(name)) is not None]
        try:
            state = await examine(sandbox, wanted or None)
        except SandboxError as error:
            return Verdict.unscored(Reason.SANDBOX_UNAVAILABLE, str(error), facts)
        languages = state["languages"]
        told: dict[str, dict[str, object]] = languages if isinstance(languages, dict) else {}  # pyright: ignore[reportUnknownVariableType]  a dict by text, as `examine` made it
        absent = [name for name, one in told.items() if not one["available"]]
        detail = f"these do not run: {', '.join(absent)}" if absent else ""
        return Verdict.share(1.0 - len(absent) / max(len(told), 1), detail, {**facts, **state})
