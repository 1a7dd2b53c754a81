"""Compare two single values: numbers, percents, angles, quantities, bases, times, dates, words."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from rewardd_verifiers.mathexpr import rounding, units
from rewardd_verifiers.mathexpr.foreign import roman
from rewardd_verifiers.mathexpr.identity import Context, free_names, same
from rewardd_verifiers.mathexpr.numerals import digits_of
from rewardd_verifiers.mathexpr.outcome import EXACT, Outcome, differ, undecided
from rewardd_verifiers.mathexpr.tree import (
    Based,
    Builder,
    Call,
    Cases,
    Clock,
    Constant,
    Date,
    Group,
    Matrix,
    Number,
    Operation,
    Ordinal,
    Quantity,
    Ratio,
    Relation,
    SetOperation,
    Symbol,
    Text,
    Tree,
    walk,
)

_WARMTH = (("K", Fraction(1)),)
"""The dimension of a temperature."""


def compare(gold: Tree, answer: Tree, context: Context) -> Outcome:
    """Compare two single values under the context's policy."""
    place = min(_PLACES.get(type(gold), _LAST), _PLACES.get(type(answer), _LAST))
    if place < _LAST:
        return _RULES[place][1](gold, answer, context)
    if isinstance(gold, Number) and isinstance(answer, Number):
        return numbers(gold, answer, context)
    if _is(gold, "percent") or _is(answer, "percent"):
        return _percents(gold, answer, context)
    if _is(gold, "degrees") or _is(answer, "degrees"):
        return _angles(gold, answer, context)
    if _is_no_number(gold) or _is_no_number(answer):
        return _constants(gold, answer)
    return numbers(gold, answer, context)


def _is(tree: Tree, kind: str) -> bool:
    if isinstance(tree, Operation) and tree.kind == "negative":
        return _is(tree.args[0], kind)
    return isinstance(tree, Operation) and tree.kind == kind


def _inner(tree: Tree) -> Tree:
    """Return the value before its percent or degree sign."""
    if isinstance(tree, Operation) and tree.kind == "negative":
        return Operation("negative", (_inner(tree.args[0]),))
    return tree.args[0] if isinstance(tree, Operation) else tree


def _is_no_number(tree: Tree) -> bool:
    return isinstance(tree, Constant) and tree.name not in {"pi", "e", "i", "infinity"}


def _constants(gold: Tree, answer: Tree) -> Outcome:
    if gold == answer:
        return EXACT
    if Constant("N") in {gold, answer} and {gold, answer} & {Constant("Z+"), Constant("Z0+")}:
        return undecided("natural numbers may begin at nought or at one")
    if Constant("undefined") in {gold, answer}:
        return differ("an undefined value matches no value")
    return differ("a set and a number")


def numbers(gold: Tree, answer: Tree, context: Context) -> Outcome:
    """Compare plain values, with the tolerance and rounding that the policy grants."""
    if (_infinite(gold) or _infinite(answer)) and not (_is_open(gold) or _is_open(answer)):
        equal = _infinite(gold) == _infinite(answer)
        return EXACT if equal else differ("infinite on one side only, or of another sign")
    outcome = same(gold, answer, context)
    if outcome.equal is None and is_composite(answer) and not is_composite(gold):
        return differ("no single value")
    if outcome.equal is False and outcome.difference != "" and not free_names(gold):
        granted = rounding.rounded(gold, answer, context)
        if granted:
            return Outcome(equal=True, strength="proved").by(granted)
    return outcome


def _is_open(tree: Tree) -> bool:
    """Whether an integral, a limit or a sum without end may still come to infinity."""
    return any(
        isinstance(node, Call)
        and (node.name in {"int", "lim"} or Constant("infinity") in node.args[:-1])
        for node in walk(tree)
    )


_COMPOSITE = (Group, Relation, Matrix, Cases, Builder, SetOperation, Quantity, Ratio, Clock, Date)


def is_composite(tree: Tree) -> bool:
    """Whether there is something in it that has no place in arithmetic."""
    return any(isinstance(node, _COMPOSITE) for node in walk(tree))


def _infinite(tree: Tree) -> int:
    if isinstance(tree, Constant) and tree.name == "infinity":
        return 1
    if isinstance(tree, Operation) and tree.kind == "negative":
        return -_infinite(tree.args[0])
    return 0


def _percents(gold: Tree, answer: Tree, context: Context) -> Outcome:
    both_signed = _is(gold, "percent") and _is(answer, "percent")
    if both_signed:
        return numbers(_inner(gold), _inner(answer), context)
    if _is(gold, "percent"):
        outcome = _as_share(gold, answer, context)
        loose = numbers(_inner(gold), answer, context)
    else:
        outcome = numbers(gold, answer, context)
        above_one = _exceeds_one(gold)
        loose = numbers(gold, _inner(answer), context) if above_one else differ("a percent sign")
    if outcome.equal or context.policy.percent != "sign_optional" or not loose.equal:
        return outcome
    return loose.by("percent")


def _as_share(gold: Tree, answer: Tree, context: Context) -> Outcome:
    """Compare a percent with a share of one, at the percent's digits."""
    hundredfold = Operation("product", (Number(Fraction(100)), answer))
    return numbers(_inner(gold), hundredfold, context)


def _exceeds_one(tree: Tree) -> bool:
    value = rounding.closed(tree)
    return value is not None and abs(value) > 1


def _angles(gold: Tree, answer: Tree, context: Context) -> Outcome:
    if _is(gold, "degrees") and _is(answer, "degrees"):
        return numbers(_inner(gold), _inner(answer), context)
    outcome = numbers(gold, answer, context)
    if outcome.equal or context.policy.units in {"require", "exact"}:
        return outcome
    plain = numbers(
        _inner(gold) if _is(gold, "degrees") else gold,
        _inner(answer) if _is(answer, "degrees") else answer,
        context,
    )
    return plain.by("units") if plain.equal else outcome


def _quantities(gold: Tree, answer: Tree, context: Context) -> Outcome:
    if _is_pure(gold) or _is_pure(answer):
        return compare(_counted(gold), _counted(answer), context)
    if isinstance(gold, Quantity) and isinstance(answer, Quantity):
        return _two_quantities(gold, answer, context)
    radians = _radians(gold, answer, context)
    if radians is not None:
        return radians
    if context.policy.units in {"require", "exact"}:
        return differ("a unit on one side only")
    if _is_marked(gold, answer):
        return differ("a unit beside a percent or degree sign")
    value = compare(
        gold.value if isinstance(gold, Quantity) else gold,
        answer.value if isinstance(answer, Quantity) else answer,
        context,
    )
    return value.by("units") if value.equal else value


def _is_marked(*sides: Tree) -> bool:
    """Whether a side bears a sign that no unit goes with; a bare degree may be one of warmth."""
    warm = any(isinstance(side, Quantity) and side.unit.dimension == _WARMTH for side in sides)
    return any(_is(s, "percent") or (_is(s, "degrees") and not warm) for s in sides)


def _is_pure(tree: Tree) -> bool:
    return isinstance(tree, Quantity) and not tree.unit.dimension


def _counted(tree: Tree) -> Tree:
    """Return the number that "7 dozen" is."""
    if isinstance(tree, Quantity) and not tree.unit.dimension:
        return Operation("product", (Number(tree.unit.factor), tree.value))
    return tree


def _radians(gold: Tree, answer: Tree, context: Context) -> Outcome | None:
    """Compare an angle in radians with one in degrees; None where it is something else."""
    for one, other, turned in ((gold, answer, False), (answer, gold, True)):
        if (
            isinstance(one, Quantity)
            and one.unit.dimension == units.RADIANS
            and _is(other, "degrees")
        ):
            pair = (other, one.value) if turned else (one.value, other)
            return numbers(*pair, context)
    return None


def _two_quantities(gold: Quantity, answer: Quantity, context: Context) -> Outcome:
    policy = context.policy.units
    gold, answer = _sterling(gold, answer), _sterling(answer, gold)
    if policy == "ignore":
        return compare(gold.value, answer.value, context)
    if policy == "exact" and gold.unit.name != answer.unit.name:
        return differ(f"units {gold.unit.name!r} and {answer.unit.name!r}")
    if gold.unit.dimension != answer.unit.dimension:
        return differ(f"units {gold.unit.name!r} and {answer.unit.name!r} measure different things")
    return compare(gold.value, _converted(answer, gold), context)


def _sterling(one: Quantity, other: Quantity) -> Quantity:
    """Read "pounds" as money beside money."""
    money = units.currency("£")
    if one.unit.name in {"pound", "pounds"} and other.unit.dimension == money.dimension:
        return Quantity(one.value, money)
    return one


def _converted(answer: Quantity, gold: Quantity) -> Tree:
    """Return the answer's value in the gold's unit."""
    source, target = answer.unit, gold.unit
    if source.factor == target.factor and source.offset == target.offset:
        return answer.value
    value: Tree = answer.value
    if source.offset:
        value = Operation("sum", (value, Number(source.offset)))
    value = Operation("product", (Number(source.factor / target.factor), value))
    return Operation("sum", (value, Number(-target.offset))) if target.offset else value


def _bases(gold: Tree, answer: Tree, context: Context) -> Outcome:
    if isinstance(gold, Based) and not isinstance(answer, Based):
        digits = _bare_digits(answer)
        if context.policy.missing_base == "accept" and digits == gold.digits.lstrip("0"):
            return EXACT.by("missing_base")
        if digits is not None and gold.base != 10:  # noqa: PLR2004  a bare number is decimal elsewhere
            return differ("read in the gold's base, the digits differ")
    return same(gold, answer, context)


def _bare_digits(tree: Tree) -> str | None:
    if isinstance(tree, Number) and tree.places is None and tree.value.denominator == 1:
        return digits_of(tree.value.numerator)
    return tree.words.lstrip("0") if isinstance(tree, Text) else None


def _ordinals(gold: Tree, answer: Tree, _context: Context) -> Outcome:
    if isinstance(gold, Ordinal) and isinstance(answer, Ordinal):
        return EXACT if gold == answer else differ("different places")
    if isinstance(answer, Ordinal) and rounding.closed(gold) == answer.value:
        return EXACT.by("ordinal")
    return differ("an ordinal and something else")


def _clocks(gold: Tree, answer: Tree, _context: Context) -> Outcome:
    first, second = clock_seconds(gold), clock_seconds(answer)
    if first is None or second is None:
        return differ("a time of day and something else")
    return EXACT if first == second else differ("different times")


def clock_seconds(tree: Tree) -> int | None:
    """Return a time of day in seconds, also where a ratio could be one; None for all else."""
    if isinstance(tree, Clock):
        return tree.seconds
    parts = tree.clock.split(":") if isinstance(tree, Ratio) else []
    two_digits = all(len(part) == 2 and part.isdigit() for part in parts[1:])  # noqa: PLR2004  minutes
    if len(parts) not in {2, 3} or not two_digits or not parts[0].isdigit():
        return None
    hour, minute, second = (int(part) for part in [*parts, "0"][:3])
    if len(parts[0]) > 2 or hour > 24 or minute > 59 or second > 59:  # noqa: PLR2004  the face of a clock
        return None
    return hour * 3600 + minute * 60 + second


def _ratios(gold: Tree, answer: Tree, context: Context) -> Outcome:
    if isinstance(gold, Ratio) and isinstance(answer, Ratio):
        timed = clock_seconds(gold) is not None and clock_seconds(answer) is not None
        if context.policy.colon == "time" or (timed and context.policy.colon == "auto"):
            equal = clock_seconds(gold) == clock_seconds(answer)
            return EXACT if equal else differ("different times; neither is scaled as a ratio")
        return _scaled(gold.items, answer.items, context)
    ratio, other = (gold, answer) if isinstance(gold, Ratio) else (answer, gold)
    if not isinstance(ratio, Ratio) or len(ratio.items) != 2:  # noqa: PLR2004  a fraction has two parts
        return differ("a ratio of several parts and a single value")
    return same(Operation("quotient", ratio.items), other, context)


def _scaled(first: tuple[Tree, ...], second: tuple[Tree, ...], context: Context) -> Outcome:
    if len(first) != len(second):
        return differ("ratios of different length")
    for one, other in zip(first[1:], second[1:], strict=True):
        left = Operation("product", (first[0], other))
        right = Operation("product", (second[0], one))
        outcome = same(left, right, context)
        if not outcome.equal:
            return outcome
    return EXACT


def _dates(gold: Tree, answer: Tree, _context: Context) -> Outcome:
    if not (isinstance(gold, Date) and isinstance(answer, Date)):
        return differ("a date and something else")
    if gold == answer:
        return EXACT
    if gold.vague != answer.vague:
        turned = {(d.month, d.day) for d in (gold, answer)} | {
            (d.day, d.month) for d in (gold, answer) if d.vague
        }
        if gold.year == answer.year and len(turned) <= 2:  # noqa: PLR2004  one of the two readings agrees
            return undecided("a date with two readings")
    if replace(gold, year=None) == replace(answer, year=None) and None in {gold.year, answer.year}:
        return differ("a year on one side only")
    return differ("different dates")


def _texts(gold: Tree, answer: Tree, _context: Context) -> Outcome:
    if isinstance(gold, Text) and isinstance(answer, Text):
        equal = _without_article(gold.words) == _without_article(answer.words)
        return Outcome(equal=True, strength="string") if equal else differ("different words")
    one, other = (gold, answer) if isinstance(gold, Text) else (answer, gold)
    if isinstance(one, Text) and isinstance(other, Symbol):
        equal = one.words == other.name.lower()
        return Outcome(equal=True, strength="string") if equal else differ("different words")
    value = roman(one.words) if isinstance(one, Text) else None
    if value is not None and rounding.closed(other) == value:
        return EXACT
    return differ("words on one side, a value on the other")


def _without_article(words: str) -> str:
    for article in ("a ", "an ", "the "):
        if words.startswith(article):
            return words.removeprefix(article)
    return words


_Rule = Callable[[Tree, Tree, Context], Outcome]
_RULES: tuple[tuple[type, _Rule], ...] = (
    (Clock, _clocks),
    (Date, _dates),
    (Quantity, _quantities),
    (Based, _bases),
    (Ordinal, _ordinals),
    (Ratio, _ratios),
    (Text, _texts),
)
_PLACES: dict[type, int] = {kind: place for place, (kind, _) in enumerate(_RULES)}
_LAST = len(_RULES)
