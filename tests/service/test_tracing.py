from collections.abc import AsyncGenerator, Callable, Generator

import httpx2
import pytest
from opentelemetry import trace

from fakes import InstantBackend
from gateway_fakes import batch
from rewardd_service import tracing
from rewardd_service.app import create_gateway
from rewardd_service.backends import Deliver
from rewardd_service.backends.local import LocalBackend
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool import PoolSettings
from rewardd_service.scorer import Scorer
from rewardd_service.settings import Settings
from rewardd_verifiers import Need
from span_recorder import SpanRecorder

MakeScorer = Callable[..., Scorer]

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
SAMPLED = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
UNSAMPLED = f"00-{TRACE_ID}-00f067aa0ba902b7-00"


@pytest.fixture(scope="session")
def provider() -> SpanRecorder:
    """Give the provider of this process: the API takes no second one."""
    recorder = SpanRecorder()
    trace.set_tracer_provider(recorder)
    return recorder


@pytest.fixture
def recorder(provider: SpanRecorder) -> Generator[SpanRecorder]:
    with provider.recording():
        yield provider


class ElsewhereBackend(InstantBackend):
    """Processes chunks as a worker does that has nothing of the gateway but the chunk."""

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        with tracing.process(need, chunk, deliver) as take:
            await super().process(need, chunk, take)


@pytest.fixture
def backend() -> ElsewhereBackend:
    return ElsewhereBackend()


@pytest.fixture
async def client(
    make_scorer: MakeScorer, backend: ElsewhereBackend
) -> AsyncGenerator[httpx2.AsyncClient]:
    gateway = create_gateway(Settings(), make_scorer(backend))
    transport = httpx2.ASGITransport(gateway, client=("127.0.0.1", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_trace_leads_from_the_request_to_the_verifier(
    recorder: SpanRecorder, client: httpx2.AsyncClient
) -> None:
    await client.post("/v1/score", json=batch(("1", "1"), ("2", "1")))
    assert {span.name: recorder.above(span) for span in recorder.spans[1:]} == {
        "rewardd.queue": "POST /v1/score",
        "rewardd.chunk": "POST /v1/score",
        "rewardd.process": "rewardd.chunk",
        "rewardd.verify": "rewardd.process",
    }
    assert len({span.own.trace_id for span in recorder.spans}) == 1


async def test_every_span_ends_and_none_before_it_began(
    recorder: SpanRecorder, client: httpx2.AsyncClient
) -> None:
    await client.post("/v1/score", json=batch())
    assert [span.name for span in recorder.spans if span.ended < span.started] == []


async def test_a_request_goes_on_with_the_trace_of_its_client(
    recorder: SpanRecorder, client: httpx2.AsyncClient, backend: ElsewhereBackend
) -> None:
    await client.post("/v1/score", json=batch(), headers={"traceparent": SAMPLED})
    assert {f"{span.own.trace_id:x}" for span in recorder.spans} == {TRACE_ID}
    (chunk,) = [chunk for _, chunk in backend.chunks if chunk.jobs]
    assert chunk.traceparent is not None
    assert chunk.traceparent.startswith(f"00-{TRACE_ID}-")


async def test_what_the_client_does_not_sample_is_not_traced(
    recorder: SpanRecorder, client: httpx2.AsyncClient, backend: ElsewhereBackend
) -> None:
    await client.post("/v1/score", json=batch(), headers={"traceparent": UNSAMPLED})
    assert recorder.spans == []
    assert {chunk.traceparent for _, chunk in backend.chunks} == {None}


async def test_without_an_sdk_nothing_is_sent_along(
    provider: SpanRecorder, client: httpx2.AsyncClient, backend: ElsewhereBackend
) -> None:
    answer = await client.post("/v1/score", json=batch())
    assert answer.status_code == 200
    assert {chunk.traceparent for _, chunk in backend.chunks} == {None}
    assert provider.spans == []


async def test_spans_grow_with_chunks_and_never_with_samples(
    recorder: SpanRecorder, client: httpx2.AsyncClient, backend: ElsewhereBackend
) -> None:
    await client.post("/v1/score", json=batch(*[("1", "1")] * 300))
    sent = [chunk for _, chunk in backend.chunks if chunk.jobs]
    assert len(recorder.named("rewardd.verify")) == len(sent) < 300


async def test_a_span_tells_what_became_of_a_request(
    recorder: SpanRecorder, client: httpx2.AsyncClient
) -> None:
    await client.post("/v1/score", json=batch(("1", "1"), ("2", "1"), ("?", "1")))
    (request,) = recorder.named("POST /v1/score")
    assert request.attributes["http.route"] == "/v1/score"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["rewardd.samples"] == 3
    told = [span.attributes for span in recorder.named("rewardd.verify")]
    reasons = {name: value for span in told for name, value in span.items() if "reason" in name}
    assert reasons == {
        "rewardd.reason.match": 1,
        "rewardd.reason.mismatch": 1,
        "rewardd.reason.undecided": 1,
    }


async def test_no_text_of_a_sample_reaches_a_span(
    recorder: SpanRecorder, client: httpx2.AsyncClient
) -> None:
    await client.post("/v1/score", json=batch(("SECRET-1", "SECRET-2")))
    assert recorder.spans
    assert "SECRET" not in repr([span.attributes for span in recorder.spans])


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
async def test_what_is_asked_every_few_seconds_leaves_no_span(
    recorder: SpanRecorder, client: httpx2.AsyncClient, path: str
) -> None:
    assert (await client.get(path)).status_code == 200
    assert recorder.spans == []


@pytest.mark.parametrize("given", ["", "no-traceparent", "00-0-0-01", f"{SAMPLED}\xff", "é" * 400])
async def test_a_broken_traceparent_harms_nothing(
    recorder: SpanRecorder, client: httpx2.AsyncClient, given: str
) -> None:
    headers = [(b"traceparent", given.encode("latin-1"))]
    answer = await client.post("/v1/score", json=batch(), headers=headers)
    assert answer.json()["results"][0]["reward"] == 1.0
    assert len(recorder.named("POST /v1/score")) == 1


async def test_a_worker_that_dies_leaves_its_span_all_the_same(recorder: SpanRecorder) -> None:
    received = Chunk([Setup("exact", {})], [Subject("1")], ["1"], [Job(0, 0, 0)], 60.0, SAMPLED)
    delivered: list[Answer] = []
    with tracing.process("cpu", received, delivered.extend) as take:
        take([Answer(0, None, "timeout", seconds=2.0, attempts=2)])
    (span,) = recorder.named("rewardd.verify")
    assert span.attributes["rewardd.reason.timeout"] == 1
    assert span.attributes["rewardd.attempts"] == 2
    assert len(delivered) == 1


async def test_the_embedded_workers_record_what_they_process(recorder: SpanRecorder) -> None:
    pool = PoolSettings(workers=1, verifiers=("exact",))
    backend = LocalBackend([pool])
    received = Chunk([Setup("exact", {})], [Subject("1")], ["1"], [Job(0, 0, 0)], 60.0, SAMPLED)
    try:
        await backend.start()
        await backend.process(Need.CPU, received, list[Answer]().extend)
    finally:
        await backend.close()
    assert [span.name for span in recorder.spans] == ["rewardd.process", "rewardd.verify"]
    assert recorder.spans[1].attributes["rewardd.verifier"] == "exact@1"
