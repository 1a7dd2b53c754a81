"""Tell text that can be seen from text that only takes room."""

import re
import unicodedata
from collections import Counter

# Besides white space: controls, soft hyphen, zero-width and direction marks, variation selectors,
# lone surrogates, tags, and the fillers that are letters to Unicode and blanks to the eye.
_VISIBLE = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
# An accent without its letter, a private or an unassigned character.
_SHAPELESS = frozenset("MCZ")
_MOST_HOLLOW = 4096
"""Characters without shape that are looked at one by one, before all are counted."""


def is_blank(text: str) -> bool:
    """Return whether `text` is nothing but room; a lone accent or a private character is not."""
    return _VISIBLE.search(text) is None


def has_visible(text: str, characters: int = 1) -> bool:
    """Return whether `text` holds at least that many characters that say something."""
    seen = hollow = 0
    for found in _VISIBLE.finditer(text):
        if _has_shape(found[0]):
            seen += 1
        else:
            hollow += 1
        if seen >= characters:
            return True
        if hollow > _MOST_HOLLOW:
            return _count(text) >= characters
    return False


def _count(text: str) -> int:
    counted = Counter(text)
    return sum(
        count
        for character, count in counted.items()
        if _VISIBLE.match(character) and _has_shape(character)
    )


def _has_shape(character: str) -> bool:
    return unicodedata.category(character)[0] not in _SHAPELESS
