"""Calls in languages whose programs are exec'ed: a caller behind the program, a result in a file.

The caller is in the jail with the program, which may do with it what it likes: what lies in the
file afterwards is the program's answer, and nothing more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from rewardd_sandbox import Answer, BuildFailure, End, Given, Jail, Limits, Program, Talk
from rewardd_sandbox.languages import Language
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.tasks import Task

_RESULT = "result.json"
_MOST_RESULT_BYTES = 4 << 20
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,200}", re.ASCII)
_USUAL_OWNER = "Solution"
_SENT = (int, float, str)
_LISTED = (list, tuple, set, frozenset)
# Blanks are taken whole: two runs of them that share a gap would take the square of its length.
_EXPORT = re.compile(
    r"^export[ \t]++(?:default[ \t]++)?(?=(?:async[ \t]++|abstract[ \t]++)?(?:"
    r"function\b[ \t]*+\*?[ \t]*+[\w$]|class[ \t]++(?!extends\b)[\w$]|"
    r"(?:const|let|var|type|interface|enum|namespace|declare)\b))",
    re.MULTILINE,
)
_DEFAULT = re.compile(r"^export[ \t]++default\b", re.MULTILINE)
_NAMED_DEFAULT = "var rewarddDefault ="
"""What is exported without a name gets one, by which the caller finds it."""
_EXPORTED = re.compile(
    r"^export[ \t]++(?:\{[^{}]*+\}|default[ \t]++[\w$]++)[ \t]*+;?[ \t]*+$", re.MULTILINE
)


def prepare(program: Program, language: Language, task: Task) -> Program:
    """Return a program that answers calls.

    Raises:
        ShapeError: the tests cannot be put in this language.
    """
    for name in (task.entry, task.owner or _USUAL_OWNER):
        if not _IDENTIFIER.fullmatch(name):
            raise ShapeError(f"{name[:80]!r} is no name in {language.name}")
    for test in task.tests:
        if test.keywords:
            raise ShapeError(f"{language.name} has no keyword arguments")
        _check(list(test.arguments), language)
    source = program.files[program.main].decode("utf-8", "surrogateescape")
    source = _DEFAULT.sub(_NAMED_DEFAULT, _EXPORTED.sub("", _EXPORT.sub("", source)))
    names = {"ENTRY": task.entry, "OWNER": task.owner or "", "CLASS": task.owner or _USUAL_OWNER}
    whole = (source + _caller(language, names)).encode("utf-8", "surrogateescape")
    return replace(
        program, files={**program.files, program.main: whole}, fetch=(*program.fetch, _RESULT)
    )


def _check(value: object, language: Language) -> None:
    """Refuse an argument that the language has no form of.

    Raises:
        ShapeError: it has none.
    """
    if isinstance(value, _LISTED):
        for item in value:  # pyright: ignore[reportUnknownVariableType]  any plain value
            _check(item, language)  # pyright: ignore[reportUnknownArgumentType]  the same
    elif isinstance(value, Mapping):
        for item in value.values():  # pyright: ignore[reportUnknownVariableType]  any plain value
            _check(item, language)  # pyright: ignore[reportUnknownArgumentType]  the same
    elif value is not None and not isinstance(value, _SENT):
        raise ShapeError(f"{language.name} has no {type(value).__name__} to be given")


def _caller(language: Language, names: Mapping[str, str]) -> str:
    return re.sub("REWARDD_([A-Z]+)", lambda found: names[found[1]], _text(language.caller))


@cache
def _text(name: str) -> str:
    return files("rewardd_sandbox.inside").joinpath(name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Caller:
    """A jail whose answers to calls are read from where the caller leaves them."""

    jail: Jail

    async def feed(self, given: Given) -> Answer:
        """Run the next test; see `Jail`."""
        return await self.alone(given)

    async def alone(self, given: Given) -> Answer:
        """Run a test in a fresh process; see `Jail`."""
        plain = Given(stdin=given.stdin, extra_output_bytes=_MOST_RESULT_BYTES)
        return _read(await self.jail.alone(plain))

    async def companion(self, program: Program, limits: Limits) -> Jail | BuildFailure:
        """Load a second program; see `Jail`."""
        return await self.jail.companion(program, limits)

    async def converse(self, given: Given, companion: Jail, theirs: Given) -> Talk:
        """Run both at once; see `Jail`."""
        return await self.jail.converse(given, companion, theirs)

    async def close(self) -> None:
        """End everything; see `Jail`."""
        await self.jail.close()


def _read(answer: Answer) -> Answer:
    """Return the answer with its value; what the caller could not do is said in its place."""
    if answer.end is not End.EXITED or answer.exit_code:
        return answer
    value = answer.files.get(_RESULT, b"")
    if value == b'{"no_entry":true}':
        return replace(answer, end=End.NO_ENTRY)
    if value.startswith(b'{"unsupported":'):
        return replace(
            answer, end=End.UNSUPPORTED, note=value[16:-2][:200].decode("utf-8", "replace")
        )
    if not value:
        return replace(answer, end=End.BROKEN, note="it ended without a result")
    return replace(answer, value=value)
