"""Calls of functions in JavaScript and TypeScript."""

import time
from collections.abc import Mapping

import pytest

from jail_checks import judge
from rewardd_sandbox import Program
from rewardd_sandbox.languages import LANGUAGES
from rewardd_sandbox.local import LocalSandbox
from rewardd_verifiers import Reason, Verdict
from rewardd_verifiers.code import tasks
from rewardd_verifiers.code.foreign import prepare

_TWO_SUM = {
    "kind": "call",
    "entry": "twoSum",
    "tests": [{"args": [[2, 7, 11], 9], "result": [0, 1]}, {"args": [[3, 3], 6], "result": [0, 1]}],
}
_BODY = (
    "for (let i = 0; i < a.length; i++) for (let j = 0; j < i; j++) if (a[i] + a[j] === t) return"
)


async def _judge(
    sandbox: LocalSandbox, language: str, source: str, reference: Mapping[str, object]
) -> Verdict:
    (report,) = await sandbox.check_languages([language])
    if not report.available:
        pytest.skip(report.problem)
    answer = f"```\n```{language}\n{source}\n```"
    return await judge(sandbox, answer, {**reference, "language": language})


@pytest.mark.parametrize(
    ("language", "source"),
    [
        pytest.param(
            "javascript", f"var twoSum = function(a, t) {{ {_BODY} [j, i]; }}", id="variable"
        ),
        pytest.param(
            "javascript", f"const twoSum = (a, t) => {{ {_BODY} [j, i]; }} // end", id="arrow"
        ),
        pytest.param("javascript", f"async function twoSum(a, t) {{ {_BODY} [j, i] }}", id="async"),
        pytest.param(
            "javascript", f"class Solution {{ twoSum(a, t) {{ {_BODY} [j, i] }} }}", id="class"
        ),
        pytest.param(
            "javascript", f"module.exports = {{ twoSum(a, t) {{ {_BODY} [j, i] }} }}", id="exported"
        ),
        pytest.param(
            "javascript", f"export function twoSum(a, t) {{ {_BODY} [j, i] }}", id="export"
        ),
        pytest.param(
            "javascript",
            f"console.log('noise'); function twoSum(a, t) {{ console.log(a); {_BODY} [j, i] }}",
            id="noise",
        ),
        pytest.param(
            "typescript",
            f"enum E {{ A }}\nfunction twoSum(a: number[], t: number): number[] {{ {_BODY} [j, i] as number[]; return [E.A]; }}",  # noqa: E501  one line of theirs
            id="typed",
        ),
        pytest.param(
            "typescript",
            f"export default class Solution {{ public twoSum(a: number[], t: number): any {{ {_BODY} [j, i] }} }}",  # noqa: E501  the same
            id="typed_class",
        ),
    ],
)
async def test_a_function_is_found_where_programs_put_it(
    sandbox: LocalSandbox, language: str, source: str
) -> None:
    verdict = await _judge(sandbox, language, source, _TWO_SUM)
    assert verdict.score == 1.0, verdict


@pytest.mark.parametrize("language", ["javascript", "typescript"])
@pytest.mark.parametrize("entry", ["hex", "given", "entry", "fs", "process", "Buffer", "kind"])
async def test_a_function_may_have_any_name(
    sandbox: LocalSandbox, language: str, entry: str
) -> None:
    reference = {"kind": "call", "entry": entry, "tests": [{"args": [0.25], "result": 0.5}]}
    verdict = await _judge(sandbox, language, f"function {entry}(x) {{ return 2 * x }}", reference)
    assert verdict.score == 1.0, verdict


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            "function process(x) { return x }\nconst f = (x) => process(2 * x)", id="process"
        ),
        pytest.param(
            "class Map {}; class Set {}; const JSON = 1; const f = (x) => 2 * x", id="types"
        ),
        pytest.param(
            "const Buffer = 1, Number = 2, fs = 3; var f = (x) => Number * x", id="values"
        ),
        pytest.param("export default (x) => 2 * x", id="default_arrow"),
        pytest.param("export default function (x) { return 2 * x }", id="default_function"),
        pytest.param("export default class { f(x) { return 2 * x } }", id="default_class"),
        pytest.param(
            "import fs from 'fs';\nexport default { f: (x) => 2 * x }", id="default_object"
        ),
        pytest.param("setInterval(() => {}, 1000); var f = (x) => 2 * x", id="timer"),
    ],
)
async def test_a_program_may_use_any_name_and_form(sandbox: LocalSandbox, source: str) -> None:
    reference = {"kind": "call", "entry": "f", "tests": [{"args": [3], "result": 6}]}
    verdict = await _judge(sandbox, "javascript", source, reference)
    assert verdict.score == 1.0, verdict


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param("function twoSum() { return [1, 0] }", Reason.MISMATCH, id="wrong"),
        pytest.param("function other() {}", Reason.RUNTIME_ERROR, id="no_entry"),
        pytest.param("function twoSum() { throw 1 }", Reason.RUNTIME_ERROR, id="throws"),
        pytest.param("process.exit(0)", Reason.RUNTIME_ERROR, id="leaves"),
        pytest.param("function twoSum( {", Reason.RUNTIME_ERROR, id="no_program"),
        pytest.param("function twoSum() { return () => 1 }", Reason.MISMATCH, id="a_function"),
        pytest.param("class A {}; function twoSum() { return new A() }", Reason.MISMATCH, id="own"),
        pytest.param(
            "function twoSum() { const a = []; a.push(a); return a }", Reason.MISMATCH, id="cyclic"
        ),
        pytest.param("function twoSum() { for (;;); }", Reason.LIMIT_EXCEEDED, id="spins"),
        pytest.param(
            "function twoSum() { return (function* () { for (;;) yield 0 })() }",
            Reason.MISMATCH,
            id="endless",
        ),
        pytest.param(
            "require('fs').writeFileSync('result.json', '[0,1'); process.exit(0)",
            Reason.RUNTIME_ERROR,
            id="broken_result",
        ),
        pytest.param(
            "JSON.stringify = () => '{\"always\": true}'; function twoSum() { return [1] }",
            Reason.RUNTIME_ERROR,
            id="patched_json",
        ),
        pytest.param(
            "Object.prototype.toJSON = () => [0, 1]; function twoSum() { return {} }",
            Reason.MISMATCH,
            id="patched_objects",
        ),
    ],
)
async def test_what_is_no_right_answer_is_none(
    sandbox: LocalSandbox, source: str, reason: Reason
) -> None:
    tests = [{"args": [[5, 6], 11], "result": [0, 1]}, {"args": [[5, 6, 7], 13], "result": [1, 2]}]
    reference = {**_TWO_SUM, "tests": tests, "limits": {"cpu_seconds": 2}}
    verdict = await _judge(sandbox, "javascript", source, reference)
    assert (verdict.score, verdict.reason) == (0.0, reason), verdict


@pytest.mark.parametrize(
    ("body", "given", "result"),
    [
        pytest.param("x", 0.1, 0.1, id="fraction"),
        pytest.param("x / 3", 1, 1 / 3, id="quotient"),
        pytest.param("x", -5e-324, -5e-324, id="smallest"),
        pytest.param("x", 1.7976931348623157e308, 1.7976931348623157e308, id="largest"),
        pytest.param("x * 1.0", 3, 3.0, id="whole"),
        pytest.param("-0", 1, 0, id="minus_nothing"),
        pytest.param("2n ** 80n", 1, 2**80, id="big"),
        pytest.param("-(2n ** 80n)", 1, -(2**80), id="big_and_negative"),
        pytest.param("x * 2", 2**60, 2**61, id="beyond_53_bits"),
        pytest.param("undefined", 1, None, id="nothing"),
        pytest.param("x + '\\u{1F600}'", "é", "é\U0001f600", id="text"),
        pytest.param("({b: x.a, c: undefined})", {"a": [1, None]}, {"b": [1, None]}, id="object"),
        pytest.param("new Map([[1, x]])", True, {"1": True}, id="map"),
        pytest.param("[...new Set(x)]", [1, 1, 2], [1, 2], id="spread_set"),
        pytest.param("Int32Array.from(x)", [1, 2], [1, 2], id="typed_array"),
        pytest.param("Promise.resolve(x)", 1, 1, id="promise"),
        pytest.param("(function* () { yield x; yield [x] })()", 1, [1, [1]], id="generator"),
        pytest.param("new Map([[x, 1]]).keys()", 3, [3], id="iterator"),
    ],
)
async def test_values_pass_both_ways_unharmed(
    sandbox: LocalSandbox, body: str, given: object, result: object
) -> None:
    reference = {"kind": "call", "entry": "f", "tests": [{"args": [given], "result": result}]}
    verdict = await _judge(sandbox, "javascript", f"const f = (x) => {body}", reference)
    assert verdict.score == 1.0, verdict


async def test_an_argument_may_hold_the_result(sandbox: LocalSandbox) -> None:
    tests = [{"args": [[3, 1, 2]], "result": [1, 2, 3]}]
    reference = {"kind": "call", "entry": "f", "tests": tests, "result_of": 0}
    verdict = await _judge(sandbox, "javascript", "var f = (x) => { x.sort() }", reference)
    assert verdict.score == 1.0, verdict


@pytest.mark.parametrize(
    ("language", "extra"),
    [
        pytest.param("javascript", {"tests": [{"kwargs": {"a": 1}, "result": 1}]}, id="keywords"),
        pytest.param("javascript", {"entry": "a b"}, id="no_name"),
        pytest.param(
            "javascript",
            {"encoding": "python", "tests": [{"args": "b'x',", "result": "1"}]},
            id="bytes",
        ),
        pytest.param("cpp", {}, id="not_offered"),
    ],
)
async def test_what_a_language_cannot_be_asked_is_the_references_fault(
    sandbox: LocalSandbox, language: str, extra: Mapping[str, object]
) -> None:
    verdict = await _judge(sandbox, language, "x", {**_TWO_SUM, **extra})
    assert (verdict.score, verdict.reason) == (None, Reason.INVALID_REFERENCE)


@pytest.mark.parametrize("line", ["export function{}(", "export {{}}{}x", "export default x{}y"])
def test_a_line_of_blanks_takes_no_longer_than_it_is(line: str) -> None:
    source = line.format(" " * 200_000).encode()
    program = Program(language="javascript", files={"main.js": source}, main="main.js")
    task = tasks.Task(
        kind=tasks.Kind.CALL, tests=(tasks.Test(arguments=(1,), result=1),), entry="f"
    )
    begun = time.process_time()
    made = prepare(program, LANGUAGES["javascript"], task).files["main.js"]
    assert source[-100_000:] in made
    assert time.process_time() - begun < 20, "the square of its length takes minutes"


async def test_a_block_in_a_language_without_calls_is_the_policys_fault(
    sandbox: LocalSandbox,
) -> None:
    verdict = await judge(sandbox, "```\n```cpp\nint x;\n```", _TWO_SUM, language="any")
    assert (verdict.score, verdict.reason) == (0.0, Reason.BAD_FORMAT)


async def test_later_inputs_are_not_there_yet(sandbox: LocalSandbox) -> None:
    peek = "const seen = require('fs').readFileSync(0, 'utf8'); function f(x) { return seen }"
    tests = [{"args": ["first"], "result": ""}, {"args": ["omega"], "result": ""}]
    verdict = await _judge(
        sandbox, "javascript", peek, {"kind": "call", "entry": "f", "tests": tests}
    )
    assert verdict.reason is Reason.MISMATCH, verdict
    assert "omega" not in str(verdict.evidence)
