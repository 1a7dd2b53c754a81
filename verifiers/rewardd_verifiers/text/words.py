"""Cut text into words, and into characters where words are not set apart by blanks."""

import re
from collections.abc import Sequence

HAN_AND_KANA = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U0001b000-\U0001b16f\U00020000-\U000323af"
)
"""For use within the brackets of a pattern: written Chinese and Japanese, without Hangul."""

_CHARACTERS = re.compile(f"[{HAN_AND_KANA}]++")
_WORD = re.compile(rf"[^\W{HAN_AND_KANA}]+(?:['’][^\W{HAN_AND_KANA}]+)*+")
_TOKEN = re.compile(rf"[{HAN_AND_KANA}]|[^\s{HAN_AND_KANA}]++")


_BLANKED = {code: " " for code in range(128) if not (chr(code).isalnum() or chr(code) in "_'")}
_LOOSE_APOSTROPHE = re.compile(r"'(?:(?!\w)|(?<!\w'))")


def of(text: str) -> list[str]:
    """Return the case-folded words of `text`; Han and kana are left out."""
    if not text.isascii():
        return _WORD.findall(text.casefold())
    if "'" in text:
        text = _LOOSE_APOSTROPHE.sub(" ", text)
    return text.lower().translate(_BLANKED).split()


def characters(text: str) -> str:
    """Return the Han and kana characters of `text`, in order."""
    return "".join(_CHARACTERS.findall(text))


def tokens(text: str) -> list[str]:
    """Return what blanks set apart, with each Han or kana character by itself."""
    return text.split() if text.isascii() else _TOKEN.findall(text)


def repeated(units: Sequence[str], n: int) -> tuple[int, int]:
    """Return how many n-grams repeat an earlier one, and how many there are."""
    total = max(0, len(units) - n + 1)
    if n == 1:
        return total - len(set(units)), total
    if isinstance(units, str):
        return total - len({units[start : start + n] for start in range(total)}), total
    # Hashes instead of n-grams: a quarter of a million tuples keep the garbage collector busy. That
    # two of so many are equal by chance happens once in a hundred million such texts.
    grams = map(hash, zip(*(units[start:] for start in range(n)), strict=False))
    return total - len(set(grams)), total
