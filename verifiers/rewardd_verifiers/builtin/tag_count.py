"""A quarter for each tag that stands where it should: shaping for the first steps of a run."""

from dataclasses import dataclass

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import limits, parts
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import PureVerifier


@dataclass(frozen=True)
class TagCount(PureVerifier[object]):
    r"""The share of the four tags that stand exactly once, with their line breaks.

    Counted are `<think>\n`, `\n</think>\n`, `\n<answer>\n` and `\n</answer>`. Hollow tags earn all
    of it: use it with `format`, and only for the first steps.

    Source: open-r1's `tag_count_reward`, which is `ordered: false`; it also gives no credit for a
    tag that the prompt wrote, where this one does.

    Attributes:
        ordered: tags that are present in another order earn nothing.
        prefilled: the prompt opened the thinking; the completion must not do it again.
        think_tags, answer_tags: a name, or the opening and the closing mark.
    """

    ordered: bool = True
    prefilled: parts.Prefilled = "auto"
    think_tags: parts.Tag = "think"
    answer_tags: parts.Tag = "answer"

    def __post_init__(self) -> None:
        """Refuse marks that cannot be told apart."""
        self._tags()

    def inputs(self) -> frozenset[str]:
        """Return nothing: a layout is judged by itself."""
        return frozenset()

    def verify(self, sample: Sample[object]) -> Verdict:
        """Score 0, 0.25, 0.5, 0.75 or 1."""
        if refusal := limits.refuse(sample):
            return refusal
        text = sample.completion
        counted = {mark: text.count(mark) for mark in self._marks()}
        places = [text.find(mark) for mark, count in counted.items() if count == 1]
        evidence = {"counts": {mark.strip(): count for mark, count in counted.items()}}
        if self.ordered and places != sorted(places):
            return Verdict.zero(Reason.BAD_FORMAT, "the tags are out of order", evidence)
        opening = next(iter(counted))
        given = parts.is_prefilled(sample, tags=self._tags(), prefilled=self.prefilled)
        earned = len(places) + int(given and opening.strip() not in text)
        if not earned:
            return Verdict.zero(Reason.BAD_FORMAT, "no tag stands exactly once", evidence)
        return Verdict.share(earned / len(counted), evidence=evidence)

    def _marks(self) -> tuple[str, str, str, str]:
        (think, think_end), (answer, answer_end) = (
            self._tags().think_marks,
            self._tags().answer_marks,
        )
        return f"{think}\n", f"\n{think_end}\n", f"\n{answer}\n", f"\n{answer_end}"

    def _tags(self) -> parts.Tags:
        return parts.Tags(self.think_tags, self.answer_tags)
