"""How the reward of a result comes about, step by step, and whether the steps add up."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rewardd_client.schema import Recipe, Result, RuleResult, Term, TermResult

_UNFINISHED = "unfinished"
_SYMBOLS: Mapping[str, str] = {"sum": " + ", "product": " * ", "min": ", "}


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The steps in words.

    Attributes:
        lines: to be read from top to bottom.
        adds_up: whether they give the reward that was told; None where there is none.
    """

    lines: list[str]
    adds_up: bool | None


def arithmetic(result: Result, recipe: Recipe) -> Arithmetic:
    """Recompute a reward from the terms and rules of its result."""
    if result.reward is None:
        return Arithmetic([_no_reward(result, recipe), *_not_run(result, recipe)], None)
    if result.reason == _UNFINISHED:
        line = f"the completion is unfinished: the recipe gives {number(result.reward)}"
        return Arithmetic([line, *_not_run(result, recipe)], result.reward == recipe.unfinished)
    terms = {term.name or term.verifier: term for term in recipe.terms}
    counted = [term for term in result.terms if _counts(terms.get(term.name), term)]
    scale = _scale(result.terms) if recipe.rescale else 1.0
    combined = _combined(recipe.combine, [term.contribution or 0.0 for term in counted]) * scale
    rules = [rule for rule in result.rules if rule.value is not None]
    total = combined + math.fsum(rule.weight * (rule.value or 0.0) for rule in rules)
    adds_up = math.isclose(total, result.reward, rel_tol=1e-9, abs_tol=1e-9)
    lines = [_formula(recipe.combine, [_step(term, terms) for term in counted], scale, combined)]
    lines += [_rule(rule) for rule in rules]
    lines.append(f"reward = {number(result.reward)}")
    if not adds_up:
        lines.append(f"these steps give {number(total)}, and the reward that was told is another")
    return Arithmetic([*lines, *_left_out(result, terms), *_not_run(result, recipe)], adds_up)


def number(value: float) -> str:
    """Return a number as short as it can be read without loss of meaning."""
    return f"{value:.6g}"


def _counts(term: Term | None, shown: TermResult) -> bool:
    by_points = term is not None and term.points is not None
    return shown.contribution is not None and (by_points or shown.weight != 0)


def _combined(combine: str, values: list[float]) -> float:
    if combine == "product":
        return math.prod(values) if values else 0.0
    return min(values, default=0.0) if combine == "min" else math.fsum(values)


def _scale(terms: Iterable[TermResult]) -> float:
    listed = list(terms)
    total = math.fsum(abs(term.weight) for term in listed)
    scored = math.fsum(abs(term.weight) for term in listed if term.score is not None)
    return total / scored if scored else 1.0


def _step(shown: TermResult, terms: Mapping[str, Term]) -> str:
    term = terms.get(shown.name)
    if term is not None and term.points is not None:
        return f"{number(shown.contribution or 0.0)} ({shown.name}: points for {shown.reason})"
    return f"{number(shown.weight)} * {number(shown.score or 0.0)} ({shown.name})"


def _formula(combine: str, steps: list[str], scale: float, combined: float) -> str:
    joined = _SYMBOLS[combine].join(steps) or "nothing counted"
    if combine == "min":
        joined = f"min({joined})"
    if scale != 1.0:
        joined = f"({joined}) * {number(scale)} (for the weight of terms without a score)"
    return f"{joined} = {number(combined)}"


def _rule(rule: RuleResult) -> str:
    value = rule.value or 0.0
    gained = rule.weight * value
    sign = "-" if gained < 0 else "+"
    step = f"{number(rule.weight)} * {number(value)} ({rule.rule}, of the group)"
    return f"{sign} {number(abs(gained))} = {step}"


def _no_reward(result: Result, recipe: Recipe) -> str:
    unscored = [term.name for term in result.terms if term.score is None]
    needed = {term.name or term.verifier for term in recipe.terms if term.needed or term.gate}
    named = ", ".join(name for name in unscored if name in needed) or "its recipe"
    return f"no reward: {named} came to no verdict ({result.reason}); a trainer leaves it out"


def _left_out(result: Result, terms: Mapping[str, Term]) -> list[str]:
    lines: list[str] = []
    for shown in result.terms:
        if shown.score is None:
            lines.append(f"{shown.name} came to no verdict ({shown.reason}), and is not needed")
        elif not _counts(terms.get(shown.name), shown):
            lines.append(f"{shown.name} has weight 0: it is measured, and does not count")
    return lines


def _not_run(result: Result, recipe: Recipe) -> list[str]:
    ran = {term.name: term for term in result.terms}
    absent = [name for term in recipe.terms if (name := term.name or term.verifier) not in ran]
    if not absent or result.reason == _UNFINISHED:
        return []
    gates = [term.name or term.verifier for term in recipe.terms if term.gate]
    shut = [name for name in gates if name in ran and (ran[name].score or 0.0) < 1.0]
    why = f"the gate {shut[0]} did not open" if shut else "they do not apply to this sample"
    return [f"not run: {', '.join(absent)}: {why}"]
