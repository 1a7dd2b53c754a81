"""The shape of our own: {kind, tests, ...}, in which every other one can be said."""

from collections.abc import Mapping
from typing import Any

from rewardd_verifiers.code import fields
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.tasks import Checker, Comparison, Kind, Protocol, Task, Test

_LIMITS = {
    "cpu_seconds", "wall_seconds", "memory_mib", "output_bytes", "processes", "file_mib",
    "build_cpu_seconds", "build_memory_mib",
}  # fmt: skip
_KNOWN = {
    "kind", "language", "tests", "compare", "abs_tol", "rel_tol", "limits", "entry", "class",
    "encoding", "setup", "prompt", "test", "checker", "interactor", "files", "main", "stdin_file",
    "stdout_file", "subtasks", "result_of",
}  # fmt: skip
_MARKS = {
    Kind.INTERACTIVE: "interactor",
    Kind.CHECK: "test",
}


def read(raw: Mapping[str, Any]) -> Task:
    """Return the task that a reference of our own shape asks for.

    Raises:
        ShapeError: it says what does not fit.
    """
    unknown = sorted(set(raw) - _KNOWN)
    if unknown:
        raise ShapeError(f"unknown keys: {', '.join(map(str, unknown))}")
    kind = _kind(raw)
    compare = raw.get("compare")
    checker, interactor = raw.get("checker"), raw.get("interactor")
    return Task(
        kind=kind,
        tests=_tests(raw, kind),
        language=None if raw.get("language") is None else fields.text(raw["language"], "language"),
        entry=fields.text(raw.get("entry", ""), "entry"),
        owner=raw.get("class"),
        setup=fields.text(raw.get("setup") or raw.get("prompt") or "", "setup"),
        test_source=fields.text(raw.get("test", ""), "test"),
        compare=None if compare in (None, "checker") else _choice(Comparison, compare),
        abs_tol=fields.number(raw.get("abs_tol", 1e-6), "abs_tol"),
        rel_tol=fields.number(raw.get("rel_tol", 1e-6), "rel_tol"),
        checker=None if checker is None else _checker(fields.mapping(checker, "checker")),
        interactor=None
        if interactor is None
        else _checker(fields.mapping(interactor, "interactor"), Protocol.TESTLIB),
        limits=limits(raw.get("limits") or {}),
        files=files(raw.get("files")),
        main=None if raw.get("main") is None else _name(raw["main"]),
        stdin_file=None if raw.get("stdin_file") is None else _name(raw["stdin_file"]),
        stdout_file=None if raw.get("stdout_file") is None else _name(raw["stdout_file"]),
    )


def limits(raw: object) -> dict[str, float]:
    """Return the limits that a reference sets.

    Raises:
        ShapeError: one is unknown, or no number.
    """
    given = fields.mapping(raw, "limits")
    unknown = sorted(set(given) - _LIMITS)
    if unknown:
        raise ShapeError(f"unknown limits: {', '.join(unknown)}")
    return {name: fields.number(value, name) for name, value in given.items()}


def _kind(raw: Mapping[str, Any]) -> Kind:
    if "kind" in raw:
        named = raw["kind"]
        return Kind.UNITTEST if named == "pytest" else _choice(Kind, named)
    for kind, mark in _MARKS.items():
        if mark in raw:
            return kind
    tests = fields.sequence(raw.get("tests"), "tests")
    if tests and isinstance(tests[0], str):
        return Kind.ASSERTS
    return Kind.CALL if "entry" in raw else Kind.STDIO


def _choice(kinds: Any, value: object) -> Any:  # noqa: ANN401  any closed set
    try:
        return kinds(value)
    except ValueError as error:
        known = ", ".join(kinds)
        raise ShapeError(f"{value!r} is none of: {known}") from error


def _tests(raw: Mapping[str, Any], kind: Kind) -> tuple[Test, ...]:
    if kind in (Kind.CHECK, Kind.UNITTEST):
        return (Test(source=fields.text(raw.get("test"), "test")),)
    given = fields.sequence(raw.get("tests"), "tests")
    if kind is Kind.ASSERTS:
        return tuple(Test(source=fields.text(test, "an assert")) for test in given)
    rows = [fields.mapping(test, "a test") for test in given]
    if kind is Kind.CALL:
        return tuple(_call(row, raw) for row in rows)
    return tuple(_stdio(row, kind) for row in rows)


def _stdio(row: Mapping[str, Any], kind: Kind) -> Test:
    expected = row.get("stdout", "" if kind is Kind.INTERACTIVE else None)
    if expected is None:
        raise ShapeError("a test without stdout: nothing is expected of it")
    return Test(
        stdin=fields.stdio(row.get("stdin", ""), "stdin"),
        expected=fields.stdio(expected, "stdout"),
        weight=fields.number(row.get("weight", 1), "weight"),
        subtask=str(row.get("subtask", "")),
    )


def _call(row: Mapping[str, Any], raw: Mapping[str, Any]) -> Test:
    if "result" not in row:
        raise ShapeError("a test without result: nothing is expected of it")
    python = raw.get("encoding") == "python"
    arguments = row.get("args", [])
    result = row["result"]
    if python:
        result = fields.literal(result)
        arguments = _literals(arguments)
    which = row.get("result_of", raw.get("result_of"))
    return Test(
        arguments=tuple(fields.sequence(arguments, "args")),
        keywords=fields.mapping(row.get("kwargs") or {}, "kwargs"),
        result=result,
        result_of=None if which is None else int(fields.number(which, "result_of")),
        plain=not python,
        weight=fields.number(row.get("weight", 1), "weight"),
        subtask=str(row.get("subtask", "")),
    )


def _literals(arguments: object) -> object:
    """Return arguments that are Python literals: one text for all, or one each."""
    if not isinstance(arguments, str):
        return [fields.literal(argument) for argument in fields.sequence(arguments, "args")]
    value = fields.literal(arguments)
    return value if isinstance(value, list | tuple) else [value]  # pyright: ignore[reportUnknownVariableType]  any literal


def _checker(raw: Mapping[str, Any], usual: Protocol = Protocol.FUNCTION) -> Checker:
    return Checker(
        language=fields.text(raw.get("language", "python"), "language"),
        source=fields.text(raw.get("source"), "source"),
        protocol=_choice(Protocol, raw.get("protocol", usual)),
        files=files(raw.get("files")),
    )


def files(raw: object) -> dict[str, bytes]:
    """Return named files.

    Raises:
        ShapeError: a name leads elsewhere, or a content is none.
    """
    named = fields.mapping(raw or {}, "files")
    return {_name(name): fields.file(content, name) for name, content in named.items()}


def _name(value: object) -> str:
    name = fields.text(value, "a file name")
    if not name or any(step in ("", ".", "..") for step in name.split("/")) or "\0" in name:
        raise ShapeError(f"{name!r} is no name below the work directory")
    return name
