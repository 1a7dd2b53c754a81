"""The normal form of a reference: what is fed to a program, and what must come back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from rewardd_sandbox import Limits

MAX_TESTS = 1000
MAX_INPUT_BYTES = 64 << 20


class Kind(StrEnum):
    """How a program is asked."""

    STDIO = "stdio"
    CALL = "call"
    ASSERTS = "asserts"
    CHECK = "check"
    INTERACTIVE = "interactive"
    UNITTEST = "unittest"


class Comparison(StrEnum):
    """How outputs are compared; see `compare`."""

    TOKEN = "token"  # noqa: S105  a way to compare
    FLOAT = "float"
    LINES = "lines"
    EXACT = "exact"
    UNORDERED = "unordered"


class Protocol(StrEnum):
    """How a checker says what it thinks."""

    FUNCTION = "function"
    TESTLIB = "testlib"
    KATTIS = "kattis"
    FILES = "files"


@dataclass(frozen=True, slots=True)
class Checker:
    """A program that judges; it comes from the data set, with what it includes, and is jailed."""

    language: str
    source: str
    protocol: Protocol
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One input and what is expected of it.

    Attributes:
        stdin, expected: of a stdio test.
        arguments, keywords, result: of a call.
        result_of: the number of the argument that holds the result after the call.
        plain: the result was JSON, so tuples and lists, and keys and their text, are the same.
        source: of an assert.
        files, expected_files: that a program finds, and that it must leave.
    """

    stdin: bytes = b""
    expected: bytes = b""
    arguments: tuple[object, ...] = ()
    keywords: Mapping[str, object] = field(default_factory=dict[str, object])
    result: object = None
    result_of: int | None = None
    plain: bool = True
    source: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    expected_files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    weight: float = 1.0
    subtask: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A reference, whatever shape it came in.

    Attributes:
        language: what the reference asks for; None where the verifier's parameter decides.
        entry, owner: the function that is called, and its class.
        setup: executed before asserts; the prompt of a `check`.
        test_source: the test code of `check` and `unittest`.
        limits: named fields of `Limits` that the reference sets.
        either_result: a list of one result may be a wrapper around it: `Task.unwrapped`.
        files: shown beside the program; `main` is its own name.
    """

    kind: Kind
    tests: tuple[Test, ...]
    language: str | None = None
    entry: str = ""
    owner: str | None = None
    setup: str = ""
    test_source: str = ""
    compare: Comparison | None = None
    abs_tol: float = 1e-6
    rel_tol: float = 1e-6
    checker: Checker | None = None
    interactor: Checker | None = None
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    files: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    main: str | None = None
    stdin_file: str | None = None
    stdout_file: str | None = None
    either_result: bool = False

    def __post_init__(self) -> None:
        """Refuse what could be passed without doing anything, or cannot be run.

        Raises:
            ValueError: it has no tests, or too many, or one too large.
        """
        if not self.tests:
            raise ValueError("the reference has no tests: nothing to fail is no pass")
        if len(self.tests) > MAX_TESTS:
            raise ValueError(f"{len(self.tests)} tests are more than {MAX_TESTS}")
        if sum(len(test.stdin) for test in self.tests) > MAX_INPUT_BYTES:
            raise ValueError(f"the inputs are larger than {MAX_INPUT_BYTES} bytes")
        if (self.kind is Kind.INTERACTIVE) is not (self.interactor is not None):
            raise ValueError("an interactor and interactive tests need each other")
        if self.kind is Kind.INTERACTIVE and (self.stdin_file or self.stdout_file):
            raise ValueError("an interactive program reads and writes no files")
        if self.kind in (Kind.CALL, Kind.CHECK) and not self.entry:
            raise ValueError(f"a {self.kind} reference names no entry")

    def bounded(self, base: Limits, cpu_factor: float) -> Limits:
        """Return the limits of a run: those of the reference, else those given."""
        fields = {name: _as_field(name, value) for name, value in self.limits.items()}
        limits = replace(base, **fields)
        return replace(limits, cpu_seconds=limits.cpu_seconds * cpu_factor)


def _as_field(name: str, value: float) -> float:
    return value if name in ("cpu_seconds", "wall_seconds", "build_cpu_seconds") else int(value)
