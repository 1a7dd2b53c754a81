"""Unit tests in one process with the program: allowed only by name, and no cheaper to pass."""

import pytest

from jail_checks import judge
from rewardd_sandbox.local import LocalSandbox
from rewardd_verifiers import Reason

_TEST = """
import os, unittest
from unittest.mock import patch

class Tests(unittest.TestCase):
    def test_asks(self):
        with patch("builtins.input", return_value="4"):
            self.assertEqual(task(), 16)

    def test_writes(self):
        with patch("builtins.input", return_value="3"):
            task("out.txt")
        with open("out.txt") as written:
            self.assertEqual(written.read(), "9")

def test_plain():
    with patch("builtins.input", return_value="0"):
        assert task() == 0
"""
_RIGHT = """
def task(name=None):
    square = int(input()) ** 2
    if name:
        with open(name, "w") as place:
            place.write(str(square))
    return square
"""
_REFERENCE = {"kind": "unittest", "entry": "task", "test": _TEST}


async def test_a_right_program_passes_and_its_verdict_says_how_far_to_trust_it(
    sandbox: LocalSandbox,
) -> None:
    verdict = await judge(sandbox, _RIGHT, _REFERENCE, allow_weak=True)
    assert (verdict.score, verdict.evidence["trust"]) == (1.0, "weak"), verdict


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param(_RIGHT.replace("** 2", "* 2"), Reason.MISMATCH, id="wrong"),
        pytest.param("def other(): pass", Reason.MISMATCH, id="no_entry"),
        pytest.param("1 / 0", Reason.RUNTIME_ERROR, id="raises_at_load"),
        pytest.param("import os; os._exit(0)", Reason.RUNTIME_ERROR, id="leaves_at_load"),
        pytest.param("import os\ndef task(*a): os._exit(0)", Reason.RUNTIME_ERROR, id="leaves"),
        pytest.param(
            "import unittest\nunittest.TestCase.run = lambda *a: None\ndef task(*a): return 0",
            Reason.MISMATCH,
            id="vanished_tests",
        ),
        pytest.param(
            "import os, struct\n"
            'for body in (b\'"loaded"\', b\'{"dict":[["ran",3],["bad",0]]}\'):\n'
            "    os.write(4, b'v' + struct.pack('>I', len(body)) + body)\n"
            "import time; time.sleep(0.2)",
            Reason.RUNTIME_ERROR,
            id="forged_at_load",
        ),
        pytest.param("def task(", Reason.COMPILE_ERROR, id="no_program"),
        pytest.param("while True: pass", Reason.LIMIT_EXCEEDED, id="spins"),
    ],
)
async def test_a_program_that_is_not_right_fails(
    sandbox: LocalSandbox, source: str, reason: Reason
) -> None:
    reference = {**_REFERENCE, "limits": {"cpu_seconds": 2}}
    verdict = await judge(sandbox, source, reference, allow_weak=True)
    assert (verdict.score, verdict.reason) == (0.0, reason), verdict


async def test_it_is_not_done_unasked(sandbox: LocalSandbox) -> None:
    verdict = await judge(sandbox, _RIGHT, _REFERENCE)
    assert (verdict.score, verdict.reason) == (None, Reason.INVALID_REFERENCE)
    assert "allow_weak" in verdict.detail


async def test_tests_that_only_call_run_by_proxy_whatever_is_allowed(sandbox: LocalSandbox) -> None:
    test = "import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n"
    test += "        self.assertEqual(double(2), 4)"
    reference = {"kind": "unittest", "entry": "double", "test": test}
    verdict = await judge(sandbox, "def double(x): return 2 * x", reference, allow_weak=True)
    assert (verdict.score, verdict.evidence["trust"]) == (1.0, "full")


@pytest.mark.parametrize(
    "test",
    [
        pytest.param("import os, nosuchmodule", id="cannot_be_collected"),
        pytest.param("import os", id="no_tests"),
    ],
)
async def test_test_code_at_fault_gives_no_verdict(sandbox: LocalSandbox, test: str) -> None:
    reference = {**_REFERENCE, "test": test}
    verdict = await judge(sandbox, _RIGHT, reference, allow_weak=True)
    assert (verdict.score, verdict.reason) == (None, Reason.INVALID_REFERENCE)
