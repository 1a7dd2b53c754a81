"""A scorer without verifiers, and a gateway that can be asked in process."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from starlette.types import ASGIApp, Message

from rewardd_client.schema import Recipe, Sample, ScoreRequest, Term
from rewardd_service.app import Gateway, create_gateway
from rewardd_service.backends.archive import Archive
from rewardd_service.edge.scoring import Deliver, PlainResult
from rewardd_service.inquiry import Inquiry
from rewardd_service.job import Answer, VerifierCard
from rewardd_service.settings import Settings


@dataclass
class ScriptedOutcome:
    results: list[PlainResult]
    groups: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def result_of(sample: Sample) -> PlainResult:
    """Judge by equality; completion "?" cannot be judged."""
    score = None if sample.completion == "?" else float(sample.completion == sample.reference)
    reason = "undecided" if score is None else "match" if score else "mismatch"
    term: dict[str, Any] = {
        "name": "exact",
        "verifier": "exact@1",
        "score": score,
        "reason": reason,
    }
    term |= {"weight": 1.0, "contribution": score, "detail": "", "seconds": 0.0, "attempts": 1}
    term["evidence"] = {"reference": sample.reference}
    return {
        "id": sample.id,
        "reward": score,
        "status": "unscored" if score is None else "scored",
        "reason": reason,
        "recipe": "exact",
        "terms": [term],
        "rules": [],
        "advantage": None,
    }


class ScriptedScorer:
    """Scores at once, or when it is let.

    Attributes:
        gate: while it is clear, samples from the `held` one on wait.
        held: index of the first sample that waits for the gate.
        error: raised instead of scoring.
        late_error: raised when all has been scored.
        calls: the requests that came.
        cancelled: how many were given up.
        started: set as soon as one came.
        answers: to inquiries, in turn; without any, it is at fault.
        inquiries: those that came.
    """

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.held = 0
        self.error: Exception | None = None
        self.late_error: Exception | None = None
        self.not_ready: str | None = None
        self.without: str | None = None
        self.groups: list[dict[str, Any]] = []
        self.calls: list[tuple[str, ScoreRequest]] = []
        self.cancelled = asyncio.Semaphore(0)
        self.started = asyncio.Semaphore(0)
        self.answers: list[Answer] = []
        self.inquiries: list[Inquiry] = []

    async def score(
        self, request: ScoreRequest, *, tenant: str = "", deliver: Deliver | None = None
    ) -> ScriptedOutcome:
        self.calls.append((tenant, request))
        self.started.release()
        if self.error is not None:
            raise self.error
        results: list[PlainResult] = []
        try:
            for index, sample in enumerate(request.samples):
                if index >= self.held:
                    await self.gate.wait()
                results.append(result_of(sample))
                if deliver is not None:
                    deliver(index, results[-1])
        except asyncio.CancelledError:
            self.cancelled.release()
            raise
        if self.late_error is not None:
            raise self.late_error
        return ScriptedOutcome(results, self.groups)

    async def inquire(
        self, inquiry: Inquiry, *, deadline_seconds: float, tenant: str = ""
    ) -> Answer:
        del deadline_seconds, tenant
        self.inquiries.append(inquiry)
        self.started.release()
        if self.error is not None:
            raise self.error
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled.release()
            raise
        return self.answers.pop(0) if self.answers else Answer(0, None, "fault", "no answer")

    async def verifiers(self) -> list[VerifierCard]:
        if self.error is not None:
            raise self.error
        return [VerifierCard("exact", "cpu", 1, "Equal or not.", {}, {"type": "string"})]

    def recipes(self) -> list[Recipe]:
        return [Recipe(name="exact", terms=[Term(verifier="exact")])]

    def ready(self) -> str | None:
        return self.not_ready

    def degraded(self) -> str | None:
        return self.without


@dataclass
class Bench:
    """A gateway, its scorer and a client that calls it in process."""

    scorer: ScriptedScorer
    gateway: Gateway
    client: httpx2.AsyncClient

    async def score(self, body: Any, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post("/v1/score", json=body, headers=named)


@asynccontextmanager
async def bench(
    settings: Settings | None = None, archive: Archive | None = None
) -> AsyncGenerator[Bench]:
    """Open a gateway in front of a scripted scorer."""
    scorer = ScriptedScorer()
    gateway = create_gateway(settings or Settings(), scorer, archive=archive)
    transport = httpx2.ASGITransport(gateway, client=("127.0.0.1", 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Bench(scorer, gateway, client)


def batch(*pairs: tuple[Any, Any], **fields: Any) -> dict[str, Any]:
    """Return a request from pairs of completion and reference; ("1", "1") if there are none."""
    samples = [{"completion": text, "reference": gold} for text, gold in pairs or [("1", "1")]]
    return {"reward": "exact", "samples": samples, **fields}


class RawCall:
    """One request on an ASGI app, its messages sent by hand.

    Attributes:
        sent: what the app has sent so far.
    """

    def __init__(
        self,
        app: ASGIApp,
        path: str = "/v1/score",
        *,
        method: str = "POST",
        client: str = "127.0.0.1",
        **headers: str,
    ) -> None:
        named = {"content-type": "application/json", **headers}
        self.sent: list[Message] = []
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._news = asyncio.Event()
        self._app = app
        self._scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in named.items()
            ],
            "client": (client, 1),
            "server": ("127.0.0.1", 8000),
        }

    def start(self) -> "asyncio.Task[None]":
        return asyncio.ensure_future(self._run())

    def give(self, body: bytes, *, more: bool = False) -> None:
        """Send a piece of the body."""
        self._incoming.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self) -> None:
        """Close the connection."""
        self._incoming.put_nowait({"type": "http.disconnect"})

    async def lines(self, count: int) -> list[dict[str, Any]]:
        """Wait for that many lines of the answer."""
        while self.body().count(b"\n") < count:
            self._news.clear()
            await self._news.wait()
        return [json.loads(line) for line in self.body().splitlines()]

    def status(self) -> int:
        return self.sent[0]["status"]

    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    async def _run(self) -> None:
        await self._app(self._scope, self._incoming.get, self._send)

    async def _send(self, message: Message) -> None:
        self.sent.append(message)
        self._news.set()
