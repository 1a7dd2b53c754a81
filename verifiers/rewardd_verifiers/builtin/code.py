"""Programs against tests, in a jail."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256

from rewardd_sandbox import (
    BuildFailure,
    Jail,
    Limits,
    LostError,
    Program,
    Sandbox,
    SandboxError,
    StarvedError,
)
from rewardd_sandbox.languages import LANGUAGES, Language, find, main_file
from rewardd_verifiers.code import (
    asserts,
    checking,
    foreign,
    interaction,
    reach,
    record,
    rewards,
    session,
)
from rewardd_verifiers.code.extraction import Code as Extracted
from rewardd_verifiers.code.extraction import Missing, as_module, extract
from rewardd_verifiers.code.fields import ShapeError
from rewardd_verifiers.code.outcomes import evidence as show_test
from rewardd_verifiers.code.rewards import Reward
from rewardd_verifiers.code.selection import Select, choose
from rewardd_verifiers.code.shapes import TaskReference
from rewardd_verifiers.code.tasks import Comparison, Kind, Task, Test
from rewardd_verifiers.code.trial import Terms, Trial
from rewardd_verifiers.sample import Sample
from rewardd_verifiers.text.excerpt import excerpt
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import SandboxVerifier

_MAX_SOURCE = 256 << 10
_LOG_CHARACTERS = 2000
_LONGEST_NAME = 200
_PYTHON_KINDS = (Kind.CALL, Kind.ASSERTS, Kind.CHECK, Kind.UNITTEST)
_ATTEMPTS = 2


@dataclass(frozen=True)
class Code(SandboxVerifier[TaskReference]):
    """The program in the last code block passes the tests of the reference.

    Attributes:
        language: of the program, unless the reference says; `any` lets the block's tag decide.
        compare: how outputs are compared, unless the reference says.
        reward: `all` tests or nothing, the `fraction` passed, `weighted`, or whole `subtask`s.
        stop_after: stop at so many failures.
        max_tests, select, seed: run only some tests, the same for all samples of a prompt.
        strict: run each test in a fresh process from the start; the verdicts are the same.
        ignore_exit_code: a right output counts whatever the exit status.
        cpu_seconds, memory_mib: limits of a test, unless the reference says; cpu_factor scales.
        build_cpu_seconds: limit of a compiler, unless the reference says.
        prelude: offer the names of the usual imports; None for calls only.
        allow_weak: unit tests with mocks, files or other libraries run in one process with the
            program, which could then find what they expect; their verdicts say `trust: weak`.
        whole_text: the completion is nothing but code.
        accept_unclosed: a block that was never closed counts.
        on_missing: what no code is: a score of 0, or no verdict.
    """

    language: str = "python"
    compare: Comparison = Comparison.TOKEN
    reward: Reward = Reward.ALL
    stop_after: int | None = None
    max_tests: int | None = None
    select: Select = Select.SAMPLED
    seed: int = 0
    strict: bool = False
    ignore_exit_code: bool = False
    cpu_seconds: float = 5.0
    memory_mib: int = 512
    cpu_factor: float = 1.0
    build_cpu_seconds: float = 10.0
    prelude: bool | None = None
    allow_weak: bool = False
    whole_text: bool = False
    accept_unclosed: bool = False
    on_missing: Reason = Reason.NO_ANSWER

    def __post_init__(self) -> None:
        """Refuse parameters that no run could follow."""
        if self.language != "any" and find(self.language) is None:
            known = ", ".join(LANGUAGES)
            raise ValueError(f"language {self.language!r} is not any of: any, {known}")
        if self.max_tests is not None and self.max_tests < 1:
            raise ValueError(f"max_tests {self.max_tests} is below 1")
        if self.stop_after is not None and self.stop_after < 1:
            raise ValueError(f"stop_after {self.stop_after} is below 1: nothing would be run")
        if self.on_missing not in (Reason.NO_ANSWER, Reason.UNDECIDED):
            raise ValueError(f"on_missing {self.on_missing!r} is neither no_answer nor undecided")

    async def verify(self, sample: Sample[TaskReference], sandbox: Sandbox) -> Verdict:
        """Run the program on the tests; see the table of reasons in the documentation."""
        try:
            task = _completed(sample.reference)
            wanted = self._language(task)
            code = extract(
                sample.completion,
                wanted,
                whole_text=self.whole_text,
                accept_unclosed=self.accept_unclosed,
            )
            if isinstance(code, Missing):
                return self._missing(code)
            return await self._try(code, task, sandbox)
        except ShapeError as error:
            return Verdict.unscored(Reason.INVALID_REFERENCE, str(error))
        except StarvedError as error:
            return Verdict.unscored(Reason.TIMEOUT, str(error), dict(sandbox.facts))
        except SandboxError as error:
            return Verdict.unscored(Reason.SANDBOX_UNAVAILABLE, str(error), dict(sandbox.facts))

    def _language(self, task: Task) -> Language | None:
        name = task.language or self.language
        found = None if name == "any" else find(name)
        if found is None and name != "any":
            raise ShapeError(f"no such language: {name[:40]}")
        if found is not None and not _offered(task.kind, found):
            able = ", ".join(name for name in LANGUAGES if _offered(task.kind, LANGUAGES[name]))
            raise ShapeError(f"{task.kind} tests are not offered in {found.name}, but in: {able}")
        return found

    def _missing(self, missing: Missing) -> Verdict:
        if self.on_missing is Reason.UNDECIDED:
            return Verdict.unscored(Reason.UNDECIDED, missing.detail)
        reason = Reason.BAD_FORMAT if missing.other_language else Reason.NO_ANSWER
        return Verdict.zero(reason, missing.detail)

    async def _try(self, code: Extracted, task: Task, sandbox: Sandbox) -> Verdict:
        """Judge; what was lost with a process of ours is tried once more."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._judge(code, task, sandbox)
            except LostError:
                continue
        return await self._judge(code, task, sandbox)

    async def _judge(self, code: Extracted, task: Task, sandbox: Sandbox) -> Verdict:
        facts = {**sandbox.facts, "language": code.language.name}
        refused = _refused(code, task, facts)
        if refused is not None:
            return refused
        program = self._program(code, task)
        facts["sha256"] = sha256(program.files[program.main]).hexdigest()
        problem = _unfit(program)
        if problem:
            return Verdict.zero(Reason.COMPILE_ERROR, problem, facts)
        base = Limits(
            cpu_seconds=self.cpu_seconds,
            memory_mib=self.memory_mib,
            build_cpu_seconds=self.build_cpu_seconds,
        )
        limits = task.bounded(base, self.cpu_factor)
        weakly = self._weakly(task)
        if task.kind is Kind.UNITTEST and not weakly:
            program = session.prepared(program)
        jail = await _open(program, code.language, task, limits, sandbox)
        if isinstance(jail, BuildFailure):
            told = partial(record.of_build, code.language.name, code.source, jail)
            return replace(_not_built(jail, facts), record=told)
        chosen = choose(task, self.max_tests, self.select, self.seed)
        trial = Trial(jail, task, self._terms(task, limits), source=code.source, weakly=weakly)
        try:
            if task.checker is not None:
                trial.examiner = await checking.load(jail, task.checker, limits)
            if task.interactor is not None:
                trial.interactor = await interaction.load(jail, task.interactor, limits)
            await trial.run(chosen)
        finally:
            await jail.close()
        facts |= {"toolchain": sandbox.toolchain(code.language.name)}
        verdict = self._conclude(trial, [test for _, test in chosen], facts)
        told = partial(record.of_trial, code.language.name, code.source, trial.outcomes)
        return replace(verdict, record=told)

    def _weakly(self, task: Task) -> bool:
        """Whether unit tests run in one process with the program.

        Raises:
            ShapeError: they need to, and nobody allowed it.
        """
        needed = "" if task.kind is not Kind.UNITTEST else reach.needs_process(task.test_source)
        if needed and not self.allow_weak:
            raise ShapeError(
                f"the tests need the program in their own process ({needed}): see allow_weak"
            )
        return bool(needed)

    def _terms(self, task: Task, limits: Limits) -> Terms:
        return Terms(
            reward=self.reward,
            compare=task.compare or self.compare,
            limits=limits,
            strict=self.strict,
            ignore_exit_code=self.ignore_exit_code,
            stop_after=self.stop_after,
        )

    def _program(self, code: Extracted, task: Task) -> Program:
        source = code.source or _named_main(code)
        if task.kind in _PYTHON_KINDS and code.language.runner:
            source = as_module(source)
        main = task.main or main_file(code.language, source)
        files = {
            name: content.encode("utf-8", "replace")
            for name, content in code.files.items()
            if not _collides(name, {main, *_taken(task)})
        }
        files |= task.files
        if code.source or main not in files:
            files[main] = source.encode("utf-8", "surrogatepass")
        prelude = task.kind in _PYTHON_KINDS if self.prelude is None else self.prelude
        return Program(
            language=code.language.name,
            files=files,
            main=main,
            prelude=prelude,
            stdin_file=task.stdin_file,
            fetch=_fetched(task),
            strict=self.strict,
        )

    def _conclude(self, trial: Trial, tests: list[Test], facts: dict[str, str]) -> Verdict:
        outcomes = trial.outcomes
        failed = [outcome for outcome in outcomes if not outcome.judged.passed]
        shown: dict[str, object] = {
            **facts,
            "mode": "alone" if self.strict else "batch",
            "trust": "weak" if trial.weakly else "full",
            "passed": len(outcomes) - len(failed),
            "failed": len(failed),
            "skipped": len(tests) - len(outcomes),
            "total": len(tests),
        }
        score = rewards.score(self.reward, tests, outcomes)
        if not failed:
            return Verdict.share(score, "", shown)
        first = failed[0]
        shown["first_failure"] = show_test(first)
        detail = excerpt(f"test {first.number}: {first.judged.detail}")
        if score > 0.0:
            return Verdict.share(score, detail, shown)
        return Verdict.zero(first.judged.reason, detail, shown)


def _offered(kind: Kind, language: Language) -> bool:
    """Whether there are such tests in a language."""
    if language.runner or kind not in _PYTHON_KINDS:
        return True
    return kind is Kind.CALL and bool(language.caller)


def _completed(task: Task) -> Task:
    """Return the task with the entry that its asserts are about.

    Raises:
        ShapeError: they call nothing that a submission could define.
    """
    if task.kind is not Kind.ASSERTS or task.entry:
        return task
    sources = [test.source for test in task.tests]
    entry = asserts.entry_of(sources, asserts.defined(task.setup))
    if not entry:
        raise ShapeError("the asserts call no function that a program could define")
    return replace(task, entry=entry)


def _refused(code: Extracted, task: Task, facts: dict[str, str]) -> Verdict | None:
    """Return a verdict on a program that cannot be run on these tests; None if it can."""
    if not _offered(task.kind, code.language):
        detail = f"{task.kind} tests are not offered in {code.language.name}"
        return Verdict.zero(Reason.BAD_FORMAT, detail, facts)
    size = len(code.source) + sum(map(len, code.files.values()))
    if size > _MAX_SOURCE:
        return Verdict.zero(Reason.COMPILE_ERROR, f"{size} characters of source", facts)
    return None


async def _open(
    program: Program, language: Language, task: Task, limits: Limits, sandbox: Sandbox
) -> Jail | BuildFailure:
    """Load a program as its kind of tests needs it."""
    if task.kind is Kind.CALL and not language.runner:
        jail = await sandbox.open(foreign.prepare(program, language, task), limits)
        return jail if isinstance(jail, BuildFailure) else foreign.Caller(jail)
    jail = await sandbox.open(_after_prompt(program, task), limits)
    if isinstance(jail, BuildFailure) and task.kind is Kind.CHECK:
        jail = await sandbox.open(program, limits)
    return jail


def _after_prompt(program: Program, task: Task) -> Program:
    """Return the program behind the prompt, whose auxiliary functions it may use."""
    source = program.files[program.main]
    if task.kind is not Kind.CHECK or b"from __future__" in source:
        return program
    joined = task.setup.encode("utf-8", "surrogatepass") + b"\n" + source
    return replace(program, files={**program.files, program.main: joined})


def _named_main(code: Extracted) -> str:
    """Return the main one of sources that all came with names: by its name, else the last."""
    usual = code.files.get(code.language.main)
    return usual or next(reversed([*code.files.values()]), "")


def _taken(task: Task) -> set[str]:
    """Return the names that files of the policy's may not have."""
    given = {name for test in task.tests for name in test.files}
    written = {task.stdin_file} if task.stdin_file else set[str]()
    return {*task.files, *given, *written, *_fetched(task)}


def _fetched(task: Task) -> tuple[str, ...]:
    """Return the names of all files that any test looks at."""
    names = [] if task.stdout_file is None else [task.stdout_file]
    return tuple(dict.fromkeys([*names, *(n for t in task.tests for n in t.expected_files)]))


def _collides(name: str, taken: Iterable[str]) -> bool:
    """Whether a file of the policy's could not lie beside those that must be there."""
    return any(name.startswith(f"{one}/") or one.startswith(f"{name}/") for one in taken)


def _unfit(program: Program) -> str:
    source = program.files[program.main]
    if b"\0" in source:
        return "the source holds a NUL character"
    if len(program.main.encode()) > _LONGEST_NAME:
        return "the name of its class is too long for a file"
    return ""


def _not_built(failure: BuildFailure, facts: dict[str, str]) -> Verdict:
    log = failure.log[:_LOG_CHARACTERS]
    first = next((line for line in log.splitlines() if line.strip()), "")
    detail = first if failure.limit is None else f"the build overran its {failure.limit}"
    return Verdict.zero(Reason.COMPILE_ERROR, detail, {**facts, "log": log})
