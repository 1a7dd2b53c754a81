"""Split a completion into its thinking and its answer (specs of every reasoning template)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tags:
    """The names of the tags of a template, without brackets."""

    think: str = "think"
    answer: str = "answer"


@dataclass(frozen=True, slots=True)
class Parts:
    """Where thinking and answer stand.

    Attributes:
        reasoning: the thinking; None where none was marked off.
        answer: what follows the thinking; empty where thinking was never closed.
    """

    reasoning: str | None
    answer: str


def split(completion: str, *, tags: Tags = Tags()) -> Parts:
    """Return the thinking (first opening to last closing tag) and what follows it.

    A lone closing tag is normal, as templates put the opening one into the prompt. Thinking that
    was opened and never closed has no answer.
    """
    opening, closing = f"<{tags.think}>", f"</{tags.think}>"
    start, end = completion.find(opening), completion.rfind(closing)
    if end >= 0:
        begin = start + len(opening) if 0 <= start < end else 0
        return Parts(completion[begin:end], completion[end + len(closing) :])
    if start >= 0:
        return Parts(completion[start + len(opening) :], "")
    return Parts(None, completion)
