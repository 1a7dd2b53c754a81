"""Hundreds of submissions leave nothing behind; `benchmarks.sandbox_soak` takes thousands."""

import subprocess
import sys
from pathlib import Path

import pytest

from jail_checks import skip_without_jails

_ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_short_soak_leaves_nothing_and_pays_nobody_wrongly() -> None:
    skip_without_jails()
    command = [sys.executable, "-m", "benchmarks.sandbox_soak", "--submissions", "100"]
    soaked = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    assert soaked.returncode == 0, soaked.stdout + soaked.stderr
