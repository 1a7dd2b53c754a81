"""CPU time that the gateway spends on a sample, against FastAPI's default way in the same run.

    python -m benchmarks.gateway

A server in a process of its own answers batches of 4 kB samples with a scorer that does nothing;
what is measured is that process's CPU time, from uvicorn's socket to uvicorn's socket. The
baseline is what one gets by writing it down in FastAPI: a typed body and a response model.
"""

import argparse
import asyncio
import http.client
import logging
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import uvicorn
import uvloop
from backports import zstd
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from rewardd_client.schema import Recipe, Result, ScoreRequest, ScoreResponse, TermResult
from rewardd_service.app import create_gateway
from rewardd_service.edge.scoring import Deliver, PlainResult
from rewardd_service.inquiry import Inquiry
from rewardd_service.job import Answer, VerifierCard
from rewardd_service.server import relax_collector, uvicorn_config
from rewardd_service.settings import Settings

SAMPLES = 512
SAMPLE_BYTES = 4096
_WORDS = ["so", "we", "take", "\\frac{1}{2}", "of", "{x, y},", "as [1] says\n", "1,024", "wait"]
ROUNDS = 15
REQUESTS_PER_ROUND = 6


@dataclass
class _Outcome:
    results: list[PlainResult]
    groups: list[dict[str, Any]]


class IdleScorer:
    """Finds every sample right without looking at it."""

    async def score(
        self, request: ScoreRequest, *, tenant: str = "", deliver: Deliver | None = None
    ) -> _Outcome:
        """Return a result of one term per sample."""
        del tenant
        results = [_plain_result(sample.id) for sample in request.samples]
        if deliver is not None:
            for index, result in enumerate(results):
                deliver(index, result)
        return _Outcome(results, [])

    async def inquire(
        self, inquiry: Inquiry, *, deadline_seconds: float, tenant: str = ""
    ) -> Answer:
        """Find it right, without a record."""
        del inquiry, deadline_seconds, tenant
        return Answer(0, 1.0, "match")

    async def verifiers(self) -> list[VerifierCard]:
        """Return none."""
        return []

    def recipes(self) -> list[Recipe]:
        """Return none."""
        return []

    def degraded(self) -> str | None:
        """Return None."""
        return None

    def ready(self) -> str | None:
        """Be ready."""
        return None


_TERM = {
    "name": "exact",
    "verifier": "exact@1",
    "score": 1.0,
    "weight": 1.0,
    "contribution": 1.0,
    "reason": "match",
    "detail": "",
    "evidence": {"answer": "1/2"},
    "seconds": 0.0,
    "attempts": 1,
}


def _plain_result(identifier: str | None) -> PlainResult:
    return {
        "id": identifier,
        "reward": 1.0,
        "status": "scored",
        "reason": "match",
        "recipe": "exact",
        "terms": [_TERM],
        "rules": [],
        "advantage": None,
    }


def default_app() -> FastAPI:
    """Return the baseline."""
    app = FastAPI()

    async def score(request: ScoreRequest) -> ScoreResponse:
        term = TermResult(
            name="exact",
            verifier="exact@1",
            score=1.0,
            contribution=1.0,
            reason="match",
            evidence={"answer": "1/2"},
        )
        results = [
            Result(id=sample.id, reward=1.0, status="scored", reason="match", terms=[term])
            for sample in request.samples
        ]
        return ScoreResponse(results=results)

    app.add_api_route("/v1/score", score, methods=["POST"], response_model=ScoreResponse)
    return app


class CpuTime:
    """ASGI layer that tells the CPU time of its process."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `/cpu`, pass the rest on."""
        if scope.get("path") != "/cpu":
            await self._app(scope, receive, send)
            return
        body = str(time.process_time()).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def serve(which: str) -> None:
    """Serve one of the two, and print the port."""
    settings = Settings(port=0)
    logging.disable(logging.CRITICAL)
    gateway = create_gateway(settings, IdleScorer())
    config = uvicorn_config(gateway, settings)
    if which == "ours":
        config.app = CpuTime(gateway)
        relax_collector()
    else:
        options: dict[str, Any] = {"loop": "uvloop", "http": "httptools", "access_log": False}
        config = uvicorn.Config(CpuTime(default_app()), port=0, log_config=None, **options)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_Announced(config).serve())


class _Announced(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        print(self.servers[0].sockets[0].getsockname()[1], flush=True)


@contextmanager
def _server(which: str) -> Generator[int]:
    command = [sys.executable, "-m", "benchmarks.gateway", "--serve", which]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("no pipe")
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def _body() -> dict[str, Any]:
    choose = random.Random(1).choices  # noqa: S311 - the same text in each run
    samples = [
        {
            "id": f"sample-{number}",
            "group": f"g{number // 8}",
            "completion": " ".join(choose(_WORDS, k=SAMPLE_BYTES))[:SAMPLE_BYTES],
            "reference": "1/2",
        }
        for number in range(SAMPLES)
    ]
    return {"reward": "exact", "samples": samples}


def measure(port: int, body: bytes, headers: dict[str, str]) -> list[float]:
    """Return CPU microseconds a sample, by round."""
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(method: str, path: str, content: bytes | None = None) -> bytes:
        connection.request(method, path, content, headers if content else {})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{answer.status} {text[:500]!r}")
        return text

    rounds: list[float] = []
    ask("POST", "/v1/score", body)
    for _ in range(ROUNDS):
        before = float(ask("GET", "/cpu"))
        for _ in range(REQUESTS_PER_ROUND):
            ask("POST", "/v1/score", body)
        spent = float(ask("GET", "/cpu")) - before
        rounds.append(spent / REQUESTS_PER_ROUND / SAMPLES * 1e6)
    connection.close()
    return rounds


def compare() -> None:
    """Print a table."""
    plain = _body()
    text, packed = msgspec.json.encode(plain), msgspec.msgpack.encode(plain)
    json_type = {"content-type": "application/json"}
    msgpack_type = {"content-type": "application/msgpack", "accept": "application/msgpack"}
    zstd_type = {**json_type, "content-encoding": "zstd"}
    lines_type = {**json_type, "accept": "application/x-ndjson"}
    cases: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("FastAPI's default way, JSON", "default", text, json_type),
        ("gateway, JSON", "ours", text, json_type),
        ("gateway, JSON in, NDJSON out", "ours", text, lines_type),
        ("gateway, JSON in zstd", "ours", zstd.compress(text, 1), zstd_type),
        ("gateway, msgpack", "ours", packed, msgpack_type),
    ]
    baseline: float | None = None
    print(f"{SAMPLES} samples of {SAMPLE_BYTES} bytes a request; best and median of {ROUNDS}")
    for name, which, body, headers in cases:
        with _server(which) as port:
            rounds = measure(port, body, headers)
        best = min(rounds)
        baseline = baseline or best
        middle = statistics.median(rounds)
        print(f"{name:32}{best:7.1f}{middle:7.1f} us a sample {baseline / best:6.2f}x")


def main() -> None:
    """Run the comparison, or be its server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", choices=["ours", "default"])
    which = parser.parse_args().serve
    if which is None:
        compare()
    else:
        serve(which)


if __name__ == "__main__":
    main()
