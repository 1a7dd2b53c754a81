"""A container is swept if its owner is known to be dead, and never otherwise."""

import os
import subprocess
import sys

import pytest

from rewardd_sandbox.containers import owners

_NAME = "from rewardd_sandbox.containers import owners; print(owners.name())"


def test_a_living_owner_is_none_to_sweep_after() -> None:
    assert not owners.orphaned(owners.name())


def test_a_dead_owner_is() -> None:
    done = subprocess.run([sys.executable, "-c", _NAME], capture_output=True, text=True, check=True)
    assert owners.orphaned(done.stdout.strip())


def test_a_number_that_another_process_has_now_is_a_dead_owner() -> None:
    place, _, _ = owners.name().rpartition("/")
    assert owners.orphaned(f"{place}/1")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(f"another-boot/pid:[1]/{os.getpid()}/1", id="another_machine"),
        pytest.param("", id="nothing"),
        pytest.param("x/y/z", id="no_number"),
        pytest.param("/" * 9, id="slashes"),
    ],
)
def test_what_this_machine_cannot_know_is_left_alone(name: str) -> None:
    assert not owners.orphaned(name)
