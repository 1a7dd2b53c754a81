"""Multiple choice: the one letter, or the set of letters, that an answer commits to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from pydantic import ConfigDict

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import announcements, boxes, letters, limits, normal, parts
from rewardd_verifiers.text.excerpt import excerpt
from rewardd_verifiers.text.letters import Letters, Options, Reading
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import Example, PureVerifier


@dataclass(frozen=True)
class Question:
    """What a choice is judged against.

    Attributes:
        answer: a label, several of them, or the index of one in `options`.
        options: text by label, or the texts of A, B, C and so on.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    answer: str | int | list[str]
    options: dict[str, str] | list[str] | None = None


Gold: TypeAlias = str | list[str] | Question

_SHOWN_READINGS = 8
_ADJACENT = frozenset(" \t\r\n,;、，&$.") | frozenset("and")
"""What may stand between the boxes of one list."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What the first rule that applies found."""

    rule: str
    readings: Sequence[Reading | None]


@dataclass(frozen=True)
class Choice(PureVerifier[Gold]):
    r"""The answer names the right choice, and no other.

    Asked in this order, the first that applies decides: boxes; an announcement ("the answer is
    (C)", "option C", 答案是 C); a line that is a letter, or a letter and a text; the text of one
    option. All boxes must agree, and all announcements too where thinking was marked off, else
    the last one counts. Several letters, or a letter with the text of another option, are
    `mismatch`, and so is a letter with "or D", "unless" or "actually, D" behind it; a letter that
    is negated, doubted or asked about is no answer. A small letter counts in brackets or a box.

    Attributes:
        multiple: the reference is a set, and so is the answer.
        part: what is read.
        think_tags, answer_tags, prefilled: where the parts are; see `format`.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example(completion="The answer is (C).", reference="C", score=1.0),
        Example(completion="The answer is (B).", reference="C", score=0.0),
    )

    multiple: bool = False
    part: parts.Part = "answer"
    think_tags: parts.Tag = "think"
    answer_tags: parts.Tag = "answer"
    prefilled: parts.Prefilled = "auto"

    def __post_init__(self) -> None:
        """Refuse marks that cannot be told apart."""
        self._tags()

    def verify(self, sample: Sample[Gold]) -> Verdict:
        """Score 1 or 0; a reference that contradicts itself leaves the sample unscored."""
        if refusal := limits.refuse(sample):
            return refusal
        try:
            gold, options = _read_gold(sample.reference, multiple=self.multiple)
        except ValueError as error:
            return Verdict.unscored(Reason.INVALID_REFERENCE, excerpt(str(error)))
        found = parts.of(sample, tags=self._tags(), prefilled=self.prefilled)
        text = normal.narrow(parts.pick(sample, found, self.part)).strip()
        if not text:
            return Verdict.zero(Reason.NO_ANSWER, "the answer is empty")
        box = boxes.find(text)
        if box and not box[-1].closed:
            return Verdict.zero(
                Reason.BAD_FORMAT, "the last box is not closed", {"answer": excerpt(text[-80:])}
            )
        strict = found.reasoning is not None
        return self._judge(self._find(text, box, options, strict=strict), gold)

    def _find(
        self, text: str, found: list[boxes.Box], options: Options, *, strict: bool
    ) -> _Found | None:
        if found:
            return _Found("box", self._read_boxes(text, boxes.innermost(found), options))
        if announced := announcements.find(text, options):
            counted = announced if strict else announced[-1:]
            return _Found("announcement", [announcement.reading for announcement in counted])
        lines = (
            letters.read_short(line, options, lower_case=False) for line in letters.lines(text)
        )
        if readings := [reading for reading in lines if reading is not None]:
            return _Found("line", readings)
        short = len(text) <= letters.MAX_LABEL_TEXT
        label = options.by_text(letters.unwrap(text)) if short else None
        return _Found("text", [Reading(frozenset({label}))]) if label else None

    def _read_boxes(
        self, text: str, found: Sequence[boxes.Box], options: Options
    ) -> list[Reading | None]:
        readings: list[Reading | None] = []
        end = -1
        for box in found:
            reading = letters.read_short(box.read(text).strip(), options, lower_case=True)
            last = readings[-1] if readings else None
            joined = self.multiple and end >= 0 and set(text[end : box.start]) <= _ADJACENT
            if joined and reading and last:
                readings[-1] = Reading(
                    last.letters | reading.letters, last.contradicted or reading.contradicted
                )
            elif reading not in readings:
                readings.append(reading)
            end = box.end
        return readings

    def _judge(self, found: _Found | None, gold: Letters) -> Verdict:
        if found is None:
            return Verdict.zero(Reason.NO_ANSWER, "no choice is named")
        known = [reading for reading in found.readings if reading is not None]
        named = sorted({"".join(sorted(reading.letters)) for reading in known})
        evidence = {"rule": found.rule, "answers": named[:_SHOWN_READINGS], "gold": sorted(gold)}
        if not known:
            return Verdict.zero(Reason.UNPARSEABLE_ANSWER, "the box holds no choice", evidence)
        if len(named) > 1 or len(known) < len(found.readings):
            return Verdict.zero(Reason.MISMATCH, "the answers disagree", evidence)
        answer = known[0].letters
        if fault := self._fault(known):
            return Verdict.zero(Reason.MISMATCH, fault, evidence)
        return Verdict.of(correct=answer == gold, evidence=evidence)

    def _fault(self, readings: Sequence[Reading]) -> str:
        """Return why letters on which all readings agree are no answer; empty where they are."""
        if any(reading.contradicted for reading in readings):
            return "the letter stands with the text of another option"
        if any(reading.hedged for reading in readings):
            return "hedge: no choice is made"
        several = len(readings[0].letters) > 1 and not self.multiple
        return "several letters are named" if several else ""

    def _tags(self) -> parts.Tags:
        return parts.Tags(self.think_tags, self.answer_tags)


def _read_gold(reference: Gold, *, multiple: bool) -> tuple[Letters, Options]:
    """Return the right labels and the choices.

    Raises:
        ValueError: it names no label, one that is no option, several where one is asked for, or
            two options have the same text.
    """
    question = reference if isinstance(reference, Question) else Question(reference)
    options = Options(_read_options(question.options))
    answers = question.answer if isinstance(question.answer, list) else [question.answer]
    gold = frozenset(
        label for answer in answers for label in _read_labels(answer, options, multiple=multiple)
    )
    if not gold:
        raise ValueError(f"the reference {question.answer!r} names no choice")
    if len(gold) > 1 and not multiple:
        raise ValueError(f"the reference names {sorted(gold)}, but `multiple` is off")
    if unknown := sorted(label for label in gold if not options.holds(label)):
        raise ValueError(f"{unknown} is not among the options {sorted(options.texts)}")
    return gold, options


def _read_options(options: dict[str, str] | list[str] | None) -> dict[str, str]:
    if options is None:
        return {}
    if isinstance(options, list):
        options = {chr(ord("A") + index): text for index, text in enumerate(options)}
    texts = {_label(label): normal.option(text) for label, text in options.items()}
    if len(texts) < len(options):
        raise ValueError(f"two options share a label: {sorted(options)}")
    if len(set(texts.values())) < len(texts):
        raise ValueError("two options have the same text")
    return texts


def _read_labels(answer: str | int, options: Options, *, multiple: bool) -> Letters:
    if isinstance(answer, int):
        if not 0 <= answer < len(options.texts):
            raise ValueError(f"{answer} is no index into {len(options.texts)} options")
        return frozenset({[*options.texts][answer]})
    written = normal.narrow(answer).strip()
    label = _label(written)
    letter = len(label) == 1 and label.isascii() and label.isalpha()
    if label in options.texts or (letter and not options.texts):
        return frozenset({label})
    reading = letters.read_short(written, options, lower_case=multiple)
    if reading is None or reading.contradicted:
        raise ValueError(f"the reference {answer!r} names no choice")
    return reading.letters


def _label(written: str) -> str:
    return normal.narrow(written).strip(" \t\r\n()[].:").upper()
