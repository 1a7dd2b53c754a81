r"""Spellings that hide what they mean from the parser, rewritten: `10C4`, `log2(12)`, `0.333...`.

All work on a folded text and before it is cut; each pattern is asked only where its sign stands.
"""

import re
from collections.abc import Callable

from rewardd_verifiers.mathexpr.lexicon import words
from rewardd_verifiers.mathexpr.numerals import read_words
from rewardd_verifiers.mathexpr.units import named

_LONGEST = 2000
_LEADING = re.compile(
    r"(?:\\(?:implies|therefore|Rightarrow|Longrightarrow|because|iff|Leftrightarrow|to|rightarrow)"
    r"(?![A-Za-z])|=>|->|∴)\s*(?=\S)"
)
_TRAILING = re.compile(
    r"(?<=\S)(?:\\[ ,;]|\\q?quad(?![A-Za-z])|\s)*"
    r"(?:\\(?:checkmark|blacksquare|Box|qed)(?![A-Za-z])|✓|✔|■|∎)\s*$"
)
_REMARK = re.compile(
    r"(?<=\S)\s*(?:\\text\s?\{\s*)?\((?P<words>[A-Za-z][A-Za-z ]{0,60})\)\s*\}?\s*$"
)
_REASON = re.compile(
    r"(?<=\S)(?:\\[ ,;]|\\q?quad(?![A-Za-z])|\s)*"
    r"\((?:\\text\s?\{)?\s*(?:since|because)\b[^()]{0,80}\)\s*$"
)
_ONLY = re.compile(r"(?<=\S)(?:\\[ ,;]|\s)*(?:\\text\s?\{\s*only\s*\}|(?<=\s)only(\s?\}?))$")
_STOP = re.compile(r"(?<=\S)\s*\\text\s?\{\s*[.,;]\s*\}$")
_SO = re.compile(
    r"(?:(?:所以|因此|综上|故|最终)[,:]?\s*)?(?:答案|结果)?\s*(?:是|为)?\s*:?\s*(?=[\d\\$({\[A-Za-z-])"
)
_CONNECTED = re.compile(
    r"(?<=[\w)\]}])\s?(?:或者?|和|且|以及|与)\s?(?=[A-Za-z\d(\[{\\-])", re.ASCII
)
_PARAMETER = re.compile(
    r"[\s,;]*\(\s?\$?\\?[a-zα-ω]{1,8}\$?\s?(?:\\text\s?\{)?\s?[为是]参数\}?\)\Z"
)
_REMARKS = words(
    "the final exact answer result solution value simplified in simplest form lowest terms units "
    "unit as required given verified checked total is this square cubic sq cu"
)
"""Words of a remark in brackets that say nothing of the value before it."""

_CHOSEN = (
    re.compile(r"(?<![\w.^{\\])(?P<n>\d{1,3})\s?(?P<letter>[CP])\s?(?P<k>\d{1,3})(?![\w.}^!])"),
    re.compile(
        r"(?:^|(?<=[\s=(+*/-]))(?:\{\})?\^\s?\{?(?P<n>\d{1,3})\}?\s?(?P<letter>[CP])"
        r"_\s?\{?(?P<k>\d{1,3})\}?"
    ),
    re.compile(
        r"(?<![A-Za-z_^}])(?:\\(?:mathrm|text)\s?\{(?=[CP]\}))?(?P<letter>[CP])\}?"
        r"_\s?(?:\{(?P<n>\d{1,3})\}|(?P<n1>\d))\s?\^\s?(?:\{(?P<k>\d{1,3})\}|(?P<k1>\d))"
    ),
    re.compile(
        r"(?<![A-Za-z_^}])(?:\\(?:mathrm|text)\s?\{(?=[CP]\}))?(?P<letter>[CP])\}?"
        r"\^\s?(?:\{(?P<k>\d{1,3})\}|(?P<k1>\d))\s?_\s?(?:\{(?P<n>\d{1,3})\}|(?P<n1>\d))"
    ),
)
_CHOSEN_NAMES = re.compile(
    r"(?<![A-Za-z_^}\\])(?:\\(?:mathrm|text)\s?\{C\}|C)\s?"
    r"_\s?(?:\{(?P<n>[\da-z +-]{1,12})\}|(?P<n1>[nm]))"
    r"\s?\^\s?(?:\{(?P<k>[\da-z +-]{1,12})\}|(?P<k1>[\da-z]))"
)
_BASED_LOG = re.compile(r"(?<![A-Za-z\\])log_?(2|10)\s?(?=\()")
_FACTORIAL_IS = re.compile(r"(?<=\d)!=(?=\s?\d)")
_TIMES = re.compile(r"(?<=\d)\s?[xX]\s?(?=10\s?(?:\^|\*\*))|(?<=\d)\s[xX]\s(?=\d)")
_DOTTED = re.compile(
    r"(?<![\d.])(\d{0,20}\.)(\d{2,40})\s?(?:\.{3}|\\[lc]?dots(?![A-Za-z]))(?!\s?[\d,])"
)
_PERIOD = re.compile(r"(\d*?)(\d{1,12}?)\2+")
_LEAST_DIGITS = 3
_LONGEST_WORDS = 80
_FEET = re.compile(r"(?<![\w'])(\d+)\s?'\s?(\d+(?:\.\d+)?)\s?(?:\"|'')(?!')")
_HOURS = re.compile(r"(?<=\d)\s?h\s?(?=\d+\s?m(?:in)?\b)")
_LABEL = re.compile(r"([A-Za-z])\s?:\s+(?=[-+]?(?:\d|\\frac|\\sqrt|\$))")
_MAPPED = re.compile(
    r"(?:(?P<name>[A-Za-z])\s?:\s?)?(?P<of>[A-Za-z])\s?(?:\\mapsto|\\longmapsto|\|->|↦)\s?(?P<body>.+)",
    re.DOTALL,
)
_MONEY = re.compile(r"(USD|EUR|GBP|JPY|INR|CNY|RMB|Rs)\.?\s?(\d[\d.,]*)")
_ORDERS = ("<", ">", r"\le", r"\ge", r"\lt", r"\gt")
_BRACKETS = ("(", "[", "{")
_ANGLED = re.compile(r"((?:[^<>=]{0,20}=)?\s*)<([^<>=]*,[^<>=]*)>")
_UNITED = re.compile(r"(?<=[)\]}])\s?U\s?(?=[(\[{\\])")
_RECURRING = re.compile(r"(\d*\.)(\d{1,40})\s?\(?(?:repeating|recurring)\)?")
_BARRED = re.compile(r"(\\overline\s?\{\d{1,40}\})\s?(?:\.{3}|\\[lc]?dots(?![A-Za-z]))")
_UNIT_FRACTION = re.compile(
    r"\\[dt]?frac\s?\{\s?\\(?:text|mathrm)\s?\{\s?([A-Za-z]+)\s?\}\s?\}"
    r"\s?\{\s?\\(?:text|mathrm)\s?\{\s?([A-Za-z]+)\s?\}\s?\}"
)
_UNIT = r"(?:\\(?:text|mathrm)\s?\{\s?[A-Za-z]+\s?\}(?:\^\s?\{?\d\}?)?|\\cdot(?![A-Za-z])|\\,|\s)"
_COMPOUND = re.compile(rf"\\[dt]?frac\s?\{{({_UNIT}{{1,12}})\}}\s?\{{({_UNIT}{{2,12}})\}}")
_UNIT_FACE = re.compile(r"\\(?:text|mathrm)\s?\{\s?([A-Za-z]+)\s?\}")
_UNIT_NAME = re.compile(r"(?<![A-Za-z\\])[A-Za-z]+")
_ELECTRON = re.compile(r"(?i:electron)[ -](?=volts?\b)")
_ROWS = re.compile(r"\[([^\[\];]*(?:;[^\[\];]*)+)\]")
_AND = re.compile(r"\s*,?\s+and\s+|\s*,\s*")
_BOUNDED = re.compile(
    r"(?:(?P<name>[A-Za-z])\s(?:is|must\sbe)\s)?"
    r"(?P<sign>at\sleast|at\smost|greater\sthan\sor\sequal\sto|less\sthan\sor\sequal\sto|more\sthan|"
    r"greater\sthan|less\sthan|fewer\sthan|no\smore\sthan|no\sless\sthan)\s(?P<end>[^,;<>=A-Za-z]+)"
)
_SIGNS = {
    "at least": r"\ge", "at most": r"\le", "greater than or equal to": r"\ge",
    "less than or equal to": r"\le", "more than": ">", "greater than": ">", "less than": "<",
    "fewer than": "<", "no more than": r"\le", "no less than": r"\ge",
}  # fmt: skip
_BETWEEN = re.compile(
    r"(?:(?P<name>[A-Za-z])\sis\s)?between\s(?P<low>[^,;<>=A-Za-z]+)\sand\s(?P<high>[^,;<>=A-Za-z]+?),?\s"
    r"\(?(?P<ends>inclusive|exclusive)\)?"
)
_FACES = re.compile(r"\\(?:text|mathrm|mbox|textrm)\s?\{([^{}\\$]*+)\}")
_WHITE = re.compile(r"\s+")


def bare(text: str) -> str:
    """Return the text without signs in front and marks behind that only point at an answer."""
    if text[:1] in {"\\", "=", "-", "∴"} and (leading := _LEADING.match(text)):
        text = text[leading.end() :]
    if len(text) > _LONGEST:
        return text
    if text.endswith(("k", "e", "x", "d", "✓", "✔", "■", "∎")):
        text = _TRAILING.sub("", text)
    if text.endswith((")", "}")) and (remark := _REMARK.search(text, max(len(text) - 120, 0))):
        said = remark["words"].lower().split()
        if _REMARKS.issuperset(said) and text[: remark.start()].strip():
            text = text[: remark.start()]
    if text.endswith((")", "}", "only")):
        text = _unremarked(text)
    if not text.isascii() and (told := _SO.match(text)):
        text = text[told.end() :]
    return text


def _unremarked(text: str) -> str:
    """Return the text without a stop set as text, a reason in brackets, or "only"."""
    if text.endswith(("only", "only}", "only }")):
        text = _ONLY.sub(lambda found: found[1] or "", text)
    if text.endswith("}"):
        return _STOP.sub("", text)
    if text.endswith("参数)"):
        return _PARAMETER.sub("", text)
    return _reasoned(text) if text.endswith(")") else text


def _reasoned(text: str) -> str:
    found = (
        _REASON.search(text, max(len(text) - 120, 0))
        if "since" in text or "because" in text
        else None
    )
    return text[: found.start()] if found and text[: found.start()].strip() else text


def unfold(text: str) -> str:
    """Return the text with its shorthand written out."""
    if len(text) > _LONGEST or not _ANY_SIGN.search(text):
        return text
    for sign, rewrite in _REWRITES:
        if sign.search(text):
            text = rewrite(text)
    return text


def _connected(text: str) -> str:
    joint = " or " if "或" in text else " and "
    return _CONNECTED.sub(joint, text)


def _counted(text: str) -> str:
    """Write "twenty-five percent" and "five dollars and ten cents" with digits."""
    if len(text) > _LONGEST_WORDS or not text.isascii() or "\\" in text:
        return text
    whole = _amount(text)
    parts = _AND.split(text) if whole == text else [text]
    written = [_amount(part) for part in parts]
    return " ".join(written) if not set(written) & set(parts) else text


def _amount(text: str) -> str:
    *number, unit = text.split() or [""]
    value = read_words(" ".join(number))
    if value is None or (unit != "percent" and named(unit) is None):
        return text
    return rf"{value} \text{{ {unit}}}" if unit != "percent" else rf"{value}\%"


def _chosen(text: str) -> str:
    for pattern in _CHOSEN:
        text = pattern.sub(_choice, text)
    return _CHOSEN_NAMES.sub(_named_choice, text)


def _named_choice(found: re.Match[str]) -> str:
    """Write `C_{2n}^{n}` as a binomial; an index in digits alone belongs to a name."""
    top, bottom = found["n"] or found["n1"], found["k"] or found["k1"]
    return rf"\binom{{{top}}}{{{bottom}}}" if re.search("[a-z]", top) else found.group()


def _choice(found: re.Match[str]) -> str:
    parts = found.groupdict()
    top, bottom = parts["n"] or parts["n1"], parts["k"] or parts["k1"]
    if int(bottom) > int(top):
        return found.group()
    return rf"{{}}_{{{top}}}{parts['letter']}_{{{bottom}}}"


def _dotted(text: str) -> str:
    return _DOTTED.sub(_repeating, text)


def _repeating(found: re.Match[str]) -> str:
    """Write `0.1666...` with a bar, where what is repeated cannot be taken for something else.

    Euler's number begins 2.718281828: a period behind other digits has to stand three times.
    """
    whole, digits = found.groups()
    periods = _PERIOD.fullmatch(digits)
    if periods is None:
        return found.group()
    front, period = periods.groups()
    times = (len(digits) - len(front)) // len(period)
    if front and times < _LEAST_DIGITS:
        return found.group()
    return rf"{whole}{front}\overline{{{period}}}"


def _angled(text: str) -> str:
    """Read `<3, -1>` as a vector where that is all there is."""
    found = _ANGLED.fullmatch(text.strip())
    return rf"{found[1]}\langle {found[2]}\rangle " if found else text


def _barred(text: str) -> str:
    """Read "0.27 repeating", and a bar with dots behind it."""
    text = _BARRED.sub(r"\1", text)
    found = _RECURRING.fullmatch(text)
    return rf"{found[1]}\overline{{{found[2]}}}" if found else text


def _fractions_of_units(text: str) -> str:
    return _COMPOUND.sub(_united_units, _UNIT_FRACTION.sub(_rate, text))


def _united_units(found: re.Match[str]) -> str:
    top, bottom = (_UNIT_FACE.sub(r" \1 ", part).strip() for part in found.group(1, 2))
    known = all(named(unit) for unit in _UNIT_NAME.findall(f"{top} {bottom}"))
    return rf"\text{{ {top}/({bottom})}}" if known else found.group()


def _rate(found: re.Match[str]) -> str:
    known = named(found[1]) and named(found[2])
    return rf"\text{{ {found[1]}/{found[2]}}}" if known else found.group()


def _rows(text: str) -> str:
    """Read `[2, 0; 1, 3]` as a matrix, where its rows are of one length."""
    found = _ROWS.fullmatch(text)
    rows = found[1].split(";") if found else []
    widths = {row.count(",") for row in rows}
    if len(widths) != 1 or widths == {0} or "(" in text:
        return text
    return "[" + ",".join(f"[{row}]" for row in rows) + "]"


def _labelled(text: str) -> str:
    match = _LABEL.match(text)
    return f"{match[1]} = {text[match.end() :]}" if match and text.count(":") == 1 else text


def _mapping(text: str) -> str:
    match = _MAPPED.fullmatch(text)
    return f"{match['name'] or 'f'}({match['of']}) = {match['body']}" if match else text


def _money(text: str) -> str:
    match = _MONEY.fullmatch(text.strip())
    return rf"{match[2]}\text{{ {match[1]}}}" if match else text


def _conditions(text: str) -> str:
    r"""Read `x < 1 \cup x > 3`, conditions that are joined like sets."""
    if any(sign in text for sign in _BRACKETS) or not any(sign in text for sign in _ORDERS):
        return text
    return text.replace(r"\cup", r"\lor").replace(r"\cap", r"\land")


def _bounded(text: str) -> str:
    """Read "x is at least 3", and "between 2 and 7, exclusive"."""
    plain = _WHITE.sub(" ", _FACES.sub(r" \1 ", text)).strip()
    if match := _BOUNDED.fullmatch(plain):
        sign = _SIGNS[match["sign"]]
        if match["name"]:
            return f"{match['name']} {sign} {match['end']}"
        return rf"\{{ x : x {sign} {match['end']} \}}"
    if match := _BETWEEN.fullmatch(plain):
        opener, closer = ("[", "]") if match["ends"] == "inclusive" else ("(", ")")
        interval = f"{opener}{match['low']},{match['high']}{closer}"
        return rf"{match['name']} \in {interval}" if match["name"] else interval
    return text


_REWRITES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile("[或和且与]|以及"), _connected),
    (re.compile("[CP]"), _chosen),
    (re.compile("log"), lambda text: _BASED_LOG.sub(r"\\log_{\1}", text)),
    (re.compile("!="), lambda text: _FACTORIAL_IS.sub("! =", text)),
    (re.compile("[xX]"), lambda text: _TIMES.sub(r"\\times ", text)),
    (re.compile(r"(?:percent|inch|hour|s)\Z"), _counted),
    (re.compile(r"\.\.\.|dots"), _dotted),
    (
        re.compile("'"),
        lambda text: text if "circ" in text else _FEET.sub(r"\1 feet \2 inches", text),
    ),
    (re.compile(r"[\d\s]h"), lambda text: _HOURS.sub(" hours ", text)),
    (re.compile("repeating|recurring|overline"), _barred),
    (re.compile(r">\s*\Z"), _angled),
    (re.compile(r"[)\]}]\s?U"), lambda text: _UNITED.sub(r"\\cup ", text)),
    (re.compile(r"frac\s?\{\s?\\(?:text|mathrm)"), _fractions_of_units),
    (re.compile("lectron[ -]v"), lambda text: _ELECTRON.sub("electron", text)),
    (re.compile(r";[^;]*\]\Z"), _rows),
    (re.compile(r"\{:\}"), lambda text: text.replace("{:}", ":")),
    (re.compile(":"), _labelled),
    (re.compile(r"mapsto|\|->|↦"), _mapping),
    (re.compile("USD|EUR|GBP|JPY|INR|CNY|RMB|Rs"), _money),
    (re.compile(r"\\c[ua]p"), _conditions),
    (re.compile("than|at least|at most|between"), _bounded),
)
# What all rewrites are asked for in one look; most texts hold none of it.
_ANY_SIGN = re.compile(
    r"[CPxX':或和且与]|以及|!=|log|dots|\.\.\.|(?:percent|inch|hour|s)\Z|[\d\s]h|mapsto|\|->|↦"
    r"|repeating|recurring|overline|>\s*\Z|[)\]}]\s?U|frac\s?\{\s?\\(?:text|mathrm)|;"
    r"|USD|EUR|GBP|JPY|INR|CNY|RMB|Rs|\\c[ua]p|than|at least|at most|between"
    r"|lectron[ -]v"
)
