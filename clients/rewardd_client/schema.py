"""The wire, version 1: what travels between client and server.

The server builds its OpenAPI document from these models, and the client its objects; there is no
second schema. Unknown fields are refused on the way in: a misspelt `reference` must not become
a silent null. On the way out the client ignores what it does not know, so that a newer server
can say more.
"""

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    Strict,
)


def _number(value: object) -> object:
    """Refuse what pydantic would turn into a number: a slip that nobody would see."""
    if isinstance(value, bool | str | bytes):
        raise ValueError(f"must be a number, and is a {type(value).__name__}")  # noqa: TRY004  pydantic takes ValueError
    return value


Number = BeforeValidator(_number)
Flag = Annotated[bool, Strict()]
Finite = Annotated[float, Field(allow_inf_nan=False), Number]
Whole = Annotated[int, Number]
Identifier = Annotated[str, Field(max_length=256)]


SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1
"""Of a parameter: what msgpack holds, and every reader of JSON that tells integers apart."""


def _usual_numbers(values: dict[str, JsonValue]) -> dict[str, JsonValue]:
    waiting: list[JsonValue] = list(values.values())
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{value} is no number of JSON")
        elif isinstance(value, int) and not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
            raise ValueError("an integer is beyond 64 bits")
    return values


Parameters = Annotated[dict[str, JsonValue], AfterValidator(_usual_numbers)]
"""Of a recipe's parts. NaN would be written as null, which is another value."""

MAX_TERMS = 256
MAX_RULES = 64
"""Of one recipe. The largest published one has ten terms."""

MAX_LENGTH = 2**53
"""Of a completion, in tokens: what every JSON reader keeps exactly."""


class _Ask(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Message(_Ask):
    """One turn of a chat, as chat templates take it.

    Attributes:
        reasoning_content: the thinking, where a server hands it over apart from the text.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    role: str
    content: str | list[dict[str, JsonValue]] | None = None
    reasoning_content: str | None = None


Text: TypeAlias = str | list[Message]
"""Plain text, or the messages of a chat."""


class Term(_Ask):
    """A verifier with its parameters, and what its verdict is worth.

    Attributes:
        name: how results and group rules call it; the verifier's name if absent.
        weight: contribution = weight * score. A negative weight makes a penalty; 0 only measures.
        points: contribution by the verdict's reason instead of a weight; needs "otherwise",
            which is for all other scored reasons.
        gate: a score below 1 ends the sample with the sum so far; later terms are not run.
        needed: whether a term without a score leaves the whole sample unscored.
        reference_key: the field of the sample's reference that this term is judged against.
        from_step, until_step: run only at `from_step <= metadata.step < until_step`.
        when: run only where these values stand in the sample, e.g. {"metadata.kind": "safety"}.
    """

    name: Identifier | None = None
    verifier: str
    params: Parameters = Field(default_factory=dict)
    weight: Finite = 1.0
    points: dict[str, Finite] | None = None
    gate: Flag = False
    needed: Flag = True
    reference_key: str | None = None
    from_step: Whole | None = None
    until_step: Whole | None = None
    when: Parameters = Field(default_factory=dict)


class GroupRule(_Ask):
    """A rule that sees the whole group of a prompt, and adds weight * value to each reward.

    Attributes:
        rule: its name, e.g. `kimi_length`.
        of: the term whose verdicts it looks at.
    """

    rule: str
    of: str | None = None
    weight: Finite = 1.0
    params: Parameters = Field(default_factory=dict)
    from_step: Whole | None = None
    until_step: Whole | None = None


class Filter(_Ask):
    """A rule that says whether a group is worth training on; it never changes a reward."""

    filter: str
    of: str | None = None
    params: Parameters = Field(default_factory=dict)


class Recipe(_Ask):
    """A named list of terms, how they combine, and the rules over groups.

    Attributes:
        description: for people: the source, and where this recipe differs from it.
        combine: how the contributions of terms become one number.
        unfinished: the reward of a completion whose `finish_reason` is not "stop"; its terms are
            not run. None: finished or not, it is judged.
        rescale: share the weight of unscored optional terms among the others.
        group_size: how many samples a group must have; half a group has other extremes.
        advantage: name of the advantage to preview, and its parameters.
    """

    name: Identifier
    description: str = ""
    terms: list[Term] = Field(min_length=1, max_length=MAX_TERMS)
    group_rules: list[GroupRule] = Field(default_factory=list[GroupRule], max_length=MAX_RULES)
    filters: list[Filter] = Field(default_factory=list[Filter], max_length=MAX_RULES)
    combine: Literal["sum", "product", "min"] = "sum"
    unfinished: Finite | None = None
    rescale: Flag = False
    group_size: Annotated[int, Field(ge=1), Number] | None = None
    advantage: str | None = None
    advantage_params: Parameters = Field(default_factory=dict)


class Sample(_Ask):
    """One completion with what it is judged against.

    Attributes:
        id: repeated in the result; unique within the request.
        group: samples of one prompt share it; group rules need it.
        prompt, completion: text, or a list of chat messages.
        reference: gold answer, tests, constraints.
        reference_id: key into the request's `references` instead.
        reward: recipe or verifier of this sample, instead of the request's.
        length: tokens of the completion, as the trainer counts them.
        finish_reason: "stop" for a finished completion, "length" for one cut off, ...
        metadata: whatever recipes ask for (`step`, `language`, ...).
    """

    id: Identifier | None = None
    group: Identifier | None = None
    prompt: Text | None = None
    completion: Text
    reference: JsonValue = None
    reference_id: Identifier | None = None
    reward: str | Recipe | None = None
    length: Annotated[int, Field(ge=0, le=MAX_LENGTH), Number] | None = None
    finish_reason: str | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class ScoreRequest(_Ask):
    """A batch of samples; results keep their order.

    Attributes:
        reward: name of a recipe or verifier, or a recipe inline; samples may name their own.
        references: references that several samples share, by id.
        deadline_seconds: what is not judged by then comes back unscored; counted from the
            arrival of the whole request.
    """

    reward: str | Recipe | None = None
    samples: list[Sample] = Field(min_length=1)
    references: dict[str, JsonValue] = Field(default_factory=dict)
    deadline_seconds: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False), Number] = 300.0


class TermResult(_Answer):
    """What one term's verifier concluded.

    Attributes:
        verifier: name and version, e.g. "math@1".
        score: in [0, 1]; None where it could not be judged.
        contribution: what the term adds to the reward; None without a score.
        reason: one word of a closed list; `detail` is for people, `evidence` for both.
        seconds: CPU time for cpu verifiers, wall time for the others.
        attempts: how often the job was started; 0 where the verdict of an equal one was taken
            over, from the cache or from a job that ran at the same time.
    """

    name: str
    verifier: str
    score: float | None
    weight: float = 1.0
    contribution: float | None = None
    reason: str
    detail: str = ""
    evidence: dict[str, JsonValue] = Field(default_factory=dict)
    seconds: float = 0.0
    attempts: int = 1


class RuleResult(_Answer):
    """What a group rule made of one sample; value is None for unscored samples."""

    rule: str
    value: float | None
    weight: float
    detail: str = ""


class Result(_Answer):
    """The answer for one sample.

    Attributes:
        reward: the number to train with; None where status is "unscored".
        reason: why: the first reason that kept the reward from being full, or null.
        recipe: name and hash of the recipe that was applied.
        advantage: preview, where the recipe asks for one.
        index: place in the request; only in streamed answers.
    """

    id: str | None = None
    reward: float | None
    status: Literal["scored", "unscored"]
    reason: str
    recipe: str = ""
    terms: list[TermResult] = Field(default_factory=list[TermResult])
    rules: list[RuleResult] = Field(default_factory=list[RuleResult])
    advantage: float | None = None
    index: int | None = None


class GroupResult(_Answer):
    """What there is to know of a group before it is trained on.

    Attributes:
        size, scored: number of samples, and of those with a reward.
        mean, std: of the rewards (population standard deviation); None if nothing is scored.
        keep: verdict of the recipe's filters; None without filters.
        detail: why it was not kept.
    """

    group: str
    size: int
    scored: int
    mean: float | None
    std: float | None
    keep: bool | None = None
    detail: str = ""


class ScoreResponse(_Answer):
    """One result per sample, in the order of the request."""

    results: list[Result]
    groups: list[GroupResult] = Field(default_factory=list[GroupResult])


class JobState(_Answer):
    """A batch that is scored in the background.

    Attributes:
        done, total: samples settled so far, and in all.
        response: the answer, once status is "done".
    """

    id: str
    status: Literal["running", "done", "cancelled"]
    done: int
    total: int
    response: ScoreResponse | None = None


class VerifierCard(_Answer):
    """A verifier as the server describes it.

    Attributes:
        need: what it needs besides the sample: "cpu", "sandbox" or "judge".
        params, reference: JSON schemas of its parameters, and of what it judges against.
    """

    name: str
    need: str
    version: int
    summary: str = ""
    params: dict[str, JsonValue] = Field(default_factory=dict)
    reference: dict[str, JsonValue] = Field(default_factory=dict)


class VerifierList(_Answer):
    """What `GET /v1/verifiers` answers."""

    verifiers: list[VerifierCard]


class RecipeList(_Answer):
    """What `GET /v1/recipes` answers."""

    recipes: list[Recipe]


class FieldError(_Answer):
    """One field that does not fit: its path, what is wrong, and the value that stood there."""

    field: str
    message: str
    value: str = ""


class Problem(_Answer):
    """An error of the whole request (RFC 9457).

    Attributes:
        code: stable, for programs; `detail` is for people.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    instance: str = ""
    request_id: str = ""
    errors: list[FieldError] = Field(default_factory=list[FieldError])
    retry_after_ms: int | None = None
