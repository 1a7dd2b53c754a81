"""Tell text that can be seen from text that only takes room."""

import re
from itertools import islice

# Besides white space: controls, soft hyphen, zero-width and direction marks, variation selectors,
# lone surrogates, tags, and the fillers that are letters to Unicode and blanks to the eye.
_VISIBLE = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)


def is_blank(text: str) -> bool:
    """Return whether nothing of `text` can be seen."""
    return _VISIBLE.search(text) is None


def has_visible(text: str, characters: int) -> bool:
    """Return whether `text` holds at least that many characters that can be seen."""
    return sum(1 for _ in islice(_VISIBLE.finditer(text), characters)) >= characters
