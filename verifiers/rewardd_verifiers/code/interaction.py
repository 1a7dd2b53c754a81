"""Have a submission talk to the reference's interactor: two jails, and the worker between them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rewardd_sandbox import Answer, BuildFailure, End, Given, Jail, Limits, Program, Talk
from rewardd_sandbox.languages import LANGUAGES, find
from rewardd_verifiers.code import judges
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.judges import BrokenJudgeError
from rewardd_verifiers.code.outcomes import PASSED, Judged, troubled
from rewardd_verifiers.code.tasks import Checker, Protocol, Test
from rewardd_verifiers.verdict import Reason

_INPUT, _OUTPUT, _ANSWER = "input.txt", "output.txt", "answer.txt"
_WORDS: Mapping[Protocol, tuple[str, ...]] = {
    Protocol.FUNCTION: (),
    Protocol.TESTLIB: (_INPUT, _OUTPUT, _ANSWER),
    Protocol.KATTIS: (_INPUT, _ANSWER, "."),
}
_LEAST_CPU_SECONDS = 10.0
_LEAST_MEMORY_MIB = 512
_MOST_SAID_BYTES = 16 << 20
_SHOWN = 300
_SILENT = Program(language="python", files={"main.py": b""}, main="main.py")
_HARNESS = b'''
import sys
from rewardd_interactor import interact

def read():
    """The next line that the program printed, without its end; EOFError when it has gone."""
    line = sys.stdin.readline()
    if not line:
        raise EOFError("the program has gone")
    return line.rstrip("\\n")

def write(*values):
    """Say a line to the program."""
    print(*values, flush=True)

with open("input.txt", newline="") as given, open("answer.txt", newline="") as expected:
    try:
        said = interact(given.read(), expected.read(), read, write)
    except (EOFError, BrokenPipeError):
        said = False
        sys.stderr.write("the program has gone too early\\n")
if type(said) not in (bool, int, float) or not 0 <= said <= 1:
    sys.exit("interact returned neither a boolean nor a number in [0, 1]")
sys.stderr.write(f"\\npoints {float(said)}\\n")
sys.stdout = sys.__stdout__ = None
sys.exit(7 if 0 < said < 1 else int(not said))
'''
_FUNCTION_FAILED = 1
"""Python's own exit status where a function raises: there it means no verdict."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """What came of a conversation: its worth, the program's side, and what the interactor wrote."""

    judged: Judged
    answer: Answer
    record: bytes = b""


@dataclass(slots=True)
class Interactor:
    """A reference's interactor, loaded beside a submission.

    Attributes:
        known_sound: it was seen to judge one who says nothing, so what breaks it is the player.
    """

    checker: Checker
    program: Program
    limits: Limits
    jail: Jail
    known_sound: bool = False

    async def meet(
        self, player: Jail, test: Test, limits: Limits, *, ignore_exit_code: bool
    ) -> Meeting:
        """Run one test, both sides in fresh processes.

        The program's own end counts first, where it came first; then the interactor's word, and
        where that is good, that the program ended well.

        Raises:
            ShapeError: the interactor breaks, also on one who says nothing.
            SandboxError: the sandbox failed.
        """
        talk = await player.converse(Given(stdin=b""), self.jail, _given(test))
        trouble = troubled(talk.answer, limits, ignore_exit_code=ignore_exit_code)
        if trouble is not None and not talk.companion_first:
            return Meeting(trouble, talk.answer)
        try:
            points = self._score(talk)
        except BrokenJudgeError as error:
            await self._prove(player, test, error)
            detail = f"the interactor broke: {error}"
            judged = Judged(score=0.0, reason=Reason.MISMATCH, detail=detail)
            return Meeting(judged, talk.answer)
        if points <= 0.0:
            return Meeting(_refused(talk), talk.answer)
        if trouble is not None:
            return Meeting(trouble, talk.answer)
        record = talk.companion.files.get(_OUTPUT, b"")
        judged = PASSED if points >= 1.0 else replace(_refused(talk), score=points)
        return Meeting(judged, talk.answer, record)

    def _score(self, talk: Talk) -> float:
        said = talk.companion
        if said.end is not End.EXITED:
            raise BrokenJudgeError(f"it ended by {said.end}")
        function = self.checker.protocol is Protocol.FUNCTION
        if (
            function
            and said.exit_code == _FUNCTION_FAILED
            and b"points 0.0" not in said.stderr_tail
        ):
            raise BrokenJudgeError(said.stderr_tail[-_SHOWN:].decode("utf-8", "replace"))
        return judges.score(Protocol.TESTLIB if function else self.checker.protocol, said)

    async def _prove(self, player: Jail, test: Test, error: BrokenJudgeError) -> None:
        """See that the interactor can judge a player who says nothing.

        Raises:
            ShapeError: it cannot, so nothing can be said of the submission either.
        """
        if self.known_sound:
            return
        silent = await player.companion(_SILENT, self.limits)
        if isinstance(silent, BuildFailure):
            raise ShapeError(f"the interactor breaks: {error}")
        host = await silent.companion(self.program, self.limits)
        if isinstance(host, BuildFailure):
            raise ShapeError(f"the interactor breaks: {error}")
        talk = await silent.converse(Given(stdin=b""), host, _given(test))
        try:
            self._score(talk)
        except BrokenJudgeError as own:
            raise ShapeError(
                f"the interactor breaks: {error}; when nothing is said: {own}"
            ) from own
        finally:
            await silent.close()
        self.known_sound = True


async def load(beside: Jail, checker: Checker, limits: Limits) -> Interactor:
    """Build an interactor and load it beside a submission.

    Raises:
        ShapeError: it does not build, or cannot be one.
        SandboxError: the sandbox failed.
    """
    words = _WORDS.get(checker.protocol)
    if words is None:
        raise ShapeError(f"an interactor cannot speak the protocol {checker.protocol}")
    function = checker.protocol is Protocol.FUNCTION
    found = find(checker.language)
    if function and (found is None or not LANGUAGES[found.name].runner):
        raise ShapeError(f"an interactor function in {checker.language[:40]} cannot be called")
    made = judges.program(checker, words, strict=True, fetch=() if function else (_OUTPUT,))
    if function:
        files = {"main.py": _HARNESS, "rewardd_interactor.py": made.files[made.main]}
        made = replace(made, files={**checker.files, **files}, main="main.py")
    own = replace(
        limits,
        cpu_seconds=max(limits.cpu_seconds, _LEAST_CPU_SECONDS),
        wall_seconds=None,
        memory_mib=max(limits.memory_mib, _LEAST_MEMORY_MIB),
        output_bytes=max(limits.output_bytes, _MOST_SAID_BYTES),
        processes=None,
    )
    opened = await beside.companion(made, own)
    if isinstance(opened, BuildFailure):
        raise ShapeError(f"the interactor does not build: {opened.log[:_SHOWN]}")
    return Interactor(checker, made, own, opened)


def _given(test: Test) -> Given:
    return Given(stdin=b"", files={_INPUT: test.stdin, _ANSWER: test.expected})


def _refused(talk: Talk) -> Judged:
    """Return a judgement in the interactor's own words."""
    lines = talk.companion.stderr_tail.decode("utf-8", "replace").strip().splitlines()
    said = lines[-1][:_SHOWN] if lines else f"exit status {talk.companion.exit_code}"
    return Judged(score=0.0, reason=Reason.MISMATCH, detail=f"the interactor says: {said}")
