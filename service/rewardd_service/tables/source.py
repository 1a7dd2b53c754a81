"""Open a file of samples, whatever its format."""

import gzip
import sys
import zlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from rewardd_service.tables.lines import read_lines
from rewardd_service.tables.parquet import ParquetTable
from rewardd_service.tables.rows import Row, TableError

STANDARD = "-"
"""Stands for stdin or stdout where a path is asked for."""


@dataclass(frozen=True, slots=True)
class Source:
    """An open file.

    Attributes:
        name: for messages.
        size: bytes of a file of lines, rows of a table; None where nobody knows.
        rows: to be read once.
    """

    name: str
    size: int | None
    rows: Iterator[Row]


@contextmanager
def open_source(path: str) -> Generator[Source]:
    """Open a file by its suffix: `.parquet`, `.gz`, else lines of JSON; "-" is stdin.

    Raises:
        TableError: it cannot be opened, or later read; the message names it.
    """
    if path == STANDARD:
        yield Source("<stdin>", None, _guarded("<stdin>", sys.stdin.buffer))
    elif path.endswith(".parquet"):
        with closing(ParquetTable(Path(path))) as table:
            yield Source(path, table.size, table.rows())
    else:
        with _open(Path(path)) as stream:
            yield Source(path, _size(Path(path)), _guarded(path, stream))


def _open(path: Path) -> BinaryIO:
    try:
        if path.suffix == ".gz":
            return cast("BinaryIO", gzip.open(path))
        return path.open("rb")
    except OSError as error:
        raise TableError(f"{path}: {error.strerror or error}") from error


def _size(path: Path) -> int | None:
    known = path.is_file() and path.suffix != ".gz"
    return path.stat().st_size if known else None


def _guarded(name: str, stream: BinaryIO) -> Iterator[Row]:
    try:
        yield from read_lines(stream)
    except (OSError, EOFError, zlib.error) as error:
        raise TableError(f"{name}: cannot be read to its end: {error}") from error
