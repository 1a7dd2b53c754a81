"""Numerals other than decimal digits: Chinese, Roman, and the literals of programs."""

import re

from rewardd_verifiers.mathexpr.numerals import read_number
from rewardd_verifiers.mathexpr.tree import Based, Operation, Tree

_DIGITS = {
    sign: value
    for value, signs in enumerate("零〇 一壹 二两贰 三叁 四肆 五伍 六陆 七柒 八捌 九玖".split())  # noqa: SIM905  a table is read more easily as words
    for sign in signs
}
_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_NUMERAL = "[零〇一壹二两贰三叁四肆五伍六陆七柒八捌九玖十拾百佰千仟万萬亿億]{1,24}"
_CHINESE = re.compile(
    rf"(?P<minus>负)?(?:(?P<bottom>{_NUMERAL})分之)?(?P<whole>{_NUMERAL})(?:点(?P<places>{_NUMERAL}))?"
    r"[个種种次人只条张天岁位本组支名]?"
)
_HUNDREDTHS = "百"
_ROMAN = re.compile(r"m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
_ROMAN_VALUES = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100, "d": 500, "m": 1000}
_PROGRAM = re.compile(r"0(?:x(?P<x>[0-9a-f]{1,64})|b(?P<b>[01]{1,64})|o(?P<o>[0-7]{1,64}))")
_BASES = {"x": 16, "b": 2, "o": 8}


def read_chinese(flat: str) -> Tree | None:
    """Return the number, fraction or percent that Chinese numerals spell; None if they do not."""
    if flat.isascii():
        return None
    match = _CHINESE.fullmatch(flat)
    if match is None:
        return None
    whole, bottom = _value(match["whole"]), match["bottom"]
    if whole is None:
        return None
    places = "".join(str(_DIGITS.get(sign, "")) for sign in match["places"] or "")
    if len(places) != len(match["places"] or ""):
        return None
    tree: Tree = read_number(f"{whole}.{places}" if places else str(whole))
    if bottom == _HUNDREDTHS:
        tree = Operation("percent", (tree,))
    elif bottom:
        divisor = _value(bottom)
        if not divisor:
            return None
        tree = Operation("quotient", (tree, read_number(str(divisor))))
    return Operation("negative", (tree,)) if match["minus"] else tree


def _value(signs: str) -> int | None:
    """Return the value of numerals with places (三百零五), or of bare digits (二〇二五)."""
    if len(signs) > 1 and all(sign in _DIGITS for sign in signs):
        return int("".join(str(_DIGITS[sign]) for sign in signs))
    total = section = digit = 0
    for sign in signs:
        if sign in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[sign]
        elif sign in _TENS:
            section, digit = section + (digit or 1) * _TENS[sign], 0
        else:
            total = (
                (total + section + digit) * _MYRIADS[sign]
                if sign in "亿億"
                else (total + (section + digit) * _MYRIADS[sign])
            )
            section = digit = 0
    return total + section + digit


def roman(word: str) -> int | None:
    """Return the value of a Roman numeral of two letters or more; None if it is none."""
    folded = word.lower()
    if len(folded) < 2 or not _ROMAN.fullmatch(folded):  # noqa: PLR2004  one letter is a name
        return None
    values = [_ROMAN_VALUES[letter] for letter in folded]
    following = [*values[1:], 0]
    return sum(-one if one < after else one for one, after in zip(values, following, strict=True))


def read_program(flat: str) -> Tree | None:
    """Return the number that `0x1f`, `0b101` or `0o17` is; None for all else."""
    match = _PROGRAM.fullmatch(flat)
    kind = match.lastgroup if match else None
    return Based(match[kind], _BASES[kind]) if match and kind else None
