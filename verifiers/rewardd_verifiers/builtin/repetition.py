"""How much of a completion says what it said before."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import limits, parts, words
from rewardd_verifiers.verdict import Verdict
from rewardd_verifiers.verifier import PureVerifier


@dataclass(frozen=True)
class Repetition(PureVerifier[object]):
    """The share of n-grams that repeat an earlier one: weigh it negatively.

    The score is 1 - unique / total over n-grams of case-folded words, and of Han and kana
    characters with an n of their own; both are counted together. Too few words for one: 0.

    Source: Yeo et al. 2025 (Demystifying Long Chain-of-Thought). open-r1 splits at blanks and
    needs jieba for Chinese, TRL counts token ids: their numbers differ from these.

    Attributes:
        n, cjk_n: lengths of the n-grams of words, and of Han and kana characters.
        part: what is read; `whole` holds the thinking too.
        think_tags, prefilled: where the thinking is; see `format`.
    """

    n: Annotated[int, Field(ge=1, le=32)] = 3
    cjk_n: Annotated[int, Field(ge=1, le=32)] = 5
    part: parts.Part = "whole"
    think_tags: parts.Tag = "think"
    prefilled: parts.Prefilled = "auto"

    def __post_init__(self) -> None:
        """Refuse marks that cannot be told apart."""
        self._tags()

    def inputs(self) -> frozenset[str]:
        """Return nothing: a text is compared with itself."""
        return frozenset()

    def verify(self, sample: Sample[object]) -> Verdict:
        """Score the share that is repeated: 0 is best."""
        if refusal := limits.refuse(sample):
            return refusal
        found = parts.of(sample, tags=self._tags(), prefilled=self.prefilled)
        text = parts.pick(sample, found, self.part)
        in_words = words.repeated(words.of(text), self.n)
        in_characters = words.repeated(words.characters(text), self.cjk_n)
        repeated, total = in_words[0] + in_characters[0], in_words[1] + in_characters[1]
        evidence = {"repeated": repeated, "total": total}
        return Verdict.share(repeated / total if total else 0.0, evidence=evidence)

    def _tags(self) -> parts.Tags:
        return parts.Tags(think=self.think_tags)
