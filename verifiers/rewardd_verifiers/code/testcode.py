"""Read tests that came as Python source: asserts, a `check` function, or unit tests."""

import ast
import re

from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.tasks import Kind, Task, Test

ENTRY = re.compile(r"(?:(?P<owner>[A-Za-z_]\w*)\(\)\.)?(?P<entry>[A-Za-z_]\w*)")


def is_test_code(source: str) -> bool:
    """Whether text is Python that tests something."""
    body = _parsed(source)
    nodes = (node for statement in body for node in ast.walk(statement))
    return _kind(body) is not Kind.ASSERTS or any(isinstance(node, ast.Assert) for node in nodes)


def read(source: str, entry: str = "", setup: str = "") -> Task:
    """Return the task that test code stands for.

    `entry` is the function that is tested, where the row says; it may be `Solution().name`. The
    tests may use what `setup` defines.

    Raises:
        ShapeError: it says nowhere what is tested, as it is no Python, or checks nothing.
    """
    body = _parsed(source)
    if not body and not entry:
        raise ShapeError("the test code is no Python")
    kind = _kind(body)
    named = entry.strip() or (_checked(body) if kind is Kind.CHECK else "")
    found = ENTRY.fullmatch(named)
    if found is None and (named or kind is Kind.CHECK):
        raise ShapeError(f"{named[:80]!r} names no function")
    sources = _asserts(body, source) if kind is Kind.ASSERTS else [source]
    return Task(
        kind=kind,
        tests=tuple(Test(source=one) for one in sources),
        entry="" if found is None else found["entry"],
        owner=None if found is None else found["owner"],
        setup=setup,
        test_source=source if kind is not Kind.ASSERTS else "",
    )


def _kind(body: list[ast.stmt]) -> Kind:
    if any(_is_suite(statement) for statement in body):
        return Kind.UNITTEST
    functions = (one for one in body if isinstance(one, ast.FunctionDef))
    if any(one.name == "check" and one.args.args for one in functions):
        return Kind.CHECK
    return Kind.ASSERTS


def _is_suite(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return statement.name.startswith("test")
    if not isinstance(statement, ast.ClassDef):
        return False
    derived = any("TestCase" in ast.unparse(base) for base in statement.bases)
    return derived or (statement.name.startswith("Test") and any(map(_is_suite, statement.body)))


def _checked(body: list[ast.stmt]) -> str:
    """Return what `check` is called with at the top."""
    for statement in body:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "check" and call.args:
            return ast.unparse(call.args[0])
    return ""


def _asserts(body: list[ast.stmt], source: str) -> list[str]:
    """Return each assert if there is nothing else, else all in one."""
    if not body or not all(isinstance(statement, ast.Assert) for statement in body):
        return [source]
    return [ast.unparse(statement) for statement in body]


def _parsed(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source.strip()).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
