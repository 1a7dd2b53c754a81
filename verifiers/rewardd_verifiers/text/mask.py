r"""Blank out what is written in no language: code, formulas, commands, addresses, tags.

Every pattern stops where the next opening of its own kind stands, so that a text of nothing but
openings is read once and not once per opening.
"""

import re
from collections.abc import Iterable

from rewardd_verifiers.text import fences

MAX_MARKS = 32_768
"""Of one kind; a text with more is left as it is, and no honest text has them."""

_PARAGRAPH = r"\n(?![ \t]*+\n)"
_INLINE_CODE = re.compile(r"`++[^`\n]++`++")
_DISPLAY = re.compile(r"\$\$[^$]++(?:\$(?!\$)[^$]++)*+\$\$")
_BRACKETED = re.compile(r"(?<!\\)\\\[(?:[^\\]++|\\\\|\\(?![\[\]\\]))*+\\\]")
_PARENTHESISED = re.compile(r"(?<!\\)\\\((?:[^\\]++|\\\\|\\(?![()\\]))*+\\\)")
_ENVIRONMENT = re.compile(r"\\(?:(?P<opens>begin)|end)\s*+\{[A-Za-z]{1,30}+\*?\}")
# As Pandoc: nothing blank within the dollars, no digit behind, so that "$5 and $10" stays; or
# blanks within both of them, around something that only a formula holds.
_FORMULA = re.compile(
    rf"\$(?<!\\\$)(?!\s)(?:[^$\n\\]++|\\(?s:.)|{_PARAGRAPH})++(?<!\s)\$(?!\d)"
    rf"|\$(?<!\\\$)\s(?=[^$\n]*+\$)(?=[^$\n\\=^_+<>]*+[\\=^_+<>])[^$\n]++(?<=\s)\$"
)


def _braced(levels: int) -> str:
    """Return a pattern of what a command takes in braces, with braces `levels` deep in it."""
    inner = r"[^{}]++"
    for _ in range(levels):
        inner = rf"[^{{}}]++|\{{(?:{inner})*+\}}"
    return rf"\{{(?:{inner})*+\}}"


_COMMAND = re.compile(rf"\\[A-Za-z]++\*?(?:\[[^\[\]\n]*+\]|{_braced(3)})*+")
_ADDRESS = re.compile(r"https?://[!-~]++")
_BARE_ADDRESS = re.compile(r"www\.[!-~]++")
_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200d\u2060\ufeff]+")
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,200}+>")

_IN_ORDER: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("`", _INLINE_CODE),
    ("$$", _DISPLAY),
    ("\\[", _BRACKETED),
    ("\\(", _PARENTHESISED),
)
_THEN: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("$", _FORMULA),
    ("\\", _COMMAND),
    ("://", _ADDRESS),
    ("www.", _BARE_ADDRESS),
    ("<", _TAG),
)


def prose(text: str) -> str:
    """Return `text` with a blank in place of all that is no prose; lines stay apart.

    A fence that was never closed hides the rest; a formula that was never closed hides nothing.
    What joins or splits letters unseen is taken out, as it makes no word.
    """
    text = _without(text, ((fence.start, fence.end) for fence in fences.find(text)))
    text = _blank(text, _IN_ORDER)
    if "\\begin" in text:
        text = _without(text, _environments(text))
    text = _blank(text, _THEN)
    return text if text.isascii() else _INVISIBLE.sub("", text)


def _blank(text: str, patterns: Iterable[tuple[str, re.Pattern[str]]]) -> str:
    for mark, pattern in patterns:
        if mark in text and text.count(mark) <= MAX_MARKS:
            text = pattern.sub(" ", text)
    return text


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    kept: list[str] = []
    position = 0
    for start, end in spans:
        kept.append(text[position:start])
        position = end
    kept.append(text[position:])
    return " ".join(kept)


def _environments(text: str) -> list[tuple[int, int]]:
    """Return the outermost closed environments; one that stands open hides nothing."""
    opened: list[int] = []
    closed: list[tuple[int, int]] = []
    for mark in _ENVIRONMENT.finditer(text):
        if mark["opens"]:
            opened.append(mark.start())
        elif opened:
            start = opened.pop()
            while closed and closed[-1][0] > start:
                closed.pop()
            closed.append((start, mark.end()))
    return closed
