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
from rewardd_verifiers.code import session
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.outcomes import PASSED, Judged, troubled
from rewardd_verifiers.code.tasks import Task
from rewardd_verifiers.verdict import Reason

_SHOWN = 300
_MAIN = "rewardd_main.py"
_HARNESS = b"""
from rewardd_verifiers.code.jailed import near
_offered = {name: value for name, value in __builtins__.items() if name != "__ask__"}
def begin(source):
    return near.begin(__ask__, source, _offered)
"""
_SURVEY = b"""
from rewardd_verifiers.code.jailed import beside, pytest_like
_offered = {name: value for name, value in __builtins__.items() if name != "__ask__"}
def survey(test, entry):
    try:
        return beside.survey(test, entry, _offered)
    except pytest_like.LackingError as error:
        return {"lacking": str(error)}
"""
_ORDER = (
    "catching", "exchange", "approximate", "pytest_like", "suites", "fixtures", "collection",
    "running", "plainness", "offered", "beside",
)  # fmt: skip
"""Modules of `jailed` that run tests, each after those that it imports."""


async def hold(jail: Jail, task: Task, source: str, limits: Limits) -> tuple[Judged, Answer]:
    """Load a submission's source once more, and run the reference's unit tests in that process.

    Raises:
        ShapeError: the tests cannot be collected, or there are none.
        SandboxError: the sandbox failed.
    """
    count, skips = await _surveyed(jail, task, limits)
    room = await _opened(jail, _HARNESS, {}, limits)
    token = secrets.token_hex(16)
    try:
        answer = await room.feed(_call("begin", [source]))
        for told, message in (("loaded", {"token": token}), ("ready", _tests(task, skips))):
            trouble = troubled(answer, limits)
            if trouble is not None:
                return trouble, answer
            if _value(answer) != {told: True}:
                return _hurt("it spoke out of turn"), answer
            answer = await room.feed(Given(stdin=encode(message), call=True))
    finally:
        await room.close()
    return troubled(answer, limits) or _judge(_value(answer), token, count), answer


def _tests(task: Task, skips: list[str]) -> dict[str, object]:
    """Return what is sent when the program is loaded: tests, and the code that runs them."""
    package = "rewardd_verifiers.code.jailed"
    parents = [package.rsplit(".", number)[0] for number in (2, 1, 0)]
    held = session.sources()
    names = [f"{package}.{name}" for name in _ORDER]
    sources = [(name, held[f"{name.replace('.', '/')}.py"].decode()) for name in names]
    modules = [*((name, "") for name in parents), *sources]
    return {"test": task.test_source, "skips": skips, "modules": modules}


async def _surveyed(jail: Jail, task: Task, limits: Limits) -> tuple[int, list[str]]:
    """Count the tests where the program is not, and name those that leave themselves out."""
    room = await _opened(jail, _SURVEY, task.files, limits)
    try:
        answer = await room.feed(_call("survey", [task.test_source, task.entry]))
    finally:
        await room.close()
    value = _value(answer)
    told = cast("Mapping[str, object]", value if isinstance(value, dict) else {})
    if "lacking" in told:
        raise ShapeError(f"the tests ask for what is not offered: {told['lacking']}")
    if answer.end is not End.EXITED or not told:
        tail = answer.stderr_tail[-_SHOWN:].decode("utf-8", "replace")
        raise ShapeError(f"the unit tests cannot be collected: {tail}")
    count, skips = cast(int, told["count"]), cast("list[str]", told["skips"])
    if count <= len(skips):
        raise ShapeError("the test code holds no tests: nothing to fail is no pass")
    return count, skips


async def _opened(jail: Jail, main: bytes, shown: Mapping[str, bytes], limits: Limits) -> Jail:
    program = Program(
        language="python",
        files={**shown, **session.sources(), _MAIN: main},
        main=_MAIN,
        prelude=True,
        dialogue=True,
    )
    room = await jail.companion(program, limits)
    if isinstance(room, BuildFailure):
        raise ShapeError(f"what runs the tests does not compile: {room.log[:_SHOWN]}")
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
    passed, failed, changed = told.get("passed"), told.get("failed"), told.get("changed")
    if changed:
        return _hurt(f"it changed what decides about tests: {changed}")
    if type(passed) is not int or type(failed) is not int:
        return _hurt("the tests did not report")
    if failed == 0:
        return PASSED if passed else _hurt("no test passed")
    return Judged(
        score=passed / (passed + failed),
        reason=Reason.MISMATCH,
        detail=f"{told.get('name')}: {told.get('text')}"[:_SHOWN],
    )


def _hurt(detail: str) -> Judged:
    return Judged(score=0.0, reason=Reason.RUNTIME_ERROR, detail=detail)
