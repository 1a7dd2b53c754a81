"""Fold away differences of writing that are none of meaning."""

import re
import string
import unicodedata

_ARTICLES = frozenset({"a", "an", "the"})
_ASCII_PUNCTUATION = frozenset(string.punctuation)
_WITHOUT_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
_FEW = 40
"""Distinct characters up to which removing one by one is faster than a table."""

# Composing sorts marks by insertion: a mebibyte of badly ordered ones takes minutes. No script
# puts more on a letter than this, and a run of punctuation does not become less by being cut.
_MANY_MARKS = re.compile(r"([^\w\s]{64})[^\w\s]++")

_LOOKALIKES = re.compile(r"[\u3000\uff01-\uff5e\u249c-\u24e9\U0001d400-\U0001d7ff]+")
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_EDGE = " \t\r\n.,;:!?\"'`*_$“”‘’。，；："


def compose(text: str) -> str:
    """Return `text` in Unicode's form NFKC, in time linear in its length."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", _MANY_MARKS.sub(r"\1", text))


def narrow(text: str) -> str:
    """Return `text` with full-width, circled and mathematical letters and digits made plain."""
    if text.isascii():
        return text
    return _LOOKALIKES.sub(lambda run: unicodedata.normalize("NFKC", run[0]), text)


def squad(text: str) -> str:
    """Return what SQuAD's metric compares: no case, punctuation, articles or doubled blanks.

    Source: Rajpurkar et al. 2016; with NFKC before, and the punctuation of all scripts.
    """
    plain = _without_punctuation(compose(text).casefold())
    return " ".join(word for word in plain.split() if word not in _ARTICLES)


def option(text: str) -> str:
    """Return the text of a choice for comparison: signs, decimals and units stay apart.

    `-5` is not `5`, nor `2.5` `25`; words lose their case, but not `mW`, `Aa` or `MHz`.
    """
    joined = " ".join(compose(text).split()).strip(_EDGE)
    return _LETTERS.sub(lambda word: _fold_word(word[0]), joined)


def _fold_word(word: str) -> str:
    return word.lower() if word.istitle() or word.isupper() else word


def _without_punctuation(text: str) -> str:
    if text.isascii():
        return text.translate(_WITHOUT_ASCII_PUNCTUATION)
    present = set(text)
    marks = [character for character in present if _is_punctuation(character)]
    if len(marks) <= _FEW:
        for mark in marks:
            text = text.replace(mark, "")
        return text
    table: dict[int, str | None] = {ord(character): character for character in present}
    return text.translate(table | dict.fromkeys(map(ord, marks)))


def _is_punctuation(character: str) -> bool:
    return character in _ASCII_PUNCTUATION or unicodedata.category(character).startswith("P")
