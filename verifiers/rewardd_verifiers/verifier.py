"""The contract: a verifier's base says what it needs, and so which lane runs it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeAlias

from pydantic import ConfigDict

from rewardd_sandbox import Sandbox
from rewardd_verifiers.sample import ReferenceT, Sample
from rewardd_verifiers.verdict import Verdict


class Need(StrEnum):
    """What a verifier needs besides the sample; also the name of its entry-point group."""

    CPU = "cpu"
    SANDBOX = "sandbox"
    JUDGE = "judge"


class Judge(Protocol):
    """A language model that answers one question."""

    async def ask(self, question: str) -> str:
        """Return the model's reply, verbatim."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A sample of which a verifier's author says what comes of it.

    Servers verify examples to warm a worker before it takes work, and ask for them again from
    time to time: a worker that gets one wrong is replaced.

    Attributes:
        reference: as a request would carry it.
        score: that must come of it; None if the example only warms.
    """

    completion: str
    reference: object = None
    prompt: str = ""
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    score: float | None = None


class _Contract:
    """What all verifiers share; a subclass is a frozen dataclass whose fields are its parameters.

    Attributes:
        version: raised by every change that moves a score; part of each verdict.
        examples: at least one of each score, and what loads whatever loads late.
    """

    version: ClassVar[int] = 1
    examples: ClassVar[tuple[Example, ...]] = ()

    # Parameters that no field takes are an error: a misspelt one must not train.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def inputs(self) -> frozenset[str]:
        """Return which parts of the sample these parameters cannot do without.

        Of "reference", "prompt", "length", "finish_reason" and "metadata.KEY". A request that
        does not carry one is refused, naming it; so a verdict never rests on a guess.
        """
        return frozenset({"reference"})


class PureVerifier(_Contract, ABC, Generic[ReferenceT]):
    """Needs nothing but the sample; same sample, same verdict."""

    @abstractmethod
    def verify(self, sample: Sample[ReferenceT]) -> Verdict:
        """Judge one sample."""


class SandboxVerifier(_Contract, ABC, Generic[ReferenceT]):
    """Needs a sandbox to run the completion in."""

    @abstractmethod
    async def verify(self, sample: Sample[ReferenceT], sandbox: Sandbox) -> Verdict:
        """Judge one sample.

        Raises:
            SandboxError: the sandbox failed; the sample stays unscored.
        """


class JudgeVerifier(_Contract, ABC, Generic[ReferenceT]):
    """Needs a model's opinion."""

    @abstractmethod
    async def verify(self, sample: Sample[ReferenceT], judge: Judge) -> Verdict:
        """Judge one sample."""


Verifier: TypeAlias = PureVerifier[Any] | SandboxVerifier[Any] | JudgeVerifier[Any]
