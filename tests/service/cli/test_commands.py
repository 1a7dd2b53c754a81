"""Commands that need no workers, in this process."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from rewardd_client.schema import Recipe
from rewardd_service.cli import keys
from rewardd_service.cli.root import application
from rewardd_service.edge.auth import Keyring
from rewardd_service.settings import Settings

RUNNER = CliRunner()
APPLICATION = application()

RECIPE = """
name: twice
description: |
  Pays twice.
  And says so.
terms:
  - {name: answer, verifier: exact, weight: 2}
"""


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "twice.yaml").write_text(RECIPE)
    return folder


def test_every_setting_is_an_option_of_serve_with_its_default_and_variable() -> None:
    shown = RUNNER.invoke(APPLICATION, ["serve", "--help"]).output
    flat = " ".join(shown.split())
    assert [
        name for name in Settings.model_fields if f"--{name.replace('_', '-')}" not in flat
    ] == []
    assert [name for name in Settings.model_fields if f"REWARDD_{name.upper()}" not in flat] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "70000"], "--port: Input should be less than or equal to 65535 (got '70000')"),
        (["--auth", "maybe"], "--auth: Input should be 'auto' or 'off' (got 'maybe')"),
        (["--host", "0.0.0.0"], "refusing to listen on 0.0.0.0 without keys"),  # noqa: S104 - refused
        (["--keys", "nowhere"], "nowhere"),
    ],
    ids=["port", "choice", "open door", "keys"],
)
def test_serve_refuses_settings_that_make_no_sense(arguments: list[str], message: str) -> None:
    ended = RUNNER.invoke(APPLICATION, ["serve", *arguments])
    assert ended.exit_code in (2, 3)
    assert message in ended.stderr.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a worker takes its work from a Redis"),
        (["--needs", "cpu,gpu"], "--needs: 'gpu' is none of cpu, sandbox"),
        (["--redis", "ftp://nowhere"], "redis://"),
        (["--workers", "0"], "--workers: "),
    ],
    ids=["no redis", "need", "url", "workers"],
)
def test_worker_refuses_settings_that_make_no_sense(arguments: list[str], message: str) -> None:
    ended = RUNNER.invoke(APPLICATION, ["worker", *arguments])
    assert ended.exit_code in (2, 3)
    assert message in ended.stderr.replace("\n", "")


def test_recipes_lists_presets_verifiers_and_the_operators_own(recipes: Path) -> None:
    ended = RUNNER.invoke(APPLICATION, ["recipes", "--recipes", str(recipes)])
    assert ended.exit_code == 0
    shown = {line.split()[0]: line for line in ended.stdout.splitlines()}
    assert "exact" in shown
    assert "answer" in shown["twice"]
    assert "Pays twice." in shown["twice"]
    assert "And says so." not in ended.stdout


def test_a_recipe_is_shown_as_the_file_it_could_stand_in(recipes: Path) -> None:
    ended = RUNNER.invoke(APPLICATION, ["recipes", "twice", "--recipes", str(recipes)])
    assert Recipe.model_validate(yaml.safe_load(ended.stdout)) == Recipe.model_validate(
        yaml.safe_load(RECIPE)
    )


def test_an_unknown_or_broken_recipe_is_named(recipes: Path) -> None:
    ended = RUNNER.invoke(APPLICATION, ["recipes", "nothing"])
    assert ended.exit_code == 2
    assert "'nothing'" in ended.stderr
    (recipes / "broken.yaml").write_text("name: broken\nterms: []\n")
    ended = RUNNER.invoke(APPLICATION, ["recipes", "--recipes", str(recipes)])
    assert ended.exit_code == 2
    assert "broken.yaml: terms" in ended.stderr.replace("\n", "")


def test_verifiers_are_listed_with_need_version_and_summary() -> None:
    ended = RUNNER.invoke(APPLICATION, ["verifiers"])
    assert ended.exit_code == 0
    shown = {line.split()[0]: line for line in ended.stdout.splitlines()}
    assert "cpu" in shown["exact"]
    assert "The answer equals the reference" in shown["exact"]


def test_a_verifier_is_shown_with_the_schemas_of_what_it_takes() -> None:
    ended = RUNNER.invoke(APPLICATION, ["verifiers", "exact"])
    assert ended.stdout.startswith("exact@")
    assert '"ignore_case"' in ended.stdout
    assert RUNNER.invoke(APPLICATION, ["verifiers", "nothing"]).exit_code == 2


def test_a_key_is_shown_once_and_its_line_lets_it_in(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    shown = [
        RUNNER.invoke(APPLICATION, ["keys", "new", "--tenant", name, "--file", str(file)]).stdout
        for name in ("blue", "green")
    ]
    ring = Keyring.read(file)
    assert [ring.tenant(f"Bearer {key.strip()}") for key in shown] == ["blue", "green"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert all(key.strip() not in file.read_text() for key in shown)


def test_a_key_without_a_file_comes_with_its_line() -> None:
    ended = RUNNER.invoke(APPLICATION, ["keys", "new", "--tenant", "blue", "--weight", "2"])
    key, line = ended.stdout.splitlines()
    assert json.loads(line)["id"] == key.split("_")[1]
    assert json.loads(line)["weight"] == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["--tenant", "no good"],
        ["--tenant", "a", "--weight", "nan"],
        ["--tenant", "a", "--file", "/"],
    ],
    ids=["name", "weight", "folder"],
)
def test_a_key_that_cannot_be_made_is_told(arguments: list[str]) -> None:
    ended = RUNNER.invoke(APPLICATION, ["keys", "new", *arguments])
    assert ended.exit_code == 2
    assert "error:" in ended.stderr
    assert ended.stdout == ""


def test_keys_alone_tells_what_there_is() -> None:
    assert "new" in RUNNER.invoke(keys.application(), []).output
