"""Choose the Python that runs submissions."""

import sys
from pathlib import Path

from rewardd_sandbox import toolchains
from rewardd_sandbox.errors import SetupError
from rewardd_sandbox.tiers import Footing
from rewardd_sandbox.toolchains import Interpreter

_FALLBACKS = ("/usr/local/bin/python3", "/usr/bin/python3")
_OLDEST = (3, 11)


def choose(wanted: str | None, footing: Footing) -> Interpreter:
    """Return the interpreter at `wanted`, or the best one that jails on this footing can read.

    Without a wish that is the one this worker's environment was made from, so that submissions see
    none of the worker's packages.

    Raises:
        SetupError: there is none.
    """
    base = getattr(sys, "_base_executable", sys.executable)
    for path in (base, *_FALLBACKS) if wanted is None else (wanted,):
        found = toolchains.interpreter(path)
        if found is not None and _release(found) >= _OLDEST and _readable(found, footing):
            return found
    raise SetupError(
        "interpreter", 0, f"{wanted or 'every Python here'} is too old, or cannot be read by jails"
    )


def _release(found: Interpreter) -> tuple[int, ...]:
    return tuple(int(part) for part in found.version.split(".")[:2])


def _readable(found: Interpreter, footing: Footing) -> bool:
    """Whether jails may enter the folders above; mounts show what these would not."""
    ours = not footing.separate_users and not footing.drop_first
    mounted = footing.namespaces and not footing.drop_first
    if ours or mounted:
        return True
    folders = {folder for root in found.roots for folder in Path(root).parents}
    return all(folder.stat().st_mode & 0o001 for folder in folders)
