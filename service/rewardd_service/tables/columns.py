"""Which column holds which part of a sample."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from pydantic import ValidationError

from rewardd_client.schema import Sample
from rewardd_service.tables.rows import RowError

PARTS = (
    "id",
    "group",
    "prompt",
    "completion",
    "reference",
    "reward",
    "length",
    "finish_reason",
    "metadata",
)
_NAMES = ("id", "group")
"""Parts that are names: data sets often number them."""

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Columns:
    """Reads samples from rows.

    Attributes:
        given: column by part, as the user named them; a row must have such a column, and a dot
            leads into a nested one (`reward_model.ground_truth`). Other parts are read from the
            column of the same name, where there is one. All other columns are left alone.
        grouped: False leaves groups aside.
        rewarded: whether each row must name its own reward.
    """

    given: Mapping[str, str] = field(default_factory=dict[str, str])
    grouped: bool = True
    rewarded: bool = False

    def sample(self, values: Mapping[str, object]) -> Sample:
        """Return the sample of a row.

        Raises:
            RowError: a column is missing, or its value does not fit.
        """
        parts = {part: self._value(values, part) for part in PARTS}
        if not self.grouped:
            parts["group"] = None
        for part in _NAMES:
            if isinstance(parts[part], int):
                parts[part] = str(parts[part])
        present = {part: value for part, value in parts.items() if value is not None}
        if "completion" not in present:
            raise RowError(self._field("completion"), "is missing")
        if self.rewarded and "reward" not in present:
            raise RowError(self._field("reward"), "is missing, and --reward names none for all")
        try:
            return Sample.model_validate(present)
        except ValidationError as error:
            raise self._misfit(error) from error

    def _value(self, values: Mapping[str, object], part: str) -> object:
        column = self.given.get(part)
        if column is None:
            return values.get(part)
        return value_at(values, column, self._field(part))

    def _misfit(self, error: ValidationError) -> RowError:
        first = error.errors(include_url=False, include_context=False)[0]
        part = str(first["loc"][0]) if first["loc"] else "row"
        value = repr(first["input"])[:_SHOWN_CHARACTERS]
        return RowError(self._field(part), f"{first['msg']} (got {value})")

    def _field(self, part: str) -> str:
        column = self.given.get(part)
        return part if column is None else f"{part} (column {column!r})"


def value_at(values: Mapping[str, object], column: str, field_name: str) -> object:
    """Return the value of a column; a dot in its name leads into a nested one.

    Raises:
        RowError: the row has no such column.
    """
    if column in values:
        return values[column]
    try:
        return functools.reduce(_step, column.split("."), cast("object", values))
    except KeyError as error:
        there = ", ".join(sorted(values))[:200]
        raise RowError(field_name, f"the row has no such column; it has {there}") from error


def _step(value: object, name: str) -> object:
    """Return a field of a nested column.

    Raises:
        KeyError: there is none.
    """
    if not isinstance(value, dict):
        raise KeyError(name)
    return cast("dict[str, object]", value)[name]
