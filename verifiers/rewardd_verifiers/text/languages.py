"""Share the units of a text among languages: by script, and by a detector where scripts are shared.

Detectors that judge whole sentences miss a switch within one, which is the fault that language
rewards are for. Counting by script does not, and where a script does not tell, words are judged
one by one along the sentence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rewardd_verifiers.text import detector, mask, scripts, segments
from rewardd_verifiers.text.scripts import Scale, Script

_CODES: Mapping[Script, str] = {
    Script.LATIN: "en de fr es it pt nl pl tr vi id sv da no fi cs sk sl hr bs ro hu et lv lt sq az"
    " uz ms tl sw af ca gl eu cy ga is mt la eo ha ig yo so zu xh rw",
    Script.CYRILLIC: "ru uk bg sr be mk kk ky mn tg tt",
    Script.GREEK: "el",
    Script.ARMENIAN: "hy",
    Script.GEORGIAN: "ka",
    Script.HEBREW: "he",
    Script.ARABIC: "ar fa ur ps ug",
    Script.ETHIOPIC: "am",
    Script.DEVANAGARI: "hi mr ne sa",
    Script.BENGALI: "bn as",
    Script.GURMUKHI: "pa",
    Script.GUJARATI: "gu",
    Script.ODIA: "or",
    Script.TAMIL: "ta",
    Script.TELUGU: "te",
    Script.KANNADA: "kn",
    Script.MALAYALAM: "ml",
    Script.SINHALA: "si",
    Script.HANGUL: "ko",
    Script.THAI: "th",
    Script.LAO: "lo",
    Script.KHMER: "km",
    Script.BURMESE: "my",
    Script.HAN: "zh",
    Script.KANA: "ja",
}
_ALIASES: Mapping[str, str] = {"iw": "he", "in": "id", "nb": "no", "nn": "no", "fil": "tl"}

SCRIPT_OF: Mapping[str, Script] = {
    code: script for script, codes in _CODES.items() for code in codes.split()
}
"""The script of each known language, by its ISO 639 code; Japanese also uses Han."""

# Where the languages of a text are not configured: those that its script may be in. Few, as
# each more makes short sentences less certain: IFEval's and the largest others.
COMMON = (
    *("en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "vi", "id", "sv", "fi", "cs", "ro"),
    *("hu", "sw", "tl", "ru", "uk", "bg", "ar", "fa", "ur", "hi", "mr", "ne", "bn", "pa", "gu"),
    *("ta", "te", "kn", "ml", "th", "ko", "ja", "zh", "he", "el"),
)
_BY_SCRIPT_ALONE = frozenset({Script.HAN, Script.KANA, Script.HANGUL})
_FEWEST_WORDS = 2
"""In a sentence, below which the detector is not asked."""
_LETTERS_A_WORD = 6
_MOST_CANDIDATES = 4
_MOST_WORDS = 32_768
"""Beyond either, sentences are judged as wholes: words one by one would take too long."""
_MOST_JUDGED = 16_384
_FEWEST_JUDGED = 8
"""Words that the detector reads of a text beyond that, and of each sentence in it."""
_MOST_PIECES = 1_024
"""Of such a text: neighbouring sentences are judged as one."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What a text is written in.

    Attributes:
        units: by language; by the script's name where no configured language uses it.
        abstained: units of which the language stays open; in none of the sums.
        masked_characters: code, formulas and the like.
    """

    units: Mapping[str, float] = field(default_factory=dict[str, float])
    abstained: float = 0.0
    masked_characters: int = 0

    @property
    def counted(self) -> float:
        """Units that are known to be of some language."""
        return sum(self.units.values())

    def majority(self, at_least: float) -> str | None:
        """Return the language with the most units; None where fewer than `at_least` are counted."""
        if self.counted < at_least:
            return None
        return max(sorted(self.units), key=lambda language: self.units[language], default=None)


def code(name: str) -> str | None:
    """Return the code of a known language for `zh`, `zh-CN` or `zh_Hans`; else None."""
    base = name.strip().lower().replace("_", "-").partition("-")[0]
    base = _ALIASES.get(base, base)
    return base if base in SCRIPT_OF else None


def need_detector(languages: Iterable[str]) -> bool:
    """Return whether two of `languages` share a script."""
    used = [SCRIPT_OF[language] for language in languages]
    return len(used) > len(set(used))


def measure(text: str, languages: Sequence[str], scale: Scale) -> Shares:
    """Return how much of the prose in `text` is in which of `languages`.

    Raises:
        MissingExtraError: two of them share a script, and the extra is not installed.
    """
    prose = mask.prose(text)
    users: dict[Script, list[str]] = {}
    for language in dict.fromkeys(languages):
        users.setdefault(SCRIPT_OF[language], []).append(language)
    long = len(prose) >= _MOST_WORDS * _LETTERS_A_WORD
    pieces = _pieces(prose, users, _MOST_PIECES if long else segments.MAX_SENTENCES)
    most = max(_FEWEST_JUDGED, _MOST_JUDGED // max(1, len(pieces))) if long else None
    counter = _Counter(users, scale, most_judged=most)
    for sentence in pieces:
        counter.add(sentence)
    return Shares(counter.units, counter.abstained, len(text) - len(prose))


class _Counter:
    """Adds up the units of one text, sentence by sentence."""

    def __init__(
        self, users: Mapping[Script, Sequence[str]], scale: Scale, *, most_judged: int | None
    ) -> None:
        self._users = users
        self._scale = scale
        self._most_judged = most_judged
        self.units: dict[str, float] = {}
        self.abstained = 0.0

    def add(self, sentence: str) -> None:
        """Count one sentence."""
        found = {script: scripts.words(sentence, script) for script in scripts.present(sentence)}
        japanese = Script.KANA in found
        for script, words in found.items():
            candidates = self._users.get(script, ())
            if script is Script.HAN:
                self._count("ja" if japanese else "zh", script, words)
            elif script in _BY_SCRIPT_ALONE:
                self._count(_CODES[script], script, words)
            elif len(candidates) <= 1:
                self._count(candidates[0] if candidates else script.value, script, words)
            elif len(words) < _FEWEST_WORDS:
                self.abstained += self._size(script, words)
            else:
                self._detect(script, words, tuple(sorted(candidates)))

    def _detect(self, script: Script, words: list[str], candidates: tuple[str, ...]) -> None:
        if self._most_judged is None and len(candidates) <= _MOST_CANDIDATES:
            path = detector.follow(words, detector.strongest(words, candidates))
            for language in dict.fromkeys(path):
                held = [word for word, at in zip(words, path, strict=True) if at == language]
                self._count(language, script, held)
        elif language := detector.classify(self._sampled(words), candidates):
            self._count(language, script, words)
        else:
            self.abstained += self._size(script, words)

    def _sampled(self, words: list[str]) -> list[str]:
        """Return as many words as the detector may read of a sentence, evenly spread."""
        if self._most_judged is None or len(words) <= self._most_judged:
            return words
        return words[:: -(-len(words) // self._most_judged)]

    def _count(self, language: str, script: Script, words: list[str]) -> None:
        if words:
            size = self._size(script, words)
            self.units[language] = self.units.get(language, 0.0) + size

    def _size(self, script: Script, words: list[str]) -> float:
        return self._scale.weigh(script, len(words), sum(map(len, words)))


def _pieces(prose: str, users: Mapping[Script, Sequence[str]], at_most: int) -> list[str]:
    """Return the texts to judge by themselves: as few as can be, as each one costs time."""
    present = scripts.present(prose)
    shared = [script for script in present if len(users.get(script, ())) > 1]
    if not shared and Script.KANA not in present:
        return [prose]
    sentences = segments.sentences(prose, at_most)
    if shared:
        return sentences
    # Only Han is in doubt, and only by whether kana stand beside it.
    kana = {sentence for sentence in sentences if scripts.contains(sentence, Script.KANA)}
    return [
        "\n".join(sentence for sentence in sentences if sentence in kana),
        "\n".join(sentence for sentence in sentences if sentence not in kana),
    ]
