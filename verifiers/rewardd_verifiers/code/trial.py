"""Put a submission on trial: run the tests one by one, confirm what failed, collect outcomes."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

from rewardd_sandbox import Answer, Given, Jail, Limits
from rewardd_sandbox.codec import UnsupportedError, decode, encode
from rewardd_verifiers.code import asserts, dialogue, session, weak
from rewardd_verifiers.code.checking import Examiner
from rewardd_verifiers.code.compare import Tolerance, difference, head
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.interaction import Interactor
from rewardd_verifiers.code.outcomes import PASSED, Judged, Outcome, troubled
from rewardd_verifiers.code.rewards import Reward, over
from rewardd_verifiers.code.tasks import Comparison, Kind, Task, Test
from rewardd_verifiers.code.values import same, show
from rewardd_verifiers.verdict import Reason

_FED = (Kind.STDIO, Kind.INTERACTIVE)
Judge = Callable[[Answer], Awaitable[Judged]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a trial is held.

    Attributes:
        strict: run each test in a fresh process from the start.
        stop_after: stop at so many failures; None as the reward allows.
    """

    reward: Reward
    compare: Comparison
    limits: Limits
    strict: bool
    ignore_exit_code: bool
    stop_after: int | None


@dataclass(slots=True)
class Trial:
    """One submission's tests.

    Attributes:
        examiner, interactor: the reference's own, where it has them.
        source: the submission's.
        weakly: its unit tests run in one process with it.
        outcomes: of the tests that were run, in order.
    """

    jail: Jail
    task: Task
    terms: Terms
    examiner: Examiner | None = None
    interactor: Interactor | None = None
    source: str = ""
    weakly: bool = False
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    _readings: list[bool] = field(default_factory=lambda: [True, True])

    async def run(self, tests: Sequence[tuple[int, Test]]) -> None:
        """Run tests until the reward is settled.

        Raises:
            ShapeError: the reference turned out not to fit.
            SandboxError: the sandbox failed; `outcomes` holds what was settled before.
        """
        for number, test in tests[len(self.outcomes) :]:
            if over(self.terms.reward, self.outcomes, test, self.terms.stop_after):
                return
            self.outcomes.append(await self._test(number, test))

    async def _test(self, number: int, test: Test) -> Outcome:
        kind = self.task.kind
        if kind is Kind.STDIO:
            judged, answer = await self._stdio(test)
        elif kind is Kind.INTERACTIVE:
            judged, answer = await self._meet(test)
        elif kind is Kind.CALL:
            judged, answer = await self._call(test)
        elif kind is Kind.ASSERTS:
            judged, answer = await self._assert(test)
        elif kind is Kind.UNITTEST:
            judged, answer = await self._unit_tests()
        else:
            judged, answer = await self._dialogue(test.source)
        shown = head(test.stdin) if kind in _FED else _show_call(test)
        return Outcome(
            number=number,
            given=shown,
            judged=judged,
            answer=answer,
            weight=test.weight,
            subtask=test.subtask,
        )

    async def _ask(self, given: Given, judge: Judge) -> tuple[Judged, Answer]:
        """Feed a test; what does not pass is decided by running it again in a fresh process."""
        fresh = bool(given.files)
        answer = await (self.jail.alone(given) if fresh else self.jail.feed(given))
        judged = await self._judge(answer, judge)
        if judged.passed or answer.alone:
            return judged, answer
        answer = await self.jail.alone(given)
        return await self._judge(answer, judge), answer

    async def _judge(self, answer: Answer, judge: Judge) -> Judged:
        ignore = self.terms.ignore_exit_code and self.task.kind is Kind.STDIO
        trouble = troubled(answer, self.terms.limits, ignore_exit_code=ignore)
        return await judge(answer) if trouble is None else trouble

    async def _stdio(self, test: Test) -> tuple[Judged, Answer]:
        async def judge(answer: Answer) -> Judged:
            name = self.task.stdout_file
            output = answer.stdout if name is None else answer.files.get(name, b"")
            if self.examiner is not None:
                return await self.examiner.judge(test, output)
            silent = bool(test.expected_files) and not test.expected
            judged = PASSED if silent else self._compared(test.expected, output)
            for name, content in test.expected_files.items():
                if judged.passed:
                    judged = self._compared(content, answer.files.get(name, b""))
            return judged

        extra = 0 if self.examiner is not None else len(test.expected)
        given = Given(stdin=test.stdin, files=test.files, extra_output_bytes=extra)
        return await self._ask(given, judge)

    async def _meet(self, test: Test) -> tuple[Judged, Answer]:
        if self.interactor is None:
            raise ShapeError("an interactive test without an interactor")
        ignore = self.terms.ignore_exit_code
        meeting = await self.interactor.meet(
            self.jail, test, self.terms.limits, ignore_exit_code=ignore
        )
        if meeting.judged.passed and self.examiner is not None:
            return await self.examiner.judge(test, meeting.record), meeting.answer
        return meeting.judged, meeting.answer

    def _compared(self, expected: bytes, output: bytes) -> Judged:
        tolerance = Tolerance(self.task.abs_tol, self.task.rel_tol)
        found = difference(expected, output, self.terms.compare, tolerance)
        if found is None:
            return PASSED
        return Judged(
            score=0.0,
            reason=Reason.MISMATCH,
            detail=str(found),
            expected=head(expected),
            got=head(output),
        )

    async def _call(self, test: Test) -> tuple[Judged, Answer]:
        async def judge(answer: Answer) -> Judged:
            return self._returned(test, answer)

        request: dict[str, object] = {
            "entry": self.task.entry,
            "class": self.task.owner,
            "args": list(test.arguments),
            "kwargs": dict(test.keywords),
            "result_of": test.result_of,
        }
        return await self._ask(_given(request), judge)

    def _returned(self, test: Test, answer: Answer) -> Judged:
        value, broken = _decoded(answer)
        if broken is not None:
            return broken
        readings = [self._readings[0] and same(test.result, value, plain=test.plain), False]
        if self.task.either_result and self._readings[1]:
            inner = cast("list[object]", test.result)[0]
            readings[1] = same(inner, value, plain=test.plain)
        if any(readings):
            self._readings = readings
            return PASSED
        return _wrong(show(test.result), value)

    async def _assert(self, test: Test) -> tuple[Judged, Answer]:
        entry = self.task.entry
        try:
            parts = asserts.split(test.source, entry, self.task.owner)
        except asserts.UnsplittableError:
            return await self._dialogue(test.source)

        async def judge(answer: Answer) -> Judged:
            value, broken = _decoded(answer)
            if broken is not None:
                return broken
            return PASSED if parts.test(value) else _wrong(parts.expected, value)

        request: dict[str, object] = {
            "entry": entry,
            "class": self.task.owner,
            "args": list(parts.arguments),
            "kwargs": dict(parts.keywords),
        }
        return await self._ask(_given(request), judge)

    async def _unit_tests(self) -> tuple[Judged, Answer]:
        hold = weak.hold if self.weakly else session.hold
        return await hold(self.jail, self.task, self.source, self.terms.limits)

    async def _dialogue(self, source: str) -> tuple[Judged, Answer]:
        limits = self.terms.limits
        held = await dialogue.hold(self.jail, self.task, source, limits, strict=self.terms.strict)
        if not held.judged.passed and not self.terms.strict:
            held = await dialogue.hold(self.jail, self.task, source, limits, strict=True)
        return held.judged, held.answer


def _given(request: dict[str, object]) -> Given:
    try:
        return Given(stdin=encode(request), call=True)
    except UnsupportedError as error:
        raise ShapeError(f"arguments that cannot be sent: {error}") from error


def _decoded(answer: Answer) -> tuple[object, Judged | None]:
    try:
        return decode(answer.value or b""), None
    except UnsupportedError as error:
        return None, Judged(
            score=0.0, reason=Reason.RUNTIME_ERROR, detail=f"a broken result: {error}"
        )


def _wrong(expected: str, value: object) -> Judged:
    got = show(value)
    return Judged(
        score=0.0,
        reason=Reason.MISMATCH,
        detail=f"expected {expected}, got {got}",
        expected=expected,
        got=got,
    )


def _show_call(test: Test) -> str:
    return head(test.source.encode()) if test.source else show(list(test.arguments))
