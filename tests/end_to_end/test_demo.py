"""`rewardd demo`, and what its samples promise."""

import json
from pathlib import Path

import pytest

from commands import rewardd
from rewardd_service.cli.demo import read_cases

EXAMPLES = Path(__file__).parents[2] / "examples" / "mixed.jsonl"


def test_all_samples_come_out_as_the_file_expects() -> None:
    ended = rewardd("demo")
    shown = ended.stdout.decode()
    assert ended.returncode == 0, shown + ended.stderr.decode()
    assert "53 samples: 49 scored, 4 without a verdict, 0 not as expected" in shown
    assert "a caught hack: false-chain" in shown
    assert "an honest no verdict: broken-gold" in shown


def test_a_sample_that_comes_out_otherwise_fails_the_demo(tmp_path: Path) -> None:
    row = json.loads(EXAMPLES.read_text().splitlines()[0])
    row["metadata"]["expect"]["reward"] = 1
    path = tmp_path / "wrong.jsonl"
    path.write_text(json.dumps(row) + "\n")
    ended = rewardd("demo", path)
    assert ended.returncode == 1
    assert "expected 1, match" in ended.stdout.decode()
    assert "1 samples: 1 scored, 0 without a verdict, 1 not as expected" in ended.stdout.decode()


def test_a_file_without_expectations_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.jsonl"
    path.write_text('{"completion": "1", "reward": "exact"}\n')
    ended = rewardd("demo", path)
    assert ended.returncode == 2
    assert b"no sample with expectations" in ended.stderr


def test_the_examples_are_the_file_that_ships() -> None:
    assert read_cases(EXAMPLES) == read_cases()


@pytest.mark.parametrize("kind", ["hack", "no verdict"])
def test_the_examples_hold_each_kind_more_than_once(kind: str) -> None:
    cases = [case for case in read_cases() if case.kind == kind]
    assert len(cases) > 1
    assert {case.reward for case in cases} == {0.0 if kind == "hack" else None}
