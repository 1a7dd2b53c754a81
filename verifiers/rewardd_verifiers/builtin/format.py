"""The layout of a completion: thinking here, answer there, and nothing else."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, NamedTuple, TypeAlias

from pydantic import Field

from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import blanks, boxes, fences, layout, limits, parts
from rewardd_verifiers.text.excerpt import excerpt
from rewardd_verifiers.text.layout import Fault, Rule
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import Example, PureVerifier

Template: TypeAlias = Literal[
    "think",
    "think-answer",
    "think-boxed",
    "think-code",
    "answer-boxed",
    "special-summary",
    "code-fence",
]


class _Role(StrEnum):
    """What a stretch between two marks is for; all but the two parts must be blank."""

    BEFORE = Rule.TEXT_BEFORE
    THINKING = "thinking"
    BETWEEN = Rule.TEXT_BETWEEN
    ANSWER = "answer"
    AFTER = Rule.TEXT_AFTER


_OPEN_ENDED = (_Role.BEFORE, _Role.THINKING, _Role.ANSWER)
_ENCLOSED = (_Role.BEFORE, _Role.THINKING, _Role.BETWEEN, _Role.ANSWER, _Role.AFTER)
_ROLES: Mapping[Template, tuple[_Role, ...]] = {
    "think": _OPEN_ENDED,
    "think-answer": _ENCLOSED,
    "think-boxed": _OPEN_ENDED,
    "think-code": _OPEN_ENDED,
    "answer-boxed": _ENCLOSED,
    "special-summary": _OPEN_ENDED,
}
_THINKING_MARKS = 2
# What LaTeX sets without a mark on the page: spaces, groups, fonts; `\{` is a mark.
_TYPESETTING = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt)?|math(?:bf|it|rm|sf|tt)|q?quad)(?![A-Za-z])"
    r"|\\[,;:! ]|(?<!\\)[{}~$]"
)
_BOXED: frozenset[Template] = frozenset({"think-boxed", "answer-boxed"})
_FENCED: frozenset[Template] = frozenset({"think-code", "code-fence"})


class _Reading(NamedTuple):
    """The two parts of a completion whose marks are in order; thinking is None if not asked for."""

    thinking: str | None
    answer: str


@dataclass(frozen=True)
class Format(PureVerifier[object]):
    """The completion keeps to a template.

    Every tag stands exactly once, anywhere in the completion, and in order; before the first and
    after the last tag, and between the parts, stand only blanks; both parts hold something that
    can be seen. The detail names the first rule that is broken.

    Sources: `think-answer` is DeepSeek-R1-Zero's and open-r1's, `think` TRL's and R1's text to the
    letter, `think-boxed` Magistral's, `answer-boxed` Open-Reasoner-Zero's, `special-summary` R1's
    cold start. The published patterns are looser: open-r1's takes junk after `</answer>`, two
    thinking blocks and empty parts; TRL's takes empty thinking and a second `</think>`;
    open-instruct's never asks for the opening tag, which is what `prefilled` is for.

    Attributes:
        template: `think` (`<think>..</think>..`), `think-answer` (then `<answer>..</answer>`),
            `think-boxed` and `answer-boxed` (a complete box in the answer; if several, the last
            must be complete), `think-code` (a closed fence with a language in the answer),
            `special-summary` (token, thinking, token, summary), `code-fence` (only the fence).
        think_tags, answer_tags: a name, or the opening and the closing mark.
        prefilled: the prompt opened the thinking, so the completion must not do it again.
        special_token: separator of `special-summary`.
        language: the label that a fence must carry; any if None.
        newlines: `required` puts each tag on a line of its own.
        min_characters: that can be seen, in thinking and answer each.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example(completion="<think>a</think>b", params={"template": "think"}, score=1.0),
        Example(completion="<think>a b", params={"template": "think"}, score=0.0),
    )

    template: Template = "think-answer"
    think_tags: parts.Tag = "think"
    answer_tags: parts.Tag = "answer"
    prefilled: parts.Prefilled = "auto"
    special_token: str = "|special_token|"  # noqa: S105  a mark of the template, no secret
    language: str | None = None
    newlines: Literal["free", "required"] = "free"
    min_characters: Annotated[int, Field(ge=1)] = 1

    def __post_init__(self) -> None:
        """Refuse parameters that would be without effect or could never be met."""
        if not self.special_token.strip():
            raise ValueError(f"special_token {self.special_token!r} is blank")
        if self.language is not None and self.template not in _FENCED:
            raise ValueError(f"template {self.template!r} has no fence to carry a language")
        if set(self._tags().think_marks) & set(self._tags().answer_marks):
            raise ValueError("think_tags and answer_tags share a mark")

    def inputs(self) -> frozenset[str]:
        """Return nothing: a layout is judged by itself."""
        return frozenset()

    def verify(self, sample: Sample[object]) -> Verdict:
        """Score 1, or 0 as `bad_format`."""
        if refusal := limits.refuse(sample):
            return refusal
        reading = self._read(sample)
        fault = reading if isinstance(reading, Fault) else self._check(reading)
        if fault is None:
            return Verdict.of(correct=True, evidence={"template": self.template})
        where = excerpt(fault.where, characters=80)
        return Verdict.zero(
            Reason.BAD_FORMAT,
            f"{fault.rule}: {where}",
            {"template": self.template, "rule": fault.rule.value, "where": where},
        )

    def _read(self, sample: Sample[object]) -> _Reading | Fault:
        if self.template == "code-fence":
            found = parts.of(sample, tags=self._tags(), prefilled=self.prefilled)
            return _Reading(None, found.answer)
        marks, text = self._marks(), sample.completion
        given = self._given(sample)
        for mark in marks[:given]:
            if mark not in marks[given:] and mark in text:
                return Fault(Rule.TAG_TWICE, mark)
        spans = layout.place(text, marks[given:])
        if isinstance(spans, Fault):
            return spans
        if self.newlines == "required" and (fault := layout.crowded(text, spans)):
            return fault
        return _assign(_ROLES[self.template][given:], layout.between(text, spans), sample)

    def _given(self, sample: Sample[object]) -> int:
        """Return how many marks at the front the completion need not, and must not, write."""
        if sample.reasoning is not None:
            return _THINKING_MARKS
        opening = self._marks()[0]
        if self.prefilled == "auto":
            return int(sample.prompt.rstrip().endswith(opening))
        return int(self.prefilled)

    def _marks(self) -> list[str]:
        if self.template == "special-summary":
            return [self.special_token] * _THINKING_MARKS
        tags = self._tags()
        marks = [*tags.think_marks]
        return [*marks, *tags.answer_marks] if _ROLES[self.template] == _ENCLOSED else marks

    def _tags(self) -> parts.Tags:
        return parts.Tags(self.think_tags, self.answer_tags)

    def _check(self, reading: _Reading) -> Fault | None:
        for role, part in ((_Role.THINKING, reading.thinking), (_Role.ANSWER, reading.answer)):
            if part is not None and not blanks.has_visible(part, self.min_characters):
                return Fault(Rule.EMPTY_PART, role.value)
        if self.template in _BOXED:
            return _check_box(reading.answer)
        if self.template in _FENCED:
            return _check_fence(reading.answer, self.language)
        return None


def _assign(
    roles: Sequence[_Role], texts: Sequence[str], sample: Sample[object]
) -> _Reading | Fault:
    found = dict(zip(roles, texts, strict=True))
    for role, text in found.items():
        if role in (_Role.BEFORE, _Role.BETWEEN, _Role.AFTER) and not blanks.is_blank(text):
            return Fault(Rule(role.value), text.strip())
    return _Reading(found.get(_Role.THINKING, sample.reasoning or ""), found[_Role.ANSWER])


def _check_box(answer: str) -> Fault | None:
    box = boxes.last(answer)
    if box is None:
        return Fault(Rule.NO_BOX, "answer")
    if not box.closed:
        return Fault(Rule.OPEN_BOX, answer[box.start :])
    content = _TYPESETTING.sub("", box.read(answer))
    return None if blanks.has_visible(content) else Fault(Rule.EMPTY_BOX, "answer")


def _check_fence(answer: str, language: str | None) -> Fault | None:
    wanted = language.casefold() if language is not None else None
    for fence in fences.find(answer):
        labelled = fence.language == wanted if wanted is not None else fence.language != ""
        if fence.closed and labelled and blanks.has_visible(fence.read(answer)):
            return None
    return Fault(Rule.NO_FENCE, language or "any language")
