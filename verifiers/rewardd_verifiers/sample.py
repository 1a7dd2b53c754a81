"""The unit that a verifier judges."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

ReferenceT = TypeVar("ReferenceT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Generic[ReferenceT]):
    """One completion, what it is judged against, and what was asked.

    Attributes:
        completion: text that the policy wrote, without the prompt.
        reference: gold answer, tests, constraints: of the type that the verifier declares.
        prompt: text that the policy was given. It may end in an opened thinking tag.
        reasoning: the thinking, where the policy's server handed it over apart from the
            completion (a message's `reasoning_content`); else None.
        length: number of tokens of the completion, as the trainer counted them.
        finish_reason: why generation ended: "stop", "length", ...
        metadata: what else the trainer sent along; only declared keys reach a verifier's verdict.
    """

    completion: str
    reference: ReferenceT
    prompt: str = ""
    reasoning: str | None = None
    length: int | None = None
    finish_reason: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict[str, object])
