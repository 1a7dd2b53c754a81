"""Clients of other projects as they are published: their own code, none of their dependencies."""

import hashlib
import importlib.util
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest


@dataclass(frozen=True)
class Wheel:
    """One file of an index, by its digest."""

    name: str
    version: str
    sha256: str

    def unpacked(self, folder: Path) -> Path:
        """Fetch and unpack it; without an index at hand the test is skipped, and says so."""
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
        command += ["--only-binary", ":all:", f"{self.name}=={self.version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
        if done.returncode:
            pytest.skip(f"{self.name.upper()} NOT TESTED: {done.stderr.strip()[-200:]}")
        (wheel,) = folder.glob("*.whl")
        assert hashlib.sha256(wheel.read_bytes()).hexdigest() == self.sha256
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        return folder


def load_package(name: str, folder: Path) -> ModuleType:
    """Import a folder as a package of its own, without the packages around it."""
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no package")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
