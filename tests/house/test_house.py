"""Rules of the house that no linter knows."""

import ast
import importlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPONENTS = {
    "rewardd_client": ROOT / "clients" / "rewardd_client",
    "rewardd_sandbox": ROOT / "sandbox" / "rewardd_sandbox",
    "rewardd_service": ROOT / "service" / "rewardd_service",
    "rewardd_verifiers": ROOT / "verifiers" / "rewardd_verifiers",
}
MODULES = sorted(path for folder in COMPONENTS.values() for path in folder.rglob("*.py"))
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
WORKER = COMPONENTS["rewardd_service"] / "worker.py"


def _broad_handlers(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        names = {kind.id for kind in kinds if isinstance(kind, ast.Name)}
        last = node.body[-1]
        if isinstance(last, ast.Raise) and last.exc is None:
            continue  # it cleans up and lets the error go on
        if node.type is None or names & {"Exception", "BaseException"}:
            yield node.lineno


def _long_functions(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno
            if length > LONGEST_FUNCTION:
                yield f"{node.name} ({length} lines)"


def test_the_checks_below_see_what_they_look_for() -> None:
    source = "try:\n    pass\nexcept (ValueError, Exception):\n    pass\n"
    assert list(_broad_handlers(source)) == [3]
    assert list(_broad_handlers("try:\n    pass\nexcept:\n    pass\n")) == [3]
    assert list(_broad_handlers("try:\n    pass\nexcept Exception:\n    raise\n")) == []
    assert list(_long_functions("def f():\n" + "    pass\n" * 70)) == ["f (70 lines)"]
    assert len(MODULES) > 20


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_short_and_catches_narrowly(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert source.count("\n") <= LONGEST_MODULE
    assert list(_long_functions(source)) == []
    assert path == WORKER or list(_broad_handlers(source)) == []


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_lists_what_is_public_and_is_typed(name: str) -> None:
    package = importlib.import_module(name)
    public = getattr(package, "__all__", [])
    assert public == sorted(public)
    assert [entry for entry in public if not hasattr(package, entry)] == []
    assert (COMPONENTS[name] / "py.typed").exists()


def test_no_committed_file_names_a_registry_or_a_machine() -> None:
    # The words are spelt apart so that this file does not find itself.
    words = [
        "pypi" + ".org",
        "files.python" + "hosted.org",
        "registry.npm" + "js.org",
        "/wo" + "rk/",
    ]
    listed = subprocess.run(
        ["git", "grep", "-lIF", *(part for word in words for part in ("-e", word))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode > 1:
        pytest.skip(f"not a git checkout: {listed.stderr.strip()}")
    assert listed.stdout.split() == []
