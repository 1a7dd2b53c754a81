r"""Read "3/8, or 37.5 %" as the claim that both are equal: two spellings of a value are no hedge.

The comparison then refuses the claim where it is false, as it does with any chain.
"""

import re

_MOST = 160
_SPELLINGS = re.compile(
    r"(?P<first>[^\n]{1,80}?)(?:,?\s(?P<same>i\.e\.,?|that\sis,?)|,?\sor)\s"
    r"(?P<about>(?:about|approximately|roughly|around|nearly)\s)?(?P<second>[^\n]{1,60})"
)
_FRACTION = re.compile(r"\d\s?/\s?\d|\\[dt]?frac")
_DECIMAL = re.compile(r"\d\.\d|%|percent")


_WORKED_OUT = re.compile(
    r"(?P<value>[-−]?\$?\d[\d,.]*+)\s\((?P<terms>[-−]?\d[\d,.]*+(?:\s?[-+−*×·]\s?\d[\d,.]*+)++)\)"
)
_ROW_ENDS = re.compile(r"\\\\(?:\[[^\]\n]*+\])?")
_LEADING = re.compile(
    r"^(?:[\s=]|\\(?:Longr|R|r)ightarrow\b|\\(?:implies|iff|therefore|q?quad)\b)++"
)
_NAMED = re.compile(r"\s*+(?P<name>[A-Za-z](?:_\{?\w\}?)?)\s*+&?=&?\s*+[^=]++")
_BULLETED = re.compile(r"\n[ \t]*+[-•*]\s")
_BULLET = " \t,;-•*"


def last_row(text: str) -> str:
    """Return what the rows of an environment come to: the last one, or values of several names."""
    rows = [row.partition("&&")[0].strip(" \n\t.,") for row in _ROW_ENDS.split(text)]
    rows = [row for row in rows if row]
    named = [found["name"] for row in rows if (found := _NAMED.fullmatch(row))]
    if len(rows) > 1 and len({*named}) == len(rows):
        return ", ".join(row.replace("&", "") for row in rows)
    return _LEADING.sub("", rows[-1].replace("&", "")) if rows else ""


def is_listed(text: str) -> bool:
    """Return whether a line of the text begins with a bullet."""
    return _BULLETED.search(text) is not None


def listed(text: str) -> str:
    """Return lines as one list, without their bullets."""
    lines = (line.strip(_BULLET) for line in text.split("\n"))
    return ", ".join(line for line in lines if line)


def joined(text: str) -> str:
    r"""Return `text` with an `=` or `\approx` between two spellings; as it is if there are none."""
    if text[-1:] == ")" and (sum_ := _WORKED_OUT.fullmatch(text)):
        return f"{sum_['value']} = {sum_['terms']}"
    if (" or " not in text and "i.e." not in text and "that is" not in text) or len(text) > _MOST:
        return text
    found = _SPELLINGS.fullmatch(text)
    if found is None:
        return text
    first, second = found["first"].replace("$", " "), found["second"].replace("$", " ")
    if found["about"]:
        return rf"{first} \approx {second}"
    if found["same"] or _differ(first, second):
        return f"{first} = {second}"
    return text


def _differ(first: str, second: str) -> bool:
    """Whether one is a fraction and the other a decimal, or a percentage."""
    if "=" in second or not (_FRACTION.search(first) or _FRACTION.search(second)):
        return False
    return bool(_DECIMAL.search(first)) != bool(_DECIMAL.search(second))
