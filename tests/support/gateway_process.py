"""A server in a process of its own, in front of a scripted scorer.

Run as a program, it serves with the settings of its environment. Completion "hang" is scored
never: such a sample keeps its request in flight.
"""

import http.client
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway_fakes import ScriptedOutcome, ScriptedScorer
from rewardd_client.schema import ScoreRequest
from rewardd_service.edge.scoring import Deliver
from rewardd_service.metrics import Metrics
from rewardd_service.server import serve
from rewardd_service.settings import Settings

logger = logging.getLogger("scripted")

_PATIENCE_SECONDS = 60.0


class HangingScorer(ScriptedScorer):
    async def score(
        self, request: ScoreRequest, *, tenant: str = "", deliver: Deliver | None = None
    ) -> ScriptedOutcome:
        logger.info("scoring", extra={"first": request.samples[0].completion})
        texts = [sample.completion for sample in request.samples]
        if "hang" in texts:
            self.held = texts.index("hang")
            self.gate.clear()
        return await super().score(request, tenant=tenant, deliver=deliver)


@asynccontextmanager
async def open_scorer(settings: Settings, metrics: Metrics) -> AsyncGenerator[HangingScorer]:
    del settings, metrics
    yield HangingScorer()


@dataclass(frozen=True)
class Reply:
    """An answer, read whole; names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class ServerProcess:
    """A server that is running.

    Attributes:
        lines: what it has logged so far.
    """

    process: subprocess.Popen[str]
    port: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def log_until(self, event: str, **fields: object) -> dict[str, Any]:
        """Read the log up to an event with these fields."""
        stream = self.process.stderr
        if stream is None:
            raise RuntimeError("the server has no log")
        for text in stream:
            line: dict[str, Any] = json.loads(text)
            self.lines.append(line)
            if line["event"] == event and fields.items() <= line.items():
                return line
        raise RuntimeError(f"the log ended without {event!r}: {self.lines}")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE_SECONDS)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> "Reply":
        """Ask on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_SECONDS)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            named["content-type"] = "application/json"
        try:
            connection.request(method, path, content, named)
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def exit_code(self) -> int:
        return self.process.wait(timeout=_PATIENCE_SECONDS)


@contextmanager
def running_server(**settings: object) -> Generator[ServerProcess]:
    """Start a server on a free port; kill it at the end if it still lives."""
    named = {f"REWARDD_{name.upper()}": str(value) for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, __file__],
        env={"PATH": os.defpath, "REWARDD_PORT": "0", **named},
        stderr=subprocess.PIPE,
        text=True,
    )
    server = ServerProcess(process)
    try:
        server.port = server.log_until("listening")["port"]
        yield server
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


if __name__ == "__main__":
    serve(Settings(), open_scorer)
