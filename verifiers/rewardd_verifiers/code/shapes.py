"""Read any reference that the field's data sets hold: one pure function per shape."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, cast

from pydantic import PlainValidator, WithJsonSchema

from rewardd_verifiers.code import fields, own_shape, testcode
from rewardd_verifiers.code.fields import ShapeError, decoded, mapping, sequence, stdio, text
from rewardd_verifiers.code.pickled import unpack
from rewardd_verifiers.code.tasks import Checker, Kind, Protocol, Task, Test
from rewardd_verifiers.code.testcode import ENTRY

_MIB = 1 << 20


def read(raw: object) -> Task:
    """Return the task that a reference asks for; text is JSON, or else test code.

    Raises:
        ShapeError: it fits no shape; says why.
    """
    if isinstance(raw, Task):
        return raw
    try:
        return _read(raw)
    except RecursionError as error:
        raise ShapeError("it is nested too deeply") from error


def _read(raw: object) -> Task:
    if isinstance(raw, str) and not _is_json(raw) and testcode.is_test_code(raw):
        return testcode.read(raw)
    value = decoded(raw)
    if isinstance(value, list | tuple):
        return _listed(cast("Sequence[Any]", value))
    row = mapping(value, "a reference")
    for marks, shape in _SHAPES:
        if all(row.get(mark) is not None for mark in marks):
            return shape(row)
    keys = ", ".join(sorted(map(str, row))) or "none"
    raise ShapeError(f"no known shape has these keys: {keys}")


TaskReference = Annotated[
    Task,
    PlainValidator(read),
    WithJsonSchema(
        {
            "title": "Tests",
            "description": "Tests of a program in any of the documented shapes, or JSON text of it",
            "type": ["object", "array", "string"],
        }
    ),
]


def _is_json(text: str) -> bool:
    bare = text.lstrip()
    return bare.startswith(("{", "[", '"')) and not bare.startswith('"""')


def _listed(rows: Sequence[Any]) -> Task:
    """Read a bare list: assert texts, or {input, output} of rllm, open-instruct, SandboxFusion."""
    if rows and all(isinstance(row, str) for row in rows):
        return _asserts([str(row) for row in rows], "")
    cases = [mapping(row, "a test") for row in rows]
    if cases and isinstance(cases[0].get("input"), Mapping):
        return _fusion({"test": cases})
    return _cases(cases, {})


def _cases(cases: Sequence[Mapping[str, Any]], row: Mapping[str, Any]) -> Task:
    """Read a list of {input, output, testtype?, fn_name?}."""
    first: Mapping[str, Any] = cases[0] if cases else {}
    metadata: Mapping[str, Any] = mapping(decoded(first.get("metadata") or {}), "metadata")
    entry: object = row.get("fn_name") or first.get("fn_name") or metadata.get("func_name")
    kinds = {case.get("testtype") or case.get("type") for case in cases}
    inputs = [case.get("input") for case in cases]
    outputs = [case.get("output") for case in cases]
    if (entry and kinds & {"functional", "function_call", "call_based"}) or (
        entry and kinds == {None}
    ):
        return _calls(inputs, outputs, text(entry, "fn_name"))
    return _pairs(inputs, outputs)


def _pairs(inputs: Sequence[Any], outputs: Sequence[Any]) -> Task:
    _same_length(inputs, outputs)
    tests = tuple(
        Test(stdin=stdio(given, "an input"), expected=stdio(expected, "an output"))
        for given, expected in zip(inputs, outputs, strict=True)
    )
    return Task(kind=Kind.STDIO, tests=tests)


def _same_length(inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    if len(inputs) != len(outputs):
        raise ShapeError(f"{len(inputs)} inputs, but {len(outputs)} outputs")


def _calls(inputs: Sequence[Any], outputs: Sequence[Any], entry: str) -> Task:
    _same_length(inputs, outputs)
    found = ENTRY.fullmatch(entry.strip())
    if found is None:
        raise ShapeError(f"{entry[:80]!r} names no function")
    results = [_result(output) for output in outputs]
    wrapped = bool(results) and all(
        isinstance(result, list) and len(cast("list[object]", result)) == 1 for result in results
    )
    tests = tuple(
        Test(arguments=_arguments(given), result=result)
        for given, result in zip(inputs, results, strict=True)
    )
    return Task(
        kind=Kind.CALL,
        tests=tests,
        entry=found["entry"],
        owner=found["owner"],
        either_result=wrapped,
    )


def _result(output: object) -> object:
    """Return an expected result: JSON text or a value; text that is no JSON stands for itself."""
    if output is None:
        raise ShapeError("a test without output: nothing is expected of it")
    if not isinstance(output, str):
        return output
    try:
        return decoded(output)
    except ShapeError:
        return output


def _arguments(given: object) -> tuple[object, ...]:
    """Return arguments: a list of them, or text with one JSON value per line."""
    if isinstance(given, str):
        lines = [line for line in given.split("\n") if line.strip()]
        return tuple(_integer_keys(_result(line)) for line in lines)
    return tuple(_integer_keys(value) for value in sequence(given, "an input"))


def _integer_keys(value: object) -> object:
    """Give a dict whose keys are all integers as text integer keys, as JSON took them away."""
    if not isinstance(value, dict):
        return value
    keyed = cast("dict[str, object]", value)
    if keyed and all(re.fullmatch(r"-?\d{1,18}", key) for key in keyed):
        return {int(key): item for key, item in keyed.items()}
    return keyed


def _parallel(row: Mapping[str, Any]) -> Task:
    """verl, PRIME, rStar-Coder: {inputs, outputs, fn_name? or func_name?}, JSON text or not."""
    inputs = sequence(decoded(row["inputs"]), "inputs")
    outputs = sequence(decoded(row["outputs"]), "outputs")
    entry = row.get("fn_name") or row.get("func_name")
    if not entry:
        return _pairs(inputs, outputs)
    task = _calls(inputs, outputs, text(entry, "fn_name"))
    owner = text(row.get("class_name") or "", "class_name")
    return replace(task, owner=owner) if owner.isidentifier() else task


def _within(name: str) -> "_Shape":
    """Return a reader of rows that hold a reference in one field: verl, NeMo-Gym, open-r1."""
    return lambda row: _read(row[name])


def _source(name: str) -> "_Shape":
    """Return a reader of rows that hold test code in one field: Code-R1, KodCode."""
    return lambda row: testcode.read(text(row[name], name))


def _mbpp(row: Mapping[str, Any]) -> Task:
    """MBPP: {test_list, test_setup_code or test_imports, challenge_test_list?}."""
    imports = sequence(row.get("test_imports") or (), "test_imports")
    setup = row.get("test_setup_code") or "\n".join(text(i, "an import") for i in imports)
    more = sequence(row.get("challenge_test_list") or (), "challenge_test_list")
    listed = [*sequence(row["test_list"], "test_list"), *more]
    return _asserts([text(test, "an assert") for test in listed], text(setup, "setup"))


def _assert_case(row: Mapping[str, Any]) -> Task:
    """verl: {assert_case: [...]}."""
    listed = sequence(row["assert_case"], "assert_case")
    return _asserts(
        [text(test, "an assert") for test in listed], "", entry=row.get("fn_name") or ""
    )


def _asserts(listed: Sequence[str], setup: str, entry: str = "") -> Task:
    tests = tuple(Test(source=source) for source in listed)
    return Task(kind=Kind.ASSERTS, tests=tests, setup=setup, entry=entry)


def _live(row: Mapping[str, Any]) -> Task:
    """LiveCodeBench: public and private cases as JSON, the private ones possibly packed."""
    cases: list[Mapping[str, Any]] = []
    for name in ("public_test_cases", "private_test_cases"):
        given: object = row.get(name) or []
        if isinstance(given, str) and not given.lstrip().startswith("["):
            given = unpack(given)
        cases += [mapping(case, "a test") for case in sequence(decoded(given), name)]
    metadata = mapping(decoded(row.get("metadata") or {}), "metadata")
    entry = metadata.get("func_name")
    task = _cases(cases, {"fn_name": entry} if entry else {})
    return replace(task, either_result=False)


def _contests(row: Mapping[str, Any]) -> Task:
    """CodeContests: three groups of {input, output}, limits, names of files."""
    inputs: list[object] = []
    outputs: list[object] = []
    for name in ("public_tests", "private_tests", "generated_tests"):
        group = _group(decoded(row.get(name) or {}), name)
        inputs += sequence(group.get("input") or [], name)
        outputs += sequence(group.get("output") or [], name)
    limits: dict[str, float] = {}
    if row.get("time_limit"):
        limits["cpu_seconds"] = fields.number(row["time_limit"], "time_limit")
    if row.get("memory_limit_bytes"):
        size = fields.number(row["memory_limit_bytes"], "memory_limit_bytes")
        limits["memory_mib"] = max(size // _MIB, 1)
    return replace(
        _pairs(inputs, outputs),
        limits=limits,
        stdin_file=_file_of(row, "input_file"),
        stdout_file=_file_of(row, "output_file"),
    )


def _group(held: object, name: str) -> Mapping[str, Any]:
    """Return tests as two lists, which may have come as a list of pairs."""
    if not isinstance(held, list):
        return mapping(held, name)
    cases = [mapping(case, name) for case in cast("list[object]", held)]
    return {key: [case.get(key) for case in cases] for key in ("input", "output")}


def _file_of(row: Mapping[str, Any], key: str) -> str | None:
    name = text(row.get(key) or "", key)
    if name in ("", "stdin", "stdout"):
        return None
    (safe,) = own_shape.files({name: ""})
    return safe


def _human_eval(row: Mapping[str, Any]) -> Task:
    """HumanEval, LeetCode sets in its form, BigCodeBench: {prompt?, entry_point, test}."""
    setup = text(row.get("prompt") or "", "prompt")
    return testcode.read(text(row["test"], "test"), text(row["entry_point"], "entry_point"), setup)


def _test_cases(row: Mapping[str, Any]) -> Task:
    """{test_cases}: pairs or asserts, as they are or as JSON; AceCode, CodeContests+, open-r1."""
    held = decoded(row["test_cases"])
    if isinstance(held, Mapping):
        task = _read(cast("Mapping[str, Any]", held))
    else:
        cases = sequence(held, "test_cases")
        whole = bool(cases) and all(isinstance(case, str) for case in cases)
        task = _listed(cases) if whole else _cases([mapping(c, "a test") for c in cases], row)
    language, judge = row.get("language"), row.get("checker")
    if isinstance(judge, str) and "testlib.h" in judge:
        task = replace(task, checker=Checker("cpp", judge, Protocol.TESTLIB))
    return replace(task, language=None if language is None else text(language, "language"))


def _tests(row: Mapping[str, Any]) -> Task:
    """Our own shape; DeepCoder, where the tests are JSON text of another."""
    held: Any = row["tests"]
    if isinstance(held, str | Mapping):
        language = row.get("language")
        task = _read(decoded(cast(object, held)))
        return replace(task, language=text(language, "language")) if language else task
    cases = cast("list[object]", held if isinstance(held, list) else [])
    pairs = bool(cases) and all(isinstance(case, Mapping) and "input" in case for case in cases)
    return (
        _cases([mapping(case, "a test") for case in cases], row) if pairs else own_shape.read(row)
    )


def _lone(row: Mapping[str, Any]) -> Task:
    """KodCode: test code and what it is about; else SandboxFusion."""
    held = row["test"]
    if not isinstance(held, str) or _is_json(held):
        return _fusion(row)
    about = sequence(row.get("test_info") or (), "test_info")
    name = mapping(about[0], "test_info").get("function_name") if len(about) == 1 else None
    return testcode.read(held, text(name or "", "function_name"))


def _codeforces(row: Mapping[str, Any]) -> Task:
    """open-r1 Codeforces: official tests, limits in seconds and megabytes, checker, file mode."""
    cases = [mapping(case, "a test") for case in sequence(row["official_tests"], "official_tests")]
    task = _pairs([c.get("input") for c in cases], [c.get("output") for c in cases])
    limits: dict[str, float] = {}
    if row.get("time_limit"):
        limits["cpu_seconds"] = fields.number(row["time_limit"], "time_limit")
    if row.get("memory_limit"):
        limits["memory_mib"] = fields.number(row["memory_limit"], "memory_limit")
    checker, language = row.get("generated_checker"), row.get("language")
    in_files = row.get("input_mode") == "file"
    return replace(
        task,
        limits=limits,
        checker=None
        if not checker
        else Checker("python", text(checker, "checker"), Protocol.FILES),
        language=None if not language else text(language, "language"),
        stdin_file="input.txt" if in_files else None,
        stdout_file="output.txt" if in_files else None,
    )


def _fusion(row: Mapping[str, Any]) -> Task:
    """SandboxFusion: [{input: {stdin}, output: {stdout}}], or {code} to append."""
    held = decoded(row["test"])
    if isinstance(held, Mapping):
        code = text(mapping(cast(object, held), "test").get("code"), "code")
        labels = mapping(decoded(row.get("labels") or {}), "labels")
        return _asserts([code], "", entry=text(labels.get("entry_point") or "", "entry_point"))
    cases = [mapping(case, "a test") for case in sequence(held, "test")]
    return Task(kind=Kind.STDIO, tests=tuple(_fused(case) for case in cases))


def _fused(case: Mapping[str, Any]) -> Test:
    """Read a test whose input and output may also be files."""
    given, wanted = mapping(case.get("input"), "input"), mapping(case.get("output"), "output")
    if not wanted:
        raise ShapeError("a test without output: nothing is expected of it")
    return Test(
        stdin=stdio(given.get("stdin", ""), "stdin"),
        expected=stdio(wanted.get("stdout", ""), "stdout"),
        files=own_shape.files({k: v for k, v in given.items() if k != "stdin"}),
        expected_files=own_shape.files({k: v for k, v in wanted.items() if k != "stdout"}),
    )


_Shape = Callable[[Mapping[str, Any]], Task]
_SHAPES: Sequence[tuple[tuple[str, ...], _Shape]] = (
    (("reward_model",), _within("reward_model")),
    (("ground_truth",), _within("ground_truth")),
    (("verification_info",), _within("verification_info")),
    (("unit_tests",), _within("unit_tests")),
    (("entry_point", "test"), _human_eval),
    (("input_output",), _within("input_output")),
    (("assert_case",), _assert_case),
    (("inputs", "outputs"), _parallel),
    (("test_list",), _mbpp),
    (("testcase",), _within("testcase")),
    (("functional",), _source("functional")),
    (("pytest",), _source("pytest")),
    (("official_tests",), _codeforces),
    (("public_test_cases",), _live),
    (("private_test_cases",), _live),
    (("public_tests",), _contests),
    (("private_tests",), _contests),
    (("generated_tests",), _contests),
    (("test_cases",), _test_cases),
    (("kind",), own_shape.read),
    (("tests",), _tests),
    (("test", "entry"), own_shape.read),
    (("test",), _lone),
    (("input", "output"), lambda row: _contests({"public_tests": row})),
)
