"""Ask a data set's own checker about an output: it is jailed too, and sees no byte of a program."""

from collections.abc import Sequence
from dataclasses import dataclass

from rewardd_sandbox import Answer, BuildFailure, End, Given, Jail, Limits, Program
from rewardd_sandbox.codec import UnsupportedError, decode, encode
from rewardd_sandbox.languages import LANGUAGES, find, main_file
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.outcomes import PASSED, Judged
from rewardd_verifiers.code.tasks import Checker, Protocol, Test
from rewardd_verifiers.verdict import Reason

_POINTS_EXIT = 7
_TESTLIB_WRONG = (1, 2)
_KATTIS_RIGHT, _KATTIS_WRONG = 42, 43
_PERCENT = 100.0
_FILES: tuple[str, ...] = ("input.txt", "output.txt", "answer.txt")
_KATTIS_FILES: tuple[str, ...] = ("input.txt", "answer.txt", ".")
_OWN_FILES: tuple[str, ...] = ("input.txt", "answer.txt", "output.txt")


class BrokenCheckerError(Exception):
    """The checker gave no answer that its protocol knows."""


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
        except BrokenCheckerError as error:
            try:
                await self._ask(test, test.expected)
            except BrokenCheckerError as own:
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
            raise BrokenCheckerError(f"it ended by {answer.end}")
        return _of_program(self.checker.protocol, answer)


async def load(beside: Jail, checker: Checker, limits: Limits) -> Examiner:
    """Build a checker and load it beside a submission.

    Raises:
        ShapeError: it does not build, or its language is unknown.
        SandboxError: the sandbox failed.
    """
    language = find(checker.language)
    if language is None:
        raise ShapeError(f"no such language: {checker.language[:40]}")
    main = main_file(language, checker.source)
    words: Sequence[str] = {
        Protocol.FUNCTION: (),
        Protocol.TESTLIB: _FILES,
        Protocol.KATTIS: _KATTIS_FILES,
        Protocol.FILES: _OWN_FILES,
    }[checker.protocol]
    program = Program(
        language=language.name,
        files={main: checker.source.encode("utf-8", "surrogatepass")},
        main=main,
        arguments=tuple(words),
        prelude=checker.protocol is Protocol.FUNCTION,
        strict=checker.protocol is not Protocol.FUNCTION,
    )
    if checker.protocol is Protocol.FUNCTION and not LANGUAGES[language.name].runner:
        raise ShapeError(f"a checker function in {language.name} cannot be called")
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
        raise BrokenCheckerError(f"it ended by {answer.end} {tail}")
    try:
        value = decode(answer.value)
    except UnsupportedError as error:
        raise BrokenCheckerError(str(error)) from error
    if not isinstance(value, bool | int | float) or not 0 <= value <= 1:
        raise BrokenCheckerError("it returned neither a boolean nor a number in [0, 1]")
    return float(value)


def _of_program(protocol: Protocol, answer: Answer) -> float:
    code = answer.exit_code
    if protocol is Protocol.KATTIS:
        if code not in (_KATTIS_RIGHT, _KATTIS_WRONG):
            raise BrokenCheckerError(f"exit status {code}")
        return float(code == _KATTIS_RIGHT)
    if protocol is Protocol.TESTLIB:
        if code == _POINTS_EXIT:
            return _points(answer.stderr_tail)
        if code != 0 and code not in _TESTLIB_WRONG:
            raise BrokenCheckerError(f"exit status {code}")
        return float(code == 0)
    if code != 0:
        raise BrokenCheckerError(f"exit status {code}")
    return _points(answer.stdout)


def _points(said: bytes) -> float:
    """Return the number that a checker printed: above 1 it is of 100."""
    for word in said.split():
        try:
            number = float(word.decode("ascii", "replace"))
        except ValueError:
            continue
        if 0 <= number <= _PERCENT:
            return number if number <= 1 else number / _PERCENT
    raise BrokenCheckerError("it printed no number")
