"""Find the answer that a last line ends with: a formula, a bold word, a number with its unit."""

import re

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
_JOINT = re.compile(r"\s*+(?:,\s*+(?:and|or)\b|[,;]|and\b|or\b)\s*+")
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
_DIGIT = re.compile(r"\d++")
_SIGN = r"[-+−]?"
_DIGITS = r"(?:\d{1,3}(?:,\d{3})++(?!\d)|\d++)?+(?:\.\d++)?+"
_NUMBER = re.compile(
    rf"(?:[-+−]?\s?[$€£¥]\s?)?(?<![A-Za-z\d_.]){_SIGN}{_DIGITS}"
    r"(?:\s?/\s?\d++)?+(?:[eE][-+]?\d++)?+(?::\d\d(?!\d))?+"
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
_POINT = re.compile(rf"[(\[]\s*+{_PLAIN}(?:\s*+[,;]\s*+{_PLAIN})++\s*+[)\]]")
_SAYS = re.compile(r"\s*+(?:(?:is|are|equals|was|be|becomes|must\sbe|has\svalue)\s++|=\s*+)")
_CONCLUSION = re.compile(
    r"[.!?]\$*+\s++(?=(?:therefore|thus|hence|so|consequently|altogether|in\s(?:total|all))\b)",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"(?:\s++(?:I\shope\s(?:it|this|that)\b[^.!\n]{0,60}+[.!]?|<\|[^|\n]{1,40}+\|>\w{0,16}+))++$"
)
"""What some models close with, and marks of the template behind it."""
_LONGEST_POLITE = 160
_ATTACHED = re.compile(rf"(?<=\d)(?={_UNIT}$)")
_NAME = re.compile(r"(?:\$|\\\()\s*+[A-Za-z]\w{0,8}+\s*+(?:\$|\\\))")


def find(text: str) -> tuple[int, int, str] | None:
    """Return where the answer of the last nonblank line stands, and by which rule."""
    line = _last_line(text)
    if line is None:
        return None
    start, end = line
    for conclusion in _CONCLUSION.finditer(text, start, end):
        start = conclusion.end()
    found = _in_range(text, start, end)
    return _in_range(text, *line) if found is None and start > line[0] else found


def spaced(number: str) -> str:
    """Return a number with a blank before its unit: `7m` alone is a product of symbols."""
    return number if number[-1:].isdecimal() else _ATTACHED.sub(" ", number)


def _in_range(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    return _formula(text, start, end) or _bold(text, start, end) or _number(text, start, end)


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


def first_number(text: str, start: int, end: int) -> int | None:
    """Return where the first number begins."""
    for match in _NUMBER.finditer(text, start, end):
        if _has_digit(match):
            return match.start()
    return None


def _last_line(text: str) -> tuple[int, int] | None:
    end = len(text.rstrip())
    if polite := _POLITE.search(text, max(0, end - _LONGEST_POLITE), end):
        end = polite.start()
    if end == 0:
        return None
    start = text.rfind("\n", 0, end) + 1
    return max(start, end - _WINDOW), end


def _formula(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    tail = text[:end].rstrip()
    if tail.endswith(("\\]", "$$", "\\)")):
        opener = {"\\]": "\\[", "$$": "$$", "\\)": "\\("}[tail[-2:]]
        begin = tail.rfind(opener, 0, len(tail) - 2)
        if begin >= 0 and len(tail) - begin <= _WINDOW:
            start = min(start, begin)
    spans = [match.span() for match in FORMULA.finditer(text, start, end)]
    if not spans:
        return None
    while len(spans) > 1 and _BESIDE.search(text, max(spans[-1][0] - 12, 0), spans[-1][0]):
        spans.pop()
    first, last = spans[-1]
    if said := _said_of(text, first, last, end):
        return said
    for begin, stop in reversed(spans[:-1]):
        if _JOINT.fullmatch(text, stop, first) is None:
            break
        first = begin
    return first, min(joined(text, last), end), "formula"


def _said_of(text: str, first: int, last: int, end: int) -> tuple[int, int, str] | None:
    """Return the number that a sentence gives a name: "the value of $x$ is 5"."""
    if _NAME.fullmatch(text, first, last) is None or not _SAYS.match(text, last, end):
        return None
    return _number(text, last, end)


def _bold(text: str, start: int, end: int) -> tuple[int, int, str] | None:
    found = [match.span(1) for match in _BOLD.finditer(text, start, end)]
    return (*found[-1], "bold") if found else None


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
    return _widened(text, (start, end), found) if found else None


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
    for pattern in (_POINT, _NAMED, _LIST):
        for match in pattern.finditer(text, max(line[0], first - _LONGEST_LIST), line[1]):
            if match.start() < first and match.end() >= first + 1:
                return match.start(), max(match.end(), last), rule
    return found


def _has_digit(match: re.Match[str]) -> bool:
    return any(letter.isdigit() for letter in match.group())
