"""Unit tests that need the submission in their own process: the only tests of lesser trust.

Expected values enter the jail here, so a program that looks for them can find them; whoever asks
for such tests says so, and each verdict says it again. What is kept: the tests are not there until
the program is loaded; a result counts only with the token that came with them; how the process
exits says nothing; and as many tests must report as a collection without the program found.
"""

import secrets
from collections.abc import Mapping
from typing import cast

from rewardd_sandbox import Answer, BuildFailure, End, Given, Jail, Limits, Program
from rewardd_sandbox.codec import UnsupportedError, decode, encode
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.outcomes import PASSED, Judged, troubled
from rewardd_verifiers.code.tasks import Task
from rewardd_verifiers.verdict import Reason

_SHOWN = 300
_HARNESS = b'''
import builtins, sys, types, unittest

def cases(names, before):
    """The tests of what the test code defined: suites and plain functions."""
    loader = unittest.TestLoader()
    new = [(n, v) for n, v in names.items() if n not in before or before[n] is not v]
    suites = [loader.loadTestsFromTestCase(v) for _, v in new
              if isinstance(v, type) and issubclass(v, unittest.TestCase)]
    plain = [v for n, v in new if n.startswith("test") and isinstance(v, types.FunctionType)]
    return suites, plain

class Stub(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None

def collect(test, entry):
    for name in ("solution", "main", "submission"):
        sys.modules[name] = Stub(name)
    names = {"__name__": "tests", "__builtins__": builtins, entry: lambda *args, **kwargs: None}
    before = dict(names)
    exec(compile(test, "test", "exec"), names)
    suites, plain = cases(names, before)
    return sum(suite.countTestCases() for suite in suites) + len(plain)

def begin(source):
    own = types.ModuleType("solution")
    own.__builtins__ = builtins
    for name in ("solution", "main", "submission"):
        sys.modules[name] = own
    exec(compile(source, "main.py", "exec"), own.__dict__)
    return verdict(own, __ask__("loaded"))

def verdict(own, told):
    names = {**own.__dict__, "__name__": "tests"}
    before = dict(names)
    exec(compile(told["test"], "test", "exec"), names)
    suites, plain = cases(names, before)
    result, ran, bad = unittest.TestResult(), 0, []
    for suite in suites:
        suite.run(result)
    for found in plain:
        try:
            found()
        except BaseException as error:
            bad.append(f"{found.__name__}: {type(error).__name__}: {error}")
        ran += 1
    bad += [text for _, text in result.failures + result.errors]
    bad += [str(case) for case in result.unexpectedSuccesses]
    text = bad[0][-300:] if bad else ""
    return {"token": told["token"], "ran": result.testsRun + ran, "bad": len(bad), "text": text}
'''
_BARE = Program(
    language="python", files={"main.py": _HARNESS}, main="main.py", dialogue=True, suspect=True
)


async def hold(jail: Jail, task: Task, source: str, limits: Limits) -> tuple[Judged, Answer]:
    """Load a submission's source once more, and run the reference's unit tests in that process.

    Raises:
        ShapeError: the tests cannot be collected, or there are none.
        SandboxError: the sandbox failed.
    """
    wanted = await _collected(jail, task, limits)
    room = await _opened(jail, limits)
    token = secrets.token_hex(16)
    try:
        first = await room.feed(_call("begin", [source]))
        trouble = troubled(first, limits)
        if trouble is not None:
            return trouble, first
        if _value(first) != "loaded":
            return _hurt("it spoke out of turn"), first
        tests = encode({"test": task.test_source, "token": token})
        answer = await room.feed(Given(stdin=tests, call=True))
    finally:
        await room.close()
    return troubled(answer, limits) or _judge(_value(answer), token, wanted), answer


async def _collected(jail: Jail, task: Task, limits: Limits) -> int:
    """Count the tests where the submission is not."""
    room = await _opened(jail, limits)
    try:
        answer = await room.feed(_call("collect", [task.test_source, task.entry]))
    finally:
        await room.close()
    count = _value(answer)
    if answer.end is not End.EXITED or type(count) is not int:
        tail = answer.stderr_tail[-_SHOWN:].decode("utf-8", "replace")
        raise ShapeError(f"the unit tests cannot be collected: {tail}")
    if count == 0:
        raise ShapeError("the test code holds no tests: nothing to fail is no pass")
    return count


async def _opened(jail: Jail, limits: Limits) -> Jail:
    room = await jail.companion(_BARE, limits)
    if isinstance(room, BuildFailure):
        raise ShapeError(f"the harness does not compile: {room.log[:_SHOWN]}")
    return room


def _call(entry: str, arguments: list[object]) -> Given:
    return Given(stdin=encode({"entry": entry, "args": arguments}), call=True)


def _value(answer: Answer) -> object:
    try:
        return None if answer.value is None else decode(answer.value)
    except UnsupportedError:
        return None


def _judge(value: object, token: str, wanted: int) -> Judged:
    told = cast("Mapping[object, object]", value if isinstance(value, dict) else {})
    if told.get("token") != token:
        return _hurt("the tests did not report")
    if told.get("ran") != wanted:
        return _hurt(f"{told.get('ran')} of {wanted} tests reported")
    if told.get("bad") == 0:
        return PASSED
    return Judged(score=0.0, reason=Reason.MISMATCH, detail=str(told.get("text"))[-_SHOWN:])


def _hurt(detail: str) -> Judged:
    return Judged(score=0.0, reason=Reason.RUNTIME_ERROR, detail=detail)
