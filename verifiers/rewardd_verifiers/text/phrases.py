"""Find an answer that is told rather than marked: "the answer is", a letter, a last line.

Only the end of a text is searched, with patterns over single character classes, so that the work
grows with the window and not with what the policy wrote.
"""

import re
from typing import NamedTuple

from rewardd_verifiers.text import claims, endings, last_line, picked, stance
from rewardd_verifiers.text.last_line import FORMULA

_PHRASE_WINDOW = 4096
_NUMBER_WINDOW = 2048
_LONGEST_WHOLE = 1500
_MOST_WORDS = 7

_PHRASE = re.compile(
    r"final answer is|final answer|the answers? (?:is|are)\b|answer is"
    r"|answer (?:must|should|has to) be\b|answer(?:\*\*|\")?[:：]"
    r"|answer\s?(?:→|->|=>|⇒|[–—]|-(?=\s))|# ?answer\b|the solution is|the (?:final )?result is"
    r"|el resultado (?:final )?es|le résultat (?:final )?est|il risultato (?:finale )?è"
    r"|o resultado (?:final )?é|das ergebnis (?:ist|lautet)|结果(?:是|为)"
    r"|(?<![a-z])ans\s?[:：]"
    r"|答[:：]|答案是|答案为|答案[:：]|最终答案|故选|答え|정답|(?<![가-힣])답(?:은|\s?[:：])"
    r"|la respuesta (?:final |correcta )?es|respuesta(?: final)? ?:"
    r"|la (?:bonne )?réponse (?:finale |correcte )?est|réponse(?: finale)? ?:"
    r"|die (?:richtige |endgültige )?antwort (?:ist|lautet)|ist die antwort|antwort ?:|ответ"
    r"|la risposta (?:finale |corretta )?è|risposta ?:"
    r"|a resposta (?:final |correta )?é|resposta ?:",
    re.IGNORECASE,
)
_ANCHORS = (
    "answer", "the solution is", "result is", "答", "故选", "답", "respuesta", "réponse",
    "antwort", "ответ", "risposta", "resposta", "resultado", "résultat", "risultato", "ergebnis",
    "结果", "ans:", "ans :", "ans：", "ans ：",
)  # fmt: skip
"""Each phrase holds one of these, at most `_LONGEST_LEAD` characters behind its beginning."""

_LONGEST_LEAD = 24
_LEAD = re.compile(
    r"[\s*_#:：=>→⇒「」“”\"是为は은는이가—、，]*+(?:(?<=\n)[-•]\s++)?(?:->\s*+)?"
    r"(?:(?:is|are|will be|would be)\b)?[\s*_:：=“\"]*+"
    r"(?:(?:therefore|thus|then|simply|indeed|exactly|equal to|donc|also|entonces)\b[\s*_:：=]*+)*+"
    r"(?:(?:(?:the|la|le|die|der|il|el|a)\s)?+(?:(?:option|opción|opcion|opção|opzione|choice|letter|lettre|letra"
    r"|вариант|选项|項|项)\s?)?+(?=[(*]*+[A-J](?!\w)(?!\s\w)))?+"
)
_END = re.compile(r"[.!?。！？](?=\s|\*|$)|[。！？]|\n|<\|")
_REASON = re.compile(
    r"[\s,;]+(?<!\bor\s)(?:because|since|which|so|given|hence|therefore|due"
    r"|as\s(?:it|the|we|this|was|is|required|desired|expected|stated|needed|shown|claimed))\b"
)
_BECAUSE = re.compile(r"[\s,;]+(?:because|since)\s")
_HAN_LEAD = re.compile(r"[\u4e00-\u9fff]{1,16}(?=[\d$])")
_BULLETS = re.compile(
    r"(?<=\n)[ \t]*+[-•*]\s++[^\n]{1,60}+(?:\n[ \t]*+[-•*]\s++[^\n]{1,60}+)++(?=\n|$)"
)
_SHARE = re.compile(
    r"(?<=[\d%})$])\s(?:out\s)?of\s(?:the|all|its|their|his|her|our)\s(?![\d$])[^\d$\\]*+$"
)
# A second answer in brackets is no aside: it stays, and the answer is a hedge.
_ASIDE = re.compile(
    r"(?<=[^\s(])\s\((?!\s?(?:or|maybe|perhaps|possibly|alternatively)\b)"
    r"(?=[^()]*[A-Za-z]{3})[^()\n]*+\)|（(?!或|也|可能)[^（）\n\d]*+）"
)
_DENIED = re.compile(
    r"[^、。，,\n]{1,12}(?:ではなく|じゃなく)て?[、,]?|不是[^，。,\n]{1,20}[，,]?而是|"
    r"(?:n't|not)\s[^,.\n]{1,40}+(?:,\s)?(?:but\s(?:rather\s)?|it\sis\s|it's\s)|"
    r"(?:n't|not)\s[^,.\s]{1,40}\s(?:but\s(?:rather\s)?|it\sis\s|it's\s)"
)
_CONTRAST = re.compile(r",\s(?:and\s)?not\s|\s(?:and\snot|rather\sthan|instead\sof)\s")
_RETRACTED = re.compile(
    r"\b(?:wait|actually|correction|scratch\sthat|oops|hold\son|never\s?mind|just\skidding)\b"
    r"|\bthat(?:'s|\sis|\swas)\s(?:wrong|incorrect|not\sright)\b|\b(?:no|sorry|nope)[,:]\s"
    r"|\bi\s(?:have\s)?made\san?\s(?:\w+\s)?(?:mistake|error)\b",
    re.IGNORECASE,
)
_ENTRY = re.compile(r"(?:(?P<name>[A-Za-z]\w?)\s*+=\s*+)?[-+−]?\d[\d.,/]*+[,;]?")
_AGREED = re.compile(r"(?:yes|no|true|false)\b(?=,\s)", re.IGNORECASE)
_COPULA = re.compile(
    r"(?:(?<=\d)\s?[个個개명人本枚匹冊回]\s?)?(?:で(?:す|ある|しょう)|だ|입니다|이다|이에요|예요)$"
)
_REASONING = re.compile(r"(?<=[^\s(])\s\((?:since|because|as|given|so)\b")
_VERB = re.compile(r"\b(?:is|are|equals|will be|would be|must be|by)\s+")
_TELLING = frozenset(
    (
        "is", "are", "was", "were", "be", "so", "thus", "hence", "therefore", "then", "he", "she",
        "they", "there", "we", "it", "the", "this", "that", "has", "have", "had", "get", "gives",
        "es", "son",
        "donc", "insgesamt", "sind", "hay", "всего", "итак", "следовательно", "поэтому",
        "получаем", "равен", "равна", "равно", "осталось", "quedan", "tiene", "reste", "vaut",
        "hat", "totale", "sono", "rimangono", "portanto", "são", "restam", "beträgt", "ergibt",
        "est", "ist",
        "you", "can", "will", "must", "means", "total", "need", "needs", "makes", "takes", "costs",
        "pays", "spent", "spends", "earns", "earned", "eats", "ate", "sold", "remain", "remains",
        "left", "more", "find", "got", "finally", "obtain", "yields", "equals",
    )
)  # fmt: skip
"""Words of a sentence that tells an answer, rather than of the answer."""

_TELLING_HAN = re.compile(
    r"所以|因此|综上|总共|一共|共有|不是|答|是|于是|那么|得到|です|である|입니다|したがって|よって|따라서"
)
_FEWEST_OF_A_SENTENCE = 3
_WORD = re.compile(r"[^\W\d_]{2,}")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_INTERJECTION = re.compile(
    r"(?:yep|yeah|ok(?:ay)?|well|alright|sure|done|great|perfect|ah|aha|right)[,!.:]\s(?=\S)",
    re.IGNORECASE,
)
_INITIAL = re.compile(r"(?:^|\s)[A-Z]\.\s[a-z]{2}")
"""A stop that abbreviates: `E. coli`."""

_JUDGED = re.compile(
    r"[\s*_]*+((?:yes|no|true|false)\b)[\s*_]*+,?\s(?:because|since|as|for)\s(?![^\n]*[?？])",
    re.IGNORECASE,
)
"""A judgement with its reason, in which numbers say nothing."""

_PART_BOLD = re.compile(r"^[^*\n=:]*[^\W\d_]{2}\s\*\*[^*\n]++\*\*[.!]?$")


class Span(NamedTuple):
    """Where an answer stands, and the rule that found it.

    Attributes:
        start, end: offsets; equal where the rule applies and what it asks for is missing.
        rule: its name.
        hedge: why the text does not stand by it; empty where it does.
    """

    start: int
    end: int
    rule: str
    hedge: str = ""


def find(text: str, *, letters: bool = False) -> Span | None:
    """Return the answer of a text without boxes or markers; None if it tells none."""
    if whole := _whole(text, letters=letters):
        return whole
    if told := _told(text):
        return _standing(text, told, letters=letters)
    return _untold(text, letters=letters)


def _standing(text: str, told: Span, *, letters: bool) -> Span:
    """Return a told answer, or if the text does not stand by it, one that follows it."""
    retracted = _RETRACTED.search(text, told.end) is not None
    if retracted or told.hedge not in {"", stance.SEVERAL}:
        later = _untold(text, letters=letters)
        if later and later.start >= told.end:
            return later
    if retracted and stance.withdrawn(text, told.end):
        return told._replace(hedge=stance.TAKEN_BACK)
    return told


def _untold(text: str, *, letters: bool) -> Span | None:
    if letters and (letter := picked.find(text)):
        return Span(letter.start, letter.end, "letter", letter.hedge)
    if judged := _judged(text):
        return judged
    if found := last_line.find(text):
        start, end, rule = found
        if rule == "rows":
            return Span(start, end, rule, stance.doubt(text, start, end) or "")
        back = stance.TAKEN_BACK if stance.withdrawn(text, end) else ""
        return Span(start, end, rule, stance.fault(text, start, end) or back)
    return None


def _whole(text: str, *, letters: bool) -> Span | None:
    """A text that is short and says little else is the answer itself."""
    stripped = text.strip()
    if not stripped or len(stripped) > _LONGEST_WHOLE:
        return None
    start = text.index(stripped[0])
    if letters and (over := picked.preferred(stripped)):
        return Span(start + over[0], start + over[1], "letter")
    if said := _INTERJECTION.match(stripped):
        start += said.end()
        stripped = stripped[said.end() :]
    plain = FORMULA.sub(" ", stripped)
    words = _WORD.findall(_COMMAND.sub(" ", plain))
    if _is_sentence(stripped, plain, words, letters=letters):
        return None
    end = start + len(stripped)
    return Span(start, end, "whole", _unclaimed(text, start, end, words))


def _is_sentence(text: str, plain: str, words: list[str], *, letters: bool) -> bool:
    """Return whether a short text says more than an answer; `plain` is it without formulas."""
    formulas = plain != text
    if _JUDGED.match(text) or (not formulas and _PART_BOLD.search(text)):
        return True
    if letters and words and picked.is_announced(text):
        return True
    if (letters or any(letter.isdigit() for letter in text)) and _tells(words):
        return True
    if len(words) > _MOST_WORDS or _PHRASE.search(plain) or ". " in plain:
        return True
    if "\n" in plain.strip() and "\\begin" not in plain and not _is_list(plain):
        return True
    return bool(formulas and words and plain.lstrip("* ")[:1].isalpha())


def _unclaimed(text: str, start: int, end: int, words: list[str]) -> str:
    """Return why a short text does not claim the value, or last word, that it holds."""
    if not words or not claims.may_mention(words):
        return ""
    value = last_line.first_number(text, start, end) or text.rfind(" ", start, end) + 1
    return claims.unclaimed(text, max(value, start), end) or ""


def _is_list(text: str) -> bool:
    """Whether each line is a number, or each a number with a name of its own."""
    lines = [found for line in text.split("\n") if (found := _ENTRY.fullmatch(line.strip()))]
    names = {line["name"] for line in lines}
    named = names == {None} or len(names - {None}) == len(lines)
    return named and len(lines) == sum(1 for line in text.split("\n") if line.strip())


def _tells(words: list[str]) -> bool:
    return any(
        word.lower() in _TELLING or (not word.isascii() and _TELLING_HAN.search(word))
        for word in words
    )


def _told(text: str) -> Span | None:
    last = _last_phrase(text)
    if last is None:
        return None
    lead = _LEAD.match(text, last.end())
    start = lead.end() if lead else last.end()
    if start >= len(text):
        return Span(len(text), len(text), "phrase")
    if denied := _DENIED.match(text, start):
        start = denied.end()
    span = _statement(text, start)
    if span is None:
        return None
    if '"' in last.group():  # a field of JSON
        bare = text[span.start : span.end].rstrip(' ,}"')
        span = span._replace(end=span.start + len(bare))
    keyword = None if denied else last.start()
    doubt = stance.fault(text, span.start, span.end, keyword=keyword)
    return span._replace(hedge=doubt or stance.doubt_within(text, span.start, span.end) or "")


def _last_phrase(text: str) -> re.Match[str] | None:
    """Return the last phrase of the table; words that all phrases hold are sought before them."""
    base = max(len(text) - _PHRASE_WINDOW, 0)
    # Only this capital changes its length when it is made small; positions must stay.
    window = text[base:].replace("İ", "I").lower()
    places = [place for word in _ANCHORS if (place := window.rfind(word)) >= 0]
    if not places:
        return None
    near = base + max(min(places) - _LONGEST_LEAD, 0)
    found = [*_PHRASE.finditer(text, near)] or [*_PHRASE.finditer(text, base, near)]
    return found[-1] if found else None


def _statement(text: str, start: int) -> Span | None:
    if bullets := _BULLETS.match(text, text.rfind("\n", 0, start) + 1):
        return Span(start, bullets.end(), "phrase")
    formula = FORMULA.match(text, start)
    if formula:
        return Span(start, last_line.joined(text, formula.end()), "phrase")
    if agreed := _AGREED.match(text, start):
        return Span(start, agreed.end(), "phrase")
    start, end = _value(text, start)
    return Span(start, end, "phrase") if text[start:end].strip(" *_.") else None


def _value(text: str, start: int) -> tuple[int, int]:
    """Return where the sentence says its value, without reasons, asides and contrasts."""
    end = _sentence_end(text, start)
    if because := _BECAUSE.search(text, start + 1, end):
        end = because.start()
    start = _predicate(text, start, end)
    for cut in (_REASON, _ASIDE, _SHARE, _COPULA):
        if found := cut.search(text, start, end):
            end = found.start()
    if contrast := _CONTRAST.search(text, start + 1, end):
        end = contrast.start()
    while end > start and text[end - 1] in "_*":
        end -= 1
    return start, end


def without_aside(text: str, start: int, end: int) -> int:
    """Return where an answer ends in front of a remark in brackets that gives its reason."""
    aside = _REASONING.search(text, start, end)
    if aside:
        return aside.start()
    share = _SHARE.search(text, start, end)
    return share.start() if share else end


def _predicate(text: str, start: int, end: int) -> int:
    """Return where "The largest n is 34" says its value: behind the last "is"."""
    if lead := _HAN_LEAD.match(text, start, end):
        return lead.end()
    if len(_WORD.findall(text, start, end)) < _FEWEST_OF_A_SENTENCE or not text[start].isalpha():
        return start
    last = start
    for verb in _VERB.finditer(text, start, end):
        last = verb.end()
    if last == start and (number := last_line.first_number(text, start, end)):
        return number
    return last


def _sentence_end(text: str, start: int) -> int:
    """Return where the sentence ends; a stop within a formula, a number or "p.m." is none."""
    position = start
    while match := _END.search(text, position):
        place = match.start()
        letter = text[place - 1 : place].lower()
        if match.group() == "." and _INITIAL.match(text, max(place - 2, 0)):
            position = match.end()
            continue
        if (
            match.group() == "."
            and letter in {"a", "p", "m"}
            and text[place - 2 : place - 1] in " ."
        ):
            position = match.end()
            continue
        return place
    return len(text)


def _judged(text: str) -> Span | None:
    """Return the "yes" of a last line that goes on with a reason."""
    line = endings.last_line(text)
    found = _JUDGED.match(text, *line) if line else None
    return Span(*found.span(1), "word") if found else None
