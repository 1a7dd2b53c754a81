import ast
import json
import subprocess
import sys
from pathlib import Path

import rewardd_client

PACKAGE = Path(rewardd_client.__file__).parent


def test_importing_brings_no_torch_no_trainer_and_no_server() -> None:
    program = (
        "import json, sys, threading, rewardd_client, rewardd_client.adapters.trl\n"
        "print(json.dumps([sorted(sys.modules), threading.active_count()]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    modules, threads = json.loads(done.stdout)

    tops = {name.partition(".")[0] for name in modules}
    assert tops.isdisjoint(
        {"torch", "numpy", "trl", "transformers", "verl", "fastapi", "msgspec", "uvicorn"}
    )
    assert not {name for name in tops if name.startswith("rewardd_")} - {"rewardd_client"}
    assert threads == 1


def test_the_public_names_are_sorted_and_exist() -> None:
    names = rewardd_client.__all__

    assert names == sorted(names)
    assert all(getattr(rewardd_client, name) is not None for name in names)


def test_the_list_of_public_names_is_complete() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    errors = public_classes("errors.py")
    wire = public_classes("schema.py")

    assert set(rewardd_client.__all__) == imported
    assert errors | wire <= imported


def test_one_module_knows_torch() -> None:
    knowing = [path.name for path in PACKAGE.rglob("*.py") if '"torch"' in path.read_text()]

    assert sorted(knowing) == ["batch.py", "tensors.py"]


def public_classes(module: str) -> set[str]:
    tree = ast.parse((PACKAGE / module).read_text())
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }
