"""Count the units of text by script: words, or characters where words are not set apart."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["word", "character"]


class Script(StrEnum):
    """Scripts that are told apart; the value names them in evidence."""

    LATIN = "latin"
    CYRILLIC = "cyrillic"
    GREEK = "greek"
    ARMENIAN = "armenian"
    GEORGIAN = "georgian"
    HEBREW = "hebrew"
    ARABIC = "arabic"
    ETHIOPIC = "ethiopic"
    DEVANAGARI = "devanagari"
    BENGALI = "bengali"
    GURMUKHI = "gurmukhi"
    GUJARATI = "gujarati"
    ODIA = "odia"
    TAMIL = "tamil"
    TELUGU = "telugu"
    KANNADA = "kannada"
    MALAYALAM = "malayalam"
    SINHALA = "sinhala"
    HANGUL = "hangul"
    THAI = "thai"
    LAO = "lao"
    KHMER = "khmer"
    BURMESE = "burmese"
    HAN = "han"
    KANA = "kana"


_IDEOGRAPHIC = frozenset({Script.HAN, Script.KANA})
_UNSPACED = frozenset({Script.THAI, Script.LAO, Script.KHMER, Script.BURMESE})

_RANGES: Mapping[Script, str] = {
    Script.LATIN: r"A-Za-zªºÀ-ÖØ-öø-ɏ\u0250-\u02af\u1d00-\u1d7f\u1e00-\u1eff\u2c60-\u2c7f"
    r"\ua722-\ua7ff\ufb00-\ufb06\uff21-\uff3a\uff41-\uff5a",
    Script.CYRILLIC: r"\u0400-\u0481\u048a-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f",
    Script.GREEK: r"\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u03ff\u1f00-\u1fff",
    Script.ARMENIAN: r"\u0531-\u0556\u0561-\u0588",
    Script.GEORGIAN: r"\u10a0-\u10fa\u10fc-\u10ff\u1c90-\u1cbf\u2d00-\u2d2d",
    Script.HEBREW: r"\u0591-\u05bd\u05d0-\u05f2\ufb1d-\ufb4f",
    Script.ARABIC: r"\u0610-\u061a\u0620-\u065f\u066e-\u06d3\u06d5-\u06dc\u06df-\u06e8\u06ea-\u06ef"
    r"\u06fa-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc",
    Script.ETHIOPIC: r"\u1200-\u135f\u1380-\u139f\u2d80-\u2ddf",
    Script.DEVANAGARI: r"\u0900-\u0963\u0970-\u097f\ua8e0-\ua8ff",
    Script.BENGALI: r"\u0980-\u09e5\u09f0-\u09ff",
    Script.GURMUKHI: r"\u0a00-\u0a65\u0a70-\u0a7f",
    Script.GUJARATI: r"\u0a80-\u0ae5\u0af0-\u0aff",
    Script.ODIA: r"\u0b00-\u0b65\u0b70-\u0b7f",
    Script.TAMIL: r"\u0b80-\u0be5",
    Script.TELUGU: r"\u0c00-\u0c65",
    Script.KANNADA: r"\u0c80-\u0ce5\u0cf0-\u0cff",
    Script.MALAYALAM: r"\u0d00-\u0d65\u0d7a-\u0d7f",
    Script.SINHALA: r"\u0d80-\u0de5\u0df2\u0df3",
    Script.HANGUL: r"\u1100-\u11ff\u3131-\u318e\ua960-\ua97f\uac00-\ud7a3\ud7b0-\ud7ff"
    r"\uffa1-\uffdc",
    Script.THAI: r"\u0e01-\u0e3a\u0e40-\u0e4e",
    Script.LAO: r"\u0e81-\u0ecd\u0edc-\u0edf",
    Script.KHMER: r"\u1780-\u17d3\u17d7\u17dc\u17dd",
    Script.BURMESE: r"\u1000-\u103f\u1050-\u109f\uaa60-\uaa7f",
    Script.HAN: r"\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U000323af",
    Script.KANA: r"\u3041-\u3096\u3099-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    r"\uff66-\uff9f\U0001b000-\U0001b16f",
}

# Names of functions are letters of formulas, in whatever language these stand.
_FUNCTIONS = "sin|cos|tan|log|ln|exp|mod|gcd|lcm|max|min|lim|det"
_MARKS = r"\u0300-\u036f"


def _latin_word(letters: str) -> re.Pattern[str]:
    """Return a pattern of a Latin word that is neither one letter nor a function's name."""
    letter = f"[{letters}]"
    # What a word must not be is asked behind its first letter, which is found fast.
    begins = f"(?<=(?<!{letter})(?!(?:{_FUNCTIONS})(?!{letter})){letter})"
    return re.compile(f"{letter}{begins}(?:{letter}++(?:['’]{letter}++)*+|(?:['’]{letter}++)++)")


def _word(letters: str) -> re.Pattern[str]:
    return re.compile(f"[{letters}]++(?:['’{_MARKS}]++[{letters}]++)*+")


_LATIN_WORD = _latin_word(_RANGES[Script.LATIN] + _MARKS)
_ASCII_WORD = _latin_word("A-Za-z")  # the same, and several times as fast, where it suffices
_WORD: Mapping[Script, re.Pattern[str]] = {
    script: _word(letters) for script, letters in _RANGES.items() if script is not Script.LATIN
}
_LETTER: Mapping[Script, re.Pattern[str]] = {
    script: re.compile(f"[{letters}]") for script, letters in _RANGES.items()
}
_BEYOND_ASCII = re.compile(f"[{_RANGES[Script.LATIN].removeprefix('A-Za-z')}{_MARKS}]")
_CACHED_CHARACTERS = 65_536


@dataclass(frozen=True, slots=True)
class Scale:
    """What a unit is.

    Attributes:
        unit: `word`, or `character` to count every letter as one.
        cjk_unit: Han or kana characters that make a word. A Chinese word has about 1.6; counted
            singly, equal mixtures would read as mostly Chinese.
        unspaced_unit: the same for Thai, Lao, Khmer and Burmese: an estimate, not measured.
    """

    unit: Unit = "word"
    cjk_unit: float = 1.6
    unspaced_unit: float = 4.0

    def weigh(self, script: Script, words: int, characters: int) -> float:
        """Return the units of so many words and characters of one script."""
        if self.unit == "character":
            return float(characters)
        if script in _IDEOGRAPHIC:
            return characters / self.cjk_unit
        return characters / self.unspaced_unit if script in _UNSPACED else float(words)


def count(text: str, scale: Scale) -> dict[Script, float]:
    """Return the units of each script that occurs; one-letter Latin words are variables."""
    sizes: dict[Script, float] = {}
    for script in present(text):
        found = words(text, script)
        if found:
            sizes[script] = scale.weigh(script, len(found), sum(map(len, found)))
    return sizes


def present(text: str) -> list[Script]:
    """Return the scripts of which a letter occurs, sorted."""
    if text.isascii():
        return [Script.LATIN]
    found = set(map(_script_of, set(text)))
    return sorted(script for script in found if script is not None)


def contains(text: str, script: Script) -> bool:
    """Return whether a letter of `script` occurs."""
    return _LETTER[script].search(text) is not None


def words(text: str, script: Script) -> list[str]:
    """Return the words of one script in `text`; where words are not set apart, its runs."""
    if script is not Script.LATIN:
        return _WORD[script].findall(text)
    plain = text.isascii() or not _BEYOND_ASCII.search(text)
    return (_ASCII_WORD if plain else _LATIN_WORD).findall(text)


@lru_cache(_CACHED_CHARACTERS)
def _script_of(character: str) -> Script | None:
    return next((script for script, letter in _LETTER.items() if letter.match(character)), None)
