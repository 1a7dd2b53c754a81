"""Run test code against a proxy of the submission: two jails, and a worker between them.

The test code runs in a checker jail that never sees a byte of the policy's; there the function
under test is a stand-in. Each call of it comes out, goes into the submission's jail, and its
plain result goes back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from rewardd_sandbox import Answer, BuildFailure, End, Given, Jail, Limits, Program
from rewardd_sandbox.codec import UnsupportedError, decode, encode
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.outcomes import PASSED, Judged, troubled
from rewardd_verifiers.code.tasks import Task
from rewardd_verifiers.verdict import Reason

_MOST_CALLS = 20_000
_LEAST_CPU_SECONDS = 10.0
"""Of the test code between two calls, which is not the program's to pay."""
_MOST_RESULT_BYTES = 32 << 20
"""Of all results of one test together: they pass through here, and take our time."""
_GONE = {"gone": True}
_TOO_BIG = ("deeper", "bytes")
_HARNESS = b"""
import builtins, sys

class Gone(BaseException):
    pass

class Unsent(BaseException):
    pass

def candidate(*args, **kwargs):
    try:
        reply = __ask__({"ask": [list(args), kwargs]})
    except MemoryError:
        raise
    except Exception as error:
        if type(error).__name__ != "UnsupportedError":  # the test code's own depth, for one
            raise
        raise Unsent(str(error))
    if "gone" in reply:
        raise Gone()
    if "raised" in reply:
        kind = getattr(builtins, reply["raised"], Exception)
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            kind = Exception
        if kind in (StopIteration, StopAsyncIteration):  # a loop over calls would end, unnoticed
            kind = RuntimeError
        try:
            error = kind(reply["text"])
        except Exception:
            error = Exception(reply["text"])
        raise error
    for before, after in zip(args, reply["args"]):
        refresh(before, after)
    for name, after in reply["kwargs"].items():
        refresh(kwargs.get(name), after)
    return reply["result"]

def refresh(before, after):
    if type(before) is not type(after):
        return
    if type(before) is list:
        before[:] = after
    elif type(before) in (dict, set):
        before.clear()
        before.update(after)

def run(how, setup, test, entry, owner):
    names = {"__name__": "tests"}
    try:
        exec(compile(setup, "setup", "exec"), names)
    except SyntaxError:
        pass
    if owner is None:
        names[entry] = candidate
    else:
        names[owner] = type(owner, (), {entry: staticmethod(candidate)})
        names.setdefault(entry, candidate)
    try:
        return {"done": HOW[how](names, test)}
    except Gone:
        return {"done": "gone"}
    except Unsent as error:
        return {"done": "unsent", "text": str(error)}
    except AssertionError as error:
        return {"done": "failed", "text": describe(error)}
    except BaseException as error:
        return {"done": "raised", "text": describe(error)}

def describe(error):
    return (type(error).__name__ + ": " + str(error))[:300]

def asserts(names, test):
    exec(compile(test, "test", "exec"), names)
    return "passed"

def check(names, test):
    exec(compile(test, "test", "exec"), names)
    names["check"](candidate)
    return "passed"

HOW = {"asserts": asserts, "check": check}
"""


_NO_ANSWER = Answer(end=End.EXITED)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What a piece of test code came to, and the submission's last answer."""

    judged: Judged
    answer: Answer


@dataclass(slots=True)
class _Candidate:
    """The submission's side: answers calls until it breaks."""

    jail: Jail
    task: Task
    limits: Limits
    strict: bool
    calls: int = 0
    cpu_seconds: float = 0.0
    result_bytes: int = 0
    last: Answer = _NO_ANSWER
    trouble: Judged | None = None

    async def call(self, arguments: object, keywords: object) -> bytes:
        """Return what to tell the test code of one call, encoded."""
        try:
            return encode(await self._call(arguments, keywords))
        except UnsupportedError as error:
            self.trouble = Judged(score=0.0, reason=Reason.MISMATCH, detail=str(error))
            return encode(_GONE)

    async def _call(self, arguments: object, keywords: object) -> object:
        self.calls += 1
        if self.trouble is not None or self.calls > _MOST_CALLS:
            return _GONE
        request = {
            "entry": self.task.entry,
            "class": self.task.owner,
            "args": arguments,
            "kwargs": keywords,
            "catch": True,
        }
        given = Given(stdin=encode(request), call=True)
        self.last = await (self.jail.alone(given) if self.strict else self.jail.feed(given))
        self.trouble = troubled(self.last, self.limits) or self._overrun()
        if self.trouble is not None or self.last.value is None:
            return _GONE
        return self._read(self.last.value)

    def _overrun(self) -> Judged | None:
        """Return what all calls together took too much of: they are one test."""
        self.cpu_seconds += self.last.cpu_seconds
        self.result_bytes += len(self.last.value or b"")
        if self.cpu_seconds > self.limits.cpu_seconds:
            allowed = f"{self.limits.cpu_seconds:g} allowed"
            detail = f"{self.cpu_seconds:.2f} s of CPU in {self.calls} calls, {allowed}"
        elif self.result_bytes > _MOST_RESULT_BYTES:
            detail = f"more than {_MOST_RESULT_BYTES} bytes of results in {self.calls} calls"
        else:
            return None
        return Judged(score=0.0, reason=Reason.LIMIT_EXCEEDED, detail=detail)

    def _read(self, value: bytes) -> object:
        """Return the reply if it has the form of one: the program may have made it up."""
        try:
            reply = decode(value)
        except UnsupportedError as error:
            self.trouble = Judged(score=0.0, reason=Reason.MISMATCH, detail=str(error))
            return _GONE
        told = cast("dict[object, object]", reply if isinstance(reply, dict) else {})
        whole = set(told) == {"result", "args", "kwargs"}
        if whole and isinstance(told["args"], list) and isinstance(told["kwargs"], dict):
            return told
        if set(told) == {"raised", "text"} and all(isinstance(v, str) for v in told.values()):
            return told
        self.trouble = Judged(score=0.0, reason=Reason.RUNTIME_ERROR, detail="a broken reply")
        return _GONE


async def hold(jail: Jail, task: Task, source: str, limits: Limits, *, strict: bool) -> Dialogue:
    """Run test code against the submission in `jail`.

    Raises:
        ShapeError: the test code is at fault: it breaks, calls nothing, or sends what cannot be.
        SandboxError: the sandbox failed.
    """
    program = Program(
        language="python", files={"main.py": _HARNESS}, main="main.py", prelude=True, dialogue=True
    )
    room = replace(
        limits, cpu_seconds=max(limits.cpu_seconds, _LEAST_CPU_SECONDS), wall_seconds=None
    )
    checker = await jail.companion(program, room)
    if isinstance(checker, BuildFailure):
        raise ShapeError(f"the harness does not compile: {checker.log[:200]}")
    candidate = _Candidate(jail, task, limits, strict)
    try:
        ending = await _relay(checker, candidate, task, source)
    finally:
        await checker.close()
    return Dialogue(_judge(ending, candidate), candidate.last)


async def _relay(
    checker: Jail, candidate: _Candidate, task: Task, source: str
) -> Mapping[str, object]:
    """Carry calls and results between the two until the test code is done."""
    arguments = [str(task.kind), task.setup, source, task.entry, task.owner]
    message = encode({"entry": "run", "args": arguments})
    while True:
        answer = await checker.feed(Given(stdin=message, call=True))
        if answer.end is not End.EXITED or answer.value is None:
            tail = answer.stderr_tail[-200:].decode("utf-8", "replace")
            return {"done": "broke", "text": f"the test code broke ({answer.end}): {tail}"}
        told = cast("Mapping[str, object]", decode(answer.value))
        if "ask" not in told:
            return told
        asked, keywords = cast("tuple[object, object]", told["ask"])
        message = await candidate.call(asked, keywords)


def _judge(ending: Mapping[str, object], candidate: _Candidate) -> Judged:
    done, text = ending.get("done"), str(ending.get("text", ""))
    if done == "broke" and candidate.calls == 0:
        raise ShapeError(text)
    if done == "unsent" and not (candidate.calls and any(word in text for word in _TOO_BIG)):
        raise ShapeError(f"the test code passes what cannot be sent: {text}")
    if candidate.calls == 0 or done == "empty":
        raise ShapeError(f"the test code never calls {candidate.task.entry}: {text or done}")
    if candidate.trouble is not None:
        return candidate.trouble
    if done == "passed":
        return PASSED
    return Judged(score=0.0, reason=Reason.MISMATCH, detail=text or "a test failed")
