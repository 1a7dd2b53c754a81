"""`rewardd score` as a process, with real workers and a real server."""

import json
from pathlib import Path
from typing import Any

import pytest

from commands import lines_of, rewardd, serving
from parquet_files import read_table, write_table

ROWS: list[dict[str, Any]] = [
    {"id": n, "completion": f"<think>\nhm\n</think>\n{n % 3}", "reference": "1", "group": n // 4}
    for n in range(40)
]


def _write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    return _write(tmp_path / "samples.jsonl", ROWS)


def test_a_file_becomes_a_file_of_rewards(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    ended = rewardd("score", samples, "-o", out, "--reward", "exact")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == b""
    assert b"40 scored (mean reward 0.325)" in ended.stderr
    lines = lines_of(out.read_bytes())
    assert [line["id"] for line in lines] == [str(n) for n in range(40)]
    assert [line["reward"] for line in lines] == [float(n % 3 == 1) for n in range(40)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.jsonl", "samples.jsonl"]


def test_stdin_goes_to_stdout(samples: Path) -> None:
    ended = rewardd("score", "-", "-r", "exact", stdin=samples.read_bytes())
    assert ended.returncode == 0, ended.stderr
    assert len(lines_of(ended.stdout)) == 40


def test_a_server_gives_the_same_bytes_as_workers_here(samples: Path) -> None:
    here = rewardd("score", samples, "-r", "exact")
    with serving() as url:
        there = rewardd("score", samples, "-r", "exact", "--url", url)
    assert there.returncode == 0, there.stderr
    assert there.stdout == here.stdout


def test_a_table_with_nested_columns_becomes_a_table(tmp_path: Path) -> None:
    source, out = tmp_path / "rollouts.parquet", tmp_path / "out.parquet"
    rows = [
        {"text": str(n), "reward_model": {"ground_truth": "3", "style": "rule"}} for n in range(9)
    ]
    write_table(source, rows, row_group_size=4)
    columns = ["--completion-column", "text", "--reference-column", "reward_model.ground_truth"]
    ended = rewardd("score", source, "-o", out, "-r", "exact", *columns)
    assert ended.returncode == 0, ended.stderr
    found = read_table(out)
    assert [row["reward"] for row in found] == [float(n == 3) for n in range(9)]
    assert json.loads(found[3]["terms"])[0]["verifier"] == "exact@1"


def test_a_sample_without_a_verdict_is_a_finding(samples: Path, tmp_path: Path) -> None:
    rows = [*ROWS, {"completion": "1"}]
    ended = rewardd("score", _write(tmp_path / "more.jsonl", rows), "-r", "exact")
    assert ended.returncode == 1
    assert b"1 without a verdict (1 invalid_reference)" in ended.stderr
    assert lines_of(ended.stdout)[-1]["reward"] is None
    assert lines_of(ended.stdout)[:-1] == lines_of(rewardd("score", samples, "-r", "exact").stdout)


def test_a_bad_row_is_named_and_what_was_scored_is_not_lost(tmp_path: Path) -> None:
    bad = [*ROWS[:20], {"reference": "1"}, *ROWS[20:]]
    samples, out = _write(tmp_path / "samples.jsonl", bad), tmp_path / "out.jsonl"
    ended = rewardd("score", samples, "-o", out, "-r", "exact")
    assert ended.returncode == 2
    assert b"samples.jsonl:21: completion: is missing" in ended.stderr
    assert not out.exists()
    _write(samples, [*ROWS[:20], {"reference": "1", "completion": "1"}, *ROWS[20:]])
    ended = rewardd("score", samples, "-o", out, "-r", "exact")
    assert ended.returncode == 0, ended.stderr
    assert b"going on behind 16 rows" in ended.stderr
    assert len(lines_of(out.read_bytes())) == 41


def test_bad_rows_can_be_marked_instead(tmp_path: Path) -> None:
    samples = _write(tmp_path / "samples.jsonl", [*ROWS[:20], {"completion": 7}, *ROWS[20:]])
    ended = rewardd("score", samples, "-r", "exact", "--bad-rows", "mark")
    assert ended.returncode == 2
    lines = lines_of(ended.stdout)
    assert len(lines) == 41
    assert lines[20]["reason"] == "invalid_row"
    assert b"samples.jsonl:21: completion:" in ended.stderr


WRONG: dict[str, tuple[list[str], str]] = {
    "no such file": (["nowhere.jsonl", "-r", "exact"], "nowhere.jsonl: No such file"),
    "no such recipe": (["{samples}", "-r", "nothing"], "unknown_recipe"),
    "no reward": (["{samples}"], "reward: is missing, and --reward names none for all"),
    "no such column": (["{samples}", "-r", "exact", "--id-column", "uid"], "id (column 'uid')"),
    "output is input": (["{samples}", "-o", "{samples}", "-r", "exact"], "would replace the input"),
    "workers of a server": (["{samples}", "--url", "http://x", "--workers", "2"], "--workers"),
    "no URL": (["{samples}", "-r", "exact", "--url", "here"], "--url"),
    "unknown policy": (["{samples}", "--bad-rows", "skip"], "skip"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_what_makes_no_sense_is_told_in_a_line(
    samples: Path, arguments: list[str], message: str
) -> None:
    ended = rewardd("score", *[each.format(samples=samples) for each in arguments])
    assert ended.returncode == 2
    assert message in ended.stderr.decode()
    assert "Traceback" not in ended.stderr.decode()
    assert samples.read_text() != ""
