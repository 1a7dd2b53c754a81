"""What test code reaches for: whether it only calls the program, or needs to be in its process."""

import ast
import sys
from collections.abc import Iterator

MODULES = ("solution", "main", "submission")
"""Names under which tests import the program."""

_IN_PROCESS = {
    "asyncore", "builtins", "capsys", "concurrent", "contextlib.redirect_stderr",
    "contextlib.redirect_stdout", "ctypes", "faulthandler", "fileinput", "gc", "glob",
    "importlib", "inspect", "io", "linecache", "logging", "mmap", "multiprocessing", "os",
    "pathlib", "pickle", "queue", "resource", "runpy", "select", "shelve", "shutil", "signal",
    "socket", "sqlite3", "subprocess", "tempfile", "threading", "tracemalloc", "unittest.mock",
    "warnings", "weakref", "zipfile",
}  # fmt: skip
_THROUGH = {"numpy", "pytest", *MODULES}
"""Not of Python's own, and yet no reason to be in the program's process."""
_FIXTURES = {
    "capfd", "capfdbinary", "capsys", "capsysbinary", "caplog", "monkeypatch", "recwarn",
    "tmp_path", "tmp_path_factory", "tmpdir", "tmpdir_factory",
}  # fmt: skip
_ATTRIBUTES = {"stdin", "stdout", "stderr", "warns", "deprecated_call"}
_OWNERS = {"sys", "pytest"}


def needs_process(source: str) -> str:
    """Return what in test code needs the program in its own process; empty if nothing does.

    Mocks, files, streams, threads and other people's libraries do; so does what looks into
    functions. Source that does not parse needs nothing.
    """
    return next(_needs(_parsed(source)), "")


def modules(source: str, entry: str) -> list[str]:
    """Return the names of the modules that mean the program in test code."""
    found: dict[str, None] = dict.fromkeys(MODULES)
    for node in ast.walk(_parsed(source)):
        if isinstance(node, ast.ImportFrom) and node.module and _is_unknown(node.module):
            names = {alias.name for alias in node.names}
            if entry in names or "solution" in node.module.lower():
                found[node.module] = None
    return list(found)


def _parsed(source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _needs(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (found for alias in node.names if (found := _reaching(alias.name)))
        elif isinstance(node, ast.ImportFrom):
            yield from _imported(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from ("open",) if node.func.id == "open" else ()
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            whole = f"{node.value.id}.{node.attr}"
            yield from (whole,) if node.value.id in _OWNERS and node.attr in _ATTRIBUTES else ()
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (arg.arg for arg in node.args.args if arg.arg in _FIXTURES)


def _imported(node: ast.ImportFrom) -> Iterator[str]:
    module = node.module or ""
    if _reaching(module):
        yield module
    for alias in node.names:
        if f"{module}.{alias.name}" in _IN_PROCESS:
            yield f"{module}.{alias.name}"


def _reaching(module: str) -> str:
    """Return a module's name if tests that import it are in the program's process."""
    root = module.partition(".")[0]
    if root in _IN_PROCESS or module in _IN_PROCESS:
        return module
    return module if _is_unknown(root) and "solution" not in root.lower() else ""


def _is_unknown(module: str) -> bool:
    root = module.partition(".")[0]
    return bool(root) and root not in sys.stdlib_module_names and root not in _THROUGH
