"""`rewardd explain` and `rewardd doctor` with real workers."""

import json
from pathlib import Path

import pytest

from commands import rewardd, serving

EXAMPLES = Path(__file__).parents[2] / "examples" / "mixed.jsonl"


def _explained(*arguments: object) -> tuple[int, str]:
    ended = rewardd("explain", *arguments)
    return ended.returncode, (ended.stdout + ended.stderr).decode()


def test_a_sample_on_the_command_line_is_explained(tmp_path: Path) -> None:
    completion = tmp_path / "completion.txt"
    completion.write_text("<think>\nhm [bold]\x1b[31m\n</think>\nfour")
    code, shown = _explained(
        "--completion", f"@{completion}", "--reference", "four", "--reward", "exact"
    )
    assert code == 0
    assert "exact (exact@1): 1, match, contributes 1" in shown
    assert "answer: four" in shown
    assert "1 * 1 (exact) = 1" in shown
    assert "[bold]\\x1b[31m" in shown


def test_a_sample_in_a_file_is_explained_with_its_group() -> None:
    code, shown = _explained(EXAMPLES, "--id", "squares-1")
    assert code == 0
    assert "group squares: 4 samples" in shown
    assert "+ 0.25 = 0.5 * 0.5 (kimi_length, of the group)" in shown
    assert "reward = 1.25" in shown
    assert "advantage within its group" in shown


def test_what_evidence_points_to_is_quoted() -> None:
    code, shown = _explained(EXAMPLES, "--id", "point")
    assert code == 0
    assert "'(8, 3)'" in shown
    assert "mismatch" in shown


def test_no_verdict_is_a_finding() -> None:
    code, shown = _explained(EXAMPLES, "--id", "broken-gold")
    assert code == 1
    assert "no reward: math came to no verdict (invalid_reference)" in shown


def test_the_bare_result_is_json() -> None:
    code, shown = _explained(EXAMPLES, "--line", 1, "--json")
    assert code == 0
    assert json.loads(shown)["reward"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([EXAMPLES], "say which sample"),
        ([EXAMPLES, "--id", "nobody"], "there is no sample with id 'nobody'"),
        ([EXAMPLES, "--id", "rolls-1", "--completion", "x"], "not both"),
        ([], "give a FILE"),
        (["--completion", "x"], "names no reward"),
        (["--completion", "x", "--reward", "nothing"], "nothing"),
        (["--completion", "@nowhere.txt", "--reward", "exact"], "nowhere.txt"),
    ],
    ids=["which", "nobody", "both", "nothing", "no reward", "no recipe", "no file"],
)
def test_what_makes_no_sense_is_told(arguments: list[object], message: str) -> None:
    code, shown = _explained(*arguments)
    assert code == 2
    assert message in shown
    assert "Traceback" not in shown


def test_doctor_finds_this_installation_and_a_server_in_order(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    key = rewardd("keys", "new", "--tenant", "t", "--file", keys).stdout.decode().strip()
    with serving("--keys", keys) as url:
        let_in = rewardd("doctor", "--url", url, "--key", key)
        shut_out = rewardd("doctor", "--url", url)
    shown = let_in.stdout.decode()
    assert let_in.returncode == 0, shown
    assert "verifier exact" in shown
    assert "warm after" in shown
    assert shown.count("a right answer got 1.0, a wrong one 0.0") == 2
    assert "not configured" in shown
    assert "language python" in shown
    assert "server's sandbox" in shown
    assert shut_out.returncode == 1
    assert "401 unauthorized" in shut_out.stdout.decode()


def test_doctor_says_why_no_program_can_be_run_and_what_helps() -> None:
    ended = rewardd("doctor", variables=["COLUMNS=400", "REWARDD_SANDBOX_PYTHON=/nonexistent"])
    shown = ended.stdout.decode()
    assert ended.returncode == 1
    (line,) = [line for line in shown.splitlines() if "FAIL" in line]
    assert "no program can be run here" in line
    assert "set sandbox_python to a Python" in shown


def test_doctor_tells_of_a_server_that_is_not_there() -> None:
    ended = rewardd("doctor", "--url", "http://127.0.0.1:9")
    assert ended.returncode == 1
    (line,) = [line for line in ended.stdout.decode().splitlines() if "FAIL" in line]
    assert "server" in line
