"""Finds references among the columns that a trainer hands over."""

from collections.abc import Mapping, Sequence
from typing import cast

USUAL = ("reference", "answer", "solution", "ground_truth", "label")


def references_in(columns: Mapping[str, object], named: str | None, count: int) -> list[object]:
    """Return one reference per sample.

    Args:
        columns: lists with a value per sample; whatever is none is no column.
        named: a column, or a path "a.b" into the mappings of one; None: the only usual one.
        count: of samples.

    Raises:
        ValueError: there is no such column, or more than one could be meant. A wrong guess would
            train on noise.
    """
    lists = {name: each for name, each in columns.items() if _is_column(each, count)}
    name, *path = (named or _only_usual(lists)).split(".")
    if named in lists:
        name, path = named, []
    if name not in lists:
        raise ValueError(f"no column {name!r} for references; there are: {_listed(lists)}")
    return [_step_into(value, path) for value in cast("Sequence[object]", lists[name])]


def _is_column(value: object, count: int) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str | bytes)
        and len(cast("Sequence[object]", value)) == count
    )


def _only_usual(columns: Mapping[str, object]) -> str:
    found = [name for name in USUAL if name in columns]
    if len(found) == 1:
        return found[0]
    problem = "none of the usual columns" if not found else f"{', '.join(found)} could all be meant"
    raise ValueError(
        f"which column holds the references? {problem}; name one in REWARDD_REFERENCE. "
        f"There are: {_listed(columns)}"
    )


def _step_into(value: object, path: Sequence[str]) -> object:
    for name in path:
        none: Mapping[str, object] = {}
        fields = cast("Mapping[str, object]", value) if isinstance(value, Mapping) else none
        if name not in fields:
            raise ValueError(f"a reference has no field {name!r}, only {_listed(fields)}")
        value = fields[name]
    return value


def _listed(columns: Mapping[str, object]) -> str:
    return ", ".join(sorted(columns)) or "none"
