import random
from collections.abc import Callable
from typing import Any

import pytest

from fakes import InstantBackend
from rewardd_client.schema import ScoreRequest
from rewardd_service.errors import RequestRefusedError
from rewardd_service.scorer import Scorer

MakeScorer = Callable[..., Scorer]
RequestOf = Callable[..., ScoreRequest]

SCORES = {
    "right": (1.0, "match"),
    "wrong": (0.0, "mismatch"),
    "unreadable": (0.0, "unparseable_answer"),
    "half": (0.5, "partial"),
    "lost": (None, "worker_lost"),
}


def scripted(verifier: str, completion: str, _reference: object) -> tuple[float | None, str]:
    """Judge by the completion's script, e.g. "format=right exact=half"."""
    script = dict(part.split("=") for part in completion.split())
    return SCORES[script.get(verifier, "right")]


def _recipe(*terms: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "tested", "terms": list(terms), **fields}


ACCURACY = {"name": "accuracy", "verifier": "exact"}
FORMAT = {"verifier": "format"}


@pytest.fixture
def score(make_scorer: MakeScorer, request_of: RequestOf) -> Callable[..., Any]:
    async def score(recipe: dict[str, Any], *samples: Any, **fields: Any) -> Any:
        scorer = make_scorer(InstantBackend(scripted))
        whole = [
            {"completion": s, "reference": "x"} if isinstance(s, str) else {"reference": "x", **s}
            for s in samples
        ]
        return await scorer.score(request_of(*whole, reward=recipe, **fields))

    return score


async def _rewards(score: Callable[..., Any], recipe: dict[str, Any], *samples: Any) -> list[Any]:
    outcome = await score(recipe, *samples)
    return [result["reward"] for result in outcome.results]


async def test_weights_are_summed_and_a_negative_one_is_a_penalty(score: Any) -> None:
    recipe = _recipe({**ACCURACY, "weight": 2}, {"verifier": "overlong", "weight": -1})
    rewards = await _rewards(score, recipe, "exact=right overlong=half", "exact=wrong")
    assert rewards == [1.5, -1.0]


async def test_a_penalty_that_does_not_apply_is_no_reason(score: Any) -> None:
    recipe = _recipe(ACCURACY, {"verifier": "overlong", "weight": -1})
    outcome = await score(recipe, "overlong=wrong", "overlong=half", "exact=wrong overlong=half")
    assert [result["reason"] for result in outcome.results] == ["match", "partial", "mismatch"]


async def test_equal_weights_without_a_gate_give_r1_zeros_rewards(score: Any) -> None:
    samples = (
        "exact=right format=right",
        "exact=wrong format=right",
        "exact=right format=wrong",
        "exact=wrong format=wrong",
    )
    recipe = _recipe(ACCURACY, FORMAT)
    assert await _rewards(score, recipe, *samples) == [2.0, 1.0, 1.0, 0.0]


async def test_a_failed_gate_ends_the_sample_with_the_sum_so_far(score: Any) -> None:
    recipe = _recipe({**FORMAT, "weight": 0.1, "gate": True}, {**ACCURACY, "weight": 0.9})
    outcome = await score(recipe, "format=wrong exact=right", "format=half", "exact=half")
    assert [result["reward"] for result in outcome.results] == pytest.approx([0.0, 0.05, 0.55])
    assert [term["name"] for term in outcome.results[0]["terms"]] == ["format"]


async def test_a_gate_without_weight_gives_its_reason(score: Any) -> None:
    recipe = _recipe({**FORMAT, "weight": 0, "gate": True}, ACCURACY)
    outcome = await score(recipe, "format=wrong")
    assert (outcome.results[0]["reward"], outcome.results[0]["reason"]) == (0.0, "mismatch")


async def test_points_by_reason_write_logic_rl(score: Any) -> None:
    recipe = _recipe(
        {**FORMAT, "gate": True, "points": {"match": 1, "otherwise": -3}},
        {**ACCURACY, "points": {"match": 2, "mismatch": -1.5, "otherwise": -2}},
    )
    samples = ("exact=right", "exact=wrong", "exact=unreadable", "format=wrong")
    assert await _rewards(score, recipe, *samples) == [3.0, -0.5, -1.0, -3.0]


async def test_points_do_not_apply_to_what_could_not_be_judged(score: Any) -> None:
    recipe = _recipe({**ACCURACY, "points": {"match": 1, "otherwise": -1}})
    assert await _rewards(score, recipe, "exact=lost") == [None]


async def test_an_unscored_needed_term_leaves_the_sample_unscored(score: Any) -> None:
    outcome = await score(_recipe(ACCURACY, FORMAT), "exact=lost format=wrong")
    assert (outcome.results[0]["reward"], outcome.results[0]["reason"]) == (None, "worker_lost")


async def test_an_optional_term_is_left_out(score: Any) -> None:
    recipe = _recipe({**ACCURACY, "weight": 0.5}, {**FORMAT, "weight": 0.5, "needed": False})
    outcome = await score(recipe, "exact=right format=lost")
    assert (outcome.results[0]["reward"], outcome.results[0]["reason"]) == (0.5, "match")
    assert await _rewards(score, {**recipe, "rescale": True}, "format=lost") == [1.0]


@pytest.mark.parametrize("combine", ["sum", "product", "min"])
async def test_a_sample_of_which_no_term_has_a_score_is_unscored_rather_than_zero(
    score: Any, combine: str
) -> None:
    optional = {**ACCURACY, "needed": False}
    recipe = _recipe(optional, {**FORMAT, "weight": 0}, combine=combine)
    outcome = await score(recipe, "exact=lost", "exact=wrong")
    shown = [(result["reward"], result["reason"]) for result in outcome.results]
    assert shown == [(None, "worker_lost"), (0.0, "mismatch")]


async def test_an_unscored_gate_leaves_the_sample_unscored(score: Any) -> None:
    recipe = _recipe({**FORMAT, "gate": True, "needed": False}, ACCURACY)
    assert await _rewards(score, recipe, "format=lost exact=right") == [None]


async def test_weight_zero_measures_without_counting(score: Any) -> None:
    recipe = _recipe(ACCURACY, {**FORMAT, "weight": 0}, combine="product")
    outcome = await score(recipe, "exact=right format=wrong")
    assert outcome.results[0]["reward"] == 1.0
    assert outcome.results[0]["terms"][1]["score"] == 0.0


@pytest.mark.parametrize(("combine", "reward"), [("sum", 2.5), ("product", 1.0), ("min", 0.5)])
async def test_contributions_combine_as_asked(score: Any, combine: str, reward: float) -> None:
    recipe = _recipe({**ACCURACY, "weight": 2}, FORMAT, combine=combine)
    assert await _rewards(score, recipe, "exact=right format=half") == [reward]


async def test_unfinished_replaces_the_reward_and_runs_nothing(score: Any) -> None:
    recipe = _recipe({**ACCURACY, "weight": 10}, unfinished=-10)
    samples = [
        {"completion": "exact=right", "finish_reason": "length"},
        {"completion": "exact=right", "finish_reason": "stop"},
    ]
    outcome = await score(recipe, *samples)
    assert [result["reward"] for result in outcome.results] == [-10.0, 10.0]
    assert (outcome.results[0]["reason"], outcome.results[0]["terms"]) == ("unfinished", [])


async def test_terms_run_only_in_their_steps(score: Any) -> None:
    recipe = _recipe(ACCURACY, {**FORMAT, "from_step": 100, "until_step": 200})
    steps = [{"completion": "", "metadata": {"step": step}} for step in (99, 100, 199, 200)]
    assert await _rewards(score, recipe, *steps) == [1.0, 2.0, 2.0, 1.0]


@pytest.mark.parametrize("step", ["100", 100.0, True, float("nan"), [100], None])
async def test_a_step_that_is_no_whole_number_is_refused_rather_than_ignored(
    score: Any, step: object
) -> None:
    recipe = _recipe(ACCURACY, {**FORMAT, "from_step": 100})
    with pytest.raises(RequestRefusedError) as refused:
        await score(recipe, {"completion": "", "metadata": {"step": step}})
    assert refused.value.code == "missing_input"
    assert refused.value.errors[0].field == "samples[0].metadata.step"


async def test_terms_run_only_where_their_conditions_hold(score: Any) -> None:
    recipe = _recipe(ACCURACY, {**FORMAT, "when": {"metadata.kind": "safety"}})
    samples = [{"completion": ""}, {"completion": "", "metadata": {"kind": "safety"}}]
    assert await _rewards(score, recipe, *samples) == [1.0, 2.0]


async def test_a_sample_to_which_no_term_applies_is_refused_rather_than_zero(score: Any) -> None:
    recipe = _recipe({**ACCURACY, "when": {"metadata.kind": "math"}})
    with pytest.raises(RequestRefusedError, match="no term"):
        await score(recipe, {"completion": ""})


async def test_kimi_length_never_mixes_groups(score: Any) -> None:
    rule = {"rule": "kimi_length", "of": "accuracy"}
    recipe = _recipe(ACCURACY, group_rules=[rule])
    samples = [
        {"completion": "exact=right", "group": group, "length": length}
        for group, length in (("a", 100), ("b", 1000), ("a", 200), ("b", 3000))
    ]
    assert await _rewards(score, recipe, *samples) == [1.5, 1.5, 0.5, 0.5]


async def test_kimi_length_leaves_unscored_samples_out_of_the_extremes(score: Any) -> None:
    rule = {"rule": "kimi_length", "of": "accuracy", "weight": 0.5}
    recipe = _recipe(ACCURACY, group_rules=[rule])
    samples = [
        {"completion": "exact=right", "group": "g", "length": 100},
        {"completion": "exact=lost", "group": "g", "length": 9000},
        {"completion": "exact=wrong", "group": "g", "length": 300},
    ]
    outcome = await score(recipe, *samples)
    assert [result["reward"] for result in outcome.results] == [1.25, None, -0.25]
    assert outcome.results[1]["rules"][0]["value"] is None


KIMI = {"rule": "kimi_length", "of": "accuracy"}


async def test_a_group_rule_takes_an_optional_term_without_a_score_for_no_wrong_answer(
    score: Any,
) -> None:
    recipe = _recipe(
        {**ACCURACY, "needed": False},
        FORMAT,
        group_rules=[KIMI],
        filters=[{"filter": "accuracy_range", "of": "accuracy", "params": {"low": 0.9, "high": 1}}],
    )
    samples = [
        {"completion": f"exact={told}", "group": "g", "length": length}
        for told, length in (("right", 100), ("lost", 9000), ("right", 300))
    ]
    outcome = await score(recipe, *samples)
    assert [result["reward"] for result in outcome.results] == [2.5, 1.0, 1.5]
    assert outcome.results[1]["rules"][0]["value"] is None
    assert outcome.groups[0]["keep"] is True


HUGE = 1.7e308


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"terms": [{**ACCURACY, "weight": HUGE}]}, id="weight"),
        pytest.param({"terms": [{**ACCURACY, "weight": 1e200}]}, id="square"),
        pytest.param({"terms": [ACCURACY], "group_rules": [{**KIMI, "weight": HUGE}]}, id="rule"),
        pytest.param(
            {
                "terms": [ACCURACY],
                "group_rules": [
                    {
                        "rule": "cosine",
                        "of": "accuracy",
                        "params": {"correct_min": -HUGE, "correct_max": HUGE},
                    }
                ],
            },
            id="cosine",
        ),
    ],
)
@pytest.mark.parametrize("advantage", [None, "grpo", "grpo_trl", "dr_grpo", "rloo"])
async def test_a_reward_that_no_tensor_holds_is_unscored(
    score: Any, fields: dict[str, Any], advantage: str | None
) -> None:
    recipe = {"name": "tested", "advantage": advantage, **fields}
    samples = [{"completion": "exact=right", "group": "g", "length": n} for n in (0, 1000)]
    outcome = await score(recipe, *samples)
    told = [(result["reward"], result["status"], result["reason"]) for result in outcome.results]
    assert told == [(None, "unscored", "fault")] * 2
    assert outcome.groups[0] == {
        **outcome.groups[0],
        "scored": 0,
        "mean": None,
        "std": None,
    }


async def test_groups_are_summed_up_in_order_of_appearance(score: Any) -> None:
    samples = [
        {"completion": "", "group": "judged", "finish_reason": "stop"},
        {"completion": "", "group": "known_at_once", "finish_reason": "length"},
    ]
    outcome = await score(_recipe(ACCURACY, unfinished=0), *samples)
    assert [group["group"] for group in outcome.groups] == ["judged", "known_at_once"]


async def test_a_group_rule_without_groups_names_the_field(score: Any) -> None:
    recipe = _recipe(ACCURACY, group_rules=[{"rule": "kimi_length", "of": "accuracy"}])
    with pytest.raises(RequestRefusedError, match=r"samples\[0\]\.group"):
        await score(recipe, {"completion": "", "length": 3})


async def test_half_a_group_is_refused(score: Any) -> None:
    recipe = _recipe(ACCURACY, group_size=2)
    with pytest.raises(RequestRefusedError, match="has 1 samples, the recipe asks for 2"):
        await score(recipe, {"completion": "", "group": "g"})


async def test_filters_look_at_the_term_and_advantages_at_the_reward(score: Any) -> None:
    recipe = _recipe(
        ACCURACY,
        filters=[{"filter": "dynamic_sampling", "of": "accuracy"}],
        advantage="rloo",
    )
    right, wrong = ({"completion": f"exact={c}", "group": "g"} for c in ("right", "wrong"))
    outcome = await score(recipe, right, wrong, wrong, right)
    advantages = [result["advantage"] for result in outcome.results]
    assert advantages == pytest.approx([2 / 3, -2 / 3, -2 / 3, 2 / 3])
    assert outcome.groups == [
        {"group": "g", "size": 4, "scored": 4, "mean": 0.5, "std": 0.5, "keep": True, "detail": ""}
    ]


async def test_a_group_without_variance_says_why_it_is_dropped(score: Any) -> None:
    recipe = _recipe(ACCURACY, filters=[{"filter": "dynamic_sampling", "of": "accuracy"}])
    sample = {"completion": "exact=right", "group": "g"}
    outcome = await score(recipe, sample, sample)
    assert outcome.groups[0]["keep"] is False
    assert outcome.groups[0]["detail"] == "dynamic_sampling: all scores are 1"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"group_rules": [{"rule": "kimi"}]}, "group_rules[0].rule", id="rule"),
        pytest.param(
            {"group_rules": [{"rule": "kimi_length", "of": "x"}]}, "group_rules[0].of", id="of"
        ),
        pytest.param({"filters": [{"filter": "none"}]}, "filters[0].filter", id="filter"),
        pytest.param(
            {"filters": [{"filter": "accuracy_range", "params": {"low": 2}}]},
            "filters[0].filter.params.low",
            id="filter_params",
        ),
        pytest.param({"advantage": "ppo"}, "advantage", id="advantage"),
        pytest.param(
            {"terms": [{**ACCURACY, "points": {"match": 1}}]}, "terms[0].points", id="points"
        ),
        pytest.param(
            {"terms": [{**ACCURACY, "points": {"timeout": 0, "otherwise": 0}}]},
            "terms[0].points",
            id="unscored_points",
        ),
        pytest.param({"terms": [ACCURACY, ACCURACY]}, "terms[1].name", id="twice"),
        pytest.param(
            {"terms": [{**ACCURACY, "from_step": 5, "until_step": 5}]},
            "terms[0].until_step",
            id="steps",
        ),
        pytest.param({"terms": [{**ACCURACY, "when": {"x": 1}}]}, "terms[0].when", id="when"),
        pytest.param(
            {"terms": [{**ACCURACY, "when": {"groups": 1}}]},
            "terms[0].when",
            id="when_begins_alike",
        ),
    ],
)
async def test_a_recipe_that_makes_no_sense_names_the_field(
    score: Any, fields: dict[str, Any], field: str
) -> None:
    recipe = {"name": "tested", "terms": [ACCURACY], **fields}
    with pytest.raises(RequestRefusedError) as refused:
        await score(recipe, "")
    assert refused.value.errors[0].field == f"reward.{field}"


@pytest.mark.parametrize("seed", range(20))
async def test_the_order_of_a_request_moves_no_reward(score: Any, seed: int) -> None:
    order = random.Random(seed)  # noqa: S311  a seed makes a failure repeatable
    recipe = _recipe(
        ACCURACY, group_rules=[{"rule": "kimi_length", "of": "accuracy"}], advantage="grpo"
    )
    samples = [
        {
            "id": str(number),
            "completion": f"exact={order.choice(list(SCORES))}",
            "group": order.choice("abc"),
            "length": order.randrange(1000),
        }
        for number in range(40)
    ]
    first = await score(recipe, *samples)
    second = await score(recipe, *order.sample(samples, len(samples)))
    assert {r["id"]: (r["reward"], r["advantage"]) for r in first.results} == {
        r["id"]: (r["reward"], pytest.approx(r["advantage"])) for r in second.results
    }
