from pathlib import Path

import pytest

from rewardd_service.cli import configuration
from rewardd_service.cli.console import CommandError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of secrets, one of two that are looked for."""
    folders = (tmp_path / "nowhere", tmp_path)
    monkeypatch.setattr(configuration, "SECRET_FOLDERS", folders)
    return tmp_path


def test_a_secret_may_stand_in_a_file_of_its_own(folder: Path) -> None:
    (folder / "rewardd_metrics_key").write_text("from a file\n", encoding="utf-8")
    key = configuration.settings_of({}).metrics_key
    assert key is not None
    assert key.get_secret_value() == "from a file"


def test_options_and_variables_win_over_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "rewardd_port").write_text("1", encoding="utf-8")
    (folder / "rewardd_max_samples").write_text("1", encoding="utf-8")
    monkeypatch.setenv("REWARDD_PORT", "2")
    settings = configuration.settings_of({"max_samples": "3"})
    assert (settings.port, settings.max_samples) == (2, 3)


def test_other_files_are_left_alone(folder: Path) -> None:
    (folder / "keys").write_text("a line", encoding="utf-8")
    assert configuration.settings_of({}).keys is None


def test_a_file_that_makes_no_sense_names_its_setting(folder: Path) -> None:
    (folder / "rewardd_port").write_text("many", encoding="utf-8")
    with pytest.raises(CommandError, match="REWARDD_PORT"):
        configuration.settings_of({})
