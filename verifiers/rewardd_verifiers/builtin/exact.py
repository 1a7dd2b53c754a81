"""The whole answer, character by character."""

from dataclasses import dataclass
from typing import Literal

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import parts
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import PureVerifier


@dataclass(frozen=True)
class Exact(PureVerifier[str]):
    """The answer equals the reference, surrounding blanks aside.

    Attributes:
        part: `answer` is what follows the thinking, `whole` the completion as it stands.
        ignore_case: compare case-folded texts.
    """

    part: Literal["answer", "whole"] = "answer"
    ignore_case: bool = False

    def verify(self, sample: Sample[str]) -> Verdict:
        """Score 1 or 0; an empty answer is `no_answer`."""
        text = sample.completion
        answer = (parts.split(text).answer if self.part == "answer" else text).strip()
        if not answer:
            return Verdict.zero(Reason.NO_ANSWER, "the answer is empty")
        reference = sample.reference.strip()
        if self.ignore_case:
            answer, reference = answer.casefold(), reference.casefold()
        return Verdict.of(correct=answer == reference, evidence={"answer": answer[:512]})
