"""What gateway, preload and workers say to each other: tagged msgpack, never a pickle."""

from typing import Any, TypeAlias

import msgspec

from rewardd_service.job import Answer, Setup, SetupReport, VerifierCard


class KnownSample(msgspec.Struct, array_like=True, frozen=True):
    """A sample whose score is known: it warms the preload, and shows a worker gone wrong.

    Attributes:
        score: that a worker must give; None where the sample only warms.
    """

    verifier: str
    completion: str
    reference: Any
    score: float | None = None
    params: dict[str, Any] = {}
    prompt: str = ""


class Plan(msgspec.Struct, array_like=True, frozen=True):
    """What the preload is to make ready.

    Attributes:
        need: of the verifiers to import.
        verifiers: their names; all that have this need if None.
        sandbox: "module:callable" of the workers' sandbox; "" for none.
        sandbox_options: given to it by name.
        probe_secret: what expressions are compared by; b"" where each process draws its own.
    """

    parent_pid: int
    need: str
    verifiers: list[str] | None
    sandbox: str
    memory_mib: int | None
    sandbox_options: dict[str, str] = {}
    probe_secret: bytes = b""


class Warm(msgspec.Struct, array_like=True, frozen=True, tag="warm"):
    """The preload is ready.

    Attributes:
        samples: that were verified, what took longest at the first time in front.
    """

    cards: list[VerifierCard]
    samples: list[KnownSample]


class Forked(msgspec.Struct, array_like=True, frozen=True, tag="forked"):
    """Worker `number` lives."""

    number: int
    pid: int


class Exited(msgspec.Struct, array_like=True, frozen=True, tag="exited"):
    """Worker `number` is dead and reaped.

    Attributes:
        status: exit code, or minus the signal.
    """

    number: int
    status: int


FromPreload: TypeAlias = Warm | Forked | Exited


class Run(msgspec.Struct, array_like=True, frozen=True, tag="run"):
    """Judge these jobs of the chunk, in this order."""

    batch: int
    remaining_seconds: float
    jobs: list[int]
    chunk: msgspec.Raw


class Inspect(msgspec.Struct, array_like=True, frozen=True, tag="inspect"):
    """Report on these setups."""

    batch: int
    setups: list[Setup]


ToWorker: TypeAlias = Run | Inspect


class Hello(msgspec.Struct, array_like=True, frozen=True, tag="hello"):
    """A worker is ready.

    Attributes:
        first_verification_seconds: CPU time of one; tells a warm preload from a cold one.
    """

    first_verification_seconds: float


class Answers(msgspec.Struct, array_like=True, frozen=True, tag="answers"):
    """Answers in the order of the jobs; the last frame of a batch says so."""

    batch: int
    answers: list[Answer]
    finished: bool


class Reports(msgspec.Struct, array_like=True, frozen=True, tag="reports"):
    """A report for each setup, in order."""

    batch: int
    reports: list[SetupReport]


FromWorker: TypeAlias = Hello | Answers | Reports
