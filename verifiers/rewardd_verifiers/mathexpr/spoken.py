"""Answers that are words rather than formulas: times, dates, ordinals, choices, prose."""

import re
from collections.abc import Callable
from fractions import Fraction

from rewardd_verifiers.mathexpr.brackets import base_fits
from rewardd_verifiers.mathexpr.foreign import read_chinese, read_program
from rewardd_verifiers.mathexpr.numerals import read_number, read_ordinal, read_words
from rewardd_verifiers.mathexpr.tree import (
    Based,
    Clock,
    Constant,
    Date,
    Group,
    Number,
    Operation,
    Ordinal,
    Relation,
    Text,
    Tree,
)

# What stands in no time, date, ordinal, phrase or number in words, however it is wrapped.
_FORMULA = re.compile(r"[=<>|\[\]]|\\(?:[dt]?frac|sqrt|left|begin|pi|infty)(?![A-Za-z])")
_LETTER = re.compile(r"[^\W\d_]")
# One of them stands in whatever `_READERS` read, but for a number in a base.
_WORD = re.compile(r"[a-z]{2}|[ap]\.?\s?m|0[xbo]|[^\x00-\x7f]")
_WRAPPER = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname|emph|textsf)\s*(?=\{)"
)
_DROPPED = str.maketrans({"{": None, "}": None, "$": None, "~": " ", "*": None, "`": None})
_SPACING = re.compile(r"\\[,;:!> ]|\\q?quad\b|\s+")
_TIME = re.compile(r"(\d{1,2})\s?(?:[:.]\s?(\d{2}))?(?:\s?:\s?(\d{2}))?\s?([ap])\.?\s?m\b\.?")
_HALVES = {" in the morning": " am", " in the afternoon": " pm", " in the evening": " pm"}
_OCLOCK = {"noon": 43200, "12:00 noon": 43200, "12 noon": 43200, "midnight": 0, "12 midnight": 0}
_MONTHS = {
    name: number
    for number, names in enumerate(
        [
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sep sept",
            "october oct",
            "november nov",
            "december dec",
        ],
        start=1,
    )
    for name in names.split()
}
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\s?(?:of )?([a-z]{3,9})\.?(?:,?\s(\d{3,4}))?")
_MONTH_FIRST = re.compile(r"([a-z]{3,9})\.?\s(?:the )?(\d{1,2})(?:st|nd|rd|th)?(?:,?\s(\d{3,4}))?")
_WEEKDAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\s")
_CHINESE_DATE = re.compile(r"(?:(\d{3,4})\s?年\s?)?(\d{1,2})\s?月\s?(\d{1,2})\s?[日号號]?")
_LEFT_OVER = re.compile(
    r"(\d{1,12})(?:\s(?:r\.?|rem\.?|(?:with\s)?(?:a\s)?remainder(?:\sof)?)\s?|\s?余\s?)(\d{1,12})"
)
_ISO = re.compile(r"(\d{4})(?:-(\d{2})-|/(\d{2})/)(\d{2})")
_SLASHED = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})")
_ORDINAL = re.compile(r"(\d{1,4})\s?\^?\s?(st|nd|rd|th)")
_BASE = re.compile(r"([0-9a-z]{1,64})_?\s?\(?_?(?:base\s)?(\d{1,2}|[a-z]+)\)?")
_SHARE = re.compile(r"(\d{1,9}|[a-z]{3,9}) (?:in|out of) (\d{1,9}|[a-z]{3,9})")
_PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4}
_LEAST_PART = 2
_MOST_TEXT = 400

_SYNONYMS: dict[str, str] = {
    **dict.fromkeys(
        ("no solution", "no solutions", "no real solution", "no real solutions", "none",
         "there is no solution", "there are no solutions", "there are no real solutions",
         "empty set", "the empty set", "no such number exists", "no real roots",
         "no such integers exist", "no real solution exists", "no solution exists",
         "no such integers", "no such integer exists", "no such number", "no such numbers exist",
         "no such numbers", "no integer solutions", "no integer solution", "has no solution",
         "there is no such number", "there are no such numbers", "there is no real solution",
         "无解", "ninguna solución", "aucune solution", "keine lösung"),
        "\\empty",
    ),
    **dict.fromkeys(
        ("infinity", "positive infinity", "plus infinity", "+ infinity", "infinite"), "\\infinity"
    ),
    **dict.fromkeys(("negative infinity", "minus infinity", "-infinity"), "\\-infinity"),
    **dict.fromkeys(
        ("does not exist", "dne", "d.n.e", "it does not exist", "the limit does not exist",
         "limit does not exist", "doesn't exist", "不存在", "not exist", "doesnt exist"),
        "does not exist",
    ),
    **dict.fromkeys(("undefined", "not defined", "is undefined"), "undefined"),
    **dict.fromkeys(
        ("all real numbers", "all reals", "any real", "all of the real numbers",
         "all real values", "every real number",
         "any real number", "the set of all real numbers", "all real x", "the real numbers"),
        "\\reals",
    ),
    **dict.fromkeys(("all positive real numbers", "all positive reals", "positive real numbers",
                     "the positive real numbers", "the positive reals"), "\\positive"),
    **dict.fromkeys(("all negative real numbers", "all negative reals", "negative real numbers",
                     "the negative real numbers", "the negative reals"), "\\negative"),
    **dict.fromkeys(("the integers", "all integers", "integers", "the set of integers",
                     "the set of all integers", "all the integers", "any integer",
                     "every integer", "all whole integers"), "\\integers"),
    **dict.fromkeys(("positive integers", "the positive integers", "all positive integers",
                     "the set of positive integers", "the set of all positive integers",
                     "any positive integer", "every positive integer"), "\\counting"),
    **dict.fromkeys(("nonnegative integers", "non-negative integers", "all nonnegative integers",
                     "all non-negative integers", "the nonnegative integers",
                     "the non-negative integers", "the set of nonnegative integers"), "\\wholes"),
    **dict.fromkeys(("natural numbers", "the natural numbers", "all natural numbers",
                     "the set of natural numbers", "the set of all natural numbers",
                     "the naturals"), "\\naturals"),
    **dict.fromkeys(("rational numbers", "the rational numbers", "all rational numbers",
                     "the rationals", "the set of rational numbers",
                     "the set of all rational numbers"), "\\rationals"),
    **dict.fromkeys(("complex numbers", "the complex numbers", "all complex numbers",
                     "the set of complex numbers", "the set of all complex numbers"),
                    "\\complexes"),
    **dict.fromkeys(("prime", "primes", "the primes", "all primes", "prime numbers",
                     "all prime numbers", "the prime numbers", "any prime", "any prime number",
                     "the set of primes", "the set of prime numbers",
                     "the set of all primes"), "prime"),
    **{
        f"{front}{kind}{noun}": kind
        for kind in ("odd", "even")
        for front in ("", "all ", "the ", "any ", "every ", "all the ", "the set of ",
                      "the set of all ")
        for noun in (" integers", " numbers", " integer", " number")
    },
    **dict.fromkeys(("infinitely many", "there are infinitely many solutions",
                     "there are infinitely many", "infinitely many solutions", "infinite solutions",
                     "an infinite number of solutions"), "infinitely many"),
    **dict.fromkeys(("diverges", "divergent", "it diverges", "the series diverges",
                     "the series is divergent", "diverge"), "diverges"),
    **dict.fromkeys(("converges", "convergent", "it converges", "the series converges",
                     "the series is convergent", "converge"), "converges"),
    **dict.fromkeys(("yes", "是", "是的"), "yes"),
    **dict.fromkeys(("no", "否", "不是"), "no"),
    **dict.fromkeys(("true", "correct", "正确", "对"), "true"),
    **dict.fromkeys(("false", "incorrect", "错误", "错"), "false"),
    **dict.fromkeys(("cannot be determined", "can not be determined", "it cannot be determined",
                     "not enough information", "cannot determine"), "cannot be determined"),
}  # fmt: skip
"""Folded prose to the one spelling that is compared; a backslash marks a value."""

_LONGEST_SHORT = 4
_DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()  # noqa: SIM905  a row of words
_SHORT = {
    **{name[:3]: name for name in (*_DAYS, *_MONTHS) if len(name) > _LONGEST_SHORT},
    "tues": "tuesday",
    "thurs": "thursday",
}

_VALUES: dict[str, Tree] = {
    "\\empty": Constant("empty"),
    "\\infinity": Constant("infinity"),
    "\\-infinity": Operation("negative", (Constant("infinity"),)),
    "\\reals": Constant("R"),
    "\\positive": Group("()", (Number(Fraction(0)), Constant("infinity"))),
    "\\negative": Group(
        "()", (Operation("negative", (Constant("infinity"),)), Number(Fraction(0)))
    ),
    "\\integers": Constant("Z"),
    "\\counting": Constant("Z+"),
    "\\wholes": Constant("Z0+"),
    "\\naturals": Constant("N"),
    "\\rationals": Constant("Q"),
    "\\complexes": Constant("C"),
    "undefined": Constant("undefined"),
}


_Reader = Callable[[str], Tree | None]


def flatten(text: str) -> str:
    """Return a folded text without wrappers, braces and spacing commands."""
    if "\\" in text:
        text = _WRAPPER.sub("", text)
    if "{" in text or "$" in text or "*" in text or "~" in text or "`" in text:
        text = text.translate(_DROPPED)
    return _SPACING.sub(" ", text).strip()


def read_special(text: str) -> Tree | None:
    """Return a time, date, ordinal, number in words or well-known phrase; None if it is none."""
    if len(text) > _MOST_TEXT or text.isdigit() or _FORMULA.search(text):
        return None
    flat = flatten(text).lower()
    if not flat or not _LETTER.search(flat):
        return _date_of_digits(flat)
    stripped = flat.strip(" .,;:?\"'")
    found = _SYNONYMS.get(stripped) or _SHORT.get(stripped)
    if found is not None:
        return _VALUES.get(found) or Text(found)
    readers = _READERS if _WORD.search(stripped) else _OF_DIGITS
    return next((tree for read in readers if (tree := read(stripped)) is not None), None)


def _time(flat: str) -> Tree | None:
    if flat in _OCLOCK:
        return Clock(_OCLOCK[flat])
    for spoken, short in _HALVES.items():
        flat = flat.replace(spoken, short)
    match = _TIME.fullmatch(flat)
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3))
    if not 1 <= hour <= 12 or minute > 59 or second > 59:  # noqa: PLR2004  the face of a clock
        return None
    hour = hour % 12 + 12 * (match[4] == "p")
    return Clock(hour * 3600 + minute * 60 + second)


def _remainder(flat: str) -> Tree | None:
    """Read "7 R 3", a quotient with what is left over."""
    match = _LEFT_OVER.fullmatch(flat)
    if match is None:
        return None
    names = "quotient", "remainder"
    pairs = zip(names, match.groups(), strict=True)
    return Group("", tuple(Relation(("=",), (Text(n), read_number(v))) for n, v in pairs))


def _date(flat: str) -> Tree | None:
    if match := _CHINESE_DATE.fullmatch(flat):
        year, month, day = (int(part or 0) for part in match.groups())
        return Date(year or None, month, day) if month <= 12 and day <= 31 else None  # noqa: PLR2004  months, and days of the longest
    flat = _WEEKDAY.sub("", flat.replace("^", "")).removeprefix("the ")
    if match := _MONTH_FIRST.fullmatch(flat):
        month, day, year = match.groups()
    elif match := _DAY_FIRST.fullmatch(flat):
        day, month, year = match.groups()
    else:
        return None
    if month not in _MONTHS or not 1 <= int(day) <= 31:  # noqa: PLR2004  the longest month
        return None
    return Date(int(year) if year else None, _MONTHS[month], int(day))


def _date_of_digits(flat: str) -> Tree | None:
    if match := _ISO.fullmatch(flat):
        year, month, day = (int(part) for part in match.groups() if part)
        return Date(year, month, day)
    if match := _SLASHED.fullmatch(flat):
        first, second, year = (int(part) for part in match.groups())
        if first > 31 or second > 31:  # noqa: PLR2004  the longest month
            return None
        if first > 12:  # noqa: PLR2004  no month: the day stands first
            return Date(year, second, first)
        return Date(year, first, second, vague=second <= 12 and first != second)  # noqa: PLR2004  either may be the month
    return None


def _ordinal(flat: str) -> Tree | None:
    if match := _ORDINAL.fullmatch(flat):
        value = int(match[1])
        return Ordinal(value) if match[2] == _ending(value) else None
    value = read_ordinal(flat)
    return None if value is None else Ordinal(value)


def _ending(value: int) -> str:
    if value % 100 in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(value % 10, "th")


def _words(flat: str) -> Tree | None:
    negative = flat.startswith(("negative ", "minus "))
    value = read_words(flat.partition(" ")[2] if negative else flat)
    if value is None:
        return None
    literal = read_number(str(value))
    return Operation("negative", (literal,)) if negative else literal


def _fraction(flat: str) -> Tree | None:
    """Read "two thirds", "a half", "three-fourths"."""
    *front, last = flat.replace("-", " ").split()
    bottom = _PARTS.get(last) or read_ordinal(last.removesuffix("s"))
    count = " ".join(front)
    top = 1 if count in {"", "a", "one"} else read_words(count)
    if bottom is None or top is None or bottom < _LEAST_PART or (not front and last not in _PARTS):
        return None
    return Operation("quotient", (read_number(str(top)), read_number(str(bottom))))


def _share(flat: str) -> Tree | None:
    """Read "1 in 5", "three out of ten"."""
    match = _SHARE.fullmatch(flat)
    if match is None:
        return None
    parts = [int(part) if part.isdigit() else read_words(part) for part in match.groups()]
    known = tuple(read_number(str(part)) for part in parts if part is not None)
    return Operation("quotient", known) if len(known) == len(parts) else None


def _mixed(flat: str) -> Tree | None:
    """Read "three and a half"."""
    front, joint, part = flat.rpartition(" and ")
    whole, share = read_words(front), _fraction(part) if joint else None
    if whole is None or share is None:
        return None
    return Operation("sum", (read_number(str(whole)), share))


def _is_digits(text: str) -> bool:
    """Whether a run may be digits of a base rather than a name: `log_2` is none."""
    return not text.isalpha() or all(letter in "abcdef" for letter in text)


def _based(flat: str) -> Tree | None:
    match = _BASE.fullmatch(flat)
    if match is None or not ("_" in flat or "base" in flat) or not _is_digits(match[1]):
        return None
    base = int(match[2]) if match[2].isdigit() else read_words(match[2])
    if base is None or not base_fits(match[1], base):
        return None
    return Based(match[1], base) if match[1][0].isdigit() or len(match[1]) > 1 else None


_OF_DIGITS: tuple[_Reader, ...] = (_remainder, _based, read_chinese, read_program)
_READERS: tuple[_Reader, ...] = (
    _time,
    _date,
    _remainder,
    _ordinal,
    _words,
    _fraction,
    _mixed,
    _share,
    _based,
    read_chinese,
    read_program,
)
