"""Rows as data sets hold them, from the row to the score: one right and one wrong program each."""

import base64
import json
import pickle
import zlib
from typing import Any

import pytest

from jail_checks import judge
from rewardd_sandbox.local import LocalSandbox

_SUM = "a, b = map(int, input().split())\nprint(a + b)"
_SUBTRACT = "a, b = map(int, input().split())\nprint(a - b)"
_LINES = "n = int(input())\nprint(*[int(input()) ** 2 for _ in range(n)], sep='\\n')"
_NO_LINES = "n = int(input())\nprint(*[0 for _ in range(n)], sep='\\n')"
_ADD = "def add(a, b):\n    return a + b"
_NO_ADD = "def add(a, b):\n    return a * b"
_METHOD = (
    "class Solution:\n    def longest(self, words: List[str]) -> str:\n"
    "        return {}(words, key=len)"
)
_COUNT = "def count(s):\n    return {{c: s.count(c) for c in s{}}}"
_IO = [{"input": "1 2\n", "output": "3\n"}, {"input": "5 7\n", "output": "12\n"}]
_PAIR = {"inputs": ["1 2\n", "5 7\n"], "outputs": ["3\n", "12\n"]}
_WORDS = {"fn_name": "longest", "inputs": [[["a", "bcd"]]], "outputs": [["bcd"]]}
_SUITE = "import pytest\nfrom solution import add\ndef test_it():\n    assert add(1, 2) == 3\n"
_COPY = "print(open('a.txt').read(){}, file=open('b.txt', 'w'), end='')"


def _packed(cases: object) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(cases)))).decode()


def _typed(kind: str, cases: list[dict[str, str]], **more: object) -> list[dict[str, Any]]:
    return [{**case, "testtype": kind, **more} for case in cases]


_FUNCTIONAL = [{"input": "1\n2", "output": "3"}, {"input": "-5\n7", "output": "2"}]
_CALLED = _typed("functional", _FUNCTIONAL)
_STDIN = _typed("stdin", _IO)
_NO_MAX = _METHOD.format("min")
_MAX = _METHOD.format("max")
_ROWS: dict[str, tuple[str, str, object]] = {
    "verl_stdin": (_SUM, _SUBTRACT, json.dumps(_PAIR)),
    "prime_lines": (_LINES, _NO_LINES, {"inputs": ["2\n3\n4"], "outputs": ["9\n16"]}),
    "prime_call": (_ADD, _NO_ADD, {"inputs": ["1\n2"], "outputs": ["3"], "fn_name": "add"}),
    "verl_asserts": (_ADD, _NO_ADD, {"assert_case": ["assert add(1, 2) == 3"], "fn_name": None}),
    "apps_lines": (
        _LINES,
        _NO_LINES,
        {"input_output": json.dumps({"inputs": [["2", "3", "4"]], "outputs": [["9", "16"]]})},
    ),
    "apps_method": (_MAX, _NO_MAX, {"input_output": json.dumps(_WORDS), "starter_code": "class"}),
    "taco_keys": (
        "def f(d):\n    return d[1] + d[2]",
        "def f(d):\n    return d[1]",
        {
            "input_output": json.dumps(
                {"fn_name": "f", "inputs": [[{"1": 2, "2": 3}]], "outputs": [5]}
            )
        },
    ),
    "live_packed": (
        _SUM,
        _SUBTRACT,
        {
            "public_test_cases": json.dumps(_STDIN[:1]),
            "private_test_cases": _packed(_STDIN[1:]),
            "metadata": "{}",
        },
    ),
    "live_plain": (_SUM, _SUBTRACT, {"private_test_cases": json.dumps(_STDIN), "metadata": {}}),
    "live_method": (
        "class Solution:\n    def add(self, a, b):\n        return a + b",
        "class Solution:\n    def add(self, a, b):\n        return str(a + b)",
        {
            "public_test_cases": json.dumps(_CALLED[:1]),
            "private_test_cases": _packed(_CALLED[1:]),
            "metadata": json.dumps({"func_name": "add"}),
        },
    ),
    "rllm_stdin": (_SUM, _SUBTRACT, _typed("stdin_stdout", _IO, metadata={"func_name": None})),
    "rllm_call": (_ADD, _NO_ADD, _typed("functional", _FUNCTIONAL, metadata={"func_name": "add"})),
    "rllm_text": (_SUM, _SUBTRACT, json.dumps(_STDIN)),
    "open_r1": (
        _SUM,
        _SUBTRACT,
        {
            "verification_info": {
                "language": "python",
                "test_cases": [{**case, "fn_name": None, "type": "stdin_stdout"} for case in _IO],
            }
        },
    ),
    "open_r1_call": (
        _ADD,
        _NO_ADD,
        {
            "verification_info": json.dumps(
                {
                    "language": "python",
                    "test_cases": [
                        {"fn_name": "add", "type": "function_call", "input": [1, 2], "output": [3]}
                    ],
                }
            )
        },
    ),
    "contests": (
        _SUM,
        _SUBTRACT,
        {
            "public_tests": {"input": ["1 2\n"], "output": ["3\n"]},
            "private_tests": {"input": [], "output": []},
            "generated_tests": {"input": ["5 7\n"], "output": ["12\n"]},
            "time_limit": {"seconds": 2, "nanos": 0},
            "memory_limit_bytes": 256000000,
        },
    ),
    "contests_without_limits": (
        _SUM,
        _SUBTRACT,
        {"public_tests": {"input": ["1 2"], "output": ["3"]}, "time_limit": None},
    ),
    "human_eval": (
        _ADD,
        _NO_ADD,
        {
            "prompt": 'def add(a, b):\n    """Add."""\n',
            "entry_point": "add",
            "test": "def check(candidate):\n    assert candidate(a=1, b=2) == 3\n",
        },
    ),
    "leetcode_in_its_form": (
        _MAX,
        _NO_MAX,
        {
            "prompt": "from typing import *\n",
            "entry_point": "Solution().longest",
            "test": "def check(candidate):\n    assert candidate(words=['a', 'bcd']) == 'bcd'\n",
        },
    ),
    "mbpp": (
        _COUNT.format(""),
        _COUNT.format("[1:]"),
        {
            "test_list": ["assert count('ab') == {'a': 1, 'b': 1}"],
            "test_setup_code": "",
            "challenge_test_list": ["assert count('') == {}"],
        },
    ),
    "mbpp_sanitized": (
        "def root(x):\n    return x ** 0.5",
        "def root(x):\n    return x",
        {
            "test_imports": ["import math"],
            "test_list": ["assert math.isclose(root(2), 1.41421356, rel_tol=1e-6)"],
        },
    ),
    "open_instruct": (
        _ADD,
        _NO_ADD,
        json.dumps(["assert add(1, 2) == 3", "assert add(0, 5) == 5"]),
    ),
    "open_instruct_stdin": (_SUM, _SUBTRACT, _IO),
    "codeforces": (
        _SUM,
        _SUBTRACT,
        {
            "official_tests": _IO,
            "time_limit": 2.0,
            "memory_limit": 256.0,
            "input_mode": "stdio",
            "generated_checker": None,
        },
    ),
    "codeforces_files": (
        (
            "a, b = map(int, open('input.txt').read().split())\n"
            "print(a + b, file=open('output.txt', 'w'))"
        ),
        "a, b = map(int, open('input.txt').read().split())\nprint(a + b)",
        {"official_tests": _IO, "time_limit": 1, "memory_limit": 64, "input_mode": "file"},
    ),
    "codeforces_checker": (
        _SUM,
        _SUBTRACT,
        {
            "official_tests": _IO,
            "generated_checker": "import sys\n"
            "_, right, given = (open(p).read() for p in sys.argv[1:])\n"
            "print(100 if right.split() == given.split() else 0)",
        },
    ),
    "fusion": (_SUM, _SUBTRACT, [{"input": {"stdin": "1 2"}, "output": {"stdout": "3"}}]),
    "fusion_files": (
        _COPY.format(""),
        _COPY.format(".upper()"),
        {"test": [{"input": {"a.txt": "x\ny"}, "output": {"b.txt": "x\ny"}}], "labels": "{}"},
    ),
    "fusion_script": (
        _ADD,
        _NO_ADD,
        {"test": {"code": "def check(f):\n    assert f(1, 2) == 3\ncheck(add)"}, "labels": {}},
    ),
    "verl_row": (
        _SUM,
        _SUBTRACT,
        {
            "data_source": "code",
            "prompt": [{"role": "user", "content": "Add."}],
            "reward_model": {"style": "rule", "ground_truth": json.dumps(_PAIR)},
            "extra_info": {"index": 0},
        },
    ),
    "nemo_gym": (_SUM, _SUBTRACT, {"unit_tests": json.dumps(_PAIR), "problem_id": 1}),
    "deepcoder": (
        _SUM,
        _SUBTRACT,
        {"problem": "Add.", "tests": json.dumps(_STDIN), "starter_code": "", "metadata": "{}"},
    ),
    "deepcoder_call": (
        _ADD,
        _NO_ADD,
        {"tests": json.dumps({"fn_name": "add", "inputs": [[1, 2]], "outputs": [3]})},
    ),
    "synthetic_2": (
        _SUM,
        _SUBTRACT,
        {"verification_info": json.dumps({"language": "python", "test_cases": json.dumps(_IO)})},
    ),
    "lists_as_test_cases": (_SUM, _SUBTRACT, {"test_cases": json.dumps(_PAIR)}),
    "ace_code": (
        _ADD,
        _NO_ADD,
        {"id": "x", "question": "Add.", "test_cases": ["assert add(1, 2) == 3"]},
    ),
    "open_coder": (
        _ADD,
        _NO_ADD,
        {"entry_point": "add", "code": "", "testcase": ["assert add(1, 2) == 3"]},
    ),
    "rstar": (
        _SUM,
        _SUBTRACT,
        {
            "question_id": "seed_1",
            "inputs": json.dumps(_PAIR["inputs"]),
            "outputs": json.dumps(_PAIR["outputs"]),
            "func_name": "",
            "class_name": "",
        },
    ),
    "rstar_method": (
        _MAX,
        _NO_MAX,
        {
            "inputs": json.dumps([[["a", "bcd"]]]),
            "outputs": json.dumps(["bcd"]),
            "func_name": "longest",
            "class_name": "Solution",
        },
    ),
    "leetcode_with_examples": (
        _MAX,
        _NO_MAX,
        {
            "prompt": "from typing import *\n",
            "entry_point": "Solution().longest",
            "test": "def check(candidate):\n    assert candidate(words=['a', 'bcd']) == 'bcd'\n",
            "input_output": [{"input": "words = ['a', 'bcd']", "output": "bcd"}],
        },
    ),
    "big_code_bench": (
        _ADD,
        _NO_ADD,
        {
            "complete_prompt": "def add(a, b):",
            "entry_point": "add",
            "test": "import unittest\nclass TestCases(unittest.TestCase):\n"
            "    def test_it(self):\n        self.assertEqual(add(1, 2), 3)\n",
        },
    ),
    "code_r1": (
        _MAX,
        _NO_MAX,
        json.dumps(
            {
                "functional": "def check(candidate):\n"
                "    assert candidate(words=['a', 'bcd']) == 'bcd'\n"
                "check(Solution().longest)"
            }
        ),
    ),
    "code_r1_pytest": (_ADD, _NO_ADD, json.dumps({"pytest": _SUITE})),
    "kod_code": (
        _ADD,
        _NO_ADD,
        {"question": "Add.", "test": _SUITE, "test_info": [{"function_name": "add"}]},
    ),
    "asserts_as_text": (_ADD, _NO_ADD, "# two\nassert add(1, 2) == 3\nassert add(0, 5) == 5"),
    "apps_numbers": (
        _LINES,
        _NO_LINES,
        {"input_output": {"inputs": [[2, 3, 4]], "outputs": [[9, "16"]]}},
    ),
    "contests_pairs": (_SUM, _SUBTRACT, {"public_tests": _IO, "private_tests": []}),
    "contests_as_one": (_SUM, _SUBTRACT, {"input": ["1 2"], "output": ["3"]}),
    "contests_files": (
        ("a, b = map(int, open('sum.in').read().split())\nprint(a + b, file=open('sum.out', 'w'))"),
        _SUM,
        {
            "public_tests": {"input": ["1 2"], "output": ["3"]},
            "input_file": "sum.in",
            "output_file": "sum.out",
        },
    ),
    "codeforces_whole": (
        _SUM,
        _SUBTRACT,
        {
            "id": "1/A",
            "examples": _IO,
            "official_tests": _IO,
            "generated_tests": 0,
            "generated_checker": None,
            "input_mode": "stdio",
            "memory_limit": 256.0,
        },
    ),
    "pairs_in_our_own": (_SUM, _SUBTRACT, {"tests": _IO}),
    "fusion_labels": (
        _ADD,
        _NO_ADD,
        {"test": {"code": "x = add\nassert x(1, 2) == 3"}, "labels": {"entry_point": "add"}},
    ),
}


@pytest.mark.parametrize("strict", [False, True], ids=["batch", "strict"])
@pytest.mark.parametrize("name", _ROWS)
async def test_a_row_tells_right_from_wrong(
    sandbox: LocalSandbox, name: str, *, strict: bool
) -> None:
    right, wrong, row = _ROWS[name]
    good = await judge(sandbox, right, row, strict=strict)
    bad = await judge(sandbox, wrong, row, strict=strict)
    assert (good.score, bad.score) == (1.0, 0.0), (good, bad)
