"""Whether two expressions are the same number, the same function, or multiples of each other."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from flint import acb

from rewardd_verifiers.mathexpr import balls, points, probe, rationals
from rewardd_verifiers.mathexpr.canon import key
from rewardd_verifiers.mathexpr.exact import UndefinedError, rational
from rewardd_verifiers.mathexpr.limits import (
    MAX_PRECISION,
    MAX_VARIABLES,
    Steps,
    UndecidedError,
)
from rewardd_verifiers.mathexpr.outcome import EXACT, PROBED, Outcome, differ, undecided
from rewardd_verifiers.mathexpr.policy import DEFAULT, Policy
from rewardd_verifiers.mathexpr.prover import Allowance, settle
from rewardd_verifiers.mathexpr.tree import (
    Call,
    Constant,
    Dots,
    Operation,
    Symbol,
    Text,
    Tree,
    walk,
)

PRECISIONS = (64, 384, 1024, MAX_PRECISION)
"""Bits of the balls, from a first look to the last."""

_TRUSTED_BITS = 160
"""A match needs the difference to vanish to 2^-160 of the smallest addend."""

_NEEDED = 4
_INTEGER_POINTS = 12
_NAMING = frozenset({Symbol, Text, Dots, Call})
_STEPPED = frozenset({"floor", "ceil", "mod", "sign"})
_TRIGONOMETRIC = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "exp"})


@dataclass(slots=True)
class Context:
    """What one comparison works with."""

    policy: Policy = DEFAULT
    steps: Steps = field(default_factory=Steps)
    allowance: Allowance = field(default_factory=Allowance)
    ends: dict[Tree, "_End"] = field(default_factory=dict[Tree, "_End"])

    def with_integers(self, names: set[str]) -> "Context":
        """Return the same, with more names that stand for whole numbers."""
        integers = self.policy.integers | names
        return Context(
            replace(self.policy, integers=integers), self.steps, self.allowance, self.ends
        )

    def end(self, tree: Tree) -> "_End":
        """Return what a constant comes to; remembered, as each is put in order among many.

        Raises:
            UndefinedError: it has no value.
            UndecidedError: it is no constant.
        """
        known = self.ends.get(tree)
        if known is None:
            exact = rational(tree)
            with balls.precision(PRECISIONS[0]):
                ball = acb(0) if exact is not None else probe.Evaluator({}, self.steps).value(tree)
            known = self.ends[tree] = exact, ball
        return known


_End = tuple[Fraction | None, acb]
"""The value of a constant where it is rational, else a ball that holds it."""


def same(left: Tree, right: Tree, context: Context) -> Outcome:
    """Return whether two scalar expressions are equal wherever both are defined."""
    outcome = _same(left, right, context)
    if outcome.equal is not None or context.policy.symbolic == "off":
        return outcome
    return settle(left, right, outcome, context.policy, context.allowance)


def _same(left: Tree, right: Tree, context: Context) -> Outcome:  # noqa: PLR0911  one guard a line
    try:
        first, second = rational(left), rational(right)
        if first is not None and second is not None:
            return EXACT if first == second else differ("the values differ", "exact")
        if key(left) == key(right):
            return Outcome(equal=True, strength="proved")
        names = free_names(left) | free_names(right)
        if len(names) > MAX_VARIABLES:
            return undecided("too many variables")
        if not names:
            return _same_constant(left, right, context)
        return _same_function(left, right, sorted(names), context)
    except UndefinedError as error:
        return differ(f"undefined: {error}")
    except UndecidedError as error:
        return undecided(str(error))


def free_names(tree: Tree) -> set[str]:
    """Return the names that need a value, prose included; indices of sums are bound."""
    names: set[str] = set()
    bound: set[str] = set()
    for node in [node for node in walk(tree) if type(node) in _NAMING]:
        if isinstance(node, Symbol):
            names.add(node.name)
        elif isinstance(node, Text):
            names.add("text " + node.words)
        elif isinstance(node, Dots):
            names.add("text ...")
        elif isinstance(node, Call) and node.name in {"sum", "prod"} and len(node.args) > 1:
            bound.update(s.name for s in walk(node.args[0]) if isinstance(s, Symbol))
    return names - bound


def _same_constant(left: Tree, right: Tree, context: Context) -> Outcome:
    for bits in PRECISIONS:
        with balls.precision(bits):
            seen = _look(left, right, {}, context)
            if seen is not None:
                return seen
    return undecided("precision exhausted")


def _look(left: Tree, right: Tree, values: dict[str, Fraction], context: Context) -> Outcome | None:
    """Compare at one point: equal, unequal, or None where the precision does not suffice."""
    evaluator = probe.Evaluator(values, context.steps)
    first, second = evaluator.value(left), evaluator.value(right)
    if not (first.is_finite() and second.is_finite()):
        return None
    return _judge(first, second, evaluator)


def _judge(first: acb, second: acb, evaluator: probe.Evaluator) -> Outcome | None:
    if not first.overlaps(second):
        return differ("the values differ")
    evaluator.note(first)
    evaluator.note(second)
    gap = balls.upper_exponent(first - second)
    if gap is None or gap <= evaluator.least - _TRUSTED_BITS:
        return PROBED
    return None


def _same_function(left: Tree, right: Tree, names: list[str], context: Context) -> Outcome:
    values = rationals.values((left, right), 0, context.steps)
    if values is not None:
        return PROBED if values[0] == values[1] else differ("the values differ at a point")
    counted = _counting_names(left) | _counting_names(right)
    declared = {name for name in names if name in context.policy.integers | counted}
    suspected = (whole_names(left) | whole_names(right)) & set(names)
    outcome = _scan(left, right, names, declared, context)
    if outcome.equal is True or declared or not suspected:
        return outcome
    whole = _scan(left, right, names, suspected, context)
    if whole.equal is True:
        return undecided("equal for whole numbers only")
    return whole if whole.equal is False else outcome


def _scan(
    left: Tree, right: Tree, names: list[str], integers: set[str], context: Context
) -> Outcome:
    complex_ = _has_unit(left) or _has_unit(right)
    counted = off_axis = 0
    for place, values in enumerate(points.signed(names, integers)):
        seen, real, alike = _look_closer(left, right, values, context)
        if seen is None:
            continue
        if not alike and not complex_ and context.policy.domain == "everywhere":
            return differ("one of them is not real where the other is")
        if not real and not complex_ and not integers:
            off_axis += seen.equal is True
            continue
        if seen.equal is False:
            return differ("the values differ at a point", "proved")
        counted += 1
        if counted >= _NEEDED and place >= min(_NEEDED, 2 + len(names)):
            break
    outcome = _conclude(left, right, counted, off_axis)
    if outcome.equal is True and points.bends(left, right):
        return _beyond_bends(left, right, points.lopsided(names, integers), context)
    return outcome


def _beyond_bends(
    left: Tree, right: Tree, lopsided: Iterator[dict[str, Fraction]], context: Context
) -> Outcome:
    """Confirm an equality where each name in turn decides the sign of a sum."""
    complex_ = _has_unit(left) or _has_unit(right)
    for values in lopsided:
        seen, real, _ = _look_closer(left, right, values, context)
        if seen is not None and seen.equal is False and (real or complex_):
            return differ("the values differ at a point", "proved")
    return PROBED


def _conclude(left: Tree, right: Tree, counted: int, off_axis: int) -> Outcome:
    if counted >= _NEEDED - 1 or (counted + off_axis >= _NEEDED and off_axis):
        if _is_stepped(left) or _is_stepped(right):
            return undecided("steps of a variable")
        return PROBED
    return undecided("no common domain found")


def _look_closer(
    left: Tree, right: Tree, values: dict[str, Fraction], context: Context
) -> tuple[Outcome | None, bool, bool]:
    """Look with rising precision; also whether both sides are real there, and whether alike."""
    for bits in PRECISIONS[1:]:
        with balls.precision(bits):
            evaluator = probe.Evaluator(values, context.steps)
            try:
                first = evaluator.value(left)
                strayed, evaluator.strayed = evaluator.strayed, False
                second = evaluator.value(right)
            except UndefinedError:
                return None, True, True
            if not (first.is_finite() and second.is_finite()):
                return None, True, True
            seen = _judge(first, second, evaluator)
            reals = (
                first.imag.contains(0) and not strayed,
                second.imag.contains(0) and not evaluator.strayed,
            )
            if seen is not None:
                return seen, all(reals), reals[0] == reals[1]
    return None, True, True


def _has_unit(tree: Tree) -> bool:
    return any(isinstance(node, Constant) and node.name == "i" for node in walk(tree))


def _is_stepped(tree: Tree) -> bool:
    return any(
        isinstance(node, Call) and node.name in _STEPPED and free_names(node) for node in walk(tree)
    )


def whole_names(tree: Tree) -> set[str]:
    """Return names that stand where authors put whole numbers."""
    found: set[str] = set()
    for node in walk(tree):
        match node:
            case Operation(kind="factorial", args=args) | Call(name="binomial", args=args):
                found.update(name for arg in args for name in free_names(arg))
            case Operation(kind="power", args=(base, exponent)):
                value = _closed(base)
                if value is not None and value < 0:
                    found |= free_names(exponent)
            case Call(name=name, args=args) if name in _TRIGONOMETRIC:
                if any(isinstance(part, Constant) and part.name == "pi" for part in walk(args[0])):
                    found |= free_names(args[0])
            case _:
                pass
    return found


def _counting_names(tree: Tree) -> set[str]:
    """Return names up to which a sum counts, or of n!!: they are whole numbers by nature."""
    found: set[str] = set()
    for node in walk(tree):
        if not isinstance(node, Call):
            continue
        if node.name in {"sum", "prod"} and len(node.args) > 1:
            found |= free_names(node.args[1])
        elif node.name == "double factorial":
            found |= free_names(node)
    return found


def _closed(tree: Tree) -> Fraction | None:
    try:
        return rational(tree)
    except UndefinedError:
        return None


def proportional(left: Tree, right: Tree, context: Context) -> tuple[Outcome, bool]:
    """Return whether left = c * right with a constant c that is not zero; and whether c > 0."""
    names = sorted(free_names(left) | free_names(right))
    if len(names) > MAX_VARIABLES:
        return undecided("too many variables"), True
    try:
        exact = _exactly_proportional(left, right, context) if names else None
        if exact is not None:
            return exact
        with balls.precision(PRECISIONS[1]):
            return _proportional(left, right, names, context)
    except UndefinedError as error:
        return differ(f"undefined: {error}"), True
    except UndecidedError as error:
        return undecided(str(error)), True


def _exactly_proportional(left: Tree, right: Tree, context: Context) -> tuple[Outcome, bool] | None:
    """Compare the ratios of two rational functions at two points; None if there are none."""
    here, there = (rationals.values((left, right), place, context.steps) for place in (0, 1))
    if here is None or there is None or 0 in here or 0 in there:
        return None
    alike = here[0] * there[1] == there[0] * here[1]
    return PROBED if alike else differ("the equations differ"), here[0] / here[1] > 0


def _proportional(
    left: Tree, right: Tree, names: list[str], context: Context
) -> tuple[Outcome, bool]:
    seen: list[tuple[acb, acb, int]] = []
    for values in points.signed(names, set()):
        evaluator = probe.Evaluator(values, context.steps)
        first, second = evaluator.value(left), evaluator.value(right)
        if not (first.is_finite() and second.is_finite()):
            continue
        seen.append((first, second, evaluator.least))
        if len(seen) > _NEEDED + 1:
            break
    anchor = next((one for one in seen if not one[0].contains(0) or not one[1].contains(0)), None)
    if anchor is None:
        return (differ("one of them always holds") if seen else undecided("no domain")), True
    if anchor[0].contains(0) or anchor[1].contains(0):
        return differ("one of them holds where the other does not"), True
    return _all_proportional(seen, anchor), (anchor[0] / anchor[1]).real > 0


def _all_proportional(seen: list[tuple[acb, acb, int]], anchor: tuple[acb, acb, int]) -> Outcome:
    for first, second, least in seen:
        one, other = first * anchor[1], second * anchor[0]
        if not one.overlaps(other):
            return differ("the equations differ")
        gap = balls.upper_exponent(one - other)
        if gap is not None and gap > min(least, anchor[2], 0) * 2 - _TRUSTED_BITS:
            return undecided("precision exhausted")
    return PROBED if len(seen) >= _NEEDED else undecided("no common domain found")
