"""A short answer in words, compared as question answering does."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import limits, normal, parts, words
from rewardd_verifiers.text.excerpt import excerpt
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import PureVerifier

Golds: TypeAlias = str | Annotated[list[str], Field(min_length=1)]

MAX_ANSWER_CHARACTERS = 65_536
"""A longer text is no short answer, and Unicode may make each character of it eighteen."""


@dataclass(frozen=True)
class TextMatch(PureVerifier[Golds]):
    """The answer equals one of the golds, or overlaps with it, in SQuAD's normal form.

    Case, punctuation, articles and doubled blanks do not count. A gold of which nothing is left
    ("The") is `invalid_reference`, as the empty answer would match it. F1 pays for listing
    candidates; "contains the gold" is not offered, as it pays all for it.

    Source: Rajpurkar et al. 2016 (SQuAD), with NFKC before and Han and kana as single tokens.

    Attributes:
        mode: `exact` is 1 or 0, `f1` the overlap of tokens with the best gold.
        part: what is compared; the answer is the content of the last answer tags, if there are.
        think_tags, answer_tags, prefilled: where the parts are; see `format`.
    """

    mode: Literal["exact", "f1"] = "exact"
    part: parts.Part = "answer"
    think_tags: parts.Tag = "think"
    answer_tags: parts.Tag = "answer"
    prefilled: parts.Prefilled = "auto"

    def __post_init__(self) -> None:
        """Refuse marks that cannot be told apart."""
        self._tags()

    def verify(self, sample: Sample[Golds]) -> Verdict:
        """Score the best gold; an empty answer is `no_answer`."""
        if refusal := limits.refuse(sample):
            return refusal
        raw = [sample.reference] if isinstance(sample.reference, str) else sample.reference
        golds = [normal.squad(gold) for gold in raw]
        if "" in golds:
            shown = excerpt(raw[golds.index("")], characters=80)
            return Verdict.unscored(
                Reason.INVALID_REFERENCE, f"nothing is left of the gold {shown!r} to compare"
            )
        found = parts.of(sample, tags=self._tags(), prefilled=self.prefilled)
        return self._compare(parts.pick(sample, found, self.part).strip(), golds)

    def _compare(self, text: str, golds: Sequence[str]) -> Verdict:
        if len(text) > MAX_ANSWER_CHARACTERS:
            return Verdict.zero(
                Reason.LIMIT_EXCEEDED, f"an answer of {len(text)} characters is no short answer"
            )
        answer = normal.squad(text)
        evidence = {"answer": excerpt(text), "compared": excerpt(answer)}
        if not answer:
            return Verdict.zero(Reason.NO_ANSWER, "the answer is empty", evidence)
        if self.mode == "exact":
            return Verdict.of(correct=answer in golds, evidence=evidence)
        scores = [_f1(answer, gold) for gold in golds]
        best = max(scores)
        return Verdict.share(best, evidence=evidence | {"gold": excerpt(golds[scores.index(best)])})

    def _tags(self) -> parts.Tags:
        return parts.Tags(self.think_tags, self.answer_tags)


def _f1(answer: str, gold: str) -> float:
    """Return the harmonic mean of precision and recall over multisets of tokens."""
    ours, theirs = words.tokens(answer), words.tokens(gold)
    wanted = Counter(theirs)
    shared = (Counter(token for token in ours if token in wanted) & wanted).total()
    return 2 * shared / (len(ours) + len(theirs))
