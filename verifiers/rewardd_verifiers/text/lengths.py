"""Measure how long a completion is, in the unit that a recipe names."""

from typing import Any, Literal, TypeAlias

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import words

LengthUnit: TypeAlias = Literal["tokens", "characters", "words"]
"""Tokens are the trainer's own count; the others are counted here, Han and kana singly."""


def measure(sample: Sample[Any], unit: LengthUnit) -> int | None:
    """Return the length of thinking and answer together; None if the trainer sent no count."""
    if unit == "tokens":
        return sample.length
    texts = (sample.reasoning or "", sample.completion)
    if unit == "characters":
        return sum(map(len, texts))
    return sum(len(words.of(text)) + len(words.characters(text)) for text in texts)


def inputs(unit: LengthUnit) -> frozenset[str]:
    """Return what a verifier that measures in `unit` cannot do without."""
    return frozenset({"length"}) if unit == "tokens" else frozenset()
