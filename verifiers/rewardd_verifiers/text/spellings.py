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


def joined(text: str) -> str:
    r"""Return `text` with an `=` or `\approx` between two spellings; as it is if there are none."""
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
