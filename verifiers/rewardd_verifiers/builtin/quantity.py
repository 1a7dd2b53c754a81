"""A measured value: the number with its unit, within a tolerance."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import ConfigDict, Field

from rewardd_verifiers.mathexpr.limits import LimitError, UnreadableError
from rewardd_verifiers.mathexpr.measure import Measure, read_measure
from rewardd_verifiers.mathexpr.rounding import significant
from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import answers, parts
from rewardd_verifiers.text.answers import Extract, Missing
from rewardd_verifiers.text.excerpt import excerpt
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import PureVerifier

Tolerance: TypeAlias = Annotated[Decimal, Field(ge=0)]
Figures: TypeAlias = Annotated[int, Field(ge=1, le=100)]
Value: TypeAlias = int | float | str


@dataclass(frozen=True)
class Target:
    """A value with its own unit and tolerance; None leaves the verifier's.

    Attributes:
        value: a number, or a text that holds one.
        unit: of the value, where `value` does not hold it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    value: Value
    unit: str | None = None
    rel_tol: Tolerance | None = None
    abs_tol: Tolerance | None = None
    sig_figs: Figures | None = None


@dataclass(frozen=True)
class Rule:
    """How a data set says what counts as equal.

    Attributes:
        rule: `exact` equal numbers; `isclose` within the larger of both tolerances;
            `abs_window` and `rel_window` within `window`; `bool_eq`, `string_eq` equal words.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    rule: Literal["exact", "isclose", "abs_window", "rel_window", "bool_eq", "string_eq"]
    value: bool | Value
    rel_tol: Tolerance = Decimal(0)
    abs_tol: Tolerance = Decimal(0)
    window: Tolerance = Decimal(0)


@dataclass(frozen=True)
class Matched:
    """A reference that is judged by a rule of its data set."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    match: Rule


Gold: TypeAlias = Value | Target | Matched


@dataclass(frozen=True)
class Quantity(PureVerifier[Gold]):
    """The answer is the gold's number, in a unit that converts, within the tolerance.

    Accepts where |answer - gold| <= max(rel_tol * |gold|, abs_tol), after conversion. Without a
    tolerance: equal numbers, or an answer that rounds to the gold's written digits. A gold of 0
    with a relative tolerance alone accepts only 0.

    Attributes:
        rel_tol, abs_tol: tolerances; both 0 ask for equality up to the gold's digits.
        sig_figs: instead, both must agree when rounded to so many significant digits.
        unit: `convert` asks for a unit of the same dimension, or none; `require` for one;
            `ignore` for nothing.
        percent: `either` takes `25%` for `0.25`; a factor of 100 without a sign never counts.
        extract: which rules may find the answer; see `math`.
    """

    rel_tol: Tolerance = Decimal(0)
    abs_tol: Tolerance = Decimal(0)
    sig_figs: Figures | None = None
    unit: Literal["convert", "require", "ignore"] = "convert"
    percent: Literal["strict", "either"] = "strict"
    extract: Extract = "any"

    def verify(self, sample: Sample[Gold]) -> Verdict:
        """Score 1 or 0; unscored where the gold holds no number."""
        reference = sample.reference
        words = isinstance(reference, Matched) and reference.match.rule in {"bool_eq", "string_eq"}
        target = Measure(Fraction(0))
        if not words:
            try:
                target = _target(reference)
            except (LimitError, UnreadableError) as error:
                return Verdict.unscored(Reason.INVALID_REFERENCE, f"gold: {error}")
        found = answers.extract(
            sample.completion,
            rules=self.extract,
            opened=parts.is_prefilled(sample),
            finished=sample.finish_reason == "stop",
        )
        if isinstance(found, Missing):
            return Verdict.zero(Reason(found.reason), found.detail, {"rule": found.rule})
        evidence: dict[str, object] = {
            "answer": excerpt(found.text),
            "span": [found.start, found.end],
        }
        if found.hedge or words:
            correct = not found.hedge and _same_words(reference, found.text)
            detail = f"hedge: {found.hedge}" if found.hedge else ""
            return Verdict.of(correct=correct, detail=detail, evidence=evidence)
        return self._read(target, found.text, reference, evidence)

    def _read(
        self, target: Measure, text: str, reference: Gold, evidence: dict[str, object]
    ) -> Verdict:
        try:
            given = read_measure(text)
        except LimitError as error:
            return Verdict.zero(Reason.LIMIT_EXCEEDED, str(error), evidence)
        except UnreadableError as error:
            return Verdict.zero(Reason.UNPARSEABLE_ANSWER, str(error), evidence)
        return self._compared(target, given, reference, evidence)

    def _compared(
        self, target: Measure, given: Measure, reference: Gold, evidence: dict[str, object]
    ) -> Verdict:
        if given.unit is not None:
            evidence["unit"] = excerpt(given.unit.name)
        if target.percent != given.percent and self.percent == "strict":
            return Verdict.of(correct=False, detail="a percent sign on one side", evidence=evidence)
        value = given.value
        if target.unit is not None and self.unit != "ignore":
            if given.unit is None and self.unit == "require":
                return Verdict.of(correct=False, detail="no unit", evidence=evidence)
            converted = given.converted(target.unit)
            if converted is None:
                detail = f"the unit does not convert to {target.unit.name}"
                return Verdict.of(correct=False, detail=excerpt(detail), evidence=evidence)
            value = converted
        evidence["gold"] = _shown(target.value)
        evidence["value"] = _shown(value)
        near = self._is_near(value, target, reference)
        return Verdict.of(correct=near, detail="" if near else "too far", evidence=evidence)

    def _is_near(self, value: Fraction, target: Measure, reference: Gold) -> bool:
        relative, absolute, figures = self._tolerances(reference)
        gap = abs(value - target.value)
        if figures is not None:
            return significant(value, figures) == significant(target.value, figures)
        if relative or absolute:
            return gap <= max(relative * abs(target.value), absolute)
        exact = isinstance(reference, Matched)
        if gap == 0 or exact or target.digits is None:
            return gap == 0
        return significant(value, target.digits) == target.value

    def _tolerances(self, reference: Gold) -> tuple[Fraction, Fraction, int | None]:
        match reference:
            case Target(rel_tol=relative, abs_tol=absolute, sig_figs=figures):
                own = relative is not None or absolute is not None
                return (
                    Fraction(self.rel_tol if relative is None else relative),
                    Fraction(self.abs_tol if absolute is None else absolute),
                    figures or (None if own else self.sig_figs),
                )
            case Matched(match=rule):
                return _rule_tolerances(rule)
            case _:
                return Fraction(self.rel_tol), Fraction(self.abs_tol), self.sig_figs


def _rule_tolerances(rule: Rule) -> tuple[Fraction, Fraction, int | None]:
    match rule.rule:
        case "isclose":
            return Fraction(rule.rel_tol), Fraction(rule.abs_tol), None
        case "abs_window":
            return Fraction(0), Fraction(rule.window), None
        case "rel_window":
            return Fraction(rule.window), Fraction(0), None
        case _:
            return Fraction(0), Fraction(0), None


def _target(reference: Gold) -> Measure:
    match reference:
        case Matched(match=rule):
            return read_measure(_written(rule.value))
        case Target(value=value, unit=unit):
            return read_measure(f"{_written(value)} {unit or ''}")
        case _:
            return read_measure(_written(reference))


def _written(value: bool | Value) -> str:  # noqa: FBT001  a value, not a switch
    return value if isinstance(value, str) else repr(value)


def _same_words(reference: Gold, answer: str) -> bool:
    value = reference.match.value if isinstance(reference, Matched) else ""
    gold = str(value).strip().casefold()
    given = answer.strip().strip(".").casefold()
    if isinstance(reference, Matched) and reference.match.rule == "bool_eq":
        turned = {"yes": "true", "no": "false"}
        return turned.get(gold, gold) == turned.get(given, given)
    return gold == given


def _shown(value: Fraction) -> str:
    """Return about twelve digits: evidence, not arithmetic."""
    scaled = Decimal(value.numerator) / Decimal(value.denominator)
    return f"{scaled:.12g}"
