from pathlib import Path
from typing import Any

import pytest

from rewardd_client.schema import Recipe
from rewardd_service.errors import RequestRefusedError
from rewardd_service.recipes import RecipeBook
from rewardd_service.recipes.book import preset_files
from rewardd_verifiers import Catalog

LOSES = {"match": 1.0, "otherwise": -0.5}


@pytest.fixture(scope="module")
def book() -> RecipeBook:
    return RecipeBook(Catalog())


def _product(*terms: dict[str, Any], combine: str = "product") -> Recipe:
    named = [{"verifier": "exact", "name": f"t{place}", **term} for place, term in enumerate(terms)]
    return Recipe.model_validate({"name": "tested", "terms": named, "combine": combine})


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        pytest.param([{"points": LOSES}, {"points": LOSES}], "points", id="points"),
        pytest.param([{"weight": -1}, {"weight": -2}], "weight", id="weights"),
        pytest.param([{"weight": -1}, {"points": LOSES}], "points", id="mixed"),
        pytest.param(
            [
                {"points": LOSES, "when": {"metadata.kind": "a"}},
                {"points": LOSES, "when": {"metadata.other": "b"}},
            ],
            "points",
            id="conditions_that_may_both_hold",
        ),
        pytest.param(
            [{"points": LOSES, "until_step": 9}, {"points": LOSES, "from_step": 8}],
            "points",
            id="steps_that_overlap",
        ),
    ],
)
def test_two_failures_never_multiply_to_a_reward(
    book: RecipeBook, terms: list[dict[str, Any]], field: str
) -> None:
    with pytest.raises(RequestRefusedError, match="second factor that can be negative") as refused:
        book.find(_product(*terms), "reward")
    assert [error.field for error in refused.value.errors] == [f"reward.terms[1].{field}"]


@pytest.mark.parametrize(
    "recipe",
    [
        pytest.param(_product({"points": LOSES}, {"weight": 2}), id="one_negative_factor"),
        pytest.param(_product({"points": LOSES}, {"points": LOSES}, combine="sum"), id="a_sum"),
        pytest.param(_product({"points": LOSES}, {"points": LOSES}, combine="min"), id="a_minimum"),
        pytest.param(
            _product({"points": LOSES, "until_step": 8}, {"points": LOSES, "from_step": 8}),
            id="one_after_the_other",
        ),
        pytest.param(
            _product(
                {"points": LOSES, "when": {"metadata.kind": "a"}},
                {"points": LOSES, "when": {"metadata.kind": "b"}},
            ),
            id="one_or_the_other",
        ),
    ],
)
def test_a_product_may_have_one_negative_factor_at_a_time(book: RecipeBook, recipe: Recipe) -> None:
    assert book.find(recipe, "reward").recipe is recipe


def test_only_yaml_files_are_presets(tmp_path: Path) -> None:
    names = ("b.yaml", "a.yaml", ".DS_Store", "a.yaml~", "__pycache__", "notes.txt")
    for name in names:
        (tmp_path / name).touch()
    assert [file.name for file in preset_files(tmp_path)] == ["a.yaml", "b.yaml"]
