"""Lay a template's marks over a text: each exactly once, in order, and what stands between."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from rewardd_verifiers.text import blanks

Span: TypeAlias = tuple[int, int]


class Rule(StrEnum):
    """What a layout can break, in the words that a verdict shows."""

    MISSING_TAG = "missing tag"
    TAG_TWICE = "tag twice"
    WRONG_ORDER = "wrong order"
    TEXT_BEFORE = "text before"
    TEXT_BETWEEN = "text between"
    TEXT_AFTER = "text after"
    EMPTY_PART = "empty part"
    NOT_ON_ITS_OWN_LINE = "tag not on a line of its own"
    NO_BOX = "no box"
    OPEN_BOX = "box not closed"
    EMPTY_BOX = "empty box"
    NO_FENCE = "no fence"


class Fault(NamedTuple):
    """The first broken rule, and where."""

    rule: Rule
    where: str


def place(text: str, marks: Sequence[str]) -> list[Span] | Fault:
    """Return where the marks stand; each occurs as often in `text` as in `marks`, in that order."""
    for mark, wanted in Counter(marks).items():
        count = text.count(mark)
        if count != wanted:
            return Fault(Rule.MISSING_TAG if count < wanted else Rule.TAG_TWICE, mark)
    spans: list[Span] = []
    position = 0
    for mark in marks:
        start = text.find(mark, position)
        if start < 0:
            return Fault(Rule.WRONG_ORDER, mark)
        position = start + len(mark)
        spans.append((start, position))
    return spans


def between(text: str, spans: Sequence[Span]) -> list[str]:
    """Return the texts before, between and after the spans: one more than there are spans."""
    starts = [0, *(end for _, end in spans)]
    ends = [*(start for start, _ in spans), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]


def crowded(text: str, spans: Sequence[Span]) -> Fault | None:
    """Return the first span that shares its line with something that can be seen."""
    for start, end in spans:
        stop = text.find("\n", end)
        before = text[text.rfind("\n", 0, start) + 1 : start]
        after = text[end : stop if stop >= 0 else len(text)]
        if not blanks.is_blank(before + after):
            return Fault(Rule.NOT_ON_ITS_OWN_LINE, text[start:end])
    return None
