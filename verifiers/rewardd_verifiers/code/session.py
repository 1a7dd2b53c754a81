"""Unit tests by proxy: the tests in one jail, the program as a module in another, a worker between.

The program is loaded once and lives as long as its tests, as under a test runner; what is expected
of it stays with the tests. See `jailed` for both sides.
"""

from collections.abc import Mapping
from compileall import compile_dir
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from py_compile import PycInvalidationMode
from tempfile import TemporaryDirectory
from typing import cast

from rewardd_sandbox import Answer, BuildFailure, End, Given, Jail, Limits, Program
from rewardd_sandbox.codec import UnsupportedError, decode, encode
from rewardd_verifiers.code import reach
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.outcomes import PASSED, Judged, troubled
from rewardd_verifiers.code.tasks import Task
from rewardd_verifiers.verdict import Reason

_PACKAGE = "rewardd_verifiers.code.jailed"
_MOST_REQUESTS = 50_000
_LEAST_CPU_SECONDS = 10.0
"""Of the test code between two requests, which is not the program's to pay."""
_SHOWN = 300
_MAIN = "rewardd_main.py"
_PROGRAM = b"""
from rewardd_verifiers.code.jailed import program
_offered = {name: value for name, value in __builtins__.items() if name != "__ask__"}
def serve(source, leaves):
    program.serve(__ask__, source, _offered, leaves=leaves)
"""
_TESTS = b"""
from rewardd_verifiers.code.jailed import trying
_offered = {name: value for name, value in __builtins__.items() if name != "__ask__"}
def run(source, modules, entry):
    return trying.run(__ask__, _offered, source, modules, entry)
"""
_GONE = {"gone": "the program had ended"}
_TOO_BIG = ("deeper", "bytes")


@cache
def sources() -> Mapping[str, bytes]:
    """Return the files that both sides import, with what this interpreter made of them.

    A jail's interpreter of another version takes no notice of that, and compiles them anew.
    """
    folder = _PACKAGE.replace(".", "/")
    modules = [one for one in files(_PACKAGE).iterdir() if one.name.endswith(".py")]
    found = {f"{folder}/{one.name}": one.read_bytes() for one in modules}
    parents = ("rewardd_verifiers/__init__.py", "rewardd_verifiers/code/__init__.py")
    return {**found, **_compiled(found), **dict.fromkeys(parents, b"")}


def _compiled(found: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files in which an interpreter keeps compiled modules; none without room for it."""
    try:
        with TemporaryDirectory() as name:
            place = Path(name)
            for path, content in found.items():
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (place / path).write_bytes(content)
            unchecked = PycInvalidationMode.UNCHECKED_HASH
            compile_dir(name, quiet=2, stripdir=name, invalidation_mode=unchecked)
            made = list(place.rglob("*.pyc"))
            return {str(one.relative_to(place)): one.read_bytes() for one in made}
    except OSError:
        return {}


def prepared(program: Program) -> Program:
    """Return what is loaded in the program's jail; its source comes with the first request.

    Nor is it strict: the tests of one text share the process that they speak with.
    """
    shown = {name: content for name, content in program.files.items() if name != program.main}
    return replace(
        program,
        files={**shown, **sources(), _MAIN: _PROGRAM},
        main=_MAIN,
        prelude=True,
        dialogue=True,
        strict=False,
    )


@dataclass(slots=True)
class _Side:
    """The program's jail: answers requests until something is wrong with it.

    Attributes:
        test: the one that is running; `spent`: CPU seconds since it began.
    """

    jail: Jail
    limits: Limits
    last: Answer = Answer(end=End.EXITED)  # noqa: RUF009  frozen
    requests: int = 0
    test: object = None
    spent: float = 0.0
    trouble: Judged | None = None

    async def load(self, source: str, *, leaves: bool) -> None:
        """Load the program."""
        request = {"entry": "serve", "args": [source, leaves]}
        told = await self._fed(Given(stdin=encode(request), call=True))
        if told is None or "loaded" in told:
            return
        compiles = "uncompiled" not in told
        reason = Reason.RUNTIME_ERROR if compiles else Reason.COMPILE_ERROR
        detail = str(told.get("unloaded") or told.get("uncompiled") or "it spoke out of turn")
        self.trouble = Judged(score=0.0, reason=reason, detail=detail[:_SHOWN])

    async def request(self, message: object, test: object) -> object:
        """Return what the program answers to a request of the tests'."""
        self.requests += 1
        if test != self.test:
            self.test, self.spent = test, 0.0
        if self.trouble is None and self.requests > _MOST_REQUESTS:
            detail = f"more than {_MOST_REQUESTS} calls"
            self.trouble = Judged(score=0.0, reason=Reason.LIMIT_EXCEEDED, detail=detail)
        if self.trouble is not None:
            return _GONE
        told = await self._fed(Given(stdin=encode(message), call=True))
        return _GONE if told is None else told

    async def _fed(self, given: Given) -> Mapping[str, object] | None:
        self.last = await self.jail.feed(given)
        self.spent += self.last.cpu_seconds
        self.trouble = troubled(self.last, self.limits) or self._overspent()
        if self.trouble is not None:
            return None
        try:
            told = decode(self.last.value or b"")
        except UnsupportedError as error:
            self.trouble = Judged(score=0.0, reason=Reason.MISMATCH, detail=str(error)[:_SHOWN])
            return None
        if isinstance(told, dict):
            return cast("Mapping[str, object]", told)
        self.trouble = Judged(score=0.0, reason=Reason.RUNTIME_ERROR, detail="a broken reply")
        return None

    def _overspent(self) -> Judged | None:
        allowed = self.limits.cpu_seconds
        if self.spent <= allowed:
            return None
        detail = f"{self.spent:.2f} s of CPU in one test, {allowed:g} allowed"
        return Judged(score=0.0, reason=Reason.LIMIT_EXCEEDED, detail=detail)


async def hold(jail: Jail, task: Task, source: str, limits: Limits) -> tuple[Judged, Answer]:
    """Run the tests of a reference against a program whose jail was opened with `prepared`.

    Raises:
        ShapeError: the tests are at fault, or need what is not offered.
        SandboxError: the sandbox failed.
    """
    side = _Side(jail, limits)
    tests = task.test_source
    await side.load(source, leaves="SystemExit" in tests)
    if side.trouble is not None:
        return side.trouble, side.last
    told = await _relayed(jail, side, task, limits)
    return _judged(told, side), side.last


async def _relayed(jail: Jail, side: _Side, task: Task, limits: Limits) -> Mapping[str, object]:
    """Carry requests and answers between the two until the tests are done."""
    program = Program(
        language="python",
        files={**task.files, **sources(), _MAIN: _TESTS},
        main=_MAIN,
        prelude=True,
        dialogue=True,
    )
    cpu_seconds = max(limits.cpu_seconds, _LEAST_CPU_SECONDS)
    opened = await jail.companion(program, replace(limits, cpu_seconds=cpu_seconds))
    if isinstance(opened, BuildFailure):
        raise ShapeError(f"what runs the tests does not compile: {opened.log[:_SHOWN]}")
    names = reach.modules(task.test_source, task.entry)
    request: object = {"entry": "run", "args": [task.test_source, names, task.entry]}
    try:
        while True:
            answer = await opened.feed(Given(stdin=encode(request), call=True))
            if answer.end is not End.EXITED or answer.value is None:
                tail = answer.stderr_tail[-_SHOWN:].decode("utf-8", "replace")
                return {"done": "died", "text": f"the tests broke ({answer.end}): {tail}"}
            told = cast("Mapping[str, object]", decode(answer.value))
            if "ask" not in told:
                return told
            request = await side.request(told["ask"], told["test"])
    finally:
        await opened.close()


def _judged(told: Mapping[str, object], side: _Side) -> Judged:
    """Return what the tests came to.

    Raises:
        ShapeError: they are at fault.
    """
    done, text = told["done"], str(told.get("text", ""))
    _refuse_faulty(told, text, asked=side.requests > 0)
    if side.trouble is not None:
        return side.trouble
    if told.get("trouble"):
        return Judged(score=0.0, reason=Reason.RUNTIME_ERROR, detail=str(told["trouble"]))
    if done != "ran":
        missing = f"the program has no {told['missing']}: " if told.get("missing") else ""
        return Judged(score=0.0, reason=Reason.RUNTIME_ERROR, detail=f"{missing}{text}")
    return _counted(told, text)


def _refuse_faulty(told: Mapping[str, object], text: str, *, asked: bool) -> None:
    lacking, unsent = str(told.get("lacking") or ""), str(told.get("unsent") or "")
    if lacking:
        raise ShapeError(f"the tests ask for what is not offered: {lacking}")
    if unsent and not any(word in unsent for word in _TOO_BIG):
        raise ShapeError(f"the tests hand over what cannot be sent: {unsent}")
    if told["done"] == "died" and not asked:
        raise ShapeError(text)
    if told.get("calls") == 0 and not told.get("missing") and not told.get("trouble"):
        raise ShapeError(f"the tests never call the program: {text}")


def _counted(told: Mapping[str, object], text: str) -> Judged:
    """Return the share of tests that passed."""
    passed, failed = cast(int, told["passed"]), cast(int, told["failed"])
    collected = cast(int, told["collected"])
    if told["ran"] != collected and not failed:
        raise ShapeError(f"{told['ran']} of {collected} tests came to an end")
    if passed + failed == 0:
        raise ShapeError("no test is left that could fail: nothing to fail is no pass")
    uncomparable = str(told.get("uncomparable") or "")
    if failed == 0 and not uncomparable:
        return PASSED
    detail = f"{told['name']}: {text}" if failed else uncomparable
    return Judged(
        score=0.0 if uncomparable else passed / (passed + failed),
        reason=Reason.MISMATCH,
        detail=f"{detail} ({failed} of {passed + failed} tests failed)",
        expected=text,
        got=f"{told['last']} gave {told['result']}" if told.get("last") else "",
    )
