"""What the surroundings of the command line do to it: variables, other packages, Ctrl-C."""

import json
import signal
from pathlib import Path
from threading import Event

import pytest

from commands import rewardd, started

LOOK_SECONDS = 0.01


def _plant(folder: Path, name: str, *entries: str) -> str:
    """Install a package that offers verifiers, and return the variable that makes it seen."""
    metadata = folder / f"{name}-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n")
    lines = ["[rewardd.verifiers.cpu]", *entries]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    return f"PYTHONPATH={folder}"


def test_a_verifier_that_cannot_be_loaded_is_named_with_the_reason(tmp_path: Path) -> None:
    variable = _plant(tmp_path, "planted", "broken = nowhere:Nothing")
    ended = rewardd("verifiers", variables=[variable])
    assert ended.returncode == 1
    (line,) = [line for line in ended.stdout.decode().splitlines() if "broken" in line]
    assert "No module named 'nowhere'" in line
    assert "exact" in ended.stdout.decode()


@pytest.mark.parametrize(
    "command", [["verifiers"], ["recipes"], ["doctor"]], ids=lambda each: each[0]
)
def test_two_packages_that_claim_one_name_are_told_in_a_line(
    tmp_path: Path, command: list[str]
) -> None:
    variable = _plant(tmp_path, "rival", "exact = nowhere:Nothing")
    ended = rewardd(*command, variables=[variable])
    assert ended.returncode == 2
    assert b"verifier 'exact' is claimed by" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_a_variable_that_makes_no_sense_is_named() -> None:
    arguments = ("explain", "--completion", "1", "--reward", "exact")
    ended = rewardd(*arguments, variables=["REWARDD_VERIFIER_CPU_SECONDS=many"])
    assert ended.returncode == 2
    assert b"REWARDD_VERIFIER_CPU_SECONDS: Input should be a valid number" in ended.stderr


def test_recipes_may_come_from_a_variable(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: own\nterms: [{verifier: exact, weight: 3}]\n")
    arguments = ("explain", "--completion", "1", "--reference", "1", "--reward", "own", "--json")
    ended = rewardd(*arguments, variables=[f"REWARDD_RECIPES={tmp_path}"])
    assert json.loads(ended.stdout)["reward"] == 3


def test_ctrl_c_keeps_what_was_committed(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    progress = tmp_path / "out.jsonl.progress"
    rows = b"".join(b'{"completion": "%d", "reference": "1"}\n' % n for n in range(4000))
    with started("score", "-", "-o", out, "-r", "exact", "--batch", 16) as process:
        assert process.stdin is not None
        process.stdin.write(rows)
        process.stdin.flush()
        ticks = Event()
        for _ in range(6000):
            if progress.exists():
                break
            ticks.wait(LOOK_SECONDS)
        process.send_signal(signal.SIGINT)
        process.stdin.close()
        assert process.wait(60) != 0
    assert not out.exists()
    assert json.loads(progress.read_text())["rows"] > 0
    ended = rewardd("score", "-", "-o", out, "-r", "exact", stdin=rows)
    assert ended.returncode == 0, ended.stderr
    assert out.read_bytes().count(b"\n") == 4000
