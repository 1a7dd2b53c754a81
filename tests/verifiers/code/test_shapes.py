import base64
import json
import pickle
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.shapes import read
from rewardd_verifiers.code.tasks import Kind, Protocol, Task

_EMPTY = {"stdin": "", "stdout": ""}
_NOTHING: list[object] = []
_CASES = [{"input": "1\n", "output": "2\n", "testtype": "stdin"}]
_FUNCTIONAL = [{"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}]
_PACKED = base64.b64encode(zlib.compress(pickle.dumps(json.dumps(_CASES)))).decode()

_STDIO = [
    ("own", {"tests": [{"stdin": "1\n", "stdout": "2\n"}]}),
    ("verl", {"inputs": ["1\n"], "outputs": ["2\n"]}),
    ("verl_text", '{"inputs": ["1\\n"], "outputs": ["2\\n"]}'),
    ("apps", {"input_output": json.dumps({"inputs": [["1", ""]], "outputs": [["2", ""]]})}),
    ("live", {"public_test_cases": json.dumps(_CASES), "metadata": "{}"}),
    ("live_packed", {"private_test_cases": _PACKED}),
    ("rllm", _CASES),
    ("open_r1", {"verification_info": {"language": "python", "test_cases": _CASES}}),
    ("contests", {"public_tests": {"input": ["1\n"], "output": ["2\n"]}, "private_tests": None}),
    ("codeforces", {"official_tests": _CASES, "time_limit": 2.0}),
    ("fusion", [{"input": {"stdin": "1\n"}, "output": {"stdout": "2\n"}}]),
    (
        "fusion_row",
        {"test": json.dumps([{"input": {"stdin": "1\n"}, "output": {"stdout": "2\n"}}])},
    ),
]


@pytest.mark.parametrize("raw", [row[1] for row in _STDIO], ids=[row[0] for row in _STDIO])
def test_shapes_of_standard_input_read_the_same(raw: object) -> None:
    task = read(raw)
    assert task.kind is Kind.STDIO
    assert [(test.stdin, test.expected) for test in task.tests] == [(b"1\n", b"2\n")]


_CALLS = [
    ("verl", {"inputs": ["[1, 2]\n3"], "outputs": ["6"], "fn_name": "f"}),
    ("prime", {"inputs": [[[1, 2], 3]], "outputs": [6], "fn_name": "f"}),
    ("apps", {"input_output": '{"fn_name": "f", "inputs": [[[1, 2], 3]], "outputs": [6]}'}),
    ("live", {"public_test_cases": _FUNCTIONAL, "metadata": '{"func_name": "f"}'}),
    ("rllm", [{**_FUNCTIONAL[0], "fn_name": "f"}]),
    ("rllm_metadata", [{**_FUNCTIONAL[0], "metadata": {"func_name": "f"}}]),
    ("own", {"entry": "f", "tests": [{"args": [[1, 2], 3], "result": 6}]}),
    (
        "python",
        {"entry": "f", "encoding": "python", "tests": [{"args": "[1, 2], 3", "result": "6"}]},
    ),
]


@pytest.mark.parametrize("raw", [row[1] for row in _CALLS], ids=[row[0] for row in _CALLS])
def test_shapes_of_calls_read_the_same(raw: object) -> None:
    task = read(raw)
    assert (task.kind, task.entry) == (Kind.CALL, "f")
    assert [(test.arguments, test.result) for test in task.tests] == [(([1, 2], 3), 6)]


def test_integer_keys_that_json_took_away_come_back() -> None:
    task = read({"inputs": [[{"1": "a"}]], "outputs": [1], "fn_name": "f"})
    assert task.tests[0].arguments == ({1: "a"},)


def test_results_that_are_all_lists_of_one_may_be_wrappers() -> None:
    assert read({"inputs": [[1], [2]], "outputs": [[1], [2]], "fn_name": "f"}).either_result
    assert not read({"inputs": [[1], [2]], "outputs": [[1], [2, 3]], "fn_name": "f"}).either_result


def test_a_method_is_told_from_its_class() -> None:
    task = read({"prompt": "", "entry_point": "Solution().twoSum", "test": "def check(c): ..."})
    assert (task.kind, task.owner, task.entry) == (Kind.CHECK, "Solution", "twoSum")


def test_asserts_are_read_from_every_place() -> None:
    shapes = (
        ["assert f(1) == 2"],
        {"assert_case": ["assert f(1) == 2"]},
        {"test_list": ["assert f(1) == 2"], "test_setup_code": "import math"},
    )
    assert [read(shape).kind for shape in shapes] == [Kind.ASSERTS] * 3
    assert read(shapes[2]).setup == "import math"


_SUITE = "from solution import f\n\ndef test_it():\n    assert f(1) == 2\n"


@pytest.mark.parametrize(
    ("raw", "entry"),
    [
        pytest.param({"test": _SUITE}, "", id="alone"),
        pytest.param({"test": _SUITE, "test_info": [{"function_name": "f"}]}, "f", id="kod_code"),
        pytest.param('{"pytest": "def test_f():\\n    assert f(1) == 2"}', "", id="code_r1"),
        pytest.param(
            {"test": "class TestF:\n    def test_it(self):\n        assert f(1)"}, "", id="class"
        ),
        pytest.param(
            {"entry_point": "f", "test": "class T(unittest.TestCase): ..."},
            "f",
            id="big_code_bench",
        ),
    ],
)
def test_unit_tests_are_told_from_other_test_code(raw: object, entry: str) -> None:
    task = read(raw)
    assert (task.kind, task.entry) == (Kind.UNITTEST, entry)
    assert task.tests[0].source == task.test_source


def test_asserts_in_one_text_are_tests_of_their_own() -> None:
    task = read("assert f(1) == 2\nassert f(2) == 3, 'why'")
    assert [test.source for test in task.tests] == ["assert f(1) == 2", "assert f(2) == 3, 'why'"]
    assert len(read("x = 2\nassert f(1) == x\nassert f(2) == 3").tests) == 1


def test_what_a_check_is_called_with_names_the_entry() -> None:
    task = read({"functional": "def check(c):\n    assert c(1)\n\ncheck(Solution().f)"})
    assert (task.kind, task.owner, task.entry) == (Kind.CHECK, "Solution", "f")


def test_a_checker_beside_test_cases_comes_along() -> None:
    task = read({"test_cases": _CASES, "checker": '#include "testlib.h"\nint main() {}'})
    assert task.checker is not None
    assert (task.checker.language, task.checker.protocol) == ("cpp", Protocol.TESTLIB)


def test_limits_and_checkers_come_along() -> None:
    row = {
        "official_tests": [{"input": "1", "output": "2"}],
        "time_limit": 2.5,
        "memory_limit": 256,
        "generated_checker": "print(1)",
        "input_mode": "file",
    }
    task = read(row)
    assert dict(task.limits) == {"cpu_seconds": 2.5, "memory_mib": 256}
    assert (task.stdin_file, task.stdout_file) == ("input.txt", "output.txt")
    assert task.checker is not None
    assert task.checker.protocol is Protocol.FILES


def test_durations_of_data_sets_add_up() -> None:
    row = {
        "public_tests": {"input": ["1"], "output": ["2"]},
        "time_limit": {"seconds": 1, "nanos": 500_000_000},
        "memory_limit_bytes": 256 << 20,
    }
    assert dict(read(row).limits) == {"cpu_seconds": 1.5, "memory_mib": 256}


def _nested(depth: int) -> object:
    row: object = {}
    for _ in range(depth):
        row = {"ground_truth": row}
    return row


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        pytest.param({}, "no known shape", id="empty"),
        pytest.param(_NOTHING, "no tests", id="no_tests"),
        pytest.param({"tests": _NOTHING}, "nothing to fail", id="nothing_to_fail"),
        pytest.param({"inputs": ["1", "2"], "outputs": ["1"]}, "2 inputs, but 1", id="lengths"),
        pytest.param({"tests": [{"stdin": "1"}]}, "without stdout", id="nothing_expected"),
        pytest.param({"entry": "f", "tests": [{"args": _NOTHING}]}, "without", id="result"),
        pytest.param({"inputs": [[1]], "outputs": [None], "fn_name": "f"}, "without", id="none"),
        pytest.param("no json", "no JSON", id="text"),
        pytest.param({"tests": [_EMPTY], "compare": "fuzzy"}, "none of", id="way"),
        pytest.param({"tests": [_EMPTY], "tset": 1}, "tset", id="misspelt"),
        pytest.param({"tests": [_EMPTY], "files": {"../x": ""}}, "below", id="up"),
        pytest.param({"private_test_cases": "@@@"}, "packed", id="no_base64"),
        pytest.param("print('no tests here')", "no JSON", id="code_without_tests"),
        pytest.param({"functional": "def check(c): ..."}, "no function", id="check_of_nothing"),
        pytest.param({"pytest": "def test_("}, "no Python", id="broken_test_code"),
        pytest.param({"input": ["1"], "output": [[["2"]]]}, "no text", id="lists_in_lists"),
        pytest.param(_nested(9000), "too deeply", id="nested"),
        pytest.param({"tests": [_EMPTY] * 1001}, "1001 tests", id="too_many"),
        pytest.param({"inputs": ["x"], "outputs": ["y"], "fn_name": "a b"}, "function", id="entry"),
    ],
)  # fmt: skip
def test_what_fits_no_shape_says_why(raw: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(raw)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("executed",))


def test_a_pickle_is_read_without_being_run(capsys: pytest.CaptureFixture[str]) -> None:
    packed = base64.b64encode(zlib.compress(pickle.dumps(_Bomb()))).decode()
    with pytest.raises(ShapeError, match="more than text"):
        read({"private_test_cases": packed})
    assert capsys.readouterr().out == ""


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip
_KEYS = st.sampled_from(
    ["inputs", "outputs", "fn_name", "input_output", "test_list", "tests", "kind", "entry", "test",
     "public_test_cases", "private_test_cases", "metadata", "public_tests", "official_tests",
     "verification_info", "test_cases", "assert_case", "entry_point", "checker", "limits",
     "reward_model", "unit_tests", "functional", "test_info", "testcase", "input", "output",
     "func_name", "class_name", "input_file"]
)  # fmt: skip


@given(st.dictionaries(_KEYS, _JSON, max_size=5) | st.lists(_JSON, max_size=3) | st.text())
def test_any_reference_is_a_task_or_refused(raw: object) -> None:
    try:
        task = read(raw)
    except ValueError:
        return
    assert isinstance(task, Task)
