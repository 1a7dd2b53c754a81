"""Find fenced code blocks as CommonMark reads them, indented ones in lists included."""

import re
from collections import deque
from typing import NamedTuple

MAX_FENCES = 4096
"""Of a text with more lines that are fences, the last ones are read."""

_FENCE = re.compile(r"^(?P<indent>[ \t]*+)(?P<mark>`{3,}+|~{3,}+)(?P<label>[^\n]*+)$", re.MULTILINE)
_LOOSE = re.compile(r"```(?P<language>[\w+#.-]*+)[^\S\n]*+\n(?P<code>.*?)```", re.DOTALL)
_CODE_INDENT = 4


class Fence(NamedTuple):
    """One block, by offsets into the text that it was found in.

    Attributes:
        start: of the line of the opening fence.
        inner_start, inner_end: of the code; it ends with a line break unless it is empty.
        end: behind the closing fence; an open block ends with the text.
        language: first word behind the opening fence, lower case; empty if there is none.
        closed: whether the closing fence was found.
    """

    start: int
    inner_start: int
    inner_end: int
    end: int
    language: str
    closed: bool

    def read(self, text: str) -> str:
        """Return the code; `text` is the one that was searched."""
        return text[self.inner_start : self.inner_end]


def find(text: str) -> list[Fence]:
    """Return all blocks in order; a block that was never closed is the last, and runs to the end.

    A fence is closed by one of the same character, at least as long, with nothing behind it, and
    not so far to the right of it that it is code.
    """
    found: list[Fence] = []
    opening: re.Match[str] | None = None
    for line in _lines(text):
        if opening is None:
            opening = line if _opens(line) else None
        elif _closes(line, opening):
            found.append(_block(opening, line.start(), line.end(), closed=True, text=text))
            opening = None
    if opening is not None:
        found.append(_block(opening, len(text), len(text), closed=False, text=text))
    return found


def find_loose(text: str) -> list[Fence]:
    """Return blocks whose fences share lines with other text, as in `so: ```python`.

    They begin at the end of a line, and end at the next three backticks wherever those stand.
    """
    found = deque(_LOOSE.finditer(text), maxlen=MAX_FENCES)
    return [
        Fence(
            m.start(), m.start("code"), m.end("code"), m.end(), m["language"].lower(), closed=True
        )
        for m in found
    ]


def _lines(text: str) -> deque[re.Match[str]]:
    if "```" not in text and "~~~" not in text:
        return deque()
    return deque(_FENCE.finditer(text), maxlen=MAX_FENCES)


def _opens(line: re.Match[str]) -> bool:
    """Return whether a line may begin a block: behind backticks, more of them make it prose."""
    return line["mark"].startswith("~") or "`" not in line["label"]


def _closes(line: re.Match[str], opening: re.Match[str]) -> bool:
    beside = _width(line) - _width(opening) < _CODE_INDENT
    return beside and line["mark"].startswith(opening["mark"]) and not line["label"].strip()


def _width(line: re.Match[str]) -> int:
    return len(line["indent"].expandtabs(_CODE_INDENT))


def _block(opening: re.Match[str], inner_end: int, end: int, *, closed: bool, text: str) -> Fence:
    words = opening["label"].split(maxsplit=1)
    return Fence(
        start=opening.start(),
        inner_start=min(opening.end() + 1, inner_end, len(text)),
        inner_end=inner_end,
        end=end,
        language=words[0].lower() if words else "",
        closed=closed,
    )
