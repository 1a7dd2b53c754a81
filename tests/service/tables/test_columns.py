from typing import Any

import pytest

from rewardd_service.tables import Columns, RowError


def test_parts_are_read_from_the_columns_of_their_names() -> None:
    row = {"completion": "4", "reference": {"answer": 4}, "group": "g", "length": 12.0, "other": 1}
    sample = Columns().sample(row)
    assert sample.completion == "4"
    assert sample.reference == {"answer": 4}
    assert (sample.group, sample.length) == ("g", 12)


def test_named_columns_win_and_dots_lead_into_nested_ones() -> None:
    row = {"response": "4", "reward_model": {"ground_truth": "5"}, "reference": "no", "a.b": "gpt"}
    given = {"completion": "response", "reference": "reward_model.ground_truth", "id": "a.b"}
    sample = Columns(given).sample(row)
    assert (sample.completion, sample.reference, sample.id) == ("4", "5", "gpt")


def test_numbered_ids_and_groups_become_names() -> None:
    sample = Columns().sample({"completion": "", "id": 7, "group": 0})
    assert (sample.id, sample.group) == ("7", "0")


def test_groups_can_be_left_aside() -> None:
    assert Columns(grouped=False).sample({"completion": "", "group": "g"}).group is None


def test_a_chat_is_a_completion_too() -> None:
    row = {"completion": [{"role": "assistant", "content": "4", "tool_calls": None}]}
    assert Columns().sample(row).completion != ""


UNFIT: dict[str, tuple[dict[str, str], dict[str, Any], str]] = {
    "no completion": ({}, {"reference": "4"}, "completion: is missing"),
    "null completion": ({}, {"completion": None}, "completion: is missing"),
    "mapped column is missing": (
        {"reference": "answer"},
        {"completion": "", "gold": "4"},
        r"reference \(column 'answer'\): the row has no such column; it has completion, gold",
    ),
    "path through a text": (
        {"reference": "gold.x"},
        {"completion": "", "gold": "4"},
        r"reference \(column 'gold.x'\)",
    ),
    "completion is a number": ({}, {"completion": 4}, r"completion: .* \(got 4\)"),
    "length is negative": (
        {"length": "tokens"},
        {"completion": "", "tokens": -1},
        r"length \(column 'tokens'\): .* \(got -1\)",
    ),
    "metadata is a text": ({}, {"completion": "", "metadata": "x"}, r"metadata: .* \(got 'x'\)"),
}


@pytest.mark.parametrize(("given", "row", "message"), UNFIT.values(), ids=UNFIT)
def test_a_misfit_names_part_column_and_value(
    given: dict[str, str], row: dict[str, Any], message: str
) -> None:
    with pytest.raises(RowError, match=message):
        Columns(given).sample(row)


def test_a_row_must_name_its_reward_where_none_is_given_for_all() -> None:
    assert Columns(rewarded=True).sample({"completion": "", "reward": "math"}).reward == "math"
    with pytest.raises(RowError, match="--reward names none for all"):
        Columns(rewarded=True).sample({"completion": ""})
