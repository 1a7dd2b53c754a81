"""Ask a data set's own checker about an output: it is jailed too, and sees no byte of a program."""

from collections.abc import Sequence
from dataclasses import dataclass

from rewardd_sandbox import Answer, BuildFailure, End, Given, Jail, Limits
from rewardd_sandbox.codec import UnsupportedError, decode, encode
from rewardd_sandbox.languages import LANGUAGES
from rewardd_verifiers.code import judges
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.judges import BrokenJudgeError
from rewardd_verifiers.code.outcomes import PASSED, Judged
from rewardd_verifiers.code.tasks import Checker, Protocol, Test
from rewardd_verifiers.verdict import Reason

_FILES: tuple[str, ...] = ("input.txt", "output.txt", "answer.txt")
_KATTIS_FILES: tuple[str, ...] = ("input.txt", "answer.txt", ".")
_OWN_FILES: tuple[str, ...] = ("input.txt", "answer.txt", "output.txt")


@dataclass(slots=True)
class Examiner:
    """A checker, loaded beside a submission."""

    jail: Jail
    checker: Checker

    async def judge(self, test: Test, output: bytes) -> Judged:
        """Return what the checker says of an output.

        One that breaks on it counts against the program only if it judges the reference's own
        output for this test without breaking.

        Raises:
            ShapeError: it breaks on that too.
            SandboxError: the sandbox failed.
        """
        try:
            score = await self._ask(test, output)
        except BrokenJudgeError as error:
            try:
                await self._ask(test, test.expected)
            except BrokenJudgeError as own:
                raise ShapeError(
                    f"the checker breaks on the reference's own output: {own}"
                ) from own
            return Judged(score=0.0, reason=Reason.MISMATCH, detail=f"the checker broke: {error}")
        if score >= 1.0:
            return PASSED
        return Judged(score=score, reason=Reason.MISMATCH, detail=f"the checker gives {score:g}")

    async def close(self) -> None:
        """End its jail."""
        await self.jail.close()

    async def _ask(self, test: Test, output: bytes) -> float:
        if self.checker.protocol is Protocol.FUNCTION:
            return _of_value(await self.jail.feed(_function_call(test, output)))
        contents = (test.stdin, output, test.expected)
        files: dict[str, bytes] = dict(zip(_FILES, contents, strict=True))
        stdin = output if self.checker.protocol is Protocol.KATTIS else b""
        answer = await self.jail.alone(Given(stdin=stdin, files=files))
        if answer.end is not End.EXITED:
            raise BrokenJudgeError(f"it ended by {answer.end}")
        return judges.score(self.checker.protocol, answer)


async def load(beside: Jail, checker: Checker, limits: Limits) -> Examiner:
    """Build a checker and load it beside a submission.

    Raises:
        ShapeError: it does not build, or its language is unknown.
        SandboxError: the sandbox failed.
    """
    words: Sequence[str] = {
        Protocol.FUNCTION: (),
        Protocol.TESTLIB: _FILES,
        Protocol.KATTIS: _KATTIS_FILES,
        Protocol.FILES: _OWN_FILES,
    }[checker.protocol]
    function = checker.protocol is Protocol.FUNCTION
    program = judges.program(checker, words, strict=not function)
    if function and not LANGUAGES[program.language].runner:
        raise ShapeError(f"a checker function in {program.language} cannot be called")
    opened = await beside.companion(program, limits)
    if isinstance(opened, BuildFailure):
        raise ShapeError(f"the checker does not build: {opened.log[:300]}")
    return Examiner(opened, checker)


def _function_call(test: Test, output: bytes) -> Given:
    arguments = [_text(content) for content in (test.stdin, test.expected, output)]
    return Given(stdin=encode({"entry": "check", "args": arguments}), call=True)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _of_value(answer: Answer) -> float:
    if answer.end is not End.EXITED or answer.value is None:
        tail = answer.stderr_tail[-200:].decode("utf-8", "replace")
        raise BrokenJudgeError(f"it ended by {answer.end} {tail}")
    try:
        value = decode(answer.value)
    except UnsupportedError as error:
        raise BrokenJudgeError(str(error)) from error
    if not isinstance(value, bool | int | float) or not 0 <= value <= 1:
        raise BrokenJudgeError("it returned neither a boolean nor a number in [0, 1]")
    return float(value)
