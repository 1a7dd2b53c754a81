"""The whole answer, character by character."""

from dataclasses import dataclass
from typing import ClassVar

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import limits, parts
from rewardd_verifiers.text.excerpt import excerpt
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import Example, PureVerifier


@dataclass(frozen=True)
class Exact(PureVerifier[str]):
    """The answer equals the reference, surrounding blanks aside.

    Attributes:
        part: what is compared; the answer is the content of the last answer tags, if there are.
        ignore_case: compare case-folded texts.
        think_tags, answer_tags, prefilled: where the parts are; see `format`.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example(completion="42", reference="42", score=1.0),
        Example(completion="41", reference="42", score=0.0),
    )

    part: parts.Part = "answer"
    ignore_case: bool = False
    think_tags: parts.Tag = "think"
    answer_tags: parts.Tag = "answer"
    prefilled: parts.Prefilled = "auto"

    def __post_init__(self) -> None:
        """Refuse marks that cannot be told apart."""
        self._tags()

    def verify(self, sample: Sample[str]) -> Verdict:
        """Score 1 or 0; an empty answer is `no_answer`."""
        if refusal := limits.refuse(sample):
            return refusal
        found = parts.of(sample, tags=self._tags(), prefilled=self.prefilled)
        answer = parts.pick(sample, found, self.part).strip()
        if not answer:
            return Verdict.zero(Reason.NO_ANSWER, "the answer is empty")
        compared, reference = answer, sample.reference.strip()
        if self.ignore_case:
            compared, reference = answer.casefold(), reference.casefold()
        return Verdict.of(correct=compared == reference, evidence={"answer": excerpt(answer)})

    def _tags(self) -> parts.Tags:
        return parts.Tags(self.think_tags, self.answer_tags)
