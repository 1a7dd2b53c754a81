r"""Find `\boxed{...}` and `\fbox{...}`: balanced, nested, cut off; one pass over the text.

A box is told by its offsets alone. Its content is read on request, as the contents of nested boxes
overlap: five hundred of them around a mebibyte would otherwise be copied five hundred times.
"""

import re
from collections import deque
from typing import NamedTuple

MAX_DEPTH = 500
"""Braces within braces; beyond, the boxes that stand open count as never closed."""

MAX_BOXES = 4096
"""Of a text with more boxes than that, the last ones are read; no honest text has them."""

_COMMAND = re.compile(r"\\(?:boxed|fbox)(?![A-Za-z])\s*+")
# What `\boxed 7` may hold without braces: a number, a command with its flat arguments, or a letter
# that begins no word. All else after a bare `\boxed` is prose that mentions the command.
_TOKEN = re.compile(
    r"[-+]?\d++(?:[.,/]\d++)*+|\\[A-Za-z]++(?:\{[^{}]*+\})*+|[^\W\d_](?!\w)", re.UNICODE
)

_BOX_AHEAD = r"(?:boxed|fbox)(?![A-Za-z])"
_ATOM = (
    rf"[^{{}}\\]++|\\\\(?!{_BOX_AHEAD})|\\[{{}}]|\\(?!{_BOX_AHEAD}|[\\{{}}])|\\(?=\\{_BOX_AHEAD})"
)
"""A run of text without braces or boxes. `\\{`, `\\}` and `\\\\` are characters; doubled by JSON,
`\\\\boxed` is still a box."""


def _skipping(levels: int) -> re.Pattern[str]:
    """Return a pattern of text with braces up to `levels` deep, and no box in it.

    It spares the loop below most braces of honest text. Possessive throughout, so that a brace
    without partner costs one look at most `levels` braces deep, and no search.
    """
    body = _ATOM
    for _ in range(levels):
        body = rf"{_ATOM}|\{{(?:{body})*+\}}"
    return re.compile(rf"(?:{body})*+", re.DOTALL)


_SKIP = _skipping(8)


class Box(NamedTuple):
    r"""One box, by offsets into the text that it was found in.

    Attributes:
        start: of the backslash.
        inner_start, inner_end: of the content, without braces and as it stands.
        end: behind the closing brace; an open box ends with the text.
        depth: number of boxes that it stands in.
        closed: whether its closing brace was found; True also for `\boxed 7`.
    """

    start: int
    inner_start: int
    inner_end: int
    end: int
    depth: int
    closed: bool

    def read(self, text: str) -> str:
        """Return the content; `text` is the one that was searched."""
        return text[self.inner_start : self.inner_end]


def find(text: str) -> list[Box]:
    """Return all boxes, open ones too, in the order in which they begin.

    An outer box stands before those within it. A bare command in prose is no box, but as the last
    word of the text it is an open one.
    """
    found: list[Box] = []
    position = _first(text)
    while command := _COMMAND.search(text, position):
        position = _read_command(text, command, found, depth=0)
        if not found or found[-1].closed or found[-1].start != command.start():
            continue
        position = _close(text, position, found)
    return found


def last(text: str, *, innermost: bool = True) -> Box | None:
    """Return the box that begins last, or with `innermost` off, the last that stands in no other.

    Check `closed`: where the last box was cut off, an earlier one is no answer in its place.
    """
    boxes = find(text)
    if not innermost:
        boxes = [box for box in boxes if box.depth == 0]
    return boxes[-1] if boxes else None


def innermost(boxes: list[Box]) -> list[Box]:
    """Return those of `boxes`, ordered as `find` gives them, that hold no other box."""
    follower = [*boxes[1:], None]
    return [
        box
        for box, after in zip(boxes, follower, strict=True)
        if after is None or after.depth <= box.depth
    ]


def _first(text: str) -> int:
    """Return where reading begins: 0, or at the first of the last `MAX_BOXES` boxes."""
    if text.count("\\boxed") + text.count("\\fbox") <= MAX_BOXES:
        return 0
    starts = deque((command.start() for command in _COMMAND.finditer(text)), maxlen=MAX_BOXES)
    return starts[0] if starts else 0


def _read_command(text: str, command: re.Match[str], found: list[Box], *, depth: int) -> int:
    """Append the box that `command` begins, open if it has a brace; return where to read on."""
    start, after = command.span()
    if text.startswith("{", after):
        found.append(Box(start, after + 1, len(text), len(text), depth, closed=False))
        return after + 1
    if token := _TOKEN.match(text, after):
        found.append(Box(start, after, token.end(), token.end(), depth, closed=True))
        return token.end()
    if after == len(text):
        found.append(Box(start, after, after, after, depth, closed=False))
    return after


def _close(text: str, position: int, found: list[Box]) -> int:
    """Read on from within the last of `found` until it is closed, or all hope of it is lost."""
    stack: list[int | None] = [len(found) - 1]  # index of an open box, or None for a bare brace
    depth = 1
    while stack and len(stack) <= MAX_DEPTH:
        skipped = _SKIP.match(text, position)
        position = skipped.end() if skipped else position
        if position >= len(text):
            return position
        if text[position] == "{":
            stack.append(None)
            position += 1
        elif text[position] == "}":
            position += 1
            box = stack.pop()
            if box is not None:
                depth -= 1
                found[box] = found[box]._replace(inner_end=position - 1, end=position, closed=True)
        elif command := _COMMAND.match(text, position):
            known = len(found)
            position = _read_command(text, command, found, depth=depth)
            if len(found) > known and not found[-1].closed:
                stack.append(known)
                depth += 1
    return position
