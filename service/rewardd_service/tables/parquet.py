"""Parquet tables; pyarrow is an extra, and imported when one is asked for."""

import importlib
import itertools
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from rewardd_service.tables.rows import Row, TableError

_ROWS_AT_ONCE = 1024
"""Rows that are held at once, reading and writing: a row group of a table can be a gigabyte."""

_TEXT_COLUMNS = ("id", "group", "status", "reason", "recipe", "detail")


class ParquetTable:
    """A Parquet file that is open for reading.

    Raises:
        TableError: pyarrow is missing, or the file is no Parquet table.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _told_of(path):
            self._file: Any = _library("pyarrow.parquet").ParquetFile(path)
        self.size: int = self._file.metadata.num_rows

    def rows(self) -> Iterator[Row]:
        """Yield the rows as JSON: dates as ISO 8601, decimals as text, bytes as base64.

        Raises:
            TableError: the file is broken.
        """
        number = 0
        for batch in self._batches():
            for values in batch.to_pylist():
                number += 1
                yield Row(number, msgspec.json.encode(values), number)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _batches(self) -> Iterator[Any]:
        batches = self._file.iter_batches(batch_size=_ROWS_AT_ONCE)
        while True:
            with _told_of(self._path):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch


def write_results(lines: Iterator[bytes], path: Path) -> None:
    """Write lines of results as a table.

    Numbers and words get a column each; what has no fixed shape (terms, rules, the row of the
    input) stays JSON, as text.

    Raises:
        TableError: pyarrow is missing, or the file cannot be written.
    """
    arrow = _library("pyarrow")
    schema = _schema(arrow)
    with _told_of(path), _library("pyarrow.parquet").ParquetWriter(path, schema) as writer:
        while rows := [_flat(line) for line in itertools.islice(lines, _ROWS_AT_ONCE)]:
            writer.write_table(arrow.Table.from_pylist(rows, schema=schema))


def _schema(arrow: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    fields = [("line", arrow.int64()), ("reward", arrow.float64()), ("advantage", arrow.float64())]
    fields += [(name, arrow.string()) for name in _TEXT_COLUMNS]
    fields += [("keep", arrow.bool_())]
    fields += [(name, arrow.string()) for name in ("terms", "rules", "row")]
    return arrow.schema(fields)


def _flat(line: bytes) -> dict[str, object]:
    values: dict[str, object] = msgspec.json.decode(line)
    for name in ("terms", "rules", "row"):
        if name in values:
            values[name] = msgspec.json.encode(values[name]).decode()
    return values


@contextmanager
def _told_of(path: Path) -> Generator[None]:
    """Turn what pyarrow raises into an error that names the file."""
    invalid: type[Exception] = _library("pyarrow").ArrowException
    try:
        yield
    except (invalid, OSError) as error:
        raise TableError(f"{path}: {error}") from error


def _library(name: str) -> Any:  # noqa: ANN401 - pyarrow has no types
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        message = "Parquet needs pyarrow: pip install 'rewardd[parquet]'"
        raise TableError(message) from error
