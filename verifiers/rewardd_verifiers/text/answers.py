r"""Find the span of a completion that holds its answer: tags, boxes, markers, phrases.

The first rule that applies decides, even where what it finds is empty: to fall back on a weaker
rule would pay for a broken box. Everything is one pass or a search from the end.
"""

import re
from itertools import pairwise
from typing import Literal, NamedTuple

from rewardd_verifiers.text import boxes, fences, last_line, parts, phrases, spellings, stance
from rewardd_verifiers.text.boxes import Box
from rewardd_verifiers.text.fences import Fence
from rewardd_verifiers.text.parts import DEFAULT_TAGS, Tags

MAX_ZONE = 1024 * 1024
"""Characters of a completion that are searched for an answer."""

Extract = Literal["any", "boxed", "tag", "marker"]
"""Which rules may find the answer; a recipe that teaches a format asks for that format."""

_FLAT_BOX = re.compile(
    r"\\(?:boxed|fbox)\s*+\{((?:[^{}\\]++|\\.|\{(?:[^{}\\]++|\\.|\{(?:[^{}\\]++|\\.|"
    r"\{(?:[^{}\\]++|\\.)*+\})*+\})*+\})*+)\}",
    re.DOTALL,
)
# The name of a part, as in "for part (a)", "(b)" or, at the start of a line, "2.".
_PART = (
    r"(?:(?:for|in|of|to)\s)?(?:(?:[Pp]art|[Qq]uestion|[Cc]ase)\s?\(?(?:[a-h]|\d|i{1,3}|iv|v)\b\)?"
    r"|\((?:[a-h]|\d|i{1,3}|iv|v)\)|(?<=\n)(?:[a-h]|\d)[.)])(?::(?=\s|\*|\$))?+"
)
# What may stand between boxes that together are one answer.
_GAP = re.compile(
    r"(?:[\s,;$&/|]++|\\[()\[\],;: ]|\\q?quad|and\b|or\b|和|或|[A-Za-z](?:_\{?\d\}?)?\s?="
    rf"|\\text\s?\{{(?:[\s,]++|and\b|or\b|{_PART})*+\}}|\.?\s*+\*{{0,2}}+{_PART}\*{{0,2}}+)*+"
)
_NAME = re.compile(r"(?<![A-Za-z\\])([A-Za-z](?:_\{?\d\}?)?)\s?=[\s$]*$")
_LONGEST_NAME = 16
_OR = re.compile(r"\bor\b|或")
_LONGEST_GAP = 80
_COMMANDS = ("\\boxed", "\\fbox")
_MARKERS = ("####", "A:", "Answer:")
_LAYOUT = frozenset(
    ("", "latex", "tex", "math", "text", "txt", "plaintext", "markdown", "md", "output", "json")
)
"""Labels of fenced blocks that are no programs."""
_MOST_JOINED = 64
_MOST_BOXES = 512
_ORNAMENTS = " \t\r\n\ufe0f\u200d\u220e\u25a0\u25a1" + "".join(
    map(chr, (*range(0x2600, 0x27C0), *range(0x1F300, 0x1FB00)))
)
"""Ticks, stars and other pictures behind an answer, and the marks that end a proof."""
_COMMENT = re.compile(r"<!--(?:[^-]++|-(?!->))*+(?:-->)?+")
"""What no reader is shown claims nothing."""

_ANNOTATION = re.compile(r"<<[^<>\n]*+>>")


class Answer(NamedTuple):
    """What was found.

    Attributes:
        text: the answer as it stands, boxes that belong together joined by commas.
        start, end: offsets into the completion.
        rule: the rule that found it, for the evidence.
        earlier: contents of boxes before it that do not belong to it.
        hedge: why the completion does not stand by it; empty where it does.
    """

    text: str
    start: int
    end: int
    rule: str
    earlier: tuple[str, ...] = ()
    hedge: str = ""


class Missing(NamedTuple):
    """Why there is no answer.

    Attributes:
        reason: `no_answer`; `bad_format` where a box or tag was never closed; `limit_exceeded`.
    """

    reason: Literal["no_answer", "bad_format", "limit_exceeded"]
    detail: str
    rule: str = ""


def extract(
    completion: str,
    *,
    rules: Extract = "any",
    tags: Tags | None = DEFAULT_TAGS,
    opened: bool = False,
    finished: bool = False,
    letters: bool = False,
) -> Answer | Missing:
    """Return the answer that the completion gives.

    Args:
        completion: what the policy wrote.
        rules: which of the rules may apply.
        tags: tags of thinking and answer; None where thinking is not to be cut off.
        opened: whether the prompt already opened the thinking.
        finished: whether generation ended by itself; an answer tag may then lack its end.
        letters: whether a bare letter of a choice may be the answer.
    """
    if len(completion) > MAX_ZONE:
        return Missing("limit_exceeded", f"{len(completion)} characters, more than {MAX_ZONE}")
    marked = tags or DEFAULT_TAGS
    think, answer = marked.think_marks, marked.answer_marks
    zone, offset = completion, 0
    # One character is found many times faster than a tag, and most completions hold none.
    bracketed = think[0][0] in completion or think[1][0] in completion
    if tags is not None and (opened or (bracketed and _holds(completion, think))):
        zone = parts.split(completion, tags=tags, opened=opened).rest
        offset = len(completion) - len(zone)
    if "!" in zone and "<!--" in zone:
        zone = _COMMENT.sub(_blank, zone)
    if not zone or zone.isspace():
        return Missing("no_answer", "nothing follows the thinking", "zone")
    search = _Search(zone, offset, finished=finished, letters=letters)
    return search.run(rules, answer)


def _stripped(text: str) -> str:
    r"""Return `text` without blanks at its ends, `\ ` among them, and without ornaments behind."""
    text = text.strip()
    if not text or (text[-1] != "\\" and text[-1].isascii() and text[0].isascii()):
        return text
    if not (text[-1].isascii() and text[0].isascii()):
        return text.strip(_ORNAMENTS) or text
    blanks = len(text) - len(text.rstrip("\\"))
    return text[:-1].rstrip() if blanks % 2 else text


def _blank(comment: re.Match[str]) -> str:
    return " " * len(comment.group())


def _behind(text: str, marker: str) -> int:
    """Return where the last line that begins with `marker` goes on behind it; -1 if none does."""
    place = text.rfind("\n" + marker)
    if place >= 0:
        return place + 1 + len(marker)
    return len(marker) if text.startswith(marker) else -1


def _holds(text: str, marks: tuple[str, str]) -> bool:
    return marks[0] in text or marks[1] in text


def _last_box(text: str, end: int) -> int:
    """Return where the last box in front of `end` begins; -1 if there is none.

    One search for what both commands spell finds out about most texts.
    """
    place = text.rfind("box", 0, end)
    if place < 0:
        return -1
    if text.startswith("\\boxed", place - 1, end) and place:
        return place - 1
    return max(text.rfind(command, 0, end) for command in _COMMANDS)


def _without_programs(text: str, place: int) -> str:
    """Blank out programs, if one of them holds `place`; else return nothing.

    A fence that only sets a formula off is none.
    """
    programs = [one for one in fences.find(text) if one.language not in _LAYOUT]
    if not any(one.start < place < one.end for one in programs):
        return ""
    kept = [text[a:b] for a, b in pairwise([0, *_edges(programs), len(text)])]
    kept[1::2] = [" " * len(program) for program in kept[1::2]]
    return "".join(kept)


def _edges(blocks: list[Fence]) -> list[int]:
    return [edge for block in blocks for edge in (block.start, block.end)]


class _Search:
    """One search for an answer in the zone behind the thinking."""

    __slots__ = ("_finished", "_letters", "_offset", "_zone")

    def __init__(self, zone: str, offset: int, *, finished: bool, letters: bool) -> None:
        self._zone = zone
        self._offset = offset
        self._finished = finished
        self._letters = letters

    def run(self, rules: Extract, marks: tuple[str, str]) -> Answer | Missing:
        tagged = marks[0][0] in self._zone and marks[0] in self._zone
        if tagged and rules in {"any", "tag"}:
            found = self._tagged(*marks)
            if found is not None:
                return found
        if rules in {"any", "boxed"}:
            found = self._boxed()
            if found is not None:
                return found
        if rules in {"any", "marker"}:
            found = self._marked() or (self._told() if rules == "any" else None)
            if found is not None:
                return found
        wanted = {"any": "answer", "tag": "answer tag"}.get(rules, rules)
        return Missing("no_answer", f"no {wanted} found", rules)

    def _tagged(self, opening: str, closing: str) -> Answer | Missing | None:
        start, end = self._zone.rfind(opening), self._zone.rfind(closing)
        if start < 0:
            return None
        start += len(opening)
        if end < start:
            if not self._finished:
                return Missing("bad_format", f"{opening} is never closed", "tag")
            end = len(self._zone)
        content = self._zone[start:end]
        if not content.strip():
            return Missing("no_answer", "the answer tag is empty", "tag")
        inner = _Search(content, self._offset + start, finished=True, letters=self._letters)
        return inner.within()

    def within(self) -> Answer | Missing:
        """Search the content of a tag: its box or marker, else all of it."""
        found = self._boxed() or self._marked() or self._told()
        return found or self._answer(0, len(self._zone), "tag")

    def _answer(self, start: int, end: int, rule: str, hedge: str = "") -> Answer:
        text = self._zone[start:end]
        if "<<" in text:
            text = _ANNOTATION.sub("", text)
        return Answer(_stripped(text), self._offset + start, self._offset + end, rule, (), hedge)

    def _boxed(self) -> Answer | Missing | None:
        zone = self._zone
        last = _last_box(zone, len(zone))
        if last < 0:
            return None
        # A character is found many times faster than a fence, and most completions hold none.
        if "`" in zone and zone.find("```", 0, last) >= 0:
            outside = _without_programs(zone, last)
            if outside:
                return self._apart(outside).outside_programs()
        if _last_box(zone, last) < 0 and (match := _FLAT_BOX.match(zone, last)):
            start, end = match.span(1)
            text = _stripped(match[1])
            if not text:
                return Missing("no_answer", "the box is empty", "box")
            hedge = stance.boxed_doubt(zone, last, match.end()) or ""
            return Answer(text, self._offset + start, self._offset + end, "box", (), hedge)
        return self._of_the_last(last).several()

    def outside_programs(self) -> Answer | Missing:
        """Return the last box of a zone whose programs were blanked out."""
        last = _last_box(self._zone, len(self._zone))
        found = self._of_the_last(last).several() if last >= 0 else None
        return found or Missing("no_answer", "the box stands in a program", "box")

    def _apart(self, zone: str, offset: int = 0) -> "_Search":
        return _Search(zone, self._offset + offset, finished=self._finished, letters=self._letters)

    def _of_the_last(self, last: int) -> "_Search":
        """Return a search from where the last boxes begin: more are no honest answer."""
        zone = self._zone
        start, places = last, [zone.rfind(command, 0, last) for command in _COMMANDS]
        for _ in range(_MOST_BOXES):
            which = 0 if places[0] > places[1] else 1
            if places[which] < 0:
                return self
            start = places[which]
            places[which] = zone.rfind(_COMMANDS[which], 0, start)
        return self._apart(zone[start:], start)

    def several(self) -> Answer | Missing | None:
        """Return the last box, with those that make one list with it."""
        found = boxes.find(self._zone)
        if not found:
            return None
        if not found[-1].closed or self._left_open(found):
            return Missing("bad_format", "the last box is never closed", "box")
        inner = boxes.innermost(found)
        group = [inner[-1]]
        for box in reversed(inner[:-1]):
            if len(group) == _MOST_JOINED or not self._belongs(box, group[0]):
                break
            group.insert(0, box)
        texts = [text for box in group if (text := _stripped(box.read(self._zone)))]
        earlier = tuple(_stripped(box.read(self._zone)) for box in inner[: -len(group)])
        if not texts or not group[-1].read(self._zone).strip():
            return Missing("no_answer", "the last box is empty", "box")
        text = self._named(group, texts) or (
            texts[-1] if len(set(texts)) == 1 else self._join(group, texts)
        )
        start, end = group[0].inner_start + self._offset, group[-1].inner_end + self._offset
        hedge = stance.boxed_doubt(self._zone, group[0].start, group[-1].end) or ""
        return Answer(text, start, end, "boxes" if len(group) > 1 else "box", earlier, hedge)

    def _left_open(self, found: list[Box]) -> bool:
        """Whether the last box stands at the beginning of one that is never closed."""
        last = len(found) - 1
        while last and found[last - 1].closed is False:
            outer = found[last - 1]
            if not self._zone[outer.inner_start : found[last].start].strip():
                return True
            last -= 1
        return False

    def _belongs(self, box: Box, following: Box) -> bool:
        """Whether two boxes are one list: only blanks, commas and such stand between."""
        gap = following.start - box.end
        if not box.closed or not 0 <= gap <= _LONGEST_GAP:
            return False
        return _GAP.fullmatch(self._zone, box.end, following.start) is not None

    def _named(self, group: list[Box], texts: list[str]) -> str:
        """Return boxes with the names in front of them, `x = 3, y = 4`; empty if one has none."""
        if len(group) == 1 or len(texts) < len(group):
            return ""
        fronts = (self._zone[max(0, box.start - _LONGEST_NAME) : box.start] for box in group)
        names = [found[1] if (found := _NAME.search(front)) else "" for front in fronts]
        if not all(names) or len(set(names)) < len(names):
            return ""
        return ", ".join(f"{name} = {text}" for name, text in zip(names, texts, strict=True))

    def _join(self, group: list[Box], texts: list[str]) -> str:
        between = self._zone[group[0].end : group[-1].start]
        gaps = [self._zone[a.end : b.start] for a, b in pairwise(group)]
        joint = " or " if between and any(_OR.search(gap) for gap in gaps) else ", "
        return joint.join(texts)

    def _marked(self) -> Answer | Missing | None:
        """Find the last `####` or `A:` that begins a line."""
        zone = self._zone
        start = max(_behind(zone, marker) for marker in _MARKERS)
        if start < 0:
            return None
        end = zone.find("\n", start)
        end = len(zone) if end < 0 else end
        end = phrases.without_aside(zone, start, end)
        if not zone[start:end].strip(" \t*#"):
            return Missing("no_answer", "nothing behind the marker", "marker")
        if zone.find("**", start, end) >= 0 and (bold := last_line.emphasised(zone, start, end)):
            return self._answer(*bold, "marker", stance.doubt(zone, *bold, keyword=start) or "")
        hedge = stance.doubt_within(zone, start, end) or ""
        if not hedge and len(zone) - end > 1 and stance.withdrawn(zone, end):
            hedge = stance.TAKEN_BACK
        found = self._answer(start, end, "marker", hedge)
        return found._replace(text=spellings.joined(found.text)) if ")" in found.text else found

    def _told(self) -> Answer | Missing | None:
        found = phrases.find(self._zone, letters=self._letters)
        if found is None:
            return None
        if found.start == found.end:
            return Missing("no_answer", f"nothing behind the {found.rule}", found.rule)
        answer = self._answer(found.start, found.end, found.rule)
        text = answer.text
        if found.rule == "number":
            text = last_line.spaced(text)
        elif found.rule == "rows":
            text = spellings.last_row(text)
        elif "\n" in text and (found.rule == "whole" or spellings.is_listed(text)):
            text = text if "\\" in text else spellings.listed(text)
        else:
            text = spellings.joined(text)
        return answer._replace(text=text, hedge=found.hedge)
