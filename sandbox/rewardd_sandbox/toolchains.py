"""Find compilers and interpreters wherever they live, and what a jail must show of them."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rewardd_sandbox.languages import Language, Variant

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ALWAYS_SHOWN = ("/usr", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
_PATIENCE_SECONDS = 30
_FIRST_NODE_THAT_STRIPS = (22, 6)

# What an interpreter for submissions loads and where: run by that interpreter itself.
_ASK_PYTHON = """
import json, sys, sysconfig
paths = sysconfig.get_paths()
names = ("stdlib", "platstdlib", "purelib", "platlib")
places = {sys.prefix, sys.base_prefix, sys.exec_prefix, *(paths[n] for n in names)}
try:
    import numpy
    numpy = numpy.__version__
except Exception:
    numpy = None
maps = [line.split(None, 5)[-1].strip() for line in open("/proc/self/maps") if "/" in line]
loaded = sorted({m for m in maps if m.startswith("/") and ".so" in m})
version = sys.version.split()[0]
print(json.dumps({"places": sorted(places), "version": version, "numpy": numpy, "loaded": loaded}))
"""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """One way to run a language that is there.

    Attributes:
        programs: resolved paths by the names that the variant uses.
        roots: files and directories that its jails must show.
        identity: changes when any of the programs does.
        environment: tells the loader where the installation's own libraries are, as it cannot
            find out without /proc.
    """

    variant: Variant
    programs: Mapping[str, str]
    roots: tuple[str, ...]
    version: str
    identity: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python that runs submissions."""

    path: str
    version: str
    numpy: str | None
    roots: tuple[str, ...]


def interpreter(path: str) -> Interpreter | None:
    """Ask a Python what it is and what it needs; None if it does not run or is too old."""
    told = _ask([path, "-B", "-s", "-P", "-c", _ASK_PYTHON])
    if told is None:
        return None
    facts: dict[str, Any] = json.loads(told)
    places = [*facts["places"], *facts["loaded"], str(Path(path).resolve().parent.parent)]
    real = {str(Path(place).resolve()) for place in places} - {"/"}
    return Interpreter(path, facts["version"], facts["numpy"], _outermost({*real, *ALWAYS_SHOWN}))


def find(language: Language, search_path: str) -> Toolchain | str:
    """Return the first variant of a language that is there, or a sentence on what lacks."""
    lacking = ""
    for variant in language.variants:
        found = {name: _locate(name, search_path) for name in variant.needs}
        absent = [name for name, place in found.items() if place is None]
        if not absent:
            programs = {name: place for name, place in found.items() if place is not None}
            return _toolchain(language, variant, programs)
        lacking = (
            lacking or f"no toolchain for {language.name} on this worker ({absent[0]} not found)"
        )
    return lacking


def _toolchain(language: Language, variant: Variant, programs: dict[str, str]) -> Toolchain:
    command = [word.format_map(programs) for word in variant.version]
    said = (_ask(command) or "").strip().splitlines()
    roots = {_root(place) for place in programs.values() if place}
    roots |= {str(p) for pattern in language.etc for p in Path("/etc").glob(pattern)}
    stamps = [f"{place} {Path(place).stat().st_mtime_ns}" for place in programs.values() if place]
    return Toolchain(
        variant=variant,
        programs=programs,
        roots=_outermost(roots),
        version=said[0][:100] if said else "unknown",
        identity=hashlib.sha256("\n".join(stamps).encode()).hexdigest(),
        environment=_libraries(programs.values()),
    )


def _libraries(places: Iterable[str]) -> dict[str, str]:
    folders = {f"{_root(place)}/lib" for place in places} - {"/usr/lib", "/lib"}
    return {"LD_LIBRARY_PATH": ":".join(sorted(folders))} if folders else {}


def _locate(name: str, search_path: str) -> str | None:
    special = _SPECIAL.get(name)
    if special is not None:
        return special(search_path)
    found = shutil.which(name, path=search_path)
    return None if found is None else _real(found)


def _real(found: str) -> str:
    """Resolve links, but keep the last name: compilers look at what they are called."""
    path = Path(found)
    return str(path.resolve() if path.is_symlink() else path.parent.resolve() / path.name)


def _rustc(search_path: str) -> str | None:
    """Return the compiler itself: rustup's shim wants a home directory and a network."""
    found = shutil.which("rustc", path=search_path)
    root = _ask([found, "--print", "sysroot"]) if found else None
    place = Path(root.strip()) / "bin" / "rustc" if root else None
    return str(place.resolve()) if place is not None and place.exists() else None


def _node_that_strips(search_path: str) -> str | None:
    """Return node if it can run TypeScript by itself."""
    found = shutil.which("node", path=search_path)
    said = _ask([found, "--version"]) if found else None
    if found is None or said is None:
        return None
    version = tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2])
    return _real(found) if version >= _FIRST_NODE_THAT_STRIPS else None


_SPECIAL: Mapping[str, Callable[[str], str | None]] = {
    "rustc": _rustc,
    "node-strips-types": _node_that_strips,
}


def _root(place: str) -> str:
    """Return the installation that a program belongs to: what holds its bin directory."""
    path = Path(place)
    if path.parent.name not in ("bin", "sbin"):
        return str(path.parent)
    home = path.parent.parent
    return (
        place
        if home.name == ".local" or (str(home.parent) in ("/home", "/") and str(home) != "/usr")
        else str(home)
    )


def _outermost(roots: Iterable[str]) -> tuple[str, ...]:
    """Leave out what lies inside another root, and the root directory itself."""
    kept: list[str] = []
    for root in sorted({r for r in roots if r not in ("", "/")}):
        if not any(root == k or root.startswith(f"{k}/") for k in kept):
            kept.append(root)
    return tuple(kept)


def _ask(command: list[str]) -> str | None:
    """Return what a trusted program of this machine prints; None if it fails."""
    try:
        done = subprocess.run(  # noqa: S603  a toolchain that the operator installed
            command,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout or done.stderr) if done.returncode == 0 else None
