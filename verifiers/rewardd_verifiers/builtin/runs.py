"""Programs without tests: whether they build, run and end well."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field

from rewardd_sandbox import (
    Answer,
    BuildFailure,
    Given,
    Limits,
    LostError,
    Program,
    Sandbox,
    SandboxError,
    StarvedError,
)
from rewardd_sandbox.languages import LANGUAGES, Language, find, main_file
from rewardd_verifiers.code import record
from rewardd_verifiers.code.extraction import Missing, extract
from rewardd_verifiers.code.outcomes import troubled
from rewardd_verifiers.sample import Sample
from rewardd_verifiers.verdict import Reason, Verdict
from rewardd_verifiers.verifier import SandboxVerifier

_ATTEMPTS = 2
_LOG_CHARACTERS = 2000

_LONGEST_NAME = 1024


def _below(name: str) -> str:
    """Refuse a name that is not below the work directory."""
    steps = name.split("/")
    if len(name) > _LONGEST_NAME or "\0" in name or any(step in ("", ".", "..") for step in steps):
        raise ValueError(f"{name[:80]!r} is no name below the work directory")
    return name


FileName = Annotated[str, AfterValidator(_below)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """How a program is to be run; what is left out is as the verifier's parameters say.

    Attributes:
        files: shown beside the program, by name.
        fetch: names of files to take along into the record, if it left them.
        wall_seconds: final, where it is given: no time is given back to a jail that had to wait.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    language: str | None = None
    stdin: bytes = b""
    arguments: tuple[str, ...] = ()
    files: Mapping[FileName, bytes] = field(default_factory=dict[str, bytes])
    fetch: tuple[FileName, ...] = ()
    cpu_seconds: Seconds | None = None
    wall_seconds: Seconds | None = None
    build_cpu_seconds: Seconds | None = None
    memory_mib: Annotated[int, Field(ge=1, le=1 << 20)] | None = None

    def __post_init__(self) -> None:
        """Refuse a language that nobody knows."""
        if self.language is not None:
            _known(self.language)


@dataclass(frozen=True)
class Runs(SandboxVerifier[Invocation | None]):
    """The program builds, runs within its limits, and ends with status 0.

    Attributes:
        language: of the program, unless the reference says.
        whole_text: the completion is the program, to the letter.
        cpu_seconds, memory_mib: limits of the run, unless the reference says.
    """

    language: str = "python"
    whole_text: bool = False
    cpu_seconds: float = 5.0
    memory_mib: int = 512

    def __post_init__(self) -> None:
        """Refuse a language that nobody knows."""
        _known(self.language)

    def inputs(self) -> frozenset[str]:
        """Return nothing: a program can be run without input."""
        return frozenset()

    async def verify(self, sample: Sample[Invocation | None], sandbox: Sandbox) -> Verdict:
        """Run the program once; what was lost with a process of ours is tried once more."""
        asked = sample.reference or Invocation()
        language = _known(asked.language or self.language)
        source = self._source(sample.completion, language)
        if isinstance(source, Missing):
            reason = Reason.BAD_FORMAT if source.other_language else Reason.NO_ANSWER
            return Verdict.zero(reason, source.detail)
        try:
            for _ in range(_ATTEMPTS - 1):
                try:
                    return await self._run(source, language, asked, sandbox)
                except LostError:
                    continue
            return await self._run(source, language, asked, sandbox)
        except StarvedError as error:
            return Verdict.unscored(Reason.TIMEOUT, str(error), dict(sandbox.facts))
        except SandboxError as error:
            return Verdict.unscored(Reason.SANDBOX_UNAVAILABLE, str(error), dict(sandbox.facts))

    def _source(self, completion: str, language: Language) -> str | Missing:
        if self.whole_text:
            return completion
        code = extract(completion, language)
        return code if isinstance(code, Missing) else code.source

    async def _run(
        self, source: str, language: Language, asked: Invocation, sandbox: Sandbox
    ) -> Verdict:
        facts: dict[str, object] = {**sandbox.facts, "language": language.name}
        limits = self._limits(asked)
        begun = time.monotonic()
        jail = await sandbox.open(_program(source, language, asked), limits)
        built_seconds = time.monotonic() - begun
        if isinstance(jail, BuildFailure):
            return _not_built(jail, language, facts, built_seconds)
        try:
            answer = await jail.alone(Given(stdin=asked.stdin))
        finally:
            await jail.close()
        facts["toolchain"] = sandbox.toolchain(language.name)
        return _verdict(answer, limits, language, facts, built_seconds)

    def _limits(self, asked: Invocation) -> Limits:
        usual = Limits()
        return Limits(
            cpu_seconds=asked.cpu_seconds or self.cpu_seconds,
            wall_seconds=asked.wall_seconds,
            wall_extension=usual.wall_extension if asked.wall_seconds is None else 1,
            memory_mib=asked.memory_mib or self.memory_mib,
            build_cpu_seconds=asked.build_cpu_seconds or usual.build_cpu_seconds,
        )


def _known(name: str) -> Language:
    language = find(name)
    if language is None:
        known = ", ".join(LANGUAGES)
        raise ValueError(f"language {name[:40]!r} is not any of: {known}")
    return language


def _program(source: str, language: Language, asked: Invocation) -> Program:
    main = main_file(language, source)
    return Program(
        language=language.name,
        files={**asked.files, main: source.encode("utf-8", "replace")},
        main=main,
        arguments=asked.arguments,
        fetch=asked.fetch,
    )


def _not_built(
    failure: BuildFailure, language: Language, facts: dict[str, object], seconds: float
) -> Verdict:
    log = failure.log[:_LOG_CHARACTERS]
    first = next((line for line in log.splitlines() if line.strip()), "")
    detail = first if failure.limit is None else f"the build overran its {failure.limit}"
    told = partial(record.of_build, language.name, "", failure, seconds)
    return Verdict(0.0, Reason.COMPILE_ERROR, detail, {**facts, "log": log}, told)


def _verdict(
    answer: Answer,
    limits: Limits,
    language: Language,
    facts: dict[str, object],
    built_seconds: float,
) -> Verdict:
    shown: dict[str, object] = {
        **facts,
        "end": answer.end.value,
        "exit_code": answer.exit_code,
        "signal": answer.signal,
        "cpu_seconds": round(answer.cpu_seconds, 4),
        "wall_seconds": round(answer.wall_seconds, 4),
        "stderr": answer.stderr_tail.decode("utf-8", "replace")[-_LOG_CHARACTERS:],
    }
    trouble = troubled(answer, limits)
    score, reason, detail = 1.0, Reason.MATCH, ""
    if trouble is not None:
        score, reason, detail = 0.0, trouble.reason, trouble.detail
    told = partial(record.of_run, language.name, answer, built_seconds)
    return Verdict(score, reason, detail, shown, told)
