"""Read any reference that the field's data sets hold: one pure function per shape."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, cast

from pydantic import PlainValidator, WithJsonSchema

from rewardd_verifiers.code import fields, own_shape
from rewardd_verifiers.code.fields import ShapeError, decoded, mapping, sequence, stdio, text
from rewardd_verifiers.code.pickled import unpack
from rewardd_verifiers.code.tasks import Checker, Kind, Protocol, Task, Test

_MIB = 1 << 20
_ENTRY = re.compile(r"(?:(?P<owner>[A-Za-z_]\w*)\(\)\.)?(?P<entry>[A-Za-z_]\w*)")


def read(raw: object) -> Task:
    """Return the task that a reference asks for; JSON text is read first.

    Raises:
        ShapeError: it fits no shape; says why.
    """
    if isinstance(raw, Task):
        return raw
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
    found = _ENTRY.fullmatch(entry.strip())
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
    """verl, PRIME, NeMo-Gym: {inputs, outputs, fn_name?}."""
    inputs, outputs = sequence(row["inputs"], "inputs"), sequence(row["outputs"], "outputs")
    entry = row.get("fn_name")
    return _pairs(inputs, outputs) if not entry else _calls(inputs, outputs, text(entry, "fn_name"))


def _apps(row: Mapping[str, Any]) -> Task:
    """APPS, TACO: {input_output: JSON}."""
    return read(decoded(row["input_output"]))


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
    """CodeContests: three groups of {input, output}, limits."""
    inputs: list[object] = []
    outputs: list[object] = []
    for name in ("public_tests", "private_tests", "generated_tests"):
        group = mapping(row.get(name) or {}, name)
        inputs += sequence(group.get("input") or [], name)
        outputs += sequence(group.get("output") or [], name)
    limits: dict[str, float] = {}
    if row.get("time_limit"):
        limits["cpu_seconds"] = fields.number(row["time_limit"], "time_limit")
    if row.get("memory_limit_bytes"):
        size = fields.number(row["memory_limit_bytes"], "memory_limit_bytes")
        limits["memory_mib"] = max(size // _MIB, 1)
    return replace(_pairs(inputs, outputs), limits=limits)


def _human_eval(row: Mapping[str, Any]) -> Task:
    """HumanEval, and LeetCode sets in its form: {prompt, entry_point, test}."""
    entry = text(row["entry_point"], "entry_point").strip()
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise ShapeError(f"entry_point {entry[:80]!r} names no function")
    test = text(row["test"], "test")
    return Task(
        kind=Kind.CHECK,
        tests=(Test(source=test),),
        entry=found["entry"],
        owner=found["owner"],
        setup=text(row.get("prompt") or "", "prompt"),
        test_source=test,
    )


def _kod_code(row: Mapping[str, Any]) -> Task:
    """KodCode: tests for pytest, and what they are about: {test, test_info: [{function_name}]}."""
    test = text(row["test"], "test")
    about = [mapping(one, "test_info") for one in sequence(row["test_info"], "test_info")]
    named = about[0].get("function_name") if len(about) == 1 else None
    return Task(
        kind=Kind.UNITTEST,
        tests=(Test(source=test),),
        entry=text(named or "", "function_name"),
        test_source=test,
    )


def _verification(row: Mapping[str, Any]) -> Task:
    """open-r1 verifiable: {verification_info: {language, test_cases}}."""
    held = mapping(decoded(row["verification_info"]), "verification_info")
    return read(held)


def _test_cases(row: Mapping[str, Any]) -> Task:
    cases = [mapping(case, "a test") for case in sequence(row["test_cases"], "test_cases")]
    language = row.get("language")
    task = _cases(cases, row)
    return replace(task, language=None if language is None else text(language, "language"))


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
    (("verification_info",), _verification),
    (("input_output",), _apps),
    (("assert_case",), _assert_case),
    (("inputs", "outputs"), _parallel),
    (("test_list",), _mbpp),
    (("public_test_cases",), _live),
    (("private_test_cases",), _live),
    (("public_tests",), _contests),
    (("private_tests",), _contests),
    (("generated_tests",), _contests),
    (("official_tests",), _codeforces),
    (("entry_point", "test"), _human_eval),
    (("test", "test_info"), _kod_code),
    (("test_cases",), _test_cases),
    (("kind",), own_shape.read),
    (("tests",), own_shape.read),
    (("test", "entry"), own_shape.read),
    (("test",), _fusion),
)
