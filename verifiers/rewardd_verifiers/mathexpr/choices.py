"""Multiple choice: letters, and the texts that they stand for."""

import re
from collections.abc import Mapping

from rewardd_verifiers.mathexpr.spoken import flatten

_ONE = re.compile(r"\(?\s?([A-J])\s?\)?[.:)]?")
# Each blank and each word has one place only: with two, a long list took exponential time.
_SEVERAL = re.compile(
    r"\(?[A-J]\)?(?:(?=[\s,;&]|and|or)\s*+(?:[,;&]\s*+)?+(?:(?:and|or)\b\s*+)?+\(?[A-J]\)?)++\.?"
)
_RUN = re.compile(r"A?B?C?D?E?F?G?H?I?J?")
_INTRODUCED = re.compile(
    r"(?:both\s|the\s)?(?:correct\s)?(?:(?:answer|option|choice|letter)s?)\s?(?:is|are|:)?\s?",
    re.IGNORECASE,
)
_WITH_TEXT = re.compile(r"(?:\(\s?([A-J])\s?\)|([A-J])\s?[).:])\s?(.+)", re.DOTALL)
_LETTER = re.compile(r"[A-J]")
_HEDGE = re.compile(r"\bor\b")


def gold_letters(text: str) -> frozenset[str] | None:
    """Return the letters that a gold names; None if it is no choice."""
    if _LETTER.search(text) is None:
        return None
    flat = flatten(text).strip(" .")
    if match := _ONE.fullmatch(flat):
        return frozenset(match[1])
    if _SEVERAL.fullmatch(flat) and not _HEDGE.search(flat):
        return frozenset(_LETTER.findall(flat))
    if len(flat) > 1 and flat.isalpha() and _RUN.fullmatch(flat):
        return frozenset(flat)
    return None


def answer_letters(text: str) -> tuple[frozenset[str], str] | None:
    """Return the letters that an answer names and the text beside a single one.

    None if it names no letter. Letters joined by "or" are a hedge: none is chosen.
    """
    flat = flatten(text).strip(" .*")
    introduced = _INTRODUCED.match(flat)
    if introduced and introduced.end():
        flat = flat[introduced.end() :].strip()
    elif flat.lower().startswith("both "):
        flat = flat[5:]
    letters = gold_letters(flat)
    if letters is not None:
        return letters, ""
    if _SEVERAL.fullmatch(flat):
        return frozenset(), ""
    if match := _WITH_TEXT.fullmatch(flat):
        rest = match[3].strip()
        if _ONE.match(rest) and _SEVERAL.match(flat):
            return frozenset(_LETTER.findall(flat)), ""
        return frozenset(match[1] or match[2]), rest
    return None


def named_option(letter: str, options: Mapping[str, str]) -> str | None:
    """Return the text of an option, whatever the case and brackets of its key."""
    for known, text in options.items():
        if known.strip("(). ").upper() == letter:
            return text
    return None
