from typing import Any

import pytest

from rewardd_client.schema import Recipe, ScoreRequest
from rewardd_service.cli.arithmetic import arithmetic
from rewardd_service.cli.engines import EmbeddedEngine

GATE = {"name": "layout", "verifier": "format", "weight": 0.1, "gate": True}
EXACT = {"name": "answer", "verifier": "exact", "weight": 0.9}
POINTS = {"verifier": "exact", "points": {"match": 2, "otherwise": -1.5}}
LENGTH = {"rule": "kimi_length", "of": "exact", "weight": 0.5}

# Recipe, completions of a group (reference "1", lengths 100, 200, ...), lines about the first.
CASES: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {
    "sum": (
        {"terms": [GATE, EXACT]},
        ["1"],
        ["0.1 * 1 (layout) + 0.9 * 1 (answer) = 1", "reward = 1"],
    ),
    "gate": (
        {"terms": [GATE, EXACT]},
        ["2"],
        ["0.1 * 0 (layout) = 0", "reward = 0", "not run: answer: the gate layout did not open"],
    ),
    "product": (
        {"terms": [{**GATE, "gate": False}, EXACT], "combine": "product"},
        ["1"],
        ["0.1 * 1 (layout) * 0.9 * 1 (answer) = 0.09", "reward = 0.09"],
    ),
    "min": (
        {"terms": [{**GATE, "gate": False}, EXACT], "combine": "min"},
        ["1"],
        ["min(0.1 * 1 (layout), 0.9 * 1 (answer)) = 0.1", "reward = 0.1"],
    ),
    "points": (
        {"terms": [POINTS]},
        ["2"],
        ["-1.5 (exact: points for mismatch) = -1.5", "reward = -1.5"],
    ),
    "weight 0": (
        {"terms": [{**EXACT, "weight": 0}, {"verifier": "exact"}]},
        ["1"],
        [
            "1 * 1 (exact) = 1",
            "reward = 1",
            "answer has weight 0: it is measured, and does not count",
        ],
    ),
    "group rule": (
        {"terms": [{"verifier": "exact"}], "group_rules": [LENGTH]},
        ["1", "1"],
        ["1 * 1 (exact) = 1", "+ 0.25 = 0.5 * 0.5 (kimi_length, of the group)", "reward = 1.25"],
    ),
    "unscored": (
        {"terms": [{"verifier": "exact"}]},
        ["?"],
        ["no reward: exact came to no verdict (undecided); a trainer leaves it out"],
    ),
    "unfinished": (
        {"terms": [EXACT], "unfinished": -10},
        ["1"],
        ["the completion is unfinished: the recipe gives -10"],
    ),
    "does not apply": (
        {"terms": [EXACT, {"verifier": "format", "when": {"metadata.kind": "other"}}]},
        ["1"],
        [
            "0.9 * 1 (answer) = 0.9",
            "reward = 0.9",
            "not run: format: they do not apply to this sample",
        ],
    ),
}


@pytest.mark.parametrize(("fields", "completions", "lines"), CASES.values(), ids=CASES)
async def test_the_steps_give_the_reward_that_the_scorer_gave(
    engine: EmbeddedEngine, fields: dict[str, Any], completions: list[str], lines: list[str]
) -> None:
    recipe = Recipe.model_validate({"name": "r", **fields})
    samples = [
        {
            "completion": text,
            "reference": "1",
            "group": "g",
            "length": 100 * n,
            "finish_reason": "length",
        }
        for n, text in enumerate(completions, start=1)
    ]
    request = ScoreRequest.model_validate({"reward": recipe, "samples": samples})
    result = (await engine.score(request)).results[0]
    steps = arithmetic(result, recipe)
    assert steps.lines == lines
    assert steps.adds_up is (None if result.reward is None else True)


async def test_shared_weights_of_terms_without_a_score_are_told(engine: EmbeddedEngine) -> None:
    recipe = Recipe.model_validate(
        {
            "name": "r",
            "rescale": True,
            "terms": [
                {"verifier": "exact"},
                {"verifier": "format", "needed": False, "reference_key": "absent", "weight": 3},
            ],
        }
    )
    request = ScoreRequest.model_validate(
        {"reward": recipe, "samples": [{"completion": "1", "reference": "1"}]}
    )
    steps = arithmetic((await engine.score(request)).results[0], recipe)
    assert steps.lines == [
        "(1 * 1 (exact)) * 4 (for the weight of terms without a score) = 4",
        "reward = 4",
        "format came to no verdict (invalid_reference), and is not needed",
    ]


async def test_steps_that_do_not_give_the_reward_say_so(engine: EmbeddedEngine) -> None:
    recipe = Recipe.model_validate({"name": "r", "terms": [{"verifier": "exact"}]})
    request = ScoreRequest.model_validate(
        {"reward": recipe, "samples": [{"completion": "1", "reference": "1"}]}
    )
    told = (await engine.score(request)).results[0].model_copy(update={"reward": 0.5})
    steps = arithmetic(told, recipe)
    assert steps.adds_up is False
    assert "these steps give 1, and the reward that was told is another" in steps.lines
