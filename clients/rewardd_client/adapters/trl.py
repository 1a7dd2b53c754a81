"""Reward functions for TRL's GRPOTrainer, also as Unsloth and axolotl call it.

Set by the environment: `REWARDD_URL`, `REWARDD_REWARD`, and perhaps `REWARDD_KEY`,
`REWARDD_REFERENCE`, `REWARDD_DEADLINE_SECONDS`, `REWARDD_UNSCORED`. A sample without a verdict is
None, which TRL leaves out of the baseline and gives no advantage (huggingface/trl PR#5902).
"""

import functools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol, cast

from rewardd_client.async_client import AsyncClient
from rewardd_client.batch import Batch
from rewardd_client.client import Client
from rewardd_client.columns import references_in
from rewardd_client.environment import Missing, environment
from rewardd_client.metrics import extracted_answer
from rewardd_client.schema import Recipe

LogMetric = Callable[[str, float], object]
LogExtra = Callable[[str, list[Any]], object]

Text = str | list[dict[str, Any]]
"""What TRL hands over: plain text, or messages where the data is conversational."""


class _State(Protocol):
    """The part of TRL's `trainer_state` that recipes ask for."""

    @property
    def global_step(self) -> int: ...


async def reward(
    *,
    prompts: Sequence[Text],
    completions: Sequence[Text],
    completion_ids: Sequence[Sequence[int]] | None = None,
    trainer_state: _State | None = None,
    log_metric: LogMetric | None = None,
    log_extra: LogExtra | None = None,
    **columns: object,
) -> list[float | None]:
    """Return a reward per completion; None where there is no verdict.

    TRL calls this in a thread of its own, and gathers it with other asynchronous rewards.

    Raises:
        RewarddError: the whole batch failed; the run ends rather than train on it.
        ValueError: the environment or the columns do not fit.
    """
    recipe = await _recipe_async()
    groups = _groups(prompts, recipe)
    samples = _samples(groups, prompts, completions, completion_ids, columns)
    batch = await async_client().score(_at_step(samples, trainer_state), environment().reward)
    return _report(batch, recipe, log_metric, log_extra)


def reward_sync(
    *,
    prompts: Sequence[Text],
    completions: Sequence[Text],
    completion_ids: Sequence[Sequence[int]] | None = None,
    trainer_state: _State | None = None,
    log_metric: LogMetric | None = None,
    log_extra: LogExtra | None = None,
    **columns: object,
) -> list[float | None]:
    """Return what `reward` returns, for trainers that do not await (Unsloth's MLX trainer)."""
    recipe = _recipe()
    groups = _groups(prompts, recipe)
    samples = _samples(groups, prompts, completions, completion_ids, columns)
    batch = client().score(_at_step(samples, trainer_state), environment().reward)
    return _report(batch, recipe, log_metric, log_extra)


@functools.cache
def client() -> Client:
    """Return this process's client, made at the first call."""
    settings = environment()
    return Client(settings.urls, key=settings.key, deadline_seconds=settings.deadline_seconds)


@functools.cache
def async_client() -> AsyncClient:
    """Return this process's client, made at the first call."""
    settings = environment()
    return AsyncClient(settings.urls, key=settings.key, deadline_seconds=settings.deadline_seconds)


_recipes: dict[str, Recipe | None] = {}
"""By name, asked once a process; None for a verifier, which is a recipe of one term."""


def _recipe() -> Recipe | None:
    name = environment().reward
    if name not in _recipes:
        _recipes[name] = _named(name, client().recipes())
    return _recipes[name]


async def _recipe_async() -> Recipe | None:
    name = environment().reward
    if name not in _recipes:
        _recipes[name] = _named(name, await async_client().recipes())
    return _recipes[name]


def _named(name: str, recipes: Sequence[Recipe]) -> Recipe | None:
    return next((recipe for recipe in recipes if recipe.name == name), None)


def _samples(
    groups: Sequence[str],
    prompts: Sequence[Text],
    completions: Sequence[Text],
    completion_ids: Sequence[Sequence[int]] | None,
    columns: Mapping[str, object],
) -> list[dict[str, Any]]:
    references = references_in(columns, environment().reference, len(completions))
    lengths = [None] * len(completions) if completion_ids is None else map(len, completion_ids)
    return [
        {
            "group": group,
            "prompt": _text_only(prompt),
            "completion": _text_only(completion),
            "reference": reference,
            "length": length,
        }
        for group, prompt, completion, reference, length in zip(
            groups, prompts, completions, references, lengths, strict=True
        )
    ]


def _at_step(samples: list[dict[str, Any]], state: _State | None) -> list[dict[str, Any]]:
    if state is None:
        return samples
    return [{**sample, "metadata": {"step": state.global_step}} for sample in samples]


def _groups(prompts: Sequence[Text], recipe: Recipe | None) -> list[str]:
    """Name each completion's group: TRL puts those of one prompt side by side."""
    size = None if recipe is None else recipe.group_size
    groups = [
        # A prompt that stands twice in the batch makes a run of two groups.
        f"{number}-{place // size if size else 0}"
        for number, (_, run) in enumerate(groupby(prompts))
        for place, _ in enumerate(run)
    ]
    if recipe is not None and (recipe.group_rules or recipe.filters or recipe.advantage):
        _refuse_cut_groups(recipe, groups)
    return groups


def _text_only(text: Text) -> Text:
    """Leave out what is no text, such as the images of a multimodal prompt: no JSON holds them."""
    if isinstance(text, str):
        return text
    return [{**message, "content": _text_parts(message.get("content"))} for message in text]


def _text_parts(content: object) -> object:
    if not isinstance(content, list):
        return content
    parts = cast("list[Mapping[str, object]]", content)
    return [part for part in parts if "text" in part]


def _refuse_cut_groups(recipe: Recipe, groups: Sequence[str]) -> None:
    if recipe.group_size is None:
        raise ValueError(f"recipe {recipe.name} judges whole groups: give it a group_size")
    if wrong := set(Counter(groups).values()) - {recipe.group_size}:
        raise ValueError(
            f"recipe {recipe.name} judges groups of {recipe.group_size}, but prompts came with "
            f"{sorted(wrong)} completions: make num_generations {recipe.group_size}, and "
            f"per_device_train_batch_size a multiple of it"
        )


def _report(
    batch: Batch, recipe: Recipe | None, log_metric: LogMetric | None, log_extra: LogExtra | None
) -> list[float | None]:
    terms = [] if recipe is None else [term.name or term.verifier for term in recipe.terms]
    if log_metric is not None:
        for name, value in batch.metrics(terms or [environment().reward]).items():
            log_metric(f"rewardd/{name}", value)
    if log_extra is not None:
        log_extra("rewardd_reason", [result.reason for result in batch])
        log_extra("rewardd_answer", [extracted_answer(result) or "" for result in batch])
    return _filled_in(batch)


def _filled_in(batch: Batch) -> list[float | None]:
    unscored = environment().unscored
    if unscored is Missing.RAISE:
        return list(batch.require())
    if unscored is None or isinstance(unscored, Missing):
        return batch.rewards
    # The user's number, and nobody else's; `rewardd/unscored` counts how often it was used.
    return [unscored if reward is None else reward for reward in batch.rewards]
