"""Parquet files for tests: the one place that touches pyarrow, which has no types."""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def write_table(path: Path, rows: Sequence[dict[str, Any]], *, row_group_size: int = 700) -> None:
    arrow: Any = importlib.import_module("pyarrow")
    parquet: Any = importlib.import_module("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(rows), path, row_group_size=row_group_size)


def read_table(path: Path) -> list[dict[str, Any]]:
    parquet: Any = importlib.import_module("pyarrow.parquet")
    rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    return rows
