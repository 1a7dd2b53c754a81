"""Kill -9 in the middle of `rewardd score`, run again, and compare bytes."""

import json
import shlex
import subprocess
from pathlib import Path
from threading import Event

import pytest

from commands import COMMAND, rewardd, started

ROWS = 6000
PATIENCE_SECONDS = 60
LOOK_SECONDS = 0.01


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.jsonl"
    lines = [
        json.dumps(
            {
                "id": n,
                "completion": f"<think>{'x' * 500}</think>{n % 7}",
                "reference": "3",
                "group": n // 8,
            }
        )
        for n in range(ROWS)
    ]
    path.write_text("\n".join(lines))
    return path


def _rows_done(out: Path) -> int:
    try:
        return int(json.loads(out.with_name(out.name + ".progress").read_bytes())["rows"])
    except FileNotFoundError:
        return 0


def _kill_behind(samples: Path, out: Path, rows: int) -> int:
    """Start scoring, kill it as soon as it has got beyond so many rows, and return how many."""
    arguments = ("score", samples, "-o", out, "-r", "exact", "--batch", "16")
    ticks = Event()
    with started(*arguments) as process:
        for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
            if _rows_done(out) > rows or process.poll() is not None:
                break
            ticks.wait(LOOK_SECONDS)
        process.kill()
        process.wait(PATIENCE_SECONDS)
    assert process.returncode == -9
    return _rows_done(out)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_run_that_was_killed_thrice_ends_with_the_same_bytes(
    samples: Path, tmp_path: Path, name: str
) -> None:
    undisturbed, out = tmp_path / f"undisturbed-{name}", tmp_path / name
    whole = rewardd("score", samples, "-o", undisturbed, "-r", "exact")
    assert whole.returncode == 0, whole.stderr

    first = _kill_behind(samples, out, 100)
    second = _kill_behind(samples, out, first + 100)
    third = _kill_behind(samples, out, second + 100)
    assert 100 < first < second < third < ROWS
    assert not out.exists()

    ended = rewardd("score", samples, "-o", out, "-r", "exact")
    assert ended.returncode == 0, ended.stderr
    assert f"going on behind {third:,} rows" in ended.stderr.decode()
    assert out.read_bytes() == undisturbed.read_bytes()
    assert ended.stderr.decode().splitlines()[-1] == whole.stderr.decode().splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [samples.name, undisturbed.name, out.name]
    )


def test_two_runs_do_not_disturb_each_other(samples: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with started("score", "-", "-o", out, "-r", "exact") as process:
        assert process.stdin is not None
        process.stdin.write(samples.read_bytes())
        process.stdin.flush()
        ticks = Event()
        for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
            if _rows_done(out):
                break
            ticks.wait(LOOK_SECONDS)
        second = rewardd("score", samples, "-o", out, "-r", "exact")
        assert second.returncode == 2
        assert b"another run is writing it" in second.stderr
        process.stdin.close()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert out.read_bytes().count(b"\n") == ROWS


def test_the_command_can_be_stopped_by_a_closed_pipe(samples: Path) -> None:
    command = f"{_quoted('score', samples, '-r', 'exact', '--batch', '16')} | head -n 1"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60)
    assert ended.stdout.count(b"\n") == 1
    assert b"Traceback" not in ended.stderr


def _quoted(*arguments: object) -> str:
    return shlex.join([*COMMAND, *map(str, arguments)])
