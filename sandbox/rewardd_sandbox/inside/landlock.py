"""Landlock: what the jail may read and write, by the kernel's version of it."""

import os
import struct
from collections.abc import Iterable

from rewardd_sandbox.inside.kernel import call

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
_REMOVE_DIR, _REMOVE_FILE = 16, 32
_MAKE_DIR, _MAKE_REG, _MAKE_SOCK, _MAKE_FIFO, _MAKE_SYM = 128, 256, 512, 1024, 4096
_REFER, TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
READ = EXECUTE | READ_FILE | READ_DIR
WRITE = (
    READ | WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SOCK
    | _MAKE_FIFO | _MAKE_SYM | _REFER | TRUNCATE
)  # fmt: skip
WRITE_ONE = READ_FILE | WRITE_FILE | TRUNCATE
_ON_FILES = EXECUTE | READ_FILE | WRITE_FILE | TRUNCATE | _IOCTL_DEV
_ALL_OF_ABI_1 = (1 << 13) - 1
_NO_TCP = 3
_SCOPED = 3
"""Abstract sockets and signals end at the jail's fence."""


def version(cap: int | None = None) -> int:
    """Return the kernel's Landlock version, at most `cap`; 0 where there is none."""
    try:
        found = call("landlock_create_ruleset", None, 0, 1)
    except OSError:
        return 0
    return found if cap is None else min(found, cap)


def ruleset(abi: int, rules: Iterable[tuple[str, int]]) -> int:
    """Return a descriptor of rules: all of the file system is denied but (path, rights).

    Paths that do not exist are left out. The rights hold below each path.
    """
    handled = _ALL_OF_ABI_1
    for needed, right in ((2, _REFER), (3, TRUNCATE), (5, _IOCTL_DEV)):
        handled |= right if abi >= needed else 0
    attributes = struct.pack("=QQQ", handled, _NO_TCP, _SCOPED)
    size = 8 if abi < 4 else 16 if abi < 6 else 24  # noqa: PLR2004  Landlock's own versions
    made = call("landlock_create_ruleset", attributes, size, 0)
    for path, rights in rules:
        _allow(made, path, rights & handled)
    return made


def _allow(made: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    if not os.path.isdir(path):  # noqa: PTH112  pathlib would weigh on every fork
        rights &= _ON_FILES
    try:
        call("landlock_add_rule", made, 1, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def restrict(made: int) -> None:
    """Put this process under the rules, for good; needs `no_new_privs`."""
    call("landlock_restrict_self", made, 0)
