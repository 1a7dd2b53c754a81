"""Mathematics: the answer of a completion is the gold answer, however it is written."""

import re
from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import ClassVar, Literal, TypeAlias, cast

from pydantic import ConfigDict

from rewardd_verifiers.mathexpr.grader import Golds, Grader, InvalidGoldError, Ruling
from rewardd_verifiers.mathexpr.policy import Policy
from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text import answers, boxes, parts
from rewardd_verifiers.text.answers import Answer, Extract, Missing
from rewardd_verifiers.text.excerpt import excerpt
from rewardd_verifiers.text.parts import Tags
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import Example, PureVerifier

Percent: TypeAlias = Literal["sign_optional", "strict", "value"]
Units: TypeAlias = Literal["convert", "exact", "ignore", "require"]
Order: TypeAlias = Literal["auto", "ordered", "unordered"]
Form: TypeAlias = Literal["evaluated", "any", "number", "lowest_terms", "factored", "expanded"]
Case: TypeAlias = Literal["exact", "folded"]
Labels: TypeAlias = Literal["optional", "required"]
Colon: TypeAlias = Literal["auto", "ratio", "time"]
Domain: TypeAlias = Literal["common", "everywhere"]
Symbolic: TypeAlias = Literal["auto", "off", "on"]
Digits: TypeAlias = int | Literal["off"]
Text: TypeAlias = bool | int | float | str

_LONGEST_LINE = 200
_JOINS = re.compile(r"[,;&+]|\band\b")


@dataclass(frozen=True)
class Problem:
    """A gold with what is particular to its sample; None leaves the verifier's parameter.

    Attributes:
        answer: one gold, or several.
        choices: texts of the options by letter; or in the order of A, B, C and so on.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    answer: Text | list[Text]
    choices: dict[str, str] | list[str] | None = None
    golds: Literal["any", "all"] | None = None
    absolute_tolerance: Decimal | None = None
    relative_tolerance: Decimal | None = None
    significant_digits: int | None = None
    gold_precision: Digits | None = None
    rounded_answer: Digits | None = None
    percent: Percent | None = None
    units: Units | None = None
    order: Order | None = None
    form: Form | None = None
    case: Case | None = None
    labels: Labels | None = None
    missing_base: Literal["accept", "reject"] | None = None
    constants: Literal["renamable", "exact"] | None = None
    colon: Colon | None = None
    decimal_comma: bool | None = None
    domain: Domain | None = None
    integers: list[str] | None = None
    symbolic: Symbolic | None = None


_SWITCHES = tuple(
    known.name for known in fields(Problem) if known.name not in {"answer", "choices", "golds"}
)

Gold: TypeAlias = Text | list[Text] | Problem


@dataclass(frozen=True)
class Math(PureVerifier[Gold]):
    r"""The answer is equal to the gold in value and in kind, however either is written.

    Looks for the answer behind the thinking: an answer tag, the last box (boxes that stand
    together are a list), a marker such as `####`, a phrase such as "the answer is", the last
    formula, the last number. Compares exactly where it can, else by ball arithmetic at secret
    points; nothing is evaluated as code. What a comparison grants to one side only is a switch
    below, and the evidence names those that were needed.

    Attributes:
        extract: which rules may find the answer; `any` for models that were taught no format.
        boxes: `all_equal` makes several boxes of different value a mismatch.
        think: `keep` looks for the answer in the thinking too.
        think_tag, answer_tag: names of the tags.
        golds: whether an answer must be `any` of several golds, or list `all` of them.
        absolute_tolerance, relative_tolerance, significant_digits: accept near values; off.
        gold_precision: significant digits from which a decimal gold is taken for a rounded
            value; one more where the answer is irrational.
        rounded_answer: significant digits from which a correctly rounded answer is accepted.
        percent: `sign_optional` accepts `25` for `25%`; `strict` and `value` do not.
        units: `convert` accepts other units of the same dimension, and a missing unit.
        order: whether unbracketed lists and sets are ordered; `auto` goes by the brackets.
        form: `evaluated` refuses integrals, limits and sums that the gold does not have;
            `number` also arithmetic; `lowest_terms`, `factored`, `expanded` are what they say.
        case: `folded` ignores the case of symbols.
        labels: `required` refuses `12` for `v=12`.
        missing_base: whether `2130` may stand for `2130_4`.
        constants: whether constants of integration may be renamed.
        colon: what `2:15` is, where both a ratio and a time are possible.
        decimal_comma: read `0,5` as a half.
        domain: `everywhere` asks that both sides exist at the same points.
        integers: names that stand for whole numbers.
        symbolic: `auto` asks SymPy, in a process of its own and with bounded work, to prove equal
            what was left undecided: integrals, limits, infinite sums, determinants. `on` grants
            four times the work; `off` asks nothing, as does the lack of SymPy.
    """

    examples: ClassVar[tuple[Example, ...]] = (
        Example(completion=r"So \boxed{\frac{\sqrt{8}}{2}}.", reference=r"\sqrt{2}", score=1.0),
        Example(completion=r"We get \boxed{(x+1)^2}.", reference="x^2+2x+1", score=1.0),
        Example(completion=r"Hence \boxed{[0, \frac{1}{2})}.", reference="[0, 0.5)", score=1.0),
        Example(completion=r"Therefore \boxed{42}.", reference="42", score=1.0),
        Example(completion=r"Therefore \boxed{41}.", reference="42", score=0.0),
    )

    extract: Extract = "any"
    boxes: Literal["last", "all_equal"] = "last"
    think: Literal["strip", "keep"] = "strip"
    think_tag: str = "think"
    answer_tag: str = "answer"
    golds: Literal["any", "all"] = "any"
    absolute_tolerance: Decimal = Decimal(0)
    relative_tolerance: Decimal = Decimal(0)
    significant_digits: int | None = None
    gold_precision: Digits = 3
    rounded_answer: Digits = 6
    percent: Percent = "sign_optional"
    units: Units = "convert"
    order: Order = "auto"
    form: Form = "evaluated"
    case: Case = "exact"
    labels: Labels = "optional"
    missing_base: Literal["accept", "reject"] = "accept"
    constants: Literal["renamable", "exact"] = "renamable"
    colon: Colon = "auto"
    decimal_comma: bool = False
    domain: Domain = "common"
    integers: tuple[str, ...] = ()
    symbolic: Symbolic = "auto"

    def verify(self, sample: Sample[Gold]) -> Verdict:
        """Score 1 or 0; unscored where the gold cannot be judged, or nothing could be shown."""
        grader, golds = self._asked(sample.reference)
        found = answers.extract(
            sample.completion,
            rules=self.extract,
            tags=self._tags,
            opened=bool(sample.prompt) and self.think == "strip" and parts.is_prefilled(sample),
            finished=sample.finish_reason == "stop",
            letters=golds.letters,
        )
        try:
            if isinstance(found, Missing):
                grader.read_golds(golds)
                return Verdict.zero(Reason(found.reason), found.detail, {"rule": found.rule})
            if found.hedge:
                grader.read_golds(golds)
                evidence = _with_answer({"hedges": 1}, found)
                return Verdict.zero(Reason.MISMATCH, f"hedge: {found.hedge}", evidence)
            ruling = grader.grade(golds, found.text)
            if self.boxes == "all_equal" and ruling.outcome.equal:
                ruling = self._all_boxes(grader, golds, found) or ruling
        except InvalidGoldError as error:
            return Verdict.unscored(Reason.INVALID_REFERENCE, str(error))
        return _verdict(ruling, found)

    @cached_property
    def _tags(self) -> Tags | None:
        return Tags(self.think_tag, self.answer_tag) if self.think == "strip" else None

    @cached_property
    def grader(self) -> Grader:
        """What compares under these parameters, and remembers."""
        return Grader(self._policy)

    @cached_property
    def _policy(self) -> Policy:
        return Policy(
            absolute_tolerance=Fraction(self.absolute_tolerance),
            relative_tolerance=Fraction(self.relative_tolerance),
            significant_digits=self.significant_digits,
            gold_precision=_digits(self.gold_precision),
            rounded_answer=_digits(self.rounded_answer),
            percent=self.percent,
            units=self.units,
            order=self.order,
            form=self.form,
            case=self.case,
            labels=self.labels,
            missing_base=self.missing_base,
            constants=self.constants,
            colon=self.colon,
            decimal_comma=self.decimal_comma,
            domain=self.domain,
            integers=frozenset(self.integers),
            symbolic=self.symbolic,
        )

    def _asked(self, reference: Gold) -> tuple[Grader, Golds]:
        """Return the grader and the golds that a reference asks for."""
        if isinstance(reference, str):
            return self.grader, _golds(reference)
        if not isinstance(reference, Problem):
            return self.grader, Golds(_texts(reference), self.golds == "all")
        every = (reference.golds or self.golds) == "all"
        golds = Golds(_texts(reference.answer), every, _options(reference.choices))
        given: dict[str, object] = {name: getattr(reference, name) for name in _SWITCHES}
        changes = tuple((name, _held(value)) for name, value in given.items() if value is not None)
        return (_changed(self, changes) if changes else self).grader, golds

    def _all_boxes(self, grader: Grader, golds: Golds, found: Answer) -> Ruling | None:
        """Return the ruling on an earlier box that says something else; None if all agree."""
        for text in dict.fromkeys(found.earlier):
            ruling = grader.grade(golds, text)
            if not ruling.outcome.equal:
                return ruling
        return None


def _held(value: object) -> Hashable:
    return tuple(cast("list[str]", value)) if isinstance(value, list) else cast("Hashable", value)


@lru_cache(maxsize=64)
def _changed(verifier: Math, changes: tuple[tuple[str, Hashable], ...]) -> Math:
    """Return the verifier under the parameters of a sample; it keeps what it has read."""
    return replace(verifier, **dict(changes))


@lru_cache(maxsize=4096)
def _golds(text: str) -> Golds:
    return Golds((_text(text),))


def _digits(given: Digits) -> int | None:
    return None if given == "off" else given


def _texts(given: Text | list[Text]) -> tuple[str, ...]:
    if isinstance(given, list):
        return tuple(_text(one) for one in given)
    return (_text(given),)


def _text(given: Text) -> str:
    if isinstance(given, str):
        return _unboxed(given) if "boxed" in given else given
    return str(given).lower() if isinstance(given, bool) else repr(given)


def _unboxed(gold: str) -> str:
    """Return what a gold holds in its box, where somebody kept the whole solution as gold.

    Several boxes joined in one short line are a list: nobody writes a gold to be guessed at.
    """
    inner = boxes.innermost(boxes.find(gold)) if len(gold) <= _LONGEST_LINE else []
    gaps = [gold[box.end : after.start] for box, after in pairwise(inner)]
    if gaps and inner[-1].closed and all(map(_JOINS.search, gaps)) and ". " not in gold:
        return ", ".join(dict.fromkeys(box.read(gold).strip() for box in inner))
    found = answers.extract(gold, rules="boxed", tags=None)
    return found.text if isinstance(found, Answer) else gold


def _options(given: dict[str, str] | list[str] | None) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    if isinstance(given, dict):
        return tuple(given.items())
    return tuple(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", given, strict=False))


def _verdict(ruling: Ruling, found: Answer) -> Verdict:
    evidence = _evidence(ruling, found)
    outcome = ruling.outcome
    if ruling.kind != "compared":
        return Verdict.zero(Reason(ruling.kind), outcome.difference, evidence)
    if outcome.equal is None:
        return Verdict.unscored(Reason.UNDECIDED, outcome.difference, evidence)
    return Verdict.of(correct=outcome.equal, detail=outcome.difference, evidence=evidence)


def _evidence(ruling: Ruling, found: Answer) -> dict[str, object]:
    return _with_answer(ruling.evidence.copy(), found)


def _with_answer(evidence: dict[str, object], found: Answer) -> dict[str, object]:
    evidence["answer"] = excerpt(found.text)
    evidence["span"] = [found.start, found.end]
    evidence["rule"] = found.rule
    if found.earlier:
        evidence["boxes"] = len(found.earlier) + 1
    return evidence
