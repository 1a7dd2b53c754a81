"""Directories and groups of workers: made under names by which those of killed ones are found."""

import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

PREFIX = "rewardd-sandbox-"
_NAME = re.compile(rf"{PREFIX}([0-9]+)-\w+")


def make_directory() -> Path:
    """Return a directory of this worker's own, which others may pass through but not look into."""
    remove_directories(Path(tempfile.gettempdir()))
    state = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    state.chmod(0o711)
    (state / "cache").mkdir(0o755)
    return state


def remove_directories(folder: Path) -> None:
    """Remove the directories of workers that are dead."""
    for place in folder.glob(f"{PREFIX}*"):
        if _orphaned(place):
            shutil.rmtree(place, ignore_errors=True)


def remove_groups(folder: Path) -> None:
    """Remove the control groups of workers that are dead; a group with processes stays."""
    for place in folder.glob(f"{PREFIX}*"):
        if _orphaned(place):
            for group in (*place.glob("slot*"), place):
                with contextlib.suppress(OSError):
                    group.rmdir()


def _orphaned(place: Path) -> bool:
    """Whether its worker is gone: only our own user's names are believed."""
    found = _NAME.fullmatch(place.name)
    if found is None or not place.is_dir() or place.is_symlink():
        return False
    return place.stat().st_uid == os.getuid() and not Path(f"/proc/{found[1]}").exists()
