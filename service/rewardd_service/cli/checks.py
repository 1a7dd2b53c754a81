"""One line of what `rewardd doctor` finds."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check ended."""

    FINE = "ok"
    ABSENT = "--"
    BROKEN = "FAIL"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the diagnosis."""

    name: str
    state: State
    detail: str
