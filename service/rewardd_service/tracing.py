"""Traces from a request to its verdicts, by OpenTelemetry's API: without an SDK nothing happens.

    POST /v1/score          FastAPI's own span, a child of the client's if it sent a traceparent
      rewardd.queue         until a chunk of the request found a slot
      rewardd.chunk         from sending the chunk to its last answer
        rewardd.process     the same where the workers are: here, or on another machine
          rewardd.verify    one verifier's part of it

Never a span per sample: a batch has thousands of them. Nothing is recorded within a worker
process, as what it knows dies with it just when a trace would be wanted.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import msgspec
from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from rewardd_service.job import SKIPPED, Answer, Chunk

Deliver: TypeAlias = Callable[[Sequence[Answer]], None]

_tracer = trace.get_tracer("rewardd")
_TRACEPARENT: Final = "traceparent"
_QUIET: Final = frozenset({"/livez", "/readyz", "/metrics"})


def unremarkable(scope: Mapping[str, Any]) -> bool:
    """Return whether a request is one of those that machines ask every few seconds."""
    return scope.get("path") in _QUIET


def here(samples: int) -> Context:
    """Return what later spans can be children of, even from another task.

    Args:
        samples: of the request, which its span is told.
    """
    trace.get_current_span().set_attribute("rewardd.samples", samples)
    return get_current()


@contextmanager
def chunk(origin: Context, lane: str, sent: Chunk, waited_seconds: float) -> Generator[Chunk]:
    """Record that a chunk waited and runs; give it as it travels, with its traceparent.

    Args:
        origin: of its request, see `here`; a request that is not traced costs nothing here.
        lane: where it runs.
        sent: the chunk.
        waited_seconds: since its request was dispatched.
    """
    if not trace.get_current_span(origin).get_span_context().trace_flags.sampled:
        yield sent
        return
    now = time.time_ns()
    told = {"rewardd.lane": lane, "rewardd.jobs": len(sent.jobs)}
    begun = now - round(waited_seconds * 1e9)
    _tracer.start_span("rewardd.queue", origin, attributes=told, start_time=begun).end(now)
    with _tracer.start_as_current_span(
        "rewardd.chunk", origin, SpanKind.PRODUCER, attributes=told, start_time=now
    ):
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        yield msgspec.structs.replace(sent, traceparent=carrier.get(_TRACEPARENT))


@contextmanager
def process(lane: str, received: Chunk, deliver: Deliver) -> Generator[Deliver]:
    """Record what became of a chunk where its workers are; give what to deliver to."""
    if received.traceparent is None:
        yield deliver
        return
    origin = TraceContextTextMapPropagator().extract({_TRACEPARENT: received.traceparent})
    told = {"rewardd.lane": lane, "rewardd.jobs": len(received.jobs)}
    tally = _Tally(received)

    def take(answers: Sequence[Answer]) -> None:
        tally.add(answers)
        deliver(answers)

    with _tracer.start_as_current_span(
        "rewardd.process", origin, SpanKind.CONSUMER, attributes=told
    ):
        try:
            yield take
        finally:
            tally.record()


@dataclass
class _Share:
    """One verifier's part of a chunk."""

    version: int = 0
    seconds: float = 0.0
    attempts: int = 0
    last: int = 0
    reasons: dict[str, int] = field(default_factory=dict[str, int])


class _Tally:
    """What a chunk's answers come to, by verifier."""

    def __init__(self, received: Chunk) -> None:
        self._chunk = received
        self._begun = time.time_ns()
        self._shares: dict[str, _Share] = {}

    def add(self, answers: Sequence[Answer]) -> None:
        now = time.time_ns()
        for answer in answers:
            if answer.reason == SKIPPED:
                continue
            name = self._chunk.setups[self._chunk.jobs[answer.job].setup].verifier
            share = self._shares.setdefault(name, _Share())
            share.version = max(share.version, answer.version)
            share.seconds += answer.seconds
            share.attempts += answer.attempts
            share.last = now
            share.reasons[answer.reason] = share.reasons.get(answer.reason, 0) + 1

    def record(self) -> None:
        for name, share in self._shares.items():
            span = _tracer.start_span(
                "rewardd.verify", attributes=dict(_told(name, share)), start_time=self._begun
            )
            span.end(share.last)


def _told(name: str, share: _Share) -> Iterator[tuple[str, str | int | float]]:
    yield "rewardd.verifier", f"{name}@{share.version}"
    yield "rewardd.seconds", share.seconds
    yield "rewardd.attempts", share.attempts
    for reason, number in share.reasons.items():
        yield f"rewardd.reason.{reason}", number
