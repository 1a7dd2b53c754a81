"""Find an answer that is told rather than marked: "the answer is", a formula, a last number.

Only the end of a text is searched, with patterns over single character classes, so that the work
grows with the window and not with what the policy wrote.
"""

import re
from typing import NamedTuple

_PHRASE_WINDOW = 4096
_NUMBER_WINDOW = 2048
_LONGEST_WHOLE = 1500
_MOST_WORDS = 7

_PHRASE = re.compile(
    r"final answer is|final answer|the answer is|answer is|answer(?:\*\*)?[:：]|# ?answer\b|答[:：]"
    r"|the solution is"
    r"|the result is|答案是|答案为|答案[:：]|最终答案|故选|答え|정답|la respuesta es|respuesta:"
    r"|la réponse est|réponse ?:|die antwort ist|antwort:|ответ|la risposta è|a resposta é",
    re.IGNORECASE,
)
_LEAD = re.compile(r"[\s*_#:：=>「」“”\"是为は]*+(?:(?:is|are|will be|would be)\b)?[\s*_:：=“\"]*+")
_FORMULA = re.compile(
    r"\$\$[^$]++\$\$|\$(?:[^$\\\n]++|\\.)++\$|\\\((?:[^\\]++|\\[^()])*+\\\)"
    r"|\\\[(?:[^\\]++|\\[^\[\]])*+\\\]",
    re.DOTALL,
)
_BOLD = re.compile(r"\*\*([^*\n]++)\*\*")
_END = re.compile(r"[.!?。！？](?=\s|\*|$)|[。！？]|\n|<\|")
_REASON = re.compile(
    r"[\s,;]+(?:because|since|which|so|given|hence|therefore|due|as\s(?:it|the|we|this))\b"
)
# A second answer in brackets is no aside: it stays, and the answer is a hedge.
_ASIDE = re.compile(
    r"(?<=[^\s(])\s\((?!\s?(?:or|maybe|perhaps|possibly|alternatively)\b)"
    r"(?=[^()]*[A-Za-z]{3})[^()\n]*+\)"
)
_DENIED = re.compile(
    r"(?:n't|not)\s[^,.\n]{1,40}+(?:,\s)?(?:but\s(?:rather\s)?|it\sis\s|it's\s)|"
    r"(?:n't|not)\s[^,.\s]{1,40}\s(?:but\s(?:rather\s)?|it\sis\s|it's\s)"
)
_CONTRAST = re.compile(r",\s(?:and\s)?not\s|\s(?:rather\sthan|instead\sof)\s")
_RETRACTED = re.compile(
    r"\b(?:wait|actually|correction|scratch\sthat|oops|hold\son)\b"
    r"|\bthat(?:'s|\sis|\swas)\s(?:wrong|incorrect|not\sright)\b|\bno,\s",
    re.IGNORECASE,
)
_BESIDE = re.compile(r"\b(?:when|at|where|if|whenever)\s$")
_REASONING = re.compile(r"(?<=[^\s(])\s\((?:since|because|as|given|so)\b")
_JOINT = re.compile(r"\s*+(?:,|;|and|or|,\s*+and|,\s*+or)\s*+")
_TAIL = re.compile(
    r"\s?(?:%|°|percent\b|pct\b|(?!(?:is|are|was|were|has|have|which|so|and|or|as|in)\b)"
    r"[A-Za-z²³/^.]{1,14}(?:\s(?!(?:is|are|was|were|has)\b)[A-Za-z²³/]{1,12}){0,2}+)?+"
)
_NUMBER = re.compile(
    r"(?:[-+−]?\s?[$€£¥]\s?)?(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)?+(?:\.\d++)?+"
    r"(?:\s?/\s?\d++)?+(?:[eE][-+]?\d++)?+(?::\d\d(?!\d))?+"
    r"(?:\s?(?:%|€|£|¥|°|percent\b|dollars?\b|cents?\b|[AaPp]\.?\s?[Mm]\b\.?))?+"
)
_VERB = re.compile(r"\b(?:is|are|equals|will be|would be|must be|by)\s+")
_TELLING = frozenset(
    (
        "is", "are", "was", "were", "be", "so", "thus", "hence", "therefore", "then", "he", "she",
        "they", "there", "we", "it", "the", "this", "that", "has", "have", "had", "get", "gives",
        "you", "can", "will", "must", "means", "total",
    )
)  # fmt: skip
"""Words of a sentence that tells an answer, rather than of the answer."""

_FEWEST_OF_A_SENTENCE = 3
_WORD = re.compile(r"[^\W\d_]{2,}")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_LETTER = re.compile(
    r"\(([A-J])\)|\b(?:option|choice|letter)(?:\sis)?:?\s\(?([A-J])\)?(?![\w'])"
    r"|(?:^|\n|\b(?:so|is|choose|select|pick|thus|hence|therefore)\s)\s*([A-J])[.)]?\s*$"
)
_NEGATED = re.compile(r"\b(?:not|isn't|n't|never|than)\s(?:option\s|choice\s)?\(?$")
_REJECTED = re.compile(r"\)?\s(?:is|are|was)\s(?:wrong|incorrect|false|not)\b")


class Span(NamedTuple):
    """Where an answer stands, and the rule that found it."""

    start: int
    end: int
    rule: str


def find(text: str, *, letters: bool = False) -> Span | None:
    """Return the answer of a text without boxes or markers; None if it tells none."""
    if whole := _whole(text, letters=letters):
        return whole
    if told := _told(text):
        return told
    if letters and (letter := _letter(text)):
        return letter
    line = _last_line(text)
    if line is None:
        return None
    return _formula(text, *line) or _bold(text, *line) or _number(text, *line)


def _whole(text: str, *, letters: bool) -> Span | None:
    """A text that is short and says little else is the answer itself."""
    stripped = text.strip()
    if not stripped or len(stripped) > _LONGEST_WHOLE:
        return None
    plain = _FORMULA.sub(" ", stripped)
    formulas = plain != stripped
    words = _WORD.findall(_COMMAND.sub(" ", plain))
    telling = any(word.lower() in _TELLING for word in words)
    if telling and (letters or any(letter.isdigit() for letter in stripped)):
        return None
    if len(words) > _MOST_WORDS or _PHRASE.search(plain) or ". " in plain:
        return None
    if "\n" in plain.strip() and "\\begin" not in plain:
        return None
    if formulas and words and plain.lstrip("* ")[:1].isalpha():
        return None
    start = text.index(stripped[0])
    return Span(start, start + len(stripped), "whole")


def _told(text: str) -> Span | None:
    base = max(len(text) - _PHRASE_WINDOW, 0)
    last: re.Match[str] | None = None
    for match in _PHRASE.finditer(text, base):
        last = match
    if last is None:
        return None
    lead = _LEAD.match(text, last.end())
    start = lead.end() if lead else last.end()
    if start >= len(text):
        return None
    if denied := _DENIED.match(text, start):
        start = denied.end()
    span = _statement(text, start)
    return None if span and _RETRACTED.search(text, span.end) else span


def _statement(text: str, start: int) -> Span | None:
    formula = _FORMULA.match(text, start)
    if formula:
        return Span(start, _joined(text, formula.end()), "phrase")
    end = _sentence_end(text, start)
    start = _predicate(text, start, end)
    if reason := _REASON.search(text, start, end):
        end = reason.start()
    if aside := _ASIDE.search(text, start, end):
        end = aside.start()
    if contrast := _CONTRAST.search(text, start + 1, end):
        end = contrast.start()
    while end > start and text[end - 1] in "_*":
        end -= 1
    return Span(start, end, "phrase") if text[start:end].strip(" *_.") else None


def without_aside(text: str, start: int, end: int) -> int:
    """Return where an answer ends in front of a remark in brackets that gives its reason."""
    aside = _REASONING.search(text, start, end)
    return aside.start() if aside else end


def _predicate(text: str, start: int, end: int) -> int:
    """Return where "The largest n is 34" says its value: behind the last "is"."""
    if len(_WORD.findall(text, start, end)) < _FEWEST_OF_A_SENTENCE or not text[start].isalpha():
        return start
    last = start
    for verb in _VERB.finditer(text, start, end):
        last = verb.end()
    if last == start and (number := _first_number(text, start, end)):
        return number
    return last


def _first_number(text: str, start: int, end: int) -> int | None:
    for match in _NUMBER.finditer(text, start, end):
        if any(letter.isdigit() for letter in match.group()):
            return match.start()
    return None


def _sentence_end(text: str, start: int) -> int:
    """Return where the sentence ends; a stop within a formula, a number or "p.m." is none."""
    position = start
    while match := _END.search(text, position):
        place = match.start()
        letter = text[place - 1 : place].lower()
        if (
            match.group() == "."
            and letter in {"a", "p", "m"}
            and text[place - 2 : place - 1] in " ."
        ):
            position = match.end()
            continue
        return place
    return len(text)


def _joined(text: str, end: int) -> int:
    """Extend a formula by its unit, and by formulas that follow it as a list."""
    while joint := _JOINT.match(text, end):
        following = _FORMULA.match(text, joint.end())
        if following is None:
            break
        end = following.end()
    tail = _TAIL.match(text, end)
    stop = text[end : end + 1]
    if tail and tail.group().strip() and (stop in {"%", "°"} or tail.group()[:1] == " "):
        after = text[tail.end() : tail.end() + 1]
        if after in {"", ".", "\n", ",", "*"}:
            return tail.end()
    return end


def _letter(text: str) -> Span | None:
    base = max(len(text) - _NUMBER_WINDOW, 0)
    found: Span | None = None
    for match in _LETTER.finditer(text, base):
        group = next(index for index in (1, 2, 3) if match[index])
        before = text[max(match.start() - 24, 0) : match.start()] + " "
        if _NEGATED.search(before.rstrip() + " ") or _REJECTED.match(text, match.end(group)):
            continue
        found = Span(match.start(group), match.end(group), "letter")
    return found


def _last_line(text: str) -> tuple[int, int] | None:
    end = len(text.rstrip())
    if end == 0:
        return None
    start = text.rfind("\n", 0, end) + 1
    return max(start, end - _PHRASE_WINDOW), end


def _formula(text: str, start: int, end: int) -> Span | None:
    tail = text[:end].rstrip()
    if tail.endswith(("\\]", "$$", "\\)")):
        opener = {"\\]": "\\[", "$$": "$$", "\\)": "\\("}[tail[-2:]]
        begin = tail.rfind(opener, 0, len(tail) - 2)
        if begin >= 0 and len(tail) - begin <= _PHRASE_WINDOW:
            start = min(start, begin)
    spans = [match.span() for match in _FORMULA.finditer(text, start, end)]
    if not spans:
        return None
    while len(spans) > 1 and _BESIDE.search(text, max(spans[-1][0] - 12, 0), spans[-1][0]):
        spans.pop()
    first, last = spans[-1]
    for begin, stop in reversed(spans[:-1]):
        if _JOINT.fullmatch(text, stop, first) is None:
            break
        first = begin
    return Span(first, min(_joined(text, last), end), "formula")


def _bold(text: str, start: int, end: int) -> Span | None:
    found = [match.span(1) for match in _BOLD.finditer(text, start, end)]
    return Span(*found[-1], "bold") if found else None


def _number(text: str, start: int, end: int) -> Span | None:
    start = max(start, end - _NUMBER_WINDOW)
    found: Span | None = None
    for match in _NUMBER.finditer(text, start, end):
        if any(letter.isdigit() for letter in match.group()):
            begin = match.start()
            if match.group()[0] in "-−" and text[begin - 1 : begin].isdigit():
                begin += 1
            found = Span(begin, match.end(), "number")
    return found
