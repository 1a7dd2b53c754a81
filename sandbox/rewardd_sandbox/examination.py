"""What a sandbox can say of itself: its tier, why it is no better one, and its languages."""

from collections.abc import Iterable, Mapping
from typing import Protocol, runtime_checkable

from rewardd_sandbox.local import LanguageReport
from rewardd_sandbox.tiers import Report


@runtime_checkable
class Examinable(Protocol):
    """A sandbox that was started, and can be asked about itself; `LocalSandbox` is one."""

    @property
    def report(self) -> Report:
        """What the probe of the tiers found."""
        ...

    async def check_languages(self, names: Iterable[str] | None = None) -> list[LanguageReport]:
        """Build and run each language's hello program in a jail, all if none is named."""
        ...


async def examine(
    sandbox: Examinable, languages: Iterable[str] | None = None
) -> Mapping[str, object]:
    """Return plain values: tier, refusals with their remedies, languages with version or trouble.

    Raises:
        SandboxError: it failed.
    """
    checked = await sandbox.check_languages(languages)
    tier = sandbox.report.tier
    return {
        "tier": None if tier is None else tier.value,
        "letter": None if tier is None else tier.letter,
        "refusals": refusals(sandbox.report),
        "languages": {told.name: _language(told) for told in checked},
    }


def refusals(report: Report) -> list[dict[str, str]]:
    """Return why each better tier cannot be had, once for each different reason."""
    told: dict[tuple[str, str], dict[str, str]] = {}
    for refusal in report.refusals:
        told.setdefault(
            (refusal.tier.value, refusal.remedy),
            {
                "tier": refusal.tier.value,
                "letter": refusal.tier.letter,
                "message": refusal.message,
                "remedy": refusal.remedy,
            },
        )
    return list(told.values())


def _language(told: LanguageReport) -> dict[str, object]:
    if not told.available:
        return {"available": False, "problem": told.problem}
    return {"available": True, "version": told.version, "path": told.path}
