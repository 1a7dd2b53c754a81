import json
from pathlib import Path

import pytest

from rewardd_service.tables import FileOutput, Progress, TableError, TakenError

QUESTION = {"reward": "math"}


def _progress(rows: int, size: int) -> Progress:
    return Progress(QUESTION, rows=rows, digest="d", size=size)


def _begin(path: Path) -> None:
    """Commit one line and die."""
    with FileOutput(path, QUESTION) as output:
        output.commit(b"{}\n", _progress(1, 3))


def test_the_file_appears_when_it_is_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with FileOutput(path, QUESTION) as output:
        output.commit(b"{}\n", _progress(1, 3))
        assert not path.exists()
        output.finish()
    assert path.read_bytes() == b"{}\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("torn", [b"", b'{"half', b'{"whole": 1}\n'], ids=["none", "half", "whole"])
def test_what_was_written_behind_the_last_commit_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "out.jsonl"
    _begin(path)
    with (tmp_path / "out.jsonl.partial").open("ab") as partial:
        partial.write(torn)
    with FileOutput(path, QUESTION) as output:
        assert output.progress == _progress(1, 3)
        output.commit(b"[]\n", _progress(2, 6))
        output.finish()
    assert path.read_bytes() == b"{}\n[]\n"


def test_progress_without_its_lines_is_no_progress(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    _begin(path)
    (tmp_path / "out.jsonl.partial").unlink()
    with FileOutput(path, QUESTION) as output:
        assert output.progress == Progress(QUESTION)


def test_lines_without_progress_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    _begin(path)
    (tmp_path / "out.jsonl.progress").unlink()
    with FileOutput(path, QUESTION) as output:
        output.finish()
    assert path.read_bytes() == b""


def test_another_question_is_refused_unless_the_old_answers_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    _begin(path)
    with pytest.raises(TakenError, match="had reward math, this one has r1"):
        FileOutput(path, {"reward": "r1"})
    with FileOutput(path, {"reward": "r1"}, restart=True) as output:
        assert output.progress.rows == 0


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with FileOutput(path, QUESTION), pytest.raises(TakenError, match="another run"):
        FileOutput(path, QUESTION)


def test_an_unreadable_progress_is_told_and_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    _begin(path)
    (tmp_path / "out.jsonl.progress").write_text("{")
    with pytest.raises(TakenError, match="unreadable"):
        FileOutput(path, QUESTION)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"nowhere/out\.jsonl: No such file"):
        FileOutput(tmp_path / "nowhere" / "out.jsonl", QUESTION)


def test_progress_is_plain_json(tmp_path: Path) -> None:
    _begin(tmp_path / "out.jsonl")
    progress = json.loads((tmp_path / "out.jsonl.progress").read_text())
    assert progress["rows"] == 1
    assert progress["question"] == QUESTION
