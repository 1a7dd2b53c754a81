"""Samples to tasks: pure. Who is judged by what, against what, and in which order.

A sample's jobs are dealt into waves. Without a gate all terms are one wave; a wave ends behind a
gate whose successors run in another lane, because only then must its verdict be waited for
(within one lane the worker itself skips what stands behind a failed gate).
"""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

from rewardd_client.schema import FieldError, Recipe, Sample, ScoreRequest
from rewardd_service.chat import completion_text, prompt_text
from rewardd_service.conditions import STEP, applies, is_step, value_of
from rewardd_service.errors import RequestRefusedError
from rewardd_service.frames import canonical
from rewardd_service.job import Answer, Setup, SetupReport, Subject
from rewardd_service.recipes import BoundRecipe, BoundTerm
from rewardd_verifiers import Need, Reason

Reports = Mapping[int, SetupReport]
"""What workers said of each setup, by the setup's identity."""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One term on one sample.

    Attributes:
        task, term, reference: indices into the plan's tasks, the task's terms, the plan's
            references.
    """

    task: int
    term: int
    setup: Setup
    need: Need
    reference: int
    gate: bool


@dataclass(slots=True)
class Task:
    """One sample with the jobs that judge it.

    Attributes:
        terms: those of the recipe that apply to this sample, in order.
        waves: jobs that may run at the same time; the next wave waits for the gates of this one.
        answers: one per term, filled in as they come; some are known before anything runs.
        finished: False if the recipe's `unfinished` replaces all terms.
    """

    index: int
    sample: Sample
    subject: Subject
    recipe: BoundRecipe
    terms: Sequence[BoundTerm]
    answers: list[Answer | None]
    waves: list[list[PlannedJob]] = field(default_factory=list[list[PlannedJob]])
    finished: bool = True

    @property
    def group(self) -> tuple[str, str] | None:
        """Return what tells groups apart, or None for a sample without one.

        A group rule sees the samples of one prompt that one recipe judges.
        """
        name = self.sample.group
        return None if name is None else (name, self.recipe.label)


@dataclass(frozen=True, slots=True)
class Plan:
    """All tasks of a request, in the order of its samples, and the references they share.

    Attributes:
        reference_bytes: size of each reference on its way to a worker.
        reports: see `Reports`.
    """

    tasks: list[Task]
    references: list[object]
    reference_bytes: list[int]
    reports: Reports

    def version(self, setup: Setup) -> int:
        """Return the version of a setup's verifier as a worker told it; 0 if none did."""
        return self.reports[id(setup)].version


def choose(request: ScoreRequest, index: int) -> tuple[str | Recipe, str]:
    """Return the recipe of a sample, or its name, and the field where that stands.

    Raises:
        RequestRefusedError: neither the sample nor the request names one.
    """
    sample = request.samples[index]
    if sample.reward is not None:
        return sample.reward, f"samples[{index}].reward"
    if request.reward is not None:
        return request.reward, "reward"
    detail = f"samples[{index}] names no reward, and the request has none for all"
    error = FieldError(field="reward", message="is missing", value="null")
    raise RequestRefusedError("invalid_request", detail, [error])


SLICE = 256
"""Samples that are planned, or queued, in one turn of the loop: some five milliseconds.

In one go, the batch of one tenant would hold up the answers of all others.
"""


def plan_in_slices(
    request: ScoreRequest, recipes: Sequence[BoundRecipe], reports: Reports
) -> Generator[None, None, Plan]:
    """Return what has to be run, and yield where others may have a turn.

    `recipes` holds one for each sample.

    Raises:
        RequestRefusedError: an input that a recipe or verifier needs is missing
            (`missing_input`), an id stands twice (`duplicate_id`), or a reference id is unknown
            (`unknown_reference_id`) or not the only one (`invalid_request`). Each error names the
            field.
    """
    _check_ids(request.samples)
    _check_reference_ids(request)
    planner = _Planner(request.references, reports)
    tasks: list[Task] = []
    for index, (sample, recipe) in enumerate(zip(request.samples, recipes, strict=True)):
        if index % SLICE == 0:
            yield
        tasks.append(planner.task(index, sample, recipe))
    refuse_if_any("missing_input", [*planner.errors, *_group_size_errors(tasks)])
    return Plan(tasks, planner.references, planner.reference_bytes, reports)


MAX_PARTS = 524_288
"""Terms and group rules of one request, over all its samples: 16 for each of 32,768.

Each takes about a kilobyte on its way from a plan to an answer, whatever the size of the body.
"""


def refuse_if_too_much(recipes: Sequence[BoundRecipe]) -> None:
    """Refuse what is small to send and huge to answer; `recipes` holds one for each sample.

    Raises:
        RequestRefusedError: `too_many_samples`, for so many terms.
    """
    parts = sum(len(recipe.terms) + len(recipe.rules) for recipe in recipes)
    if parts > MAX_PARTS:
        message = f"has {parts} terms and group rules to answer for, more than {MAX_PARTS}"
        error = FieldError(field="samples", message=message, value=str(len(recipes)))
        detail = f"samples: {message}; send fewer samples at once"
        raise RequestRefusedError("too_many_samples", detail, [error])


_MAX_ERRORS = 20
"""Wrong fields that one refusal lists; a wrong column would otherwise list each sample."""


def refuse_if_any(code: str, errors: Sequence[FieldError]) -> None:
    """Raise RequestRefusedError if there are errors; its detail is the first one."""
    if errors:
        first = errors[0]
        detail = f"{first.field} ({first.value}): {first.message}"
        raise RequestRefusedError(code, detail, errors[:_MAX_ERRORS])


class _Planner:
    """Makes tasks one by one; remembers references and errors on the way."""

    def __init__(self, shared: Mapping[str, object], reports: Reports) -> None:
        self._by_id = shared
        self._reports = reports
        self._known: dict[tuple[str, str | None], int] = {}
        self._inputs: dict[int, tuple[str, ...]] = {}
        self.references: list[object] = [None]
        self.reference_bytes: list[int] = [1]
        self.errors: list[FieldError] = []

    def task(self, index: int, sample: Sample, recipe: BoundRecipe) -> Task:
        terms: Sequence[BoundTerm] = recipe.terms
        if recipe.conditional:
            terms = [bound for bound in recipe.terms if applies(bound.term, sample)]
        self._check_inputs(index, sample, recipe, terms)
        completion, reasoning = completion_text(sample.completion)
        subject = Subject(
            completion,
            prompt_text(sample.prompt),
            reasoning,
            sample.length,
            sample.finish_reason,
            sample.metadata,
        )
        task = Task(index, sample, subject, recipe, terms, [None] * len(terms))
        if recipe.recipe.unfinished is not None and sample.finish_reason != "stop":
            task.finished = False
        else:
            self._deal(task)
        return task

    def _deal(self, task: Task) -> None:
        """Fill the task's waves; what cannot be asked is answered at once."""
        behind_gate_in: Need | None = None
        wave: list[PlannedJob] = []
        for number, bound in enumerate(task.terms):
            reference = self._reference(task, bound)
            if reference is None:
                task.answers[number] = self._no_reference(bound)
                if bound.term.gate:
                    break
                continue
            if behind_gate_in not in (None, bound.need):
                task.waves.append(wave)
                wave, behind_gate_in = [], None
            gate = bound.term.gate
            wave.append(PlannedJob(task.index, number, bound.setup, bound.need, reference, gate))
            behind_gate_in = bound.need if gate else behind_gate_in
        if wave:
            task.waves.append(wave)

    def _reference(self, task: Task, bound: BoundTerm) -> int | None:
        """Return the index of the term's reference, or None if it needs one and has none."""
        sample, key = task.sample, bound.term.reference_key
        raw: object = sample.reference
        shared: tuple[str, str | None] | None = None
        if sample.reference_id is not None:
            shared = (f"id:{sample.reference_id}", key)
            raw = self._by_id.get(sample.reference_id)
        elif isinstance(raw, str):
            shared = (f"text:{raw}", key)
        if shared in self._known:
            return self._known[shared]
        if key is not None:
            raw = sample.reference if sample.reference_id is None else raw
            raw = _field(raw, key)
        if raw is None:
            needs_one = "reference" in self._reports[id(bound.setup)].inputs
            return None if needs_one else 0
        index = self._add(raw)
        if shared is not None:
            self._known[shared] = index
        return index

    def _add(self, reference: object) -> int:
        is_text = isinstance(reference, str)
        size = len(reference) if is_text else len(canonical(reference))
        self.references.append(reference)
        self.reference_bytes.append(size)
        return len(self.references) - 1

    def _no_reference(self, bound: BoundTerm) -> Answer:
        key = bound.term.reference_key
        what = "no reference" if key is None else f"no field {key!r} in the reference"
        version = self._reports[id(bound.setup)].version
        detail = f"the sample has {what}"
        return Answer(-1, None, Reason.INVALID_REFERENCE, detail, version=version)

    def _check_inputs(
        self, index: int, sample: Sample, recipe: BoundRecipe, terms: Sequence[BoundTerm]
    ) -> None:
        wanted = self._inputs.get(id(terms))
        if wanted is None:
            wanted = self._needed(recipe, terms)
            if terms is recipe.terms:
                self._inputs[id(terms)] = wanted
        for name in wanted:
            value = value_of(sample, name)
            message = _misfit(name, value)
            if message is not None:
                message = f"{message}, and recipe {recipe.recipe.name!r} needs it"
                shown = "null" if value is None else repr(value)[:80]
                field_name = f"samples[{index}].{name}"
                self.errors.append(FieldError(field=field_name, message=message, value=shown))
        if not terms:
            message = f"no term of recipe {recipe.recipe.name!r} applies to this sample"
            self.errors.append(FieldError(field=f"samples[{index}]", message=message))

    def _needed(self, recipe: BoundRecipe, terms: Sequence[BoundTerm]) -> tuple[str, ...]:
        inputs = set(recipe.inputs)
        for bound in terms:
            inputs.update(self._reports[id(bound.setup)].inputs)
        # A missing reference is one sample's fault, and leaves that sample unscored.
        return tuple(sorted(inputs - {"reference"}))


def _misfit(name: str, value: object) -> str | None:
    if value is None:
        return "is missing"
    if name == STEP and not is_step(value):
        return "is no whole number"
    return None


def _field(reference: object, key: str) -> object:
    return reference.get(key) if isinstance(reference, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # JSON's keys are text


def _check_ids(samples: Sequence[Sample]) -> None:
    seen: set[str] = set()
    errors: list[FieldError] = []
    for index, sample in enumerate(samples):
        if sample.id is None:
            continue
        if sample.id in seen:
            where = f"samples[{index}].id"
            errors.append(FieldError(field=where, message="stands twice", value=sample.id))
        seen.add(sample.id)
    refuse_if_any("duplicate_id", errors)


def _check_reference_ids(request: ScoreRequest) -> None:
    errors = [
        FieldError(
            field=f"samples[{index}].reference_id",
            message="is no key of `references`",
            value=sample.reference_id,
        )
        for index, sample in enumerate(request.samples)
        if sample.reference_id is not None and sample.reference_id not in request.references
    ]
    refuse_if_any("unknown_reference_id", errors)
    errors = [
        FieldError(
            field=f"samples[{index}].reference_id",
            message="stands beside a `reference`: which of the two is meant?",
            value=sample.reference_id,
        )
        for index, sample in enumerate(request.samples)
        if sample.reference_id is not None and sample.reference is not None
    ]
    refuse_if_any("invalid_request", errors)


def _group_size_errors(tasks: Sequence[Task]) -> list[FieldError]:
    sized = [task for task in tasks if task.recipe.recipe.group_size is not None]
    sizes = Counter(task.group for task in sized)
    errors: list[FieldError] = []
    for task in sized:
        want, have = task.recipe.recipe.group_size, sizes[task.group]
        if have != want:
            message = f"the group has {have} samples, the recipe asks for {want}"
            where, group = f"samples[{task.index}].group", str(task.sample.group)
            errors.append(FieldError(field=where, message=message, value=group))
    return errors
