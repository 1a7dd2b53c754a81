"""Find the letter of a choice that running text picks.

A letter beside "option", in brackets or at the end counts; else the one that is announced last.
"""

import re
from typing import NamedTuple

from rewardd_verifiers.text import announcements, stance
from rewardd_verifiers.text.letters import Options

_WINDOW = 2048
_LETTER = re.compile(
    r"\(([A-J])\)|\b(?:[Oo]ption|[Cc]hoice|[Ll]etter)(?:\sis)?:?\s\(?([A-J])\)?(?![\w'])"
    r"|(?:^|\n|[.!?;]\s|\b(?:so|is|choose|select|pick|thus|hence|therefore)\s)\s*([A-J])[.)!]?\s*$"
)
_NEGATED = re.compile(r"\b(?:not|isn't|n't|never|than)\s(?:option\s|choice\s)?\(?$")
_REJECTED = re.compile(
    r"\)?\s(?:is|are|was)\s(?:wrong|incorrect|false|not|out|too|eliminated|excluded|ruled|impossible)\b"
)
_LISTED = re.compile(r"\(?[A-J]\)?\s*+(?:,|;|/|&|and|or|,\s*+and|,\s*+or)\s*+\(?$")


_LABELLED = re.compile(
    r"[\s*_#($\[\\]*+(?:(?:the\s)?(?:correct\s)?(?:option|choice)\b[\s:(*]*+)?[A-J]\s?[).:\]*$-]",
    re.IGNORECASE,
)
_NO_OPTIONS = Options({})
_OVER = re.compile(
    r"[\s*_(]*+([A-J])[\s*_)]*+,?\s(?:and\s|but\s|rather\sthan\s)?(?:not|rather\sthan|instead\sof)\s"
    r"(?:option\s)?[*_(]*+[A-J][)*_.!\s]*+"
)


class Pick(NamedTuple):
    """Where a letter stands, and why the text does not stand by it."""

    start: int
    end: int
    hedge: str


def find(text: str) -> Pick | None:
    """Return the letter that a text picks; None if it picks none."""
    return _named(text) or _announced(text)


def preferred(text: str) -> tuple[int, int] | None:
    """Return where the letter stands that a text prefers to another: "C, not D"."""
    found = _OVER.fullmatch(text)
    return found.span(1) if found else None


def is_announced(text: str) -> bool:
    """Return whether a short text is a sentence that names a letter, rather than a label."""
    return _LABELLED.match(text) is None and _announced(text) is not None


def _announced(text: str) -> Pick | None:
    """Return the letter that is announced last."""
    base = max(len(text) - _WINDOW, 0)
    window = text[base:]
    found = announcements.find(window, _NO_OPTIONS)
    if not found:
        return None
    last = found[-1]
    named = last.reading.letters
    place = max(window.rfind(letter, 0, last.end) for letter in named)
    hedged = last.reading.hedged or last.reading.contradicted or len(named) > 1
    if any(other.reading.letters != named for other in found):
        hedged = True
    return Pick(base + place, base + place + 1, stance.SEVERAL if hedged else "")


def _named(text: str) -> Pick | None:
    base = max(len(text) - _WINDOW, 0)
    found: Pick | None = None
    for match in _LETTER.finditer(text, base):
        group = next(index for index in (1, 2, 3) if match[index])
        before = text[max(match.start() - 24, 0) : match.start()] + " "
        if _NEGATED.search(before.rstrip() + " ") or _REJECTED.match(text, match.end(group)):
            continue
        start, end = match.span(group)
        listed = _LISTED.search(text[max(start - 24, 0) : start])
        doubt = stance.SEVERAL if listed else stance.fault(text, start, end)
        found = Pick(start, end, doubt)
    return found
