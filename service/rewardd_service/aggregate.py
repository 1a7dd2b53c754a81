"""Judged samples to results: group rules, filters, advantages, and the order of the request.

Pure but for the results that it hands out as they become final: a sample that no group rule
looks at leaves at once, the others leave with their group.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from rewardd_service.combine import Judged, judge, usable
from rewardd_service.conditions import in_steps
from rewardd_service.plan import Plan, Task
from rewardd_service.recipes import BoundRecipe
from rewardd_verifiers import Reason
from rewardd_verifiers.groups import Member

Deliver = Callable[[int, dict[str, Any]], None]
"""Takes the place of a sample in the request, and its result in the shape of the wire."""

GroupKey = tuple[str, str]


class Aggregator:
    """Collects the settled tasks of one request.

    Attributes:
        results: one per sample, in order; complete when all tasks were taken.
    """

    def __init__(self, plan: Plan, deliver: Deliver | None = None) -> None:
        self._deliver = deliver
        self._missing: dict[GroupKey, int] = {}
        self._judged: dict[GroupKey, list[Judged]] = {}
        self.results: list[dict[str, Any]] = [{}] * len(plan.tasks)
        self._summaries: dict[GroupKey, dict[str, Any]] = {}
        for task in plan.tasks:
            key = task.group
            if key is not None:
                self._missing[key] = self._missing.get(key, 0) + 1

    @property
    def groups(self) -> list[dict[str, Any]]:
        """Return summaries of all groups that have a name, in order of appearance.

        Not in the order in which they were settled: equal requests have equal answers.
        """
        return [self._summaries[key] for key in self._missing if key in self._summaries]

    def take(self, task: Task) -> None:
        """Take a settled task; each exactly once."""
        judged = judge(task)
        key = task.group
        if key is None:
            self._finish(judged, [], None)
            return
        members = self._judged.setdefault(key, [])
        members.append(judged)
        if not _waits_for_group(task.recipe):
            self._finish(judged, [], None)
        self._missing[key] -= 1
        if self._missing[key] == 0:
            members.sort(key=lambda member: member.task.index)
            self._settle_group(key, members)

    def _settle_group(self, key: GroupKey, judged: Sequence[Judged]) -> None:
        recipe = judged[0].task.recipe
        scored = [member for member in judged if member.reward is not None]
        keep, detail = _filtered(recipe, scored)
        rules = _apply_rules(recipe, judged, scored)
        scored = [member for member in scored if member.reward is not None]
        rewards = [member.reward for member in scored if member.reward is not None]
        self._summaries[key] = _summary(key[0], len(judged), rewards, keep=keep, detail=detail)
        if not _waits_for_group(recipe):
            return
        previews: dict[int, float] = {}
        if recipe.advantage is not None and rewards:
            values = recipe.advantage.advantages(rewards)
            previews = {m.task.index: value for m, value in zip(scored, values, strict=True)}
        for member in judged:
            index = member.task.index
            self._finish(member, rules.get(index, []), previews.get(index))

    def _finish(self, judged: Judged, rules: list[dict[str, Any]], advantage: float | None) -> None:
        index = judged.task.index
        result: dict[str, Any] = {
            "id": judged.task.sample.id,
            "reward": judged.reward,
            "status": "unscored" if judged.reward is None else "scored",
            "reason": judged.reason,
            "recipe": judged.task.recipe.label,
            "terms": judged.terms,
            "rules": rules,
            "advantage": advantage,
        }
        self.results[index] = result
        if self._deliver is not None:
            self._deliver(index, result)


def _waits_for_group(recipe: BoundRecipe) -> bool:
    return bool(recipe.rules) or recipe.advantage is not None


def _apply_rules(
    recipe: BoundRecipe, judged: Sequence[Judged], scored: Sequence[Judged]
) -> dict[int, list[dict[str, Any]]]:
    """Add each rule's values to the rewards of the scored; return what to show for all."""
    if not recipe.rules:
        return {}
    shown: dict[int, list[dict[str, Any]]] = {member.task.index: [] for member in judged}
    base = {member.task.index: member.reward or 0.0 for member in scored}
    for rule in recipe.rules:
        spec = rule.spec
        known = [member for member in scored if not _lacks_score(member, spec.of)]
        members = [_member(member, spec.of, base[member.task.index]) for member in known]
        values = rule.function.values(members) if members else []
        by_index = {m.task.index: value for m, value in zip(known, values, strict=True)}
        for member in judged:
            if not in_steps(spec.from_step, spec.until_step, member.task.sample):
                continue
            value = by_index.get(member.task.index)
            if value is not None:
                _add(member, spec.weight * value)
            if member.reward is None:
                value = None
            entry = {"rule": spec.rule, "value": value, "weight": spec.weight, "detail": ""}
            shown[member.task.index].append(entry)
    return shown


def _add(member: Judged, amount: float) -> None:
    if member.reward is None:
        return
    member.reward += amount
    if not usable(member.reward):
        member.reward, member.reason = None, Reason.FAULT


def _lacks_score(judged: Judged, of: str | None) -> bool:
    """Whether the term could not be judged; behind a failed gate it was not asked, and is wrong."""
    name = _name(judged, of)
    return name in judged.scores and judged.scores[name] is None


def _filtered(recipe: BoundRecipe, scored: Sequence[Judged]) -> tuple[bool | None, str]:
    """Return whether all filters keep the group, and why the first one does not."""
    if not recipe.filters:
        return None, ""
    for entry in recipe.filters:
        known = [member for member in scored if not _lacks_score(member, entry.spec.of)]
        members = [_member(member, entry.spec.of, member.reward or 0.0) for member in known]
        kept = entry.function.keep(members)
        if not kept.keep:
            return False, f"{entry.spec.filter}: {kept.detail}"
    return True, ""


def _member(judged: Judged, of: str | None, reward: float) -> Member:
    sample = judged.task.sample
    return Member(
        reward=reward,
        score=judged.scores.get(_name(judged, of)),
        length=sample.length,
        finish_reason=sample.finish_reason,
    )


def _name(judged: Judged, of: str | None) -> str:
    return of if of is not None else judged.task.recipe.terms[0].name


def _summary(
    name: str, size: int, rewards: Sequence[float], *, keep: bool | None, detail: str
) -> dict[str, Any]:
    mean = math.fsum(rewards) / len(rewards) if rewards else None
    std = None
    if mean is not None:
        std = math.sqrt(math.fsum((r - mean) ** 2 for r in rewards) / len(rewards))
    return {
        "group": name,
        "size": size,
        "scored": len(rewards),
        "mean": mean,
        "std": std,
        "keep": keep,
        "detail": detail,
    }
