import json
from collections.abc import Sequence
from typing import Any

import pytest

from rewardd_service.cli.engines import EmbeddedEngine
from rewardd_service.cli.settle import Answer, Settler
from rewardd_service.errors import RequestRefusedError
from rewardd_service.tables import Columns, Row, Unit, units

GOOD = {"completion": "1", "reference": "1"}


def _units(rows: Sequence[dict[str, Any]]) -> list[Unit]:
    numbered = [Row(n, json.dumps(row).encode(), n) for n, row in enumerate(rows, start=1)]
    return list(units(numbered, Columns().sample, set()))


def _told(answers: Sequence[Sequence[Answer]]) -> list[float | str | None]:
    """Return the reward of each row, or the field that is complained of."""
    flat = [answer for unit in answers for answer in unit]
    return [
        answer.result.reward
        if answer.result is not None
        else answer.entry.complaint and answer.entry.complaint.field
        for answer in flat
    ]


async def _settled(engine: EmbeddedEngine, *rows: dict[str, Any]) -> list[float | str | None]:
    return _told(await Settler(engine, "exact").settle(_units(rows)))


async def test_ids_that_repeat_in_a_file_are_no_fault(engine: EmbeddedEngine) -> None:
    assert await _settled(engine, {**GOOD, "id": "a"}, {**GOOD, "id": "a"}) == [1.0, 1.0]


async def test_a_row_with_an_unknown_reward_spares_its_neighbours(engine: EmbeddedEngine) -> None:
    assert await _settled(engine, GOOD, {**GOOD, "reward": "nothing"}, GOOD) == [1.0, "reward", 1.0]


async def test_a_row_that_lacks_an_input_spares_its_neighbours(engine: EmbeddedEngine) -> None:
    rows = [GOOD, {**GOOD, "reward": "overlong"}, {**GOOD, "reward": "overlong", "length": 3}]
    assert await _settled(engine, *rows) == [1.0, "length", 1.0]


async def test_a_refusal_that_names_no_row_is_traced_to_its_row(engine: EmbeddedEngine) -> None:
    wrong = {"name": "w", "terms": [{"verifier": "exact", "params": {"wrong": 1}}]}
    rows: list[dict[str, Any]] = [GOOD] * 5 + [{**GOOD, "reward": wrong}] + [GOOD] * 4
    assert await _settled(engine, *rows) == [1.0] * 5 + ["row"] + [1.0] * 4


async def test_more_bad_rows_than_a_refusal_lists_are_all_found(engine: EmbeddedEngine) -> None:
    rows = [{**GOOD, "reward": "overlong"} for _ in range(90)]
    assert await _settled(engine, *rows, GOOD) == ["length"] * 90 + [1.0]


async def test_an_unknown_reward_for_all_rows_is_no_rows_fault(engine: EmbeddedEngine) -> None:
    with pytest.raises(RequestRefusedError, match="nothing"):
        await Settler(engine, "nothing").settle(_units([GOOD]))


async def test_a_batch_without_a_single_sample_asks_nobody(engine: EmbeddedEngine) -> None:
    assert await _settled(engine, {"reference": "1"}, {}) == ["completion", "completion"]
