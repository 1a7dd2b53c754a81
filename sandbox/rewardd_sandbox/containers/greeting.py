"""What owner and container tell each other first; needs nothing of the machine it is read on."""

from collections.abc import Mapping
from dataclasses import dataclass

from rewardd_sandbox.tiers import Tier


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the owner wants of the sandbox inside."""

    slots: int
    min_tier: Tier
    search_path: str
    python: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What the sandbox inside says of itself: its tier, and versions by language."""

    tier: Tier
    versions: Mapping[str, str]
