"""Find the answer that a last line ends with: a formula, a bold word, a number with its unit."""

import re

from rewardd_verifiers.text import endings

_WINDOW = 4096
_NUMBER_WINDOW = 2048
_LONGEST_NUMBER = 48
"""Characters of a number that holds blanks, such as `$ 1,200 / 7`."""

_LONGEST_LIST = 256
"""Characters in front of the last number; of a longer list the end is enough to see one."""

FORMULA = re.compile(
    r"\$\$[^$]++\$\$|\$(?:[^$\\\n]++|\\.)++\$(?!\d)|\\\((?:[^\\]++|\\[^()])*+\\\)"
    r"|\\\[(?:[^\\]++|\\[^\[\]])*+\\\]",
    re.DOTALL,
)
"""A closing dollar with a digit behind it opens an amount of money."""

_BOLD = re.compile(r"\*\*([^*\n]++)\*\*")
_BESIDE = re.compile(r"\b(?:when|at|where|if|whenever)\s$")
_JOINT = re.compile(
    r"\s*+(?:,\s*+(?:and|or)\b|[,;、]|(?:and|or|und|oder|et|ou|y|o|e|и|или)\b|或者?|和)\s*+"
)
_TAIL = re.compile(
    r"\s?(?:%|°|percent\b|pct\b|(?!(?:is|are|was|were|has|have|which|so|and|or|as|in)\b)"
    r"[A-Za-z²³/^.]{1,14}(?:\s(?!(?:is|are|was|were|has)\b)[A-Za-z²³/]{1,12}){0,2}+)?+"
)
# Short names only where they can be nothing else: "5 in total", "5 a day" are numbers.
_UNIT = (
    r"(?:[kcmnµ]?m|km/h|mph|m/s|[kcm]?m/s|[kmµ]?g|lbs?|oz|ft|[mµn]?s|min|hrs?|[mcd]?[lL]|k?[JWN]|k?Pa|[kMG]?Hz"
    r"|(?:kilo|centi|milli)?(?:met(?:er|re)|gram|lit(?:er|re))s?|inch(?:es)?|feet|foot|yards?|miles?|pounds?"
    r"|ounces?|gallons?|seconds?|minutes?|hours?|days?|weeks?|months?|years?|degrees?)"
    r"(?:\^?[23²³])?(?![\w/^'’])"
)
_ROWS_END = re.compile(r"\\end\{(?:align|aligned|gather|gathered|eqnarray|equation|split)\*?\}$")
_ROWS_BEGIN = re.compile(r"\\begin\{(?:align|aligned|gather|gathered|eqnarray|equation|split)\*?\}")
_VERB = re.compile(
    r"(?:\b(?:is|are|was|were|be|equals?|costs?|earns?|earned|pays?|paid|charges?|charged|takes?|took|needs?"
    r"|spends?|spent|owes?)|=)\s++(?:(?:about|exactly|only|just|approximately|also|then|therefore)\s)*+\*{0,2}+"
)
_ADJUNCT = re.compile(
    r"\*{0,2}(?:\s(?!(?:for|at|when|where|if|after|during)\b)[A-Za-z²³/]{1,14}){0,3}+\*{0,2},?\s"
    r"(?:(?:which\s(?:is|occurs)|attained|achieved|reached|obtained|occurring|taken|and\soccurs)\s)?"
    r"(?:for|at|when|where|if|after|during)\s(?P<rest>[^\n]{1,80}+)"
)
_FURTHER = re.compile(
    r"\b(?:is|are|was|were|so|thus|hence|therefore|then|gives?|means|makes?|has|have|total|leaves?|left"
    r"|equals?|and|or|but|gets?|which)\b|=[^=]*=|[;:]",
    re.IGNORECASE,
)
_BRACKETED = re.compile(
    r"(?<=[\w%*])\s\((?P<inner>(?=[^()\n]*(?:[A-Za-z]{3}|\d\s?[-+−*×·/÷=]\s?\d))[^()\n]{1,80}+)\)[.!]?\s*+$"
)
_HEDGING = re.compile(
    r"\s*+(?:or|maybe|perhaps|possibly|alternatively|not|but|unless|wait)\b", re.IGNORECASE
)
_PART_OF = frozenset("√∛π^²³")
_RUN = re.compile(r"[-+−]?[0-9A-Za-z.,/^√∛π²³()+−*·×-]+")
_OPERATION = re.compile(r"(?<![\w.)])(?:[-−]?\$?\d[\d.,]*+(?:[√∛]\d++|π)?%?\s?[+×·*÷]\s?)++$")
_ABOUT = re.compile(r"(?:[^\W\d_]{3,}|[.:])\s")
_SENTENCE = re.compile(r"\b(?:is|are|was|equals|has|have|there|will|be)\b")
_DIGIT = re.compile(r"\d++")
_SIGN = r"[-+−]?"
_DIGITS = r"(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)?+(?:\.\d++)?+"
_NUMBER = re.compile(
    rf"(?:[-+−]?\s?[$€£¥]\s?)?(?<![A-Za-z\d_.]){_SIGN}(?:\d{{1,4}}+\s(?=\d{{1,3}}/\d))?+{_DIGITS}"
    r"(?:\s?/\s?\d++)?+(?:[eE][-+]?\d++)?+(?::\d++)*+"
    rf"(?:\s?(?:%|€|£|¥|°|percent\b|dollars?\b|cents?\b|[AaPp]\.?\s?[Mm]\b\.?|{_UNIT}))?+"
)
_OTHER = re.compile(
    r",?\s(?:or|i\.e\.,?)\s(?:(?:about|approximately|roughly|around|nearly)\s)?\$?[-−]?\d[\d,]*+(?:\.\d++)?+"
    r"(?:\s?/\s?\d++)?+(?:\s?(?:\\?%|percent\b))?+\$?(?=[\s.*]|$)"
)
"""A second spelling of a formula, as a plain number."""

_PLAIN = r"[-+−$€£]{0,2}+\d[\d.]*+(?:,\d{3})*+(?:/\d++)?+%?+"
_LIST = re.compile(
    rf"(?<![\w.]){_PLAIN}(?:(?:,\s++{_PLAIN})++,?+\s++(?:and|or)\s++{_PLAIN}"
    rf"|(?:,\s++{_PLAIN}){{2,}}+|\s++(?:and|or)\s++{_PLAIN})(?!\w)"
)
"""Numbers that stand as one list: three by commas, or two by a word."""
_NAMED = re.compile(
    rf"(?<![\w\\])([A-Za-z])\s*+=\s*+{_PLAIN}"
    rf"(?:(?:,?\s++(?:and|or)|,)\s++\1\s*+=\s*+{_PLAIN})++(?!\w)"
)
"""Values of one and the same name."""
_POINT = re.compile(rf"[(\[{{]\s*+{_PLAIN}(?:\s*+[,;]\s*+{_PLAIN})++\s*+[)\]}}]")
_SAYS = re.compile(r"\s*+(?:(?:is|are|equals|was|be|becomes|must\sbe|has\svalue)\s++|=\s*+)")
_CONCLUSION = re.compile(
    r"[.!?]\$*+\s++(?=(?:therefore|thus|hence|so|consequently|altogether|in\s(?:total|all))\b)",
    re.IGNORECASE,
)
_ATTACHED = re.compile(rf"(?<=\d)(?={_UNIT}$)")
_NAME = re.compile(r"(?:\$|\\\()\s*+[A-Za-z]\w{0,8}+\s*+(?:\$|\\\))")


def find(text: str) -> tuple[int, int, str] | None:
    """Return where the answer of the last nonblank line stands, and by which rule."""
    line = endings.last_line(text)
    if line is None:
        return None
    if _ROWS_END.search(text, max(0, line[1] - 24), line[1]):
        return _rows(text, line[1])
    start, end = line
    for conclusion in _CONCLUSION.finditer(text, start, end):
        start = conclusion.end()
    if bracketed := _BRACKETED.search(text, start, end):
        if _HEDGING.match(bracketed["inner"]):
            return None
        if first_number(text, start, bracketed.start()) is not None:
            end = bracketed.start()
    found = _in_range(text, start, end)
    return _in_range(text, line[0], end) if found is None and start > line[0] else found


def spaced(number: str) -> str:
    """Return a number with a blank before its unit: `7m` alone is a product of symbols."""
    return number if number[-1:].isdecimal() else _ATTACHED.sub(" ", number)


def _in_range(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    return (
        _before_adjunct(text, start, end)
        or _formula(text, start, end)
        or _bold(text, start, end)
        or _approximated(text, start, end)
        or _number(text, start, end)
    )


def _rows(text: str, end: int) -> tuple[int, int, str] | None:
    """Return the rows of an environment that the text ends with."""
    begin = None
    for begin in _ROWS_BEGIN.finditer(text, max(0, end - _WINDOW), end):  # noqa: B007  the last one
        pass
    return (begin.end(), text.rfind("\\end", 0, end), "rows") if begin else None


def _before_adjunct(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    """Return the value of "is 4, attained at x = 2", which a value of something else follows."""
    stop = end - (text[end - 1 : end] in {".", "!"})
    for verb in reversed([*_VERB.finditer(text, start, stop)]):
        value = FORMULA.match(text, verb.end(), stop) or _NUMBER.match(text, verb.end(), stop)
        if value is None or not _has_digit(value):
            continue
        adjunct = _ADJUNCT.fullmatch(text, value.end(), stop)
        if adjunct and _DIGIT.search(adjunct["rest"]) and not _FURTHER.search(adjunct["rest"]):
            rule = "formula" if value.re is FORMULA else "number"
            return value.start(), value.end(), rule
    return None


def _approximated(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    """Return a value in plain signs together with what it is about: `√2 ≈ 1.414`."""
    sign = text.rfind("≈", start, end)
    if sign < 0:
        return None
    begin = start
    for word in _ABOUT.finditer(text, start, sign):
        begin = word.end()
    exact = text[begin:sign].strip(" *=")
    stop = end - (text[end - 1 : end] == ".")
    return (begin, stop, "formula") if exact and not exact.isalpha() else None


def joined(text: str, end: int) -> int:
    """Extend a formula by its unit, and by formulas that follow it as a list."""
    while joint := _JOINT.match(text, end):
        following = FORMULA.match(text, joint.end())
        if following is None:
            break
        end = following.end()
    if other := _OTHER.match(text, end):
        return other.end()
    tail = _TAIL.match(text, end)
    stop = text[end : end + 1]
    if tail and tail.group().strip() and (stop in {"%", "°"} or tail.group()[:1] == " "):
        after = text[tail.end() : tail.end() + 1]
        if after in {"", ".", "\n", ",", "*"}:
            return tail.end()
    return end


def emphasised(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return the only bold words of a sentence, with a unit behind them; None if it has none."""
    found = [*_BOLD.finditer(text, start, end)]
    if len(found) != 1 or not _SENTENCE.search(text, start, found[0].start()):
        return None
    return found[0].start(), joined(text, found[0].end())


def first_number(text: str, start: int, end: int) -> int | None:
    """Return where the first number begins."""
    for match in _NUMBER.finditer(text, start, end):
        if _has_digit(match):
            return match.start()
    return None


def _formula(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    start = _display_start(text, start, end)
    spans = [match.span() for match in FORMULA.finditer(text, start, end)]
    if not spans:
        return None
    while len(spans) > 1 and _BESIDE.search(text, max(spans[-1][0] - 12, 0), spans[-1][0]):
        spans.pop()
    first, last = spans[-1]
    if said := _said_of(text, first, last, end):
        return said
    if ended := _ended(text, last, end):
        return ended
    for begin, stop in reversed(spans[:-1]):
        if _JOINT.fullmatch(text, stop, first) is None:
            break
        first = begin
    return first, min(joined(text, last), end), "formula"


def _display_start(text: str, start: int, end: int) -> int:
    """Return where the lines of a display begin, if the text ends with one; else `start`."""
    tail = text[:end].rstrip()
    if tail.endswith(("\\]", "$$", "\\)")):
        opener = {"\\]": "\\[", "$$": "$$", "\\)": "\\("}[tail[-2:]]
        begin = tail.rfind(opener, 0, len(tail) - 2)
        if begin >= 0 and len(tail) - begin <= _WINDOW:
            start = min(start, begin)
    return start


def _ended(text: str, last: int, end: int) -> tuple[int, int, str] | None:
    """Return the number that a clause behind all formulas ends with: "$7$, so the rest is 8"."""
    stop = end - (text[end - 1 : end] in {".", "!"})
    for verb in _VERB.finditer(text, last, stop):
        number = _NUMBER.match(text, verb.end(), stop)
        if number and _has_digit(number) and number.end() == stop:
            return number.start(), stop, "number"
    return None


def _said_of(text: str, first: int, last: int, end: int) -> tuple[int, int, str] | None:
    """Return the number that a sentence gives a name: "the value of $x$ is 5"."""
    if _NAME.fullmatch(text, first, last) is None or not _SAYS.match(text, last, end):
        return None
    return _number(text, last, end)


def _bold(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    found = [match.span(1) for match in _BOLD.finditer(text, start, end)]
    while found and text[found[-1][1] - 1] in ":：":
        found.pop()
    if not found:
        return None
    if _SENTENCE.search(text, *found[-1]):
        return _formula(text, *found[-1]) or _number(text, *found[-1])
    return (*found[-1], "bold")


def _number(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    start = max(start, end - _NUMBER_WINDOW)
    near = _near_last_digit(text, start, end)
    found: tuple[int, int, str] | None = None
    for match in _NUMBER.finditer(text, near, end):
        if _has_digit(match):
            begin = match.start()
            if match.group()[0] in "-−" and text[begin - 1 : begin].isdigit():
                begin += 1
            found = begin, match.end(), "number"
    if found is None or text[found[0] - 2 : found[0]] in {"^{", "_{"}:
        return None
    return _widened(text, (start, end), found)


def _near_last_digit(text: str, start: int, end: int) -> int:
    """Return a blank well in front of the last digit: the last number begins behind it."""
    last = None
    for last in _DIGIT.finditer(text, start, end):  # noqa: B007  the last one is wanted
        pass
    if last is None:
        return end
    return max(start, text.rfind(" ", start, max(start, last.start() - _LONGEST_NUMBER)))


def _widened(text: str, line: tuple[int, int], found: tuple[int, int, str]) -> tuple[int, int, str]:
    """Return the point or the list that the last number is part of, else the number."""
    first, last, rule = found
    if term := _term(text, line, (first, last)):
        return term
    for pattern in (_POINT, _NAMED, _LIST):
        for match in pattern.finditer(text, max(line[0], first - _LONGEST_LIST), line[1]):
            if match.start() < first and match.end() >= first + 1:
                return match.start(), max(match.end(), last), rule
    return found


def _term(text: str, line: tuple[int, int], number: tuple[int, int]) -> tuple[int, int, str] | None:
    """Return what the last number is a factor or a summand of, as in `5√2`, `25π`, `20 + 30`."""
    first, end = number
    begin = max(text.rfind(" ", line[0], first) + 1, line[0])
    run = _RUN.match(text, begin, line[1])
    last = begin + len(run.group().rstrip(".,*")) if run else begin
    beside = text[begin:first] + text[end:last]
    if last >= end and not _PART_OF.isdisjoint(beside) and text[last - 1] != "^":
        return begin, min(joined(text, last), line[1]), "formula"
    near = max(line[0], first - _LONGEST_NUMBER)
    operation = _OPERATION.search(text, near, first)
    return (operation.start(), end, "number") if operation else None


def _has_digit(match: re.Match[str]) -> bool:
    return any(letter.isdigit() for letter in match.group())
