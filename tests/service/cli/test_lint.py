import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rewardd_service.cli.gold_report import Golds
from rewardd_service.cli.root import application


def _lint(path: Path, rows: Sequence[Any], *options: str) -> Any:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return CliRunner().invoke(application(), ["lint", str(path), *options])


def test_sound_golds_are_clean(tmp_path: Path) -> None:
    told = _lint(tmp_path / "a.jsonl", [{"reference": r"\frac{1}{2}"}, {"reference": 7}])
    assert (told.exit_code, "100.00%" in told.stdout) == (0, True)


@pytest.mark.parametrize("gold", ["", r"\frac{1}{", "1/0", None], ids=repr)
def test_a_gold_that_scores_nobody_is_a_finding(tmp_path: Path, gold: str | None) -> None:
    told = _lint(tmp_path / "a.jsonl", [{"reference": gold}, {"reference": "3"}])
    assert told.exit_code == 1
    assert "gold_" in told.stdout


@pytest.mark.parametrize("gold", [[], [["1"]], [{"answer": "1"}], {"x": 1}], ids=repr)
def test_what_is_no_gold_at_all_is_refused_and_not_read_as_text(
    tmp_path: Path, gold: object
) -> None:
    told = _lint(tmp_path / "a.jsonl", [{"reference": gold}])
    assert (told.exit_code, "0.00%" in told.stdout) == (1, True)


@pytest.mark.parametrize("content", ["", "\n\n"], ids=["empty", "blank"])
def test_a_file_without_rows_is_an_error_and_no_clean_bill(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content, encoding="utf-8")
    told = CliRunner().invoke(application(), ["lint", str(path)])
    assert (told.exit_code, "a.jsonl: holds no row" in told.stderr.replace("\n", "")) == (2, True)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    told = _lint(tmp_path / "a.jsonl", [{"answer": "1"}], "--gold-column", "ref")
    words = told.stderr.replace("\n", "")
    assert (told.exit_code, "a.jsonl:1" in words, "'ref'" in words, "it has answer" in words) == (
        2, True, True, True,
    )  # fmt: skip


def test_the_report_is_json_where_a_program_asks(tmp_path: Path) -> None:
    rows = [{"reference": "5", "set": "a"}, {"reference": "", "set": "b"}]
    told = _lint(tmp_path / "a.jsonl", rows, "--json", "--dataset-column", "set")
    first, second = json.loads(told.stdout)
    assert (first["dataset"], first["rows"], first["refused"], first["codes"]) == ("a", 1, 0, {})
    assert (second["refused"], second["codes"]) == (1, {"gold_empty": 1})
    assert second["examples"]["gold_empty"]["row"] == 2
    assert told.exit_code == 1


def test_warnings_count_only_under_strict(tmp_path: Path) -> None:
    rows = [{"gold": "0.3"}]
    assert _lint(tmp_path / "a.jsonl", rows, "--gold-column", "gold").exit_code == 0
    told = _lint(tmp_path / "a.jsonl", rows, "--gold-column", "gold", "--strict")
    assert (told.exit_code, "few_decimals" in told.stdout) == (1, True)


def test_findings_are_lines_of_json_with_what_a_program_needs(tmp_path: Path) -> None:
    findings = tmp_path / "f.jsonl"
    rows = [{"reference": "5", "set": "a"}, {"reference": "", "set": "b"}]
    _lint(tmp_path / "a.jsonl", rows, "--findings", str(findings), "--dataset-column", "set")
    (line,) = findings.read_text(encoding="utf-8").splitlines()
    told = json.loads(line)
    assert (told["row"], told["dataset"], told["code"]) == (2, "b", "gold_empty")


@pytest.mark.parametrize("line", ["[1]", "{", '{"gold": 1}'])
def test_a_broken_row_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"reference": "1"}\n' + line + "\n", encoding="utf-8")
    told = CliRunner().invoke(application(), ["lint", str(path)])
    assert told.exit_code == 2
    assert "a.jsonl:2" in told.stderr.replace("\n", "")


def test_a_problem_with_two_golds_is_told_and_one_that_repeats_is_counted() -> None:
    golds = Golds()
    rows = [("p", "1"), ("p", "2"), ("p", "1"), ("q", "1")]
    found = [
        told.code
        for row, (prompt, gold) in enumerate(rows)
        for told in golds.take(row, gold, prompt=prompt, dataset="")
    ]
    assert found == ["other_gold"]
    assert golds.summaries()[0].repeated == 2


def test_the_answer_of_a_reference_with_policies_is_its_gold() -> None:
    assert (
        list(Golds().take(1, {"answer": "1/2", "percent": "strict"}, prompt="", dataset="")) == []
    )


def test_each_gold_of_a_list_is_judged() -> None:
    golds = Golds()
    found = list(golds.take(1, ["1", ""], prompt="", dataset=""))
    assert [told.code for told in found] == ["gold_empty"]
    assert golds.summaries()[0].refused == 1
