"""Read literals exactly: grouping, repeating decimals, exponents; number words and ordinals."""

import re
from fractions import Fraction
from functools import lru_cache

from rewardd_verifiers.mathexpr.limits import MAX_DIGITS, MAX_EXPONENT, LimitError
from rewardd_verifiers.mathexpr.tree import Number

_REPEATING = re.compile(
    r"(\d*)\.(\d*)(?:\\overline\s?|\\bar\s?|\()\{?\s?(\d+)\s?\}?\)?"
    r"|(\d*)\.(\d*)\\dot\s?\{?(\d)\}?(?:(\d*)\\dot\s?\{?(\d)\}?)?"
)
_GROUPING = re.compile(r"[,\s~{}\\!]")

_ONE_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TEN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = {
    "first": "one", "second": "two", "third": "three", "fifth": "five", "eighth": "eight",
    "ninth": "nine", "twelfth": "twelve",
}  # fmt: skip
_VALUES: dict[str, int] = {
    **{word: value for value, word in enumerate(_ONE_WORDS.split())},
    **{word: 10 * place for place, word in enumerate(_TEN_WORDS.split(), start=2)},
}
_MULTIPLIERS = {"hundred": 100, "dozen": 12, "thousand": 1000, "million": 10**6, "billion": 10**9}
_MOST_WORDS = 12
_SHORT = 16
"""Characters of a literal whose value is remembered; so the memory is bounded too."""


def read_number(text: str) -> Number:
    """Return the exact value of a literal.

    Raises:
        LimitError: it has too many digits, or too large an exponent.
    """
    return _short(text) if len(text) <= _SHORT else _literal(text)


@lru_cache(maxsize=4096)
def _short(text: str) -> Number:
    return _literal(text)


def _literal(text: str) -> Number:
    if text.isdigit():
        _check_digits(text)
        return Number(Fraction(int(text)), None, len(text.lstrip("0")))
    if "." in text and (match := _REPEATING.fullmatch(text)):
        return _repeating(match)
    mantissa, _, exponent = text.lower().partition("e")
    digits = _GROUPING.sub("", mantissa)
    _check_digits(digits)
    whole, point, decimals = digits.partition(".")
    value = Fraction(int((whole + decimals) or "0"), 10 ** len(decimals))
    significant = len((whole + decimals).lstrip("0"))
    if not exponent:
        return Number(value, len(decimals) if point else None, significant)
    return Number(value * _power_of_ten(exponent), None, significant)


def _check_digits(digits: str) -> None:
    if len(digits) > MAX_DIGITS:
        raise LimitError(f"a literal of {len(digits)} digits, more than {MAX_DIGITS}")


def _power_of_ten(exponent: str) -> Fraction:
    power = int(exponent) if len(exponent) <= len(str(MAX_EXPONENT)) + 1 else MAX_EXPONENT + 1
    if abs(power) > MAX_EXPONENT:
        raise LimitError(f"an exponent of ten beyond {MAX_EXPONENT}")
    return Fraction(10) ** power


def _repeating(match: re.Match[str]) -> Number:
    whole, fixed, period, dotted_whole, dotted_fixed, first, middle, last = match.groups()
    if period is None:
        whole, fixed = dotted_whole, dotted_fixed
        period = first + (middle or "") + (last or "")
    _check_digits(whole + fixed + period)
    nines = 10 ** len(period) - 1
    value = Fraction(int((whole + fixed) or "0")) + Fraction(int(period), nines)
    return Number(value / 10 ** len(fixed))


def digits_of(value: int) -> str:
    """Return the decimal digits of a whole number; "" where Python refuses to write them."""
    return str(value) if value.bit_length() < MAX_DIGITS * 3 else ""


def read_words(text: str) -> int | None:
    """Return the number that English words spell, up to billions; None if they spell none."""
    words = text.lower().replace("-", " ").split()
    if not words or len(words) > _MOST_WORDS:
        return None
    if words[0] == "a" and words[1:2] and words[1] in _MULTIPLIERS:
        words[0] = "one"
    total = current = 0
    for before, word in zip(["", *words], words, strict=False):
        if word == "and" and before in _MULTIPLIERS:
            continue
        if word in _VALUES and _fits(current, _VALUES[word]):
            current += _VALUES[word]
        elif word in _MULTIPLIERS and current:
            current *= _MULTIPLIERS[word]
            if word != "hundred":
                total, current = total + current, 0
        else:
            return None
    return total + current


def _fits(current: int, value: int) -> bool:
    """Whether a word may follow: "twenty one", but not "one twenty" or "one one"."""
    rest = current % 100
    return rest == 0 or (rest >= 20 and rest % 10 == 0 and 0 < value < 10)  # noqa: PLR2004  tens and ones


def read_ordinal(text: str) -> int | None:
    """Return the place that an ordinal in words names; None if it is none."""
    *front, last = text.lower().replace("-", " ").split() or [""]
    cardinal = _ORDINALS.get(last)
    if cardinal is None and last.endswith("ieth"):
        cardinal = last.removesuffix("ieth") + "y"
    if cardinal is None and last.endswith("th"):
        cardinal = last.removesuffix("th")
    return None if cardinal is None else read_words(" ".join([*front, cardinal]))
