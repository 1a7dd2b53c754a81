"""Large files that all workers of one user on this machine share: made once, checked, then linked.

Only their user can write to the folder, and what is there is believed only as far as its digest,
which its name ends in, holds. A worker links a file into a directory of its own, so that it takes
no more room there, in memory neither, and whoever clears the shelf takes nothing from anybody.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

_LOOK_SECONDS = 0.05
_MOST_FILES = 4
_OTHERS_MAY_WRITE = 0o022
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Shelf:
    """A folder of such files; where it cannot be trusted or written to, each makes its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def ours(cls) -> "Shelf":
        """Return the one of this user."""
        return cls(Path(tempfile.gettempdir()) / f"rewardd-headers-{os.getuid()}")

    @contextlib.asynccontextmanager
    async def making(self, name: str) -> AsyncGenerator[None]:
        """Be the only one on this machine who makes this file, if there is a shelf.

        A worker that dies lets go of it.
        """
        lock = self._lock_file(name)
        try:
            while lock is not None and not _locked(lock):  # noqa: ASYNC110  another process's doing
                await asyncio.sleep(_LOOK_SECONDS)
            yield
        finally:
            if lock is not None:
                os.close(lock)

    def take(self, name: str, place: Path) -> bool:
        """Put the file at `place`, a path that is free; say whether there was a sound one."""
        for found in self._files(f"{name}.*"):
            try:
                if _sound(found):
                    os.link(found, place)
                    return True
                found.unlink()
            except OSError:
                continue
        return False

    def put(self, name: str, content: bytes, place: Path) -> None:
        """Put a new file on the shelf and at `place`; at `place` alone if the shelf takes none.

        Raises:
            OSError: `place` cannot be written.
        """
        with contextlib.suppress(OSError):
            digest = hashlib.sha256(content).hexdigest()
            self._add(f"{name}.{digest}", content)
            os.link(self._folder / f"{name}.{digest}", place)
            return
        place.write_bytes(content)

    def _add(self, name: str, content: bytes) -> None:
        """Write a file under another name first: under its own it is whole, or is not there."""
        self._ready()
        draft = self._folder / f".{name}.{os.getpid()}"
        try:
            draft.write_bytes(content)
            draft.chmod(0o444)
            draft.rename(self._folder / name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        oldest_first = sorted(self._files("*.*"), key=lambda file: file.stat().st_mtime)
        for file in oldest_first[:-_MOST_FILES]:
            file.unlink(missing_ok=True)

    def _files(self, pattern: str) -> list[Path]:
        return [p for p in self._folder.glob(pattern) if p.suffix != ".lock" and p.name[0] != "."]

    def _lock_file(self, name: str) -> int | None:
        with contextlib.suppress(OSError):
            self._ready()
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            return os.open(self._folder / f"{name}.lock", flags, 0o600)
        return None

    def _ready(self) -> None:
        """Have a folder that is a real one, ours, and nobody else's to write to.

        Raises:
            OSError: it is not.
        """
        self._folder.mkdir(0o755, exist_ok=True)
        told = self._folder.lstat()
        if not stat.S_ISDIR(told.st_mode) or not _ours(told):
            raise OSError(f"{self._folder} is not ours alone")


def _ours(told: os.stat_result) -> bool:
    return told.st_uid == os.getuid() and not told.st_mode & _OTHERS_MAY_WRITE


def _sound(file: Path) -> bool:
    """Whether a file is ours and has the content that its name promises."""
    descriptor = os.open(file, _FLAGS)
    with os.fdopen(descriptor, "rb") as content:
        told = os.fstat(descriptor)
        if not stat.S_ISREG(told.st_mode) or not _ours(told):
            return False
        return hashlib.file_digest(content, "sha256").hexdigest() == file.suffix[1:]


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
