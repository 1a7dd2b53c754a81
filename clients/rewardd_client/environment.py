"""The one place that reads the environment, for trainers whose reward functions take no settings.

Read at the first call and not before: Ray and TRL import, pickle and fork at their own times.
"""

import functools
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DEADLINE_SECONDS = 300.0


class Missing(StrEnum):
    """What becomes of a sample without a verdict, besides a number that the user wrote down."""

    MASK = "mask"
    RAISE = "raise"


@dataclass(frozen=True)
class Environment:
    """What the variables say.

    Attributes:
        urls, key, deadline_seconds: see `rewardd_client.Settings`.
        reward: name of a recipe or verifier.
        reference: column, or a path "a.b" into one; None: the only one with a usual name.
        unscored: None where nothing is said, so that each trainer's best applies.
    """

    urls: tuple[str, ...]
    reward: str
    key: str | None = field(default=None, repr=False)
    reference: str | None = None
    deadline_seconds: float = DEADLINE_SECONDS
    unscored: Missing | float | None = None


@functools.cache
def environment() -> Environment:
    """Return what this process was started with.

    Raises:
        ValueError: a variable is missing, or says what cannot be.
    """
    return read(os.environ)  # noqa: TID251  # trainers hand nothing else through to a reward function


def read(variables: Mapping[str, str]) -> Environment:
    """Read the variables; empty ones count as absent.

    Raises:
        ValueError: one is missing, or says what cannot be; the message names it.
    """
    given = {name: value.strip() for name, value in variables.items() if value.strip()}
    return Environment(
        urls=tuple(each.strip() for each in _needed(given, "REWARDD_URL").split(",")),
        reward=_needed(given, "REWARDD_REWARD"),
        key=given.get("REWARDD_KEY"),
        reference=given.get("REWARDD_REFERENCE"),
        deadline_seconds=_number(given, "REWARDD_DEADLINE_SECONDS", DEADLINE_SECONDS),
        unscored=_unscored(given),
    )


def _needed(given: Mapping[str, str], name: str) -> str:
    if name not in given:
        raise ValueError(f"set {name}: the reward function gets nothing else to go by")
    return given[name]


def _unscored(given: Mapping[str, str]) -> Missing | float | None:
    name = "REWARDD_UNSCORED"
    if name not in given:
        return None
    if given[name] in list(Missing):
        return Missing(given[name])
    return _number(given, name, math.nan)


def _number(given: Mapping[str, str], name: str, default: float) -> float:
    if name not in given:
        return default
    try:
        number = float(given[name])
    except ValueError as error:
        raise ValueError(f"{name} is {given[name]!r}, which is no number") from error
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}, which is not finite")
    return number
