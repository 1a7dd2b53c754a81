"""What a rule over groups sees of one sample."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One scored sample of a group; unscored ones take no part.

    Attributes:
        reward: combination of the sample's terms, before any group rule.
        score: of the term that the rule names with `of`; None where it names none, or where an
            earlier gate kept that term from running.
        length: the completion's, in tokens, or in the unit that the rule asks for.
        finish_reason: why generation ended.
    """

    reward: float
    score: float | None = None
    length: int | None = None
    finish_reason: str | None = None

    @property
    def correct(self) -> bool:
        """Whether the named term gave its full score."""
        return self.score == 1.0


class Parameters:
    """Base of rules, filters and advantages: frozen dataclasses that refuse unknown fields."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def inputs(self) -> frozenset[str]:
        """Return which parts of each sample are needed: "length", "finish_reason"."""
        return frozenset()
