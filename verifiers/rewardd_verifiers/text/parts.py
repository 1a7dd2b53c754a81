"""Split a completion into its thinking and its answer: the one reading that all verifiers share."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from rewardd_verifiers.sample import Sample

Part: TypeAlias = Literal["think", "answer", "whole"]
"""What a verifier looks at; `whole` is thinking and answer as they were written, tags included."""

Prefilled: TypeAlias = bool | Literal["auto"]
"""Whether the prompt already opened the thinking; `auto` looks whether it ends in the tag."""

Tag: TypeAlias = str | tuple[str, str]
"""A name, as in `think`, or opening and closing mark as they are written: `[THINK]`, `[/THINK]`."""

Marks: TypeAlias = tuple[str, str]

_FINISHED = "stop"


def _marks(tag: Tag) -> Marks:
    return (f"<{tag}>", f"</{tag}>") if isinstance(tag, str) else tag


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of a template.

    Attributes:
        think_marks, answer_marks: opening and closing mark of each.

    Raises:
        ValueError: a mark is blank, or one of a pair holds the other.
    """

    think: Tag = "think"
    answer: Tag = "answer"
    think_marks: Marks = field(init=False, compare=False)
    answer_marks: Marks = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse marks that could not be told apart in a text."""
        object.__setattr__(self, "think_marks", _marks(self.think))
        object.__setattr__(self, "answer_marks", _marks(self.answer))
        for opening, closing in (self.think_marks, self.answer_marks):
            blank = not (opening.strip() and closing.strip())
            if blank or opening in closing or closing in opening:
                raise ValueError(f"{opening!r} and {closing!r} cannot mark off a part")


DEFAULT_TAGS = Tags()


@dataclass(frozen=True, slots=True)
class Parts:
    """Where thinking and answer stand.

    Attributes:
        reasoning: the thinking; None where none was marked off.
        rest: all that follows the thinking; empty where thinking was never closed.
        answer: content of the last complete answer tags in `rest`, else `rest`.
        tagged: whether complete answer tags were found.
        answer_open: whether a last answer tag was opened and never closed.
    """

    reasoning: str | None
    rest: str
    answer: str
    tagged: bool = False
    answer_open: bool = False


def of(sample: Sample[Any], *, tags: Tags = DEFAULT_TAGS, prefilled: Prefilled = "auto") -> Parts:
    """Split a sample's completion.

    Thinking that the policy's server handed over apart comes before any in the completion. An
    answer tag that stands open is read to the end if generation stopped by itself, as trainers
    stop on the closing tag.
    """
    separate = sample.reasoning
    opened = is_prefilled(sample, tags=tags, prefilled=prefilled)
    parts = split(sample.completion, tags=tags, opened=opened)
    answer, reasoning = parts.answer, parts.reasoning
    if parts.answer_open and not parts.tagged and sample.finish_reason == _FINISHED:
        answer = parts.rest.rpartition(tags.answer_marks[0])[2]
    if separate is not None:
        reasoning = separate if reasoning is None else f"{separate}\n{reasoning}"
    return Parts(reasoning, parts.rest, answer, parts.tagged, parts.answer_open)


def split(completion: str, *, tags: Tags = DEFAULT_TAGS, opened: bool = False) -> Parts:
    """Split a completion; `opened` says that it begins within the thinking.

    Thinking goes from the first opening to the last closing tag. A lone closing tag is normal, as
    templates put the opening one into the prompt. Thinking that was opened, or opened again, and
    never closed has no answer.
    """
    opening, closing = tags.think_marks
    end = completion.rfind(closing)
    start = -1 if opened else completion.find(opening, 0, end if end >= 0 else None)
    begin = start + len(opening) if start >= 0 else 0
    if completion.rfind(opening) > end or (opened and end < 0):
        return Parts(completion[begin:], "", "")
    if end < 0:
        return _with_answer(None, completion, tags)
    return _with_answer(completion[begin:end], completion[end + len(closing) :], tags)


def is_prefilled(
    sample: Sample[Any], *, tags: Tags = DEFAULT_TAGS, prefilled: Prefilled = "auto"
) -> bool:
    """Return whether the completion begins within the thinking."""
    if prefilled == "auto":
        return sample.reasoning is None and sample.prompt.rstrip().endswith(tags.think_marks[0])
    return prefilled


def pick(sample: Sample[Any], parts: Parts, part: Part) -> str:
    """Return the text of one part; the empty text where the part is missing."""
    if part == "answer":
        return parts.answer
    if part == "think":
        return parts.reasoning or ""
    if sample.reasoning is None:
        return sample.completion
    return f"{sample.reasoning}\n{sample.completion}"


def _with_answer(reasoning: str | None, rest: str, tags: Tags) -> Parts:
    opening, closing = tags.answer_marks
    # The last pair is the last opening tag that any closing tag follows, up to the first such.
    start = rest.rfind(opening, 0, max(0, rest.rfind(closing)))
    end = rest.find(closing, start + len(opening)) if start >= 0 else -1
    left_open = rest.rfind(opening) > max(start, end)
    if end < 0:
        return Parts(reasoning, rest, rest, tagged=False, answer_open=left_open)
    answer = rest[start + len(opening) : end]
    return Parts(reasoning, rest, answer, tagged=True, answer_open=left_open)
