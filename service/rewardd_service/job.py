"""The units of work that travel from gateway to worker and back: plain data.

A chunk carries each completion and each reference once; jobs point to them. Everything in it is
what msgpack can say, so that one frame is the same for a socketpair and for Redis.
"""

from typing import Any

import msgspec


class Setup(msgspec.Struct, array_like=True, frozen=True):
    """A verifier with its parameters, built once per chunk.

    Attributes:
        cpu_seconds: CPU time that one job may take; the lane's default if None.
        recorded: answers carry the record of what the verifier saw.
    """

    verifier: str
    params: dict[str, Any]
    cpu_seconds: float | None = None
    recorded: bool = False


class Subject(msgspec.Struct, array_like=True, frozen=True):
    """What is judged: a sample without its reference; see `rewardd_verifiers.Sample`."""

    completion: str
    prompt: str = ""
    reasoning: str | None = None
    length: int | None = None
    finish_reason: str | None = None
    metadata: dict[str, Any] = {}


class Job(msgspec.Struct, array_like=True, frozen=True):
    """One term on one sample: indices into its chunk.

    Attributes:
        gate: if the score is below 1 or missing, the jobs of the same subject that follow in
            this chunk are not run, and answered as skipped.
    """

    subject: int
    setup: int
    reference: int
    gate: bool = False


class Chunk(msgspec.Struct, array_like=True, frozen=True):
    """Jobs that are sent together. Jobs of one subject stand together, in the recipe's order.

    Attributes:
        remaining_seconds: until the deadline, at the moment of sending: a budget, never a time
            of day, as the clocks of hosts are never compared.
        traceparent: W3C trace context of the request, if it is traced.
    """

    setups: list[Setup]
    subjects: list[Subject]
    references: list[Any]
    jobs: list[Job]
    remaining_seconds: float
    traceparent: str | None = None


class Answer(msgspec.Struct, array_like=True, frozen=True):
    """The verdict on one job of a chunk.

    Attributes:
        job: index into the chunk's jobs.
        reason: a `Reason`; "skipped" where a gate before it failed, which is no verdict.
        version: of the verifier; 0 where none was asked.
        seconds: CPU time for cpu verifiers, wall time for the others.
        attempts: how often it was started; 0 for a verdict that was taken over.
        record: what the setup asked to be recorded, as msgpack; nobody looks into it on the way.
    """

    job: int
    score: float | None
    reason: str
    detail: str = ""
    evidence: dict[str, Any] = {}
    version: int = 0
    seconds: float = 0.0
    attempts: int = 1
    record: bytes = b""


SKIPPED = "skipped"


class SetupReport(msgspec.Struct, array_like=True, frozen=True):
    """What a worker says of a setup before any sample is sent with it.

    Attributes:
        error: why the parameters do not fit; None if they do.
        inputs: parts of a sample that it cannot do without, see `Verifier.inputs`.
    """

    error: str | None
    version: int = 0
    inputs: list[str] = []


class VerifierCard(msgspec.Struct, array_like=True, frozen=True):
    """A verifier as a worker describes it: see `rewardd_verifiers.Description`."""

    name: str
    need: str
    version: int
    summary: str
    params: dict[str, Any]
    reference: dict[str, Any]
