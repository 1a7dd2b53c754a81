"""When a decimal may stand for a value that it is not: tolerances, rounded golds and answers."""

import math
from fractions import Fraction

from rewardd_verifiers.mathexpr import balls, probe
from rewardd_verifiers.mathexpr.exact import UndefinedError, rational
from rewardd_verifiers.mathexpr.identity import Context, free_names
from rewardd_verifiers.mathexpr.limits import MAX_DIGITS, UndecidedError
from rewardd_verifiers.mathexpr.tree import Number, Operation, Tree

_IRRATIONAL_EXTRA = 1
"""A chance hit on a rounded irrational is likelier: one digit more."""


def rounded(gold: Tree, answer: Tree, context: Context) -> str:
    """Return the switch under which one is the other's rounding; "" if none is."""
    policy = context.policy
    if policy.tolerant and _within(gold, answer, context):
        return "tolerance"
    literal = _literal(gold)
    if literal is not None and policy.gold_precision and _is_rounding(literal):
        needed = policy.gold_precision + _IRRATIONAL_EXTRA * (closed(answer, exactly=True) is None)
        if literal.digits >= needed and _rounds_to(answer, _signed(gold), literal, context):
            return "gold_precision"
    literal = _literal(answer)
    if literal is None or not literal.places or _is_whole(gold):
        return ""
    needed = policy.rounded_answer or MAX_DIGITS
    near = literal.digits >= needed and _rounds_to(gold, _signed(answer), literal, context)
    return "rounded_answer" if near else ""


def _is_rounding(literal: Number) -> bool:
    """Whether a decimal gold can be a rounded value: `57.0` is a whole number in float's dress."""
    return bool(literal.places) and literal.value.denominator != 1


def _literal(tree: Tree) -> Number | None:
    if isinstance(tree, Operation) and tree.kind == "negative":
        return _literal(tree.args[0])
    return tree if isinstance(tree, Number) and tree.places is not None else None


def _signed(tree: Tree) -> Fraction:
    value = rational(tree)
    return value if value is not None else Fraction(0)


def _is_whole(tree: Tree) -> bool:
    value = closed(tree)
    return value is not None and value.denominator == 1


def closed(tree: Tree, *, exactly: bool = False) -> Fraction | None:
    """Return a rational value; with `exactly`, a decimal literal is none, as it may be rounded."""
    if exactly and _literal(tree) is not None:
        return None
    try:
        return rational(tree)
    except UndefinedError:
        return None


def _rounds_to(tree: Tree, target: Fraction, literal: Number, context: Context) -> bool:
    half = Fraction(1, 2 * 10 ** (literal.places or 0))
    return distance_within(tree, target, half, context)


def distance_within(tree: Tree, target: Fraction, most: Fraction, context: Context) -> bool:
    """Whether a closed expression is provably no farther than `most` from `target`."""
    value = closed(tree)
    if value is not None:
        return abs(value - target) <= most
    if free_names(tree):
        return False
    try:
        with balls.precision(384):
            evaluator = probe.Evaluator({}, context.steps)
            found = evaluator.value(tree)
            gap = evaluator.value(Number(target)) - found
            bound = evaluator.value(Number(most))
    except (UndecidedError, UndefinedError):
        return False
    return bool(found.is_finite() and gap.abs_upper() <= bound.real)


def _within(gold: Tree, answer: Tree, context: Context) -> bool:
    policy = context.policy
    first, second = closed(gold), closed(answer)
    if first is None or second is None:
        target = first if first is not None else second
        other = answer if first is not None else gold
        if target is None:
            return False
        most = max(policy.absolute_tolerance, policy.relative_tolerance * abs(target))
        return distance_within(other, target, most, context)
    larger = max(abs(first), abs(second))
    most = max(policy.absolute_tolerance, policy.relative_tolerance * larger)
    if abs(first - second) <= most and most > 0:
        return True
    digits = policy.significant_digits
    return digits is not None and significant(first, digits) == significant(second, digits)


def significant(value: Fraction, digits: int) -> Fraction:
    """Round to significant digits, half away from zero."""
    if value == 0:
        return value
    size = abs(value)
    bits = size.numerator.bit_length() - size.denominator.bit_length()
    exponent = math.floor(bits * math.log10(2)) + 1
    while size < Fraction(10) ** exponent:
        exponent -= 1
    unit = Fraction(10) ** (exponent - digits + 1)
    rounded = (size / unit + Fraction(1, 2)).__floor__() * unit
    return rounded if value > 0 else -rounded
