"""Every command and every program of the README does what it says, in a fresh clone."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
import yaml

from rewardd_client import Recipe
from rewardd_client.adapters import trl
from rewardd_verifiers import Sample

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PATIENCE_SECONDS = 60

pytestmark = pytest.mark.timeout(600)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    """Return each command of the shell blocks, comments off, continued lines joined."""
    found: list[str] = []
    for block in blocks("sh"):
        if block.startswith("curl"):
            found.append(block)
        else:
            found += [line.split("#")[0].strip() for line in block.splitlines()]
    return found


class House(NamedTuple):
    folder: Path
    environment: Mapping[str, str]
    url: str


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Generator[House]:
    """Give a fresh clone with its own environment, and the server of `make serve` in it."""
    if not (ROOT / ".git").exists():
        pytest.skip("README NOT TESTED: this is no git checkout, so there is nothing to clone")
    folder = tmp_path_factory.mktemp("clone") / "rewardd"
    subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},  # noqa: TID251  a shell's
        "PATH": f"{folder}/.venv/bin:{os.environ['PATH']}",  # noqa: TID251  as a user's shell has it
        "PYTHON": sys.executable,
        "REWARDD_PORT": str(port),
    }
    subprocess.run(["make", "demo"], cwd=folder, env=environment, check=True)
    server = subprocess.Popen(
        ["make", "serve"], cwd=folder, env=environment, start_new_session=True
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url)
        yield House(folder, environment, url)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(PATIENCE_SECONDS)


def _wait_for(url: str) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        try:
            if httpx2.get(f"{url}/readyz").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)  # noqa: TID251  a server has no event to wait for
    pytest.fail(f"{url} is not ready after {PATIENCE_SECONDS} s")


def _run(house: House, command: str) -> str:
    command = command.replace("http://127.0.0.1:8000", house.url)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=house.folder,
        env=dict(house.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    # 1 says that some samples have no verdict, as some of the examples must.
    finds = command.startswith(("rewardd score", "rewardd lint"))
    assert done.returncode in ({0, 1} if finds else {0}), done.stderr
    return done.stdout


def test_the_first_screen_starts_with_the_demo_and_the_suite() -> None:
    assert commands()[:3] == ["make demo", "make test", "make serve"]


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("rewardd")])
def test_a_command_of_the_readme_runs(house: House, command: str) -> None:
    assert _run(house, command) or "-o " in command


def test_the_suite_runs_in_a_fresh_clone(house: House) -> None:
    # All of it is running now; one file shows that the target works where nothing is installed.
    assert "passed" in _run(house, "make test TESTS=tests/verifiers/test_catalog.py")


def test_the_request_of_the_readme_is_answered(house: House) -> None:
    (command,) = (c for c in commands() if c.startswith("curl"))
    result = json.loads(_run(house, command))["results"][0]
    assert (result["reward"], result["status"]) == (2.0, "scored")


def test_the_program_of_the_readme_prints_what_it_says(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = (block for block in blocks("python") if "with Client(" in block)
    exec(program.replace("http://127.0.0.1:8000", house.url), {})  # noqa: S102  our own README
    assert capsys.readouterr().out == "[1.0, 0.0]\n"


async def test_the_trainers_line_names_a_function_that_trl_can_call(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = (block for block in blocks("python") if "GRPOTrainer" in block)
    assert "rewardd_client.adapters.trl.reward," in line
    monkeypatch.setenv("REWARDD_URL", house.url)
    monkeypatch.setenv("REWARDD_REWARD", "math")
    rewards = await trl.reward(
        prompts=["one half?"] * 2,
        completions=["\\boxed{1/2}", "\\boxed{0.6}"],
        completion_ids=[[1], [1]],
        answer=["0.5", "0.5"],
    )
    assert rewards == [1.0, 0.0]


def test_the_recipe_of_the_readme_is_one() -> None:
    (text,) = blocks("yaml")
    recipe = Recipe.model_validate(yaml.safe_load(text))
    assert [term.name for term in recipe.terms] == ["format", "accuracy", "overlong"]


def test_the_verifier_of_the_readme_verifies() -> None:
    (program,) = (block for block in blocks("python") if "PureVerifier" in block)
    names: dict[str, Any] = {}
    exec(program, names)  # noqa: S102  our own README
    verifier = names["Prefix"](ignore_case=True)
    assert verifier.verify(Sample(completion="Yes, it is", reference="yes")).score == 1.0
    assert verifier.verify(Sample(completion="No", reference="yes")).score == 0.0
