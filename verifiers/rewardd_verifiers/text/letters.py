"""Read which letters of a multiple choice an answer names: in a box, announced, or on a line.

One reading holds the letters that one place names; several readings may disagree, and the verifier
decides what that means. Text must be `normal.narrow`ed first, so that full-width letters count.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from rewardd_verifiers.text import normal, stance

Letters: TypeAlias = frozenset[str]

MAX_LABEL_TEXT = 2_000
"""Characters of a box or a line beyond which it is no choice."""

MAX_LINES = 2_048
"""Of an answer with more lines, the last are read."""

_WRAPPERS = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|mathbf|mathrm|mathsf|mathit|mathtt|boldsymbol|bm|bf|rm"
    r"|left|right|displaystyle|quad|qquad)(?![A-Za-z])|\\[,;:! ]|[{}$*~`\"“”‘’「」【】]|\\[()\[\]]"
)
_HEDGE = r"(?:\s++(?:also|else|even|maybe|perhaps|possibly)(?![A-Za-z]))?+"
_JOINT = (
    rf"(?:\s*+(?:[,;/&、，|]|(?:[(\[]?(?:and|or|und|oder|et|ou|y|o|и|или|e)(?![A-Za-z])|[和或与及]|或者|还是|と|か){_HEDGE})"
    r"\s*+){1,3}+"
)
_EITHER = re.compile(r"\b(?:or|oder|ou|o|или)\b|或|还是|か")
"""Joins letters none of which is chosen."""
_CAPITAL = r"(?:\(\s*+[A-Za-z]\s*+\)|\[\s*+[A-Za-z]\s*+\]|[(\[]?[A-Z])"
_EITHER_CASE = r"(?:\(\s*+[A-Za-z]\s*+\)|\[\s*+[A-Za-z]\s*+\]|[(\[]?[A-Za-z])"
_NOT_ANOTHER = re.compile(r"(?<=[A-Z)]),?\s(?:but\s)?not\s\(?[A-Z]\)?\.?$")
_END = r"(?![A-Za-z0-9_\u00c0-\u024f]|['’-][A-Za-z0-9]|\.\d)"
"""Behind a label of running text; Han, kana and Hangul may follow without a blank."""
_NUMBER = r"(?:\(\s*+\d{1,2}\s*+\)|\[\s*+\d{1,2}\s*+\]|\d{1,2})"
_PREFIX = r"(?:(?i:the|correct|final|answer|option|choice|is)[\s:=]++|选项|答案|选|是|:){0,6}+"


@dataclass(frozen=True, slots=True)
class Options:
    """The choices of a question, and how their labels are written.

    Attributes:
        texts: normalised text by label; empty where the reference carries no options.
    """

    texts: Mapping[str, str]

    @property
    def numbered(self) -> bool:
        """Whether the labels are numbers instead of letters."""
        return any(label.isdigit() for label in self.texts)

    def holds(self, label: str) -> bool:
        """Return whether `label` is one of the choices; without choices any letter is."""
        return not self.texts or label in self.texts

    def by_text(self, text: str) -> str | None:
        """Return the label of the only option with this text."""
        if not self.texts or len(text) > MAX_LABEL_TEXT:
            return None
        wanted = normal.option(text)
        same = (label for label, known in self.texts.items() if known == wanted)
        return next(same, None) if wanted else None

    def begun_by(self, text: str) -> str | None:
        """Return the label of the longest option that `text` begins with."""
        given = normal.option(text)
        begun = [
            (len(known), label)
            for label, known in self.texts.items()
            if known and given.startswith(known) and not given[len(known) :][:1].isalnum()
        ]
        return max(begun)[1] if begun else None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one place names.

    Attributes:
        letters: labels, upper case.
        contradicted: the letter stands with the text of another option.
        hedged: the letters are offered and none is chosen, or something else is allowed for.
    """

    letters: Letters
    contradicted: bool = False
    hedged: bool = False


def unwrap(text: str) -> str:
    r"""Return `text` without LaTeX wrappers and emphasis: `(C)` for `\mathbf{(\text{C})}`."""
    return " ".join(_WRAPPERS.sub(" ", text).split()).rstrip("\\ ")


def read_short(text: str, options: Options, *, lower_case: bool) -> Reading | None:
    """Read a text that is nothing but a choice: an option's text, letters, or letter and text.

    Args:
        text: content of a box, or a line.
        options: the choices.
        lower_case: whether a letter without brackets may be a small one.
    """
    if len(text) > MAX_LABEL_TEXT:
        return None
    plain = unwrap(text)
    if label := options.by_text(text) or options.by_text(plain):
        return Reading(frozenset({label}))
    shape = _shape(options, lower_case=lower_case)
    plain = _NOT_ANOTHER.sub("", plain)
    if listed := shape.listed.fullmatch(plain):
        written = listed["letters"]
        return Reading(_labels(written, options), hedged=_EITHER.search(written) is not None)
    if run := shape.run.fullmatch(plain):
        return _read_run(run["letters"], options)
    labelled = shape.labelled.match(plain)
    return _read_labelled(labelled, plain, options) if labelled else None


def follow(text: str, position: int, options: Options) -> tuple[Reading, int] | None:
    """Read the letters that stand at `position` of running text, and where they end."""
    shape = _shape(options, lower_case=False)
    found = shape.here.match(text, position)
    if found is None:
        return None
    written, end = found["letters"], found.end()
    if ";" in written and _TELLS_ABOUT.match(text[end : end + 24].lstrip(" *)")):
        written = written[: written.index(";")]  # "C; D is a close second" names one
        end = found.start() + len(written)
    letters = _labels(written, options)
    after = text[end : end + MAX_LABEL_TEXT].partition("\n")[0]
    beside = options.begun_by(_lead(after))
    if beside is None and _is_a_word(written, after):
        return None
    contradicted = beside is not None and letters != frozenset({beside})
    return Reading(letters, contradicted, _EITHER.search(written) is not None), end


def lines(text: str) -> Iterator[str]:
    """Yield the lines that are short enough to be a choice, each once, without list marks."""
    written = text.rsplit("\n", MAX_LINES)[-MAX_LINES:]
    for line in dict.fromkeys(written):
        plain = line.strip(" \t\r*_#>-.$`") if len(line) <= MAX_LABEL_TEXT else ""
        if plain:
            yield plain


@dataclass(frozen=True, slots=True)
class _Shape:
    """Patterns for one way of writing labels."""

    listed: re.Pattern[str]
    run: re.Pattern[str]
    labelled: re.Pattern[str]
    here: re.Pattern[str]


def _patterns(label: str, run: str) -> _Shape:
    many = rf"(?P<letters>{label}(?:{_JOINT}{label})*+)"
    return _Shape(
        listed=re.compile(rf"{_PREFIX}{many}\s*+[.:)]?"),
        run=re.compile(rf"\(?(?P<letters>{run})\)?\.?"),
        labelled=re.compile(
            rf"{_PREFIX}(?P<letters>{label})(?P<mark>(?<=[)\]])|\s*+(?:[.:)—–]|-(?=\s))|\s++\((?=[^)]{{2}}))"
        ),
        here=re.compile(rf"(?P<letters>{label}(?:{_JOINT}{label}{_END}){{0,40}}+|{run}){_END}"),
    )


_CAPITALS = _patterns(_CAPITAL, "[A-Z]{2,10}")
_ANY_CASE = _patterns(_EITHER_CASE, "[A-Z]{2,10}")
_NUMBERS = _patterns(_NUMBER, r"(?!)")


def _shape(options: Options, *, lower_case: bool) -> _Shape:
    if options.numbered:
        return _NUMBERS
    return _ANY_CASE if lower_case else _CAPITALS


def _labels(written: str, options: Options) -> Letters:
    found = re.findall(
        r"\d+" if options.numbered else r"(?<![A-Za-z])[A-Za-z](?![A-Za-z])", written
    )
    if not found:  # letters without anything between them
        found = list(written)
    return frozenset(label.upper() for label in found)


def _read_run(written: str, options: Options) -> Reading | None:
    """Read `ACD` as three letters where all of them are choices, in order; else it is a word."""
    known = all(options.holds(letter) for letter in written)
    if not known or list(written) != sorted(set(written)):
        return None
    return Reading(frozenset(written))


def _read_labelled(found: re.Match[str], plain: str, options: Options) -> Reading | None:
    """Read a letter, a delimiter and a text; `E. coli` is no choice of E."""
    letters = _labels(found["letters"], options)
    text = plain[found.end() :].strip()
    if found["mark"].endswith("("):
        text = text.removesuffix(".").removesuffix(")")
    beside = options.by_text(text) or options.begun_by(text)
    if beside is not None:
        return Reading(letters, contradicted=letters != frozenset({beside}))
    initial = found["mark"].strip().startswith(".") and (options.texts or text[:1].islower())
    about = found["mark"].strip() in {"", ")", "("} and _TELLS_ABOUT.match(text) is not None
    if (
        not text
        or initial
        or about
        or found["mark"].endswith("(")
        or not all(map(options.holds, letters))
    ):
        return None
    doubt = stance.doubt(plain, 0, found.end())
    if doubt and doubt != stance.SEVERAL:
        return None
    hedged = bool(doubt) or stance.taken_back(plain, found.end())
    return Reading(letters, hedged=hedged)


_TELLS_ABOUT = re.compile(
    r"(?:is|isn|was|wasn|are|fails?|does|doesn|can|cannot|would|should|must|seems|has|gives|leads)\b"
)
"""Begins a sentence on an option, not the text of one."""
_VERBS_AFTER_A = re.compile(
    r"\s++(?:and|as|because|but|by|for|from|if|in|is|on|or|rather|since|so|which|while|with)\b"
)


def _is_a_word(written: str, after: str) -> bool:
    """Return whether a letter in running text is an article, a pronoun or an initial."""
    if len(written) > 1:
        return False
    if re.match(r"\.\s?[a-z]", after):
        return True
    follows_word = re.match(r"\s++[A-Za-z]", after) is not None
    return written in {"A", "I"} and follows_word and not _VERBS_AFTER_A.match(after)


def _lead(after: str) -> str:
    """Return what follows a letter behind its delimiter; empty where no delimiter stands."""
    lead = re.match(r"[\s*}$]*+[.:)\-–—,(][\s*}$]*+", after)
    return after[lead.end() :] if lead else ""
