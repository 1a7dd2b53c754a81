"""Find where running text announces a choice: "the answer is (C)", "option C", 答案是 C, 选 C."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from rewardd_verifiers.text import letters, stance

MAX_ANNOUNCEMENTS = 512
"""Of one keyword; of more, the last are read."""

_WRAPPING = 40
"""Characters of emphasis and commands round the text of an option."""

_CLAUSE = 120
"""Characters before and behind an announcement in which it may be negated."""


class Force(IntEnum):
    """How much a keyword says: an option may be named without being chosen."""

    NAMED = 1
    CHOSEN = 2


_TERSE = (
    "it's",
    "it’s",
    "it is",
    "only",
    "leaving",
    "leaves",
    "letter",
    "so",
    "hence",
    "thus",
    "therefore",
)
"""Words that announce a choice only where the sentence ends with it: "so B = 3" is algebra."""

_STOP = re.compile(r"[\s*_)\]}$\"”]*+(?:[.!。]|\n|$|(?:fits|works|holds)\b)")
_KEYWORDS: Mapping[str, Force] = {
    "answer": Force.CHOSEN,
    "ans": Force.CHOSEN,
    "choose": Force.CHOSEN,
    "select": Force.CHOSEN,
    "pick": Force.CHOSEN,
    "go with": Force.CHOSEN,
    "答案": Force.CHOSEN,
    "选": Force.CHOSEN,
    "選": Force.CHOSEN,
    "答え": Force.CHOSEN,
    "正解": Force.CHOSEN,
    "정답": Force.CHOSEN,
    "respuesta": Force.CHOSEN,
    "réponse": Force.CHOSEN,
    "antwort": Force.CHOSEN,
    "risposta": Force.CHOSEN,
    "resposta": Force.CHOSEN,
    "ответ": Force.CHOSEN,
    "must be": Force.CHOSEN,
    "has to be": Force.CHOSEN,
    "option": Force.NAMED,
    "choice": Force.NAMED,
    **dict.fromkeys(_TERSE, Force.NAMED),
}
# Between keyword and letter: verbs and fillers, colons, emphasis, openings of formulas.
_VERB = (
    r"(?:is|was|be|are|should|would|must|will|es|est|ist|lautet|è|é|была|это)(?!\w)"
    r"|[:=]|是|为|為|は|が|은|는|应|選|选"
)
_FILLER = (
    r"(?:therefore|thus|then|clearly|definitely|indeed|simply|hence|the|correct|right|best|final"
    r"|option|choice|letter|la|le|die|der|lettre|letra|opción|correcta|correcto|richtig)(?!\w)|择|擇|项|項|[为為]"
)
# Bounded, but not possessive: CPython 3.11 loses groups in such a repetition (gh-101955).
_GAP = re.compile(
    rf"(?:\s++|[*_#>'\"“”‘’「」【】`$\-–—]|\\[(\[]|\\(?:text|textbf|mathbf|mathrm|boldsymbol)\s*+\{{"
    rf"|(?P<verb>{_VERB})|{_FILLER}|(?<=ans)\\.){{0,24}}",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"not\s(?:option\s|choice\s)?[(*]{0,3}+[A-Z][)*]{0,3}+,?\s(?:but(?:\srather)?|rather)\s(?:option\s|choice\s)?[(*]{0,3}+(?=[A-Z])"
)
_NEGATOR = re.compile(
    r"no[tr]\b|n['’]t|never|neither|doubt|deny|rule|elimin|exclu|reject|[不没別别非]", re.IGNORECASE
)
_NEGATED_BEFORE = re.compile(
    r"(?:\b(?:not|never|cannot|neither|nor)|n['’]t)(?:\s++(?:be|the|an?|correct|right|to|my|your))*+\s*+$"
    r"|(?:\b(?:not|never|cannot)|n['’]t)\s++(?:think|believe|say|mean|claim|agree|suppose|expect)\b[^,;]*+$"
    r"|\bnot\s++(?:true|the\s++case|correct|right)\b[^,;]*+$"
    r"|(?<!\bno\s)(?<!\bany\s)(?<!\ba\s)\bdoubt\b[^,;]*+$"
    r"|\b(?:deny|rule\s++out|eliminate|exclude|reject)\b[^,;]*+$"
    r"|(?:不|不能|不应|不该|没|別|别|非|不是)$",
    re.IGNORECASE,
)
_NEGATED_AFTER = re.compile(
    r"[\s*)\]}$\"”]*+(?:(?:is|are|was|would\s++be|seems|must\s++be|can\s++be)\s++)?"
    r"(?:also\s++|clearly\s++|therefore\s++)?"
    r"(?:(?:not|wrong|incorrect|false|impossible|invalid|excluded|eliminated|fails)\b"
    r"|(?:is|was|are)n['’]t\b|(?:can)?not\b|不对|不正确|错|不是|不成立|ruled\s++out)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(r"[.;!?。；！？\n]")
_AFFIRMED = re.compile(
    r"(?:is|must\s++be)\s++(?:therefore\s++|thus\s++|clearly\s++)?(?:the\s++)?"
    r"(?:correct|right|best)\b(?!\s++to\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Announcement:
    """One place that names a choice.

    Attributes:
        position: of the keyword.
        end: behind the letters.
    """

    position: int
    end: int
    force: Force
    reading: letters.Reading


def find(text: str, options: letters.Options) -> list[Announcement]:
    """Return the announcements of the strongest kind that there is, in order; no negated ones."""
    # Only this capital changes its length when it is made small; positions must stay.
    small = text.replace("İ", "I").lower()
    found = [*_affirmed(text, options)]
    weakest = Force.CHOSEN if found else Force.NAMED
    for keyword, force in _KEYWORDS.items():
        for position in _places(small, keyword):
            read = _read(text, position, position + len(keyword), force, weakest, options)
            if read is not None:
                found.append(read)
                weakest = max(weakest, read.force)
    chosen = [announcement for announcement in found if announcement.force == weakest]
    return sorted(chosen, key=lambda announcement: announcement.position)


def _read(
    text: str, position: int, behind: int, force: Force, weakest: Force, options: letters.Options
) -> Announcement | None:
    """Read what follows the keyword that ends at `behind`, unless its force is below `weakest`."""
    gap = _GAP.match(text, behind + text.startswith("s ", behind))
    if gap is None:
        return None
    force = Force.CHOSEN if gap["verb"] else force
    instead = _INSTEAD.match(text, gap.end())
    begin = instead.end() if instead else gap.end()
    if force < weakest:
        return None
    followed = letters.follow(text, begin, options) or _follow_text(text, begin, options)
    if followed is None or _is_negated(text, position, followed[1]):
        return None
    if text[position:behind].lower() in _TERSE and not _ends_there(text, position, followed[1]):
        return None
    return _standing(text, begin, Announcement(position, followed[1], force, followed[0]))


def _ends_there(text: str, position: int, end: int) -> bool:
    """Return whether a word of its own begins at `position`, and the sentence ends at `end`."""
    return not text[position - 1 : position].isalnum() and _STOP.match(text, end) is not None


def _follow_text(
    text: str, position: int, options: letters.Options
) -> tuple[letters.Reading, int] | None:
    """Read the text of one option that is all that the sentence says from `position` on."""
    if not options.texts:
        return None
    reach = min(len(text), position + 2 * max(map(len, options.texts.values())) + _WRAPPING)
    stop = _CLAUSE_END.search(text, position, reach)
    end = stop.start() if stop else reach
    if not stop and reach < len(text):
        return None
    label = options.by_text(letters.unwrap(text[position:end]))
    return (letters.Reading(frozenset({label})), end) if label else None


def _standing(text: str, start: int, found: Announcement) -> Announcement | None:
    """Return the announcement unless the text denies it; hedged if it takes it back."""
    doubt = stance.doubt(text, start, found.end, keyword=found.position)
    if doubt == stance.SEVERAL or stance.taken_back(text, found.end):
        return replace(found, reading=replace(found.reading, hedged=True))
    return None if doubt else found


def _affirmed(text: str, options: letters.Options) -> Iterator[Announcement]:
    """Yield what stands before "is correct", "is the right answer"."""
    for position in _places(text, " is "):
        if not _AFFIRMED.match(text, position + 1):
            continue
        start = text.rfind(" ", max(0, position - 12), position) + 1
        start = start or max(0, position - 4)
        word = text[start:position].strip('*_$`"“”')
        read = letters.follow(f"{word}:", 0, options)
        if read and read[1] == len(word) and not _is_negated(text, start, position):
            yield Announcement(start, position, Force.CHOSEN, read[0])


def _places(text: str, keyword: str) -> list[int]:
    """Return where a keyword stands, last first, and not within a longer word before it."""
    found: list[int] = []
    if text.isascii() and not keyword.isascii():
        return found
    position = text.rfind(keyword)
    while position >= 0 and len(found) < MAX_ANNOUNCEMENTS:
        found.append(position)
        position = text.rfind(keyword, 0, position)
    return found


def _is_negated(text: str, position: int, end: int) -> bool:
    before = text[max(0, position - _CLAUSE) : position]
    starts = [boundary.end() for boundary in _CLAUSE_END.finditer(before)]
    clause = before[starts[-1] :] if starts else before
    if _NEGATOR.search(clause) and _NEGATED_BEFORE.search(clause):
        return True
    return _NEGATED_AFTER.match(text[end : end + _CLAUSE]) is not None
