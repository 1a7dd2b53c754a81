"""The programs with which a reference judges: made ready to run, and what they say understood.

They come from a data set, so they are jailed like any program; no byte of a policy's is ever run
beside them in their jail.
"""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from rewardd_sandbox import Answer, Program
from rewardd_sandbox.languages import find, main_file
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.tasks import Checker, Protocol

_POINTS_EXIT = 7
_TESTLIB_WRONG = (1, 2, 4, 8)
"""Wrong answer, wrong format, more than was asked for, too early an end."""
_PARTLY_EXIT = 50
"""Up to a hundred beyond it are so many per cent."""
_KATTIS_RIGHT, _KATTIS_WRONG = 42, 43
_PERCENT = 100
_HEADER = "testlib.h"
_USUAL_HEADERS = "#include <bits/stdc++.h>\n#line 1\n"
"""What the header includes anyway: named first, it is taken from what was compiled before."""


class BrokenJudgeError(Exception):
    """The program gave no answer that its protocol knows."""


def program(
    checker: Checker, words: Sequence[str], *, strict: bool, fetch: Sequence[str] = ()
) -> Program:
    """Return a judging program with what it includes.

    Raises:
        ShapeError: its language is unknown.
    """
    language = find(checker.language)
    if language is None:
        raise ShapeError(f"no such language: {checker.language[:40]}")
    main = main_file(language, checker.source)
    source = checker.source
    beside = dict(checker.files)
    if _HEADER in source and _HEADER not in beside:
        source = _USUAL_HEADERS + source.replace(f"<{_HEADER}>", f'"{_HEADER}"')
        beside[_HEADER] = _testlib()
    return Program(
        language=language.name,
        files=beside | {main: source.encode("utf-8", "surrogatepass")},
        main=main,
        arguments=tuple(words),
        prelude=checker.protocol is Protocol.FUNCTION,
        strict=strict,
        fetch=tuple(fetch),
    )


def score(protocol: Protocol, answer: Answer) -> float:
    """Return what a program that has ended by itself gives, in [0, 1].

    Raises:
        BrokenJudgeError: its protocol knows no such answer.
    """
    code = answer.exit_code
    if protocol is Protocol.KATTIS:
        if code not in (_KATTIS_RIGHT, _KATTIS_WRONG):
            raise BrokenJudgeError(f"exit status {code}")
        return float(code == _KATTIS_RIGHT)
    if protocol is Protocol.TESTLIB:
        return _of_testlib(code, answer)
    if code != 0:
        raise BrokenJudgeError(f"exit status {code}")
    return _points(answer.stdout.splitlines())


def _of_testlib(code: int | None, answer: Answer) -> float:
    if code == _POINTS_EXIT:
        lines = answer.stderr_tail.splitlines()
        return _points([line[7:] for line in lines if line.startswith(b"points ")] or lines)
    if code is not None and _PARTLY_EXIT <= code <= _PARTLY_EXIT + _PERCENT:
        return (code - _PARTLY_EXIT) / _PERCENT
    if code != 0 and code not in _TESTLIB_WRONG:
        raise BrokenJudgeError(f"exit status {code}")
    return float(code == 0)


def _points(said: Sequence[bytes]) -> float:
    """Return the number that a checker printed last, at the start of a line: above 1 it is of 100.

    Numbers elsewhere may be quoted from the output that was checked.
    """
    words = [line.split()[0] for line in said if line.strip()]
    try:
        number = float(words[-1].decode("ascii", "replace"))
    except (IndexError, ValueError) as error:
        raise BrokenJudgeError("it printed no number") from error
    if not 0 <= number <= _PERCENT:
        raise BrokenJudgeError(f"it printed {number:g}, which is not in [0, 100]")
    return number if number <= 1 else number / _PERCENT


@cache
def _testlib() -> bytes:
    """Return our own header of the interface that contests' judging programs use."""
    return files("rewardd_verifiers.code").joinpath(_HEADER).read_bytes()
