"""Cheap ways to pass tests in one's own process, and honest programs that look like them."""

from collections.abc import AsyncIterator

import pytest

from jail_checks import judge
from rewardd_sandbox import UnavailableError
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier
from rewardd_verifiers import Reason

_TEST = """
import os, unittest
import pytest

class Tests(unittest.TestCase):
    def test_square(self):
        self.assertEqual(square(3), 9)

    def test_kind(self):
        self.assertTrue(isinstance(square(2), int))
        self.assertIn(square(4), [16])

def test_plain():
    assert square(5) == 25
    assert len(str(square(11))) == 3

@pytest.mark.parametrize("n", [6, 7])
def test_near(n, capsys):
    print(square(n))
    assert capsys.readouterr().out == f"{n * n}\\n"
    assert square(n) == pytest.approx(n * n)

def test_refuses():
    with pytest.raises(TypeError):
        square("x")
"""
_REFERENCE = {"kind": "pytest", "entry": "square", "test": _TEST}
_RIGHT = "def square(n):\n    return n * (n + 0)\n"
_FORGE = """
import os, re, struct, sys
def forge(text):
    for token in set(re.findall(r"[0-9a-f]{32}", str(text))):
        pairs = [["token", token], ["ran", 6], ["passed", 6], ["failed", 0], ["changed", []]]
        body = ('{"dict":%s}' % pairs).replace("'", '"').encode()
        os.write(4, b"v" + struct.pack(">I", len(body)) + body)
def frames(frame):
    while frame:
        forge([frame.f_locals, {k: v for k, v in frame.f_globals.items() if k[:2] != "__"}])
        frame = frame.f_back
"""
_ENCODER = """
import sys
def replace(frame):
    while frame:
        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
            space = getattr(value, "__globals__", None)
            if isinstance(space, dict) and "encode" in space:
                patch(space)
        frame = frame.f_back
def patch(space):
    old = space["encode"]
    def encode(value):
        if isinstance(value, dict) and "token" in value:
            value.update(ran=6, passed=6, failed=0, changed=[])
        return old(value)
    space["encode"] = encode
"""
_WRONG = "def square(n):\n    return 0\n"
_ALL = "lambda *a, **k: True"


def _in_call(act: str) -> str:
    lines = "\n".join(f"    {line}" for line in act.splitlines())
    return f"def square(n):\n{lines}\n    return 0\n"


_ATTACKS = {
    "skips": _in_call("import unittest\nraise unittest.SkipTest('x')"),
    "skips_as_pytest": _in_call("import pytest\npytest.skip('x')"),
    "expects_to_fail": _in_call("import pytest\npytest.xfail('x')"),
    "asks_for_what_is_lacking": _in_call("import pytest\npytest.nosuch()"),
    "assertions_at_load": "import unittest\n"
    f"for n in dir(unittest.TestCase):\n    if n[:6] == 'assert': "
    f"setattr(unittest.TestCase, n, {_ALL})\n{_WRONG}",
    "code_of_an_assertion": "import unittest\n"
    f"unittest.TestCase.assertEqual.__code__ = ({_ALL}).__code__\n{_WRONG}",
    "assertions_in_a_call": _in_call(
        f"import unittest\nunittest.TestCase.assertEqual = {_ALL}\n"
        f"unittest.TestCase.assertTrue = unittest.TestCase.assertIn = {_ALL}"
    ),
    "runner": f"import unittest\nunittest.TestCase.run = {_ALL}\n"
    f"unittest.TestResult.addFailure = unittest.TestResult.addError = {_ALL}\n{_WRONG}",
    "suite": f"import unittest\nunittest.TestSuite.run = {_ALL}\n{_WRONG}",
    "outcome": "import unittest.case\nunittest.case._Outcome.__init__ = "
    f"unittest.case._Outcome.testPartExecutor = {_ALL}\n{_WRONG}",
    "builtins": "import builtins\nfor n in 'len isinstance abs all str sorted'.split():\n"
    f"    setattr(builtins, n, {_ALL})\n{_WRONG}",
    "builtins_in_a_call": _in_call(
        f"import builtins\nfor n in ('len', 'isinstance', 'all'):\n    setattr(builtins, n, {_ALL})"
    ),
    "no_assertion_error": "import builtins\n"
    f"builtins.AssertionError = type('Never', (Exception,), {{}})\n{_WRONG}",
    "framework": "import sys, types\nfake = types.ModuleType('unittest')\n"
    "fake.TestCase = type('TestCase', (), {'assertEqual': lambda *a: None})\n"
    f"sys.modules['unittest'] = fake\n{_WRONG}",
    "pytest_itself": "import sys, types\nfake = types.ModuleType('pytest')\n"
    f"fake.approx = {_ALL}\nsys.modules['pytest'] = fake\n{_WRONG}",
    "main": "import sys\nfor m in list(sys.modules.values()):\n"
    "    if m.__name__ == '__main__' or 'rewardd' in m.__name__:\n"
    "        for n in list(vars(m)):\n"
    f"            if n[:2] != '__': setattr(m, n, {_ALL})\n{_WRONG}",
    "operators": f"import operator\noperator.eq = operator.call = {_ALL}\n{_WRONG}",
    "equals_all": "class A:\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n"
    "def square(n):\n    if n == 'x': raise TypeError\n    return A()",
    "equals_plain": "class A(int):\n    __eq__ = lambda s, o: isinstance(o, (int, str, float))\n"
    "    __hash__ = None\n    __str__ = lambda s: '121'\n"
    "def square(n):\n    if n == 'x': raise TypeError\n    return A()",
    "equals_in_a_list": "from unittest.mock import ANY\ndef square(n):\n    return ANY",
    "trace": f"{_FORGE}\n"
    "def look(frame, *_):\n    frames(frame)\n    return look\nsys.settrace(look)\n"
    f"sys.setprofile(look)\n{_WRONG}",
    "trace_in_a_call": f"{_FORGE}\n"
    "def look(frame, *_):\n    frames(frame)\n    return look\n"
    "def square(n):\n    sys.settrace(look)\n    sys.setprofile(look)\n    return 0",
    "frames": f"{_FORGE}\ndef square(n):\n    frames(sys._getframe())\n    return 0",
    "frames_at_load": f"{_FORGE}\nheld = sys._getframe()\n"
    "def square(n):\n    frames(held)\n    frames(held.f_back)\n    return 0",
    "heap": f"{_FORGE}\nimport gc\ndef square(n):\n    forge(gc.get_objects())\n    return 0",
    "input": f"{_FORGE}\ndef square(n):\n    forge(os.pread(0, 1 << 20, 0))\n    return 0",
    "encoder": f"{_ENCODER}\nreplace(sys._getframe())\n{_WRONG}",
    "encoder_in_a_call": f"{_ENCODER}\ndef square(n):\n    replace(sys._getframe())\n    return 0",
    "process": f"{_FORGE}\nif os.fork() == 0:\n"
    f"    while True: forge(os.pread(0, 1 << 20, 0))\n{_WRONG}",
    "thread": f"{_FORGE}\nimport threading\ndef wait():\n"
    "    while True:\n        forge(os.pread(0, 1 << 20, 0))\n"
    f"threading.Thread(target=wait, daemon=True).start()\n{_WRONG}",
    "timer": f"{_FORGE}\nimport signal\n"
    "signal.signal(signal.SIGALRM, lambda _, frame: frames(frame))\n"
    f"signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n{_WRONG}",
    "collector": f"{_FORGE}\nimport gc\n"
    "gc.callbacks.append(lambda *_: frames(sys._getframe()))\ngc.set_threshold(1)\n"
    f"{_WRONG}",
    "audit": f"{_FORGE}\nsys.addaudithook(lambda *_: frames(sys._getframe()))\n{_WRONG}",
    "finalizer": f"{_FORGE}\nimport operator\nclass A:\n"
    "    def __call__(self, *a): return True\n"
    "    def __del__(self): frames(sys._getframe())\n"
    f"operator.eq = A()\n{_WRONG}",
    "at_exit": f"{_FORGE}\nimport atexit\n"
    "atexit.register(lambda: forge(os.pread(0, 1 << 20, 0)))\n"
    "def square(n): raise SystemExit(0)",
    "files_of_the_runner": "import os, pathlib\nfor path in pathlib.Path('.').rglob('*.py'):\n"
    "    try:\n        path.write_text('def run(*a): return dict(ran=6, passed=6, failed=0, "
    "name=\\'\\', text=\\'\\')')\n    except OSError:\n        pass\n"
    f"{_WRONG}",
    "import_hook": "import builtins, sys\nreal = builtins.__import__\n"
    "def hooked(name, *a, **k):\n    found = real(name, *a, **k)\n"
    "    if 'running' in name or name == 'unittest':\n"
    f"        vars(found).update(Run={_ALL}, TestCase=object)\n    return found\n"
    f"builtins.__import__ = hooked\n{_WRONG}",
    "leaves": "import os\ndef square(n): os._exit(0)",
    "exits": "def square(n): raise SystemExit(0)",
}
_HONEST = {
    "plain": _RIGHT,
    "threads_that_end": "import threading\ndef square(n):\n    if n == 'x': raise TypeError\n"
    "    out = []\n    t = threading.Thread(target=lambda: out.append(n * n))\n"
    "    t.start()\n    t.join()\n    return out[0]",
    "tracing": "import sys\nsys.settrace(None)\n" + _RIGHT,
    "hook_at_exit": "import atexit\natexit.register(print, 'bye')\n" + _RIGHT,
    "collecting": "import gc\ngc.collect()\ngc.disable()\n" + _RIGHT,
    "frames": "import sys\ndef square(n):\n    assert sys._getframe().f_back\n"
    "    return n * (n + 0)",
    "patch_that_is_undone": "import builtins\nprint_ = builtins.print\n"
    "builtins.print = lambda *a: None\nbuiltins.print = print_\n" + _RIGHT,
    "own_encoder": "import json\njson.JSONEncoder.default = lambda s, o: str(o)\n" + _RIGHT,
    "own_number": "class N(int):\n    def __eq__(self, o): return int(self) == o\n"
    "    __hash__ = int.__hash__\n    def __str__(self): return str(int(self))\n"
    "def square(n):\n    return N(n * (n + 0))",
    "own_tests": "import unittest\nclass Mine(unittest.TestCase):\n"
    "    def test_it(self): self.assertEqual(square(1), 1)\n" + _RIGHT,
    "prelude": "def square(n: Optional[int]) -> List[int]:\n    return n * (n + 0)",
    "seed_and_streams": "import random, sys\nrandom.seed(3)\nsys.setrecursionlimit(5000)\n"
    + _RIGHT,
    "temporary_file": "import tempfile\nwith tempfile.TemporaryFile() as place:\n"
    "    place.write(b'x')\n" + _RIGHT,
    "timer_that_is_off": "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\n" + _RIGHT,
}


@pytest.fixture(scope="module", params=list(Tier), ids=str)
async def tiered(request: pytest.FixtureRequest) -> AsyncIterator[LocalSandbox]:
    """A sandbox of each tier that starts here."""
    box = LocalSandbox(Options(slots=1, only_tier=request.param))
    try:
        await box.start()
    except UnavailableError as error:
        pytest.skip(f"tier {request.param} cannot start here: {error}")
    yield box
    await box.close()


@pytest.mark.parametrize("source", list(_ATTACKS.values()), ids=list(_ATTACKS))
async def test_no_attack_passes(tiered: LocalSandbox, source: str) -> None:
    reference = {**_REFERENCE, "limits": {"cpu_seconds": 3}}
    verdict = await judge(tiered, source, reference, allow_weak=True)
    assert verdict.score == 0.0, verdict


@pytest.mark.parametrize("source", list(_HONEST.values()), ids=list(_HONEST))
async def test_honest_programs_pass(sandbox: LocalSandbox, source: str) -> None:
    verdict = await judge(sandbox, source, _REFERENCE, allow_weak=True)
    assert (verdict.score, verdict.evidence["trust"]) == (1.0, "weak"), verdict


_SKIPPING = """
import os, sys, unittest, pytest
class Tests(unittest.TestCase):
    def test_never(self):
        self.skipTest("not here")
    @unittest.skip("marked")
    def test_marked(self):
        self.fail()
    def test_it(self):
        self.assertEqual(square(2), 4)
@pytest.mark.skipif(True, reason="marked")
def test_left_out():
    assert False
def test_dynamic():
    if sys.platform:
        pytest.skip("always")
"""


async def test_tests_may_leave_themselves_out_where_they_do_so_without_a_program(
    sandbox: LocalSandbox,
) -> None:
    reference = {**_REFERENCE, "test": _SKIPPING}
    assert (await judge(sandbox, _RIGHT, reference, allow_weak=True)).score == 1.0
    assert (await judge(sandbox, _WRONG, reference, allow_weak=True)).score == 0.0


_FIXTURES = """
import pytest, solution
from pathlib import Path

@pytest.fixture
def place(tmp_path):
    return tmp_path / "out.txt"

def test_file(place):
    solution.write(place, "a")
    assert place.read_text() == "a"

def test_patched(monkeypatch):
    monkeypatch.setattr(solution, "GREETING", "Ho")
    monkeypatch.setattr("builtins.input", lambda *_: "Bo")
    monkeypatch.setenv("LEVEL", "3")
    assert solution.greet() == "Ho Bo 3"

def test_unpatched():
    assert solution.GREETING == "Hi"

def test_printed(capsys):
    print("x")
    solution.say()
    assert capsys.readouterr().out == "x\\nsaid\\n"
"""
_GREETER = """
import os
GREETING = "Hi"
def write(path, text):
    with open(path, "w") as place:
        place.write(text)
def greet():
    return f"{GREETING} {input()} {os.environ['LEVEL']}"
def say():
    print("said")
"""


async def test_fixtures_of_pytests_own_are_there(sandbox: LocalSandbox) -> None:
    reference = {"kind": "pytest", "test": _FIXTURES}
    verdict = await judge(sandbox, _GREETER, reference, allow_weak=True)
    assert verdict.score == 1.0, verdict
    wrong = _GREETER.replace("{input()}", "{'Bo'}").replace('GREETING = "Hi"', 'GREETING = "Hey"')
    assert (await judge(sandbox, wrong, reference, allow_weak=True)).score == 0.0


async def test_what_is_not_offered_gives_no_verdict(sandbox: LocalSandbox) -> None:
    reference = {**_REFERENCE, "test": "def test_it(capfd): assert square(1) == 1"}
    verdict = await judge(sandbox, _RIGHT, reference, allow_weak=True)
    assert (verdict.score, verdict.reason) == (None, Reason.INVALID_REFERENCE)
    assert "capfd" in verdict.detail
