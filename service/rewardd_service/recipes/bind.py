"""Check a recipe and tie its names to rules, so that nobody looks anything up again."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from rewardd_client.schema import FieldError, Filter, GroupRule, Recipe, Term
from rewardd_service.errors import RequestRefusedError
from rewardd_service.job import Setup
from rewardd_verifiers import Need, Reason, UnknownVerifierError, groups

OTHERWISE = "otherwise"
_CONDITION_PREFIX = "metadata."
_CONDITION_FIELDS = frozenset({"group", "finish_reason"})

NeedOf = Callable[[str], Need]
RuleT = TypeVar("RuleT")


@dataclass(frozen=True, slots=True)
class BoundTerm:
    """A term with its name filled in, its need looked up and its verifier set up."""

    name: str
    term: Term
    need: Need
    setup: Setup


@dataclass(frozen=True, slots=True)
class BoundRule:
    """A group rule with its function."""

    spec: GroupRule
    function: groups.GroupRule


@dataclass(frozen=True, slots=True)
class BoundFilter:
    """A filter with its function."""

    spec: Filter
    function: groups.GroupFilter


@dataclass(frozen=True, slots=True)
class BoundRecipe:
    """A recipe that was checked.

    Attributes:
        label: name and hash of the content, e.g. "r1@0c1d2e3f"; part of every result.
        inputs: parts of the sample that the recipe itself needs, verifiers aside.
        conditional: whether some terms apply to some samples only.
    """

    recipe: Recipe
    label: str
    terms: tuple[BoundTerm, ...]
    rules: tuple[BoundRule, ...]
    filters: tuple[BoundFilter, ...]
    advantage: groups.Advantage | None
    inputs: frozenset[str]
    conditional: bool


def bind(recipe: Recipe, need_of: NeedOf, path: str = "") -> BoundRecipe:
    """Return the recipe, ready to use; `path` is where it stands, for messages.

    Raises:
        RequestRefusedError: a name is unknown, or the parts do not fit each other; the error
            lists every field that is wrong.
    """
    return _Binder(recipe, need_of, path).bind()


class _Binder:
    def __init__(self, recipe: Recipe, need_of: NeedOf, path: str) -> None:
        self._recipe = recipe
        self._need_of = need_of
        self._path = f"{path}." if path else ""
        self._errors: list[FieldError] = []
        self._code = "invalid_request"

    def bind(self) -> BoundRecipe:
        recipe = self._recipe
        terms = self._terms()
        names = [term.name for term in terms]
        bound_rules = self._rules(names)
        bound_filters = self._filters(names)
        advantage = self._advantage()
        if self._errors:
            first = self._errors[0]
            detail = f"recipe {recipe.name!r}: {first.field}: {first.message}"
            raise RequestRefusedError(self._code, detail, self._errors)
        group_functions = [entry.function for entry in (*bound_rules, *bound_filters)]
        return BoundRecipe(
            recipe=recipe,
            label=_label(recipe),
            terms=tuple(terms),
            rules=tuple(bound_rules),
            filters=tuple(bound_filters),
            advantage=advantage,
            inputs=_inputs(recipe, group_functions),
            conditional=any(_is_timed(term) or term.when for term in recipe.terms),
        )

    def _terms(self) -> list[BoundTerm]:
        bound: list[BoundTerm] = []
        for index, term in enumerate(self._recipe.terms):
            where = f"terms[{index}]"
            name = term.name or term.verifier
            if name in {other.name for other in bound}:
                self._wrong(f"{where}.name", "two terms have this name", name)
            self._check_points(term, where)
            self._check_conditions(term, where)
            need = self._need(term, where)
            bound.append(BoundTerm(name, term, need, Setup(term.verifier, dict(term.params))))
        if self._recipe.combine == "product":
            self._check_signs()
        return bound

    def _check_signs(self) -> None:
        """Refuse two factors that can be negative: two failures would multiply to a reward."""
        negative: list[Term] = []
        for index, term in enumerate(self._recipe.terms):
            field, lowest = _lowest(term)
            if lowest >= 0:
                continue
            if not all(_exclude_each_other(term, other) for other in negative):
                message = (
                    "a product has a second factor that can be negative,"
                    " and two failures would earn a positive reward"
                )
                self._wrong(f"terms[{index}].{field}", message, str(lowest))
            negative.append(term)

    def _need(self, term: Term, where: str) -> Need:
        try:
            return self._need_of(term.verifier)
        except UnknownVerifierError as error:
            self._code = "unknown_verifier"
            self._wrong(f"{where}.verifier", str(error), term.verifier)
            return Need.CPU

    def _check_points(self, term: Term, where: str) -> None:
        if term.points is None:
            return
        if OTHERWISE not in term.points:
            self._wrong(f"{where}.points", "`otherwise` is missing", str(sorted(term.points)))
        scored = {reason.value for reason in Reason if reason.scored}
        for reason in term.points.keys() - scored - {OTHERWISE}:
            self._wrong(f"{where}.points", f"no scored reason; there are {sorted(scored)}", reason)

    def _check_conditions(self, term: Term, where: str) -> None:
        for key in term.when:
            if key not in _CONDITION_FIELDS and not key.startswith(_CONDITION_PREFIX):
                self._wrong(f"{where}.when", "is none of metadata.*, group, finish_reason", key)
        start, end = term.from_step, term.until_step
        if start is not None and end is not None and start >= end:
            self._wrong(f"{where}.until_step", "is not after from_step", str(term.until_step))

    def _rules(self, names: list[str]) -> list[BoundRule]:
        bound: list[BoundRule] = []
        for index, spec in enumerate(self._recipe.group_rules):
            where = f"group_rules[{index}]"
            self._check_of(spec.of, names, where)
            function = self._function(groups.RULES, spec.rule, spec.params, f"{where}.rule")
            if function is not None:
                bound.append(BoundRule(spec, function))
        return bound

    def _filters(self, names: list[str]) -> list[BoundFilter]:
        bound: list[BoundFilter] = []
        for index, spec in enumerate(self._recipe.filters):
            where = f"filters[{index}]"
            self._check_of(spec.of, names, where)
            function = self._function(groups.FILTERS, spec.filter, spec.params, f"{where}.filter")
            if function is not None:
                bound.append(BoundFilter(spec, function))
        return bound

    def _advantage(self) -> groups.Advantage | None:
        name, params = self._recipe.advantage, self._recipe.advantage_params
        return (
            None if name is None else self._function(groups.ADVANTAGES, name, params, "advantage")
        )

    def _check_of(self, of: str | None, names: list[str], where: str) -> None:
        if of is None and len(names) > 1:
            self._wrong(f"{where}.of", f"must name one of the terms {names}", "null")
        elif of is not None and of not in names:
            self._wrong(f"{where}.of", f"no such term; there are {names}", of)

    def _function(
        self, table: Mapping[str, type[RuleT]], name: str, params: Mapping[str, object], where: str
    ) -> RuleT | None:
        if name not in table:
            self._wrong(where, f"unknown; there are {sorted(table)}", name)
            return None
        adapter: TypeAdapter[Any] = TypeAdapter(table[name])
        try:
            return adapter.validate_python(params)
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_context=False):
                field = ".".join(str(step) for step in problem["loc"])
                self._wrong(f"{where}.params.{field}", problem["msg"], repr(problem["input"])[:80])
            return None

    def _wrong(self, field: str, message: str, value: str) -> None:
        self._errors.append(FieldError(field=self._path + field, message=message, value=value))


def _label(recipe: Recipe) -> str:
    # The description is for people; a reworded one must not look like another recipe.
    content = recipe.model_copy(update={"description": ""}).model_dump_json()
    return f"{recipe.name}@{hashlib.blake2b(content.encode(), digest_size=4).hexdigest()}"


def _lowest(term: Term) -> tuple[str, float]:
    """Return the least that a term can contribute, and the field that says so."""
    if term.points is not None:
        return "points", min(term.points.values(), default=0.0)
    return "weight", min(0.0, term.weight)


def _exclude_each_other(term: Term, other: Term) -> bool:
    """Return whether no sample has both terms: by a condition, or by the step."""
    if any(key in other.when and other.when[key] != value for key, value in term.when.items()):
        return True
    return _ends_before(term, other) or _ends_before(other, term)


def _ends_before(term: Term, other: Term) -> bool:
    ends, starts = term.until_step, other.from_step
    return ends is not None and starts is not None and ends <= starts


def _is_timed(item: Term | GroupRule) -> bool:
    return item.from_step is not None or item.until_step is not None


def _inputs(
    recipe: Recipe, group_functions: Sequence[groups.GroupRule | groups.GroupFilter]
) -> frozenset[str]:
    inputs: set[str] = set()
    for function in group_functions:
        inputs |= {"group"} | function.inputs()
    if recipe.advantage is not None or recipe.group_size is not None:
        inputs.add("group")
    if recipe.unfinished is not None:
        inputs.add("finish_reason")
    if any(_is_timed(item) for item in (*recipe.terms, *recipe.group_rules)):
        inputs.add("metadata.step")
    return frozenset(inputs)
