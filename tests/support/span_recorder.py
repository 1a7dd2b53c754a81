"""An SDK of a few lines: keeps spans in memory, in the way OpenTelemetry's API asks for it."""

import contextlib
import itertools
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TracerProvider,
)
from opentelemetry.util._decorator import (
    _agnosticcontextmanager,  # pyright: ignore[reportPrivateUsage]  the type that the API returns
)
from opentelemetry.util.types import Attributes, AttributeValue


@dataclass
class RecordedSpan(NonRecordingSpan):
    """A span that remembers.

    Attributes:
        parent: the id of the span above; 0 for a root.
        started, ended: in nanoseconds; `ended` is 0 until then.
    """

    name: str
    own: SpanContext
    parent: int
    kind: SpanKind
    started: int
    ended: int = 0
    attributes: dict[str, Any] = field(default_factory=dict[str, Any])
    status: StatusCode = StatusCode.UNSET

    def get_span_context(self) -> SpanContext:
        return self.own

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        self.attributes.update(attributes)

    def update_name(self, name: str) -> None:
        self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        del description
        self.status = status.status_code if isinstance(status, Status) else status

    def end(self, end_time: int | None = None) -> None:
        self.ended = end_time or time.time_ns()


class SpanRecorder(TracerProvider, Tracer):
    """A provider of tracers that samples what its parent samples, and keeps it.

    The API takes one provider for the life of a process: this one records on demand.

    Attributes:
        spans: all that were started since recording began, in that order.
    """

    def __init__(self) -> None:
        self.spans: list[RecordedSpan] = []
        self._on = False
        self._ids = itertools.count(1)

    def get_tracer(self, *arguments: Any, **named: Any) -> Tracer:
        del arguments, named
        return self

    def start_span(  # noqa: PLR0913, PLR0917 - the API's signature
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Any] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: FBT001, FBT002 - the API's signature
        set_status_on_exception: bool = True,  # noqa: FBT001, FBT002 - the API's signature
    ) -> Span:
        del links, record_exception, set_status_on_exception
        above = trace.get_current_span(context).get_span_context()
        if not self._on:
            return INVALID_SPAN
        if above.is_valid and not above.trace_flags.sampled:
            return NonRecordingSpan(above)
        number = next(self._ids)
        own = SpanContext(
            above.trace_id if above.is_valid else number + (1 << 64),
            number,
            is_remote=False,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )
        started = start_time or time.time_ns()
        span = RecordedSpan(name, own, above.span_id, kind, started)
        span.attributes.update(attributes or {})
        self.spans.append(span)
        return span

    @_agnosticcontextmanager
    def start_as_current_span(self, *arguments: Any, **named: Any) -> Generator[Span]:
        """Start a span that is current within."""
        named.pop("end_on_exit", None)
        span = self.start_span(*arguments, **named)
        with trace.use_span(span, end_on_exit=True):
            yield span

    @contextlib.contextmanager
    def recording(self) -> Generator[None]:
        """Record what is done within."""
        self.spans.clear()
        self._on = True
        try:
            yield
        finally:
            self._on = False

    def named(self, name: str) -> list[RecordedSpan]:
        return [span for span in self.spans if span.name == name]

    def above(self, span: RecordedSpan) -> str:
        """Return the name of a span's parent."""
        return next(each.name for each in self.spans if each.own.span_id == span.parent)
