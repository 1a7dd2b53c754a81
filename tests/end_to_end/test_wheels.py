"""What users get is wheels: they must work where the sources are not."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = {
    "sandbox": "rewardd_sandbox",
    "verifiers": "rewardd_verifiers",
    "clients": "rewardd_client",
    "service": "rewardd_service",
    ".": None,
}

pytestmark = pytest.mark.timeout(300)


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of programs of an environment that holds the wheels, not the sources."""
    folder = tmp_path_factory.mktemp("wheels")
    for part in PARTS:
        _run(
            *(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder),
            ROOT / part,
            cwd=ROOT,
        )
    environment = folder / "venv"
    _run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=folder)
    wheels = sorted(folder.glob("*.whl"))
    assert len(wheels) == len(PARTS)
    python = environment / "bin" / "python"
    _run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps"),
        "--no-index",
        *wheels,
        cwd=folder,
    )
    # The dependencies are those of the developer's environment, as a plain path: files ending in
    # .pth are not read there, so its editable installs of the sources stay out of sight.
    site = next((environment / "lib").glob("python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return environment / "bin"


def test_the_packages_come_from_the_wheels(installed: Path, tmp_path: Path) -> None:
    names = [name for name in PARTS.values() if name]
    program = f"import {', '.join(names)}; print(*[m.__file__ for m in ({', '.join(names)})])"
    files = _run(installed / "python", "-c", program, cwd=tmp_path).split()
    assert len(files) == len(names)
    assert all(Path(file).is_relative_to(installed.parent) for file in files)


def test_the_command_line_lists_the_verifiers(installed: Path, tmp_path: Path) -> None:
    assert "exact" in _run(installed / "rewardd", "verifiers", cwd=tmp_path)


def test_the_demo_runs(installed: Path, tmp_path: Path) -> None:
    assert "no verdict" in _run(installed / "rewardd", "demo", cwd=tmp_path)
