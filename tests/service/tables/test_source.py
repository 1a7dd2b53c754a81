import datetime as dt
import gzip
import io
import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from parquet_files import read_table, write_table
from rewardd_service.tables import Row, TableError, decode, open_source
from rewardd_service.tables import rows as rows_module
from rewardd_service.tables.lines import read_lines
from rewardd_service.tables.parquet import write_results

LINES = b'\xef\xbb\xbf{"a": 1}\r\n\n   \n{"a": 2}\n{"a": 3}'


def _read(path: str) -> list[tuple[int, Any]]:
    with open_source(path) as source:
        return [(row.number, decode(row)["a"]) for row in source.rows]


def test_lines_keep_their_numbers_and_blank_ones_are_none(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_bytes(LINES)
    assert _read(str(path)) == [(1, 1), (4, 2), (5, 3)]
    with open_source(str(path)) as source:
        assert [row.end for row in source.rows][-1] == source.size == len(LINES)


def test_gzip_is_unpacked_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl.gz"
    path.write_bytes(gzip.compress(LINES))
    assert _read(str(path)) == [(1, 1), (4, 2), (5, 3)]


def test_a_broken_gzip_is_told_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:-20])
    with pytest.raises(TableError, match=r"samples\.jsonl\.gz: cannot be read to its end"):
        _read(str(path))


def test_standard_input_is_a_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(LINES)))
    assert _read("-") == [(1, 1), (4, 2), (5, 3)]


@pytest.mark.parametrize("name", ["none.jsonl", "none.parquet", "none.jsonl.gz"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(TableError, match=name):
        _read(str(tmp_path / name))


def test_a_table_gives_its_rows_as_json(tmp_path: Path) -> None:
    path = tmp_path / "samples.parquet"
    nested = {"ground_truth": "4", "day": dt.date(2026, 1, 2), "share": float("nan")}
    write_table(path, [{"a": n, "b": nested} for n in range(3000)])
    assert _read(str(path)) == [(n + 1, n) for n in range(3000)]
    with open_source(str(path)) as source:
        first = next(source.rows)
        assert source.size == 3000
    assert decode(first)["b"] == {"ground_truth": "4", "day": "2026-01-02", "share": None}


def test_what_is_no_table_is_told_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "samples.parquet"
    path.write_bytes(LINES)
    with pytest.raises(TableError, match=r"samples\.parquet"):
        _read(str(path))


def test_a_line_that_is_too_long_is_passed_over_and_the_next_one_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("rewardd_service.tables.lines", "rewardd_service.tables.rows"):
        monkeypatch.setattr(f"{module}.MAX_ROW_BYTES", 10)
    stream = io.BytesIO(b'{"a": "' + b"x" * 5_000_000 + b'"}\n{"a": 2}\n')
    long, short = read_lines(stream)
    assert len(long.text) == 11
    assert (short.number, decode(short)) == (2, {"a": 2})
    with pytest.raises(rows_module.RowError, match="longer than 10 bytes"):
        decode(long)


def test_memory_does_not_grow_with_the_file() -> None:
    endless = itertools.cycle([b'{"a": 1}\n'])

    def read_a_line(_size: int) -> bytes:
        return next(endless)

    reader: Any = SimpleNamespace(readline=read_a_line)
    taken = list(itertools.islice(read_lines(reader), 5))
    assert taken[-1] == Row(5, b'{"a": 1}\n', 45)


def test_results_become_a_table_with_a_column_for_what_has_a_shape(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    lines = [
        b'{"line":1,"id":"a","reward":0.5,"terms":[{"name":"x"}]}',
        b'{"line":2,"reward":null}',
    ]
    write_results(iter(lines * 1000), path)
    found = read_table(path)
    assert len(found) == 2000
    assert (found[0]["id"], found[0]["reward"], found[0]["terms"]) == ("a", 0.5, '[{"name":"x"}]')
    assert (found[1999]["line"], found[1999]["reward"]) == (2, None)
