"""Read files that a jail left behind, without following anywhere it points."""

import contextlib
import os
import stat
from collections.abc import Iterable, Mapping

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DEEPEST = 16


def collect(directory: int, names: Iterable[str], most_bytes: int) -> Mapping[str, bytes]:
    """Return the named regular files below an open directory, as far as `most_bytes` goes.

    Every process of the jail is dead by now. What is a link, a pipe, missing or too large is
    left out.
    """
    found: dict[str, bytes] = {}
    for name in names:
        content = _read(directory, name, most_bytes)
        if content is not None:
            found[name] = content
            most_bytes -= len(content)
    return found


def listing(directory: int) -> list[str]:
    """Return the names of files below an open directory; hidden and deep folders are left out."""
    found: list[str] = []
    for place, folders, names, _ in os.fwalk(".", dir_fd=directory):
        shallow = place.count("/") < _DEEPEST
        folders[:] = [name for name in folders if shallow and not name.startswith(".")]
        found += [f"{place}/{name}".removeprefix("./") for name in names]
    return sorted(found)


def _read(directory: int, name: str, most_bytes: int) -> bytes | None:
    *folders, last = name.split("/")
    with contextlib.ExitStack() as held:
        place = directory
        try:
            for folder in folders:
                place = os.open(folder, _FLAGS | os.O_DIRECTORY, dir_fd=place)
                held.callback(os.close, place)
            file = os.open(last, _FLAGS, dir_fd=place)
        except OSError:
            return None
        held.callback(os.close, file)
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most_bytes:
            return None
        return _whole(file, most_bytes)


def _whole(file: int, most_bytes: int) -> bytes | None:
    pieces: list[bytes] = []
    taken = 0
    while piece := os.read(file, 1 << 20):
        pieces.append(piece)
        taken += len(piece)
        if taken > most_bytes:
            return None
    return b"".join(pieces)
