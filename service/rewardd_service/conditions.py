"""What a sample carries, and which parts of a recipe apply to it. Pure."""

from collections.abc import Mapping
from typing import TypeGuard

from rewardd_client.schema import Sample, Term

_METADATA = "metadata."
STEP = "metadata.step"
"""The training step, by which recipes switch terms and rules on and off."""


def value_of(sample: Sample, name: str) -> object:
    """Return a part of the sample by the name that recipes use: "length", "metadata.step", ..."""
    if name.startswith(_METADATA):
        return sample.metadata.get(name.removeprefix(_METADATA))
    return getattr(sample, name)


def applies(term: Term, sample: Sample) -> bool:
    """Whether a term is to be run on a sample."""
    if not in_steps(term.from_step, term.until_step, sample):
        return False
    return _holds(term.when, sample)


def in_steps(from_step: int | None, until_step: int | None, sample: Sample) -> bool:
    """Whether the sample's `metadata.step` lies in [from_step, until_step)."""
    if from_step is None and until_step is None:
        return True
    step = value_of(sample, STEP)
    if not is_step(step):
        return False
    return (from_step or 0) <= step and (until_step is None or step < until_step)


def is_step(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; True and 5.0 are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _holds(when: Mapping[str, object], sample: Sample) -> bool:
    return all(value_of(sample, name) == wanted for name, wanted in when.items())
