"""Whether a completion keeps to one language."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import blanks, detector, languages, limits, parts
from rewardd_verifiers.text.excerpt import excerpt
from rewardd_verifiers.text.languages import Shares
from rewardd_verifiers.text.scripts import Scale, Unit
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import Example, PureVerifier

_FEWEST_UNITS = 3
"""Of a prompt or an answer, below which its language stays open."""

_ALWAYS_ALLOWED = "en"
_METADATA_KEY = "language"


@dataclass(frozen=True)
class Language(PureVerifier[object]):
    """The share of the thinking that is in the target language.

    Words are counted, Han and kana as 1/1.6 of one, characters of Thai, Lao, Khmer and Burmese
    as a quarter (an estimate); code, formulas, commands, addresses, tags, digits, one-letter
    words and names of functions are not. The script tells the language; where two of `languages`
    share one, py3langid (extra `[language]`) follows the words of each sentence.

    Fewer than `min_words` counted units are `undecided`: signs alone are in no language. Filler
    in the target language raises the share, so weigh `repetition` or length beside it.

    Sources: DeepSeek-R1's language consistency reward (`ratio`), M-Thinker (`strict`), Magistral
    (`same_language`; the paper applies fastText to each part as a whole). R1 does not say what a
    word of Chinese is.

    Attributes:
        target: code of the language; None takes `metadata.language`, else the prompt's language.
        languages: that the text may be in; None means target and English.
        mode: `ratio`; `strict` is 1 where the ratio is `at_least`, else 0; `same_language` is 1
            where prompt, thinking and answer are mostly in one, else 0.
        part: what is read; `same_language` reads both.
        at_least: for `strict`.
        min_words: units below which there is no verdict.
        missing: the verdict on a completion without thinking: `zero`, or `none` for models that
            hide theirs.
        unit: `word`, or `character` to count letters.
        cjk_unit: Han or kana characters in a word.
        think_tags, answer_tags, prefilled: where the parts are; see `format`.
    """

    # German and English share a script: the example loads the detector.
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            completion="<think>Zuerst addieren wir die beiden Zahlen, dann teilen wir die Summe "
            "durch zwei, weil das der Mittelwert ist.</think>Zwei.",
            params={"target": "de"},
            score=1.0,
        ),
        Example(
            completion="<think>First we add both of the numbers, then we divide their sum by two, "
            "because that is the mean.</think>Two.",
            params={"target": "zh"},
            score=0.0,
        ),
    )

    target: str | None = None
    languages: Annotated[list[str], Field(min_length=1)] | None = None
    mode: Literal["ratio", "strict", "same_language"] = "ratio"
    part: parts.Part = "think"
    at_least: Annotated[float, Field(gt=0, le=1)] = 1.0
    min_words: Annotated[float, Field(ge=1, allow_inf_nan=False)] = 10
    missing: Literal["zero", "none"] = "zero"
    unit: Unit = "word"
    cjk_unit: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.6
    think_tags: parts.Tag = "think"
    answer_tags: parts.Tag = "answer"
    prefilled: parts.Prefilled = "auto"

    def __post_init__(self) -> None:
        """Refuse unknown languages, and load the detector where these parameters may ask it."""
        for name in (self.target, *(self.languages or ())):
            if name is not None and languages.code(name) is None:
                known = " ".join(sorted(languages.SCRIPT_OF))
                raise ValueError(f"language {name!r} is not known; known are: {known}")
        self._tags()
        if self.target is None or languages.need_detector(self._candidates(self.target)):
            detector.require()

    def inputs(self) -> frozenset[str]:
        """Return "prompt" for `same_language`; a missing target is found per sample."""
        return frozenset({"prompt"}) if self.mode == "same_language" else frozenset()

    def verify(self, sample: Sample[object]) -> Verdict:
        """Score the mode's value; `undecided` where there is too little to count."""
        if refusal := limits.refuse(sample):
            return refusal
        found = parts.of(sample, tags=self._tags(), prefilled=self.prefilled)
        if self.mode == "same_language":
            return self._compare(sample, found)
        text = parts.pick(sample, found, self.part)
        if not blanks.has_visible(text):
            return self._nothing(self.part)
        target = self._target(sample)
        if isinstance(target, Verdict):
            return target
        return self._rate(self._measure(text, target), target)

    def _rate(self, shares: Shares, target: str) -> Verdict:
        evidence = {"target": target, **_evidence(shares)}
        if shares.counted < self.min_words:
            return Verdict.unscored(
                Reason.UNDECIDED,
                f"{shares.counted:.1f} units are counted, {self.min_words:g} are needed",
                evidence,
            )
        ratio = min(1.0, shares.units.get(target, 0.0) / shares.counted)
        evidence["ratio"] = round(ratio, 4)
        if self.mode == "strict":
            return Verdict.of(correct=ratio >= self.at_least, evidence=evidence)
        return Verdict.share(ratio, evidence=evidence)

    def _compare(self, sample: Sample[object], found: parts.Parts) -> Verdict:
        """Judge whether prompt, thinking and answer share their majority language."""
        if not blanks.has_visible(found.reasoning or ""):
            return self._nothing("think")
        floors = {"prompt": _FEWEST_UNITS, "think": self.min_words, "answer": _FEWEST_UNITS}
        texts = {"prompt": sample.prompt, "think": found.reasoning or "", "answer": found.answer}
        majorities = {
            name: self._measure_freely(text).majority(floors[name]) for name, text in texts.items()
        }
        evidence = {"languages": majorities}
        for name in ("prompt", "think"):
            if majorities[name] is None:
                return Verdict.unscored(
                    Reason.UNDECIDED, f"{name}: too few words to tell the language", evidence
                )
        told = {language for language in majorities.values() if language is not None}
        return Verdict.of(correct=len(told) == 1, evidence=evidence)

    def _target(self, sample: Sample[object]) -> str | Verdict:
        """Return the code of the target, or why there is none."""
        named = self.target if self.target is not None else sample.metadata.get(_METADATA_KEY)
        if named is not None:
            known = languages.code(named) if isinstance(named, str) else None
            shown = excerpt(repr(named), characters=80)
            return known or Verdict.unscored(
                Reason.UNDECIDED, f"metadata.language is {shown}, which is no known language"
            )
        shares = self._measure_freely(sample.prompt)
        majority = shares.majority(_FEWEST_UNITS)
        if majority is not None and majority in languages.SCRIPT_OF:
            return majority
        return Verdict.unscored(
            Reason.UNDECIDED, "the prompt does not tell the target language", _evidence(shares)
        )

    def _candidates(self, target: str) -> list[str]:
        named = [target, *(self.languages if self.languages is not None else [_ALWAYS_ALLOWED])]
        return list(dict.fromkeys(filter(None, map(languages.code, named))))

    def _measure(self, text: str, target: str) -> Shares:
        return languages.measure(text, self._candidates(target), self._scale())

    def _measure_freely(self, text: str) -> Shares:
        """Measure a text of which no target is known."""
        named = self.languages if self.languages is not None else languages.COMMON
        return languages.measure(text, [*filter(None, map(languages.code, named))], self._scale())

    def _nothing(self, part: str) -> Verdict:
        detail = f"{part}: there is nothing to read"
        if self.missing == "none":
            return Verdict.unscored(Reason.UNDECIDED, detail)
        return Verdict.zero(Reason.BAD_FORMAT, detail)

    def _scale(self) -> Scale:
        return Scale(self.unit, self.cjk_unit)

    def _tags(self) -> parts.Tags:
        return parts.Tags(self.think_tags, self.answer_tags)


def _evidence(shares: Shares) -> Mapping[str, object]:
    return {
        "units": {language: round(size, 2) for language, size in sorted(shares.units.items())},
        "abstained": round(shares.abstained, 2),
        "masked_characters": shares.masked_characters,
    }
