"""A small server that keeps the wire contract, and fails when it is told to."""

import asyncio
import gzip
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import uvicorn
from backports import zstd

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    content: Any
    peer: Any


@dataclass(frozen=True)
class Fault:
    """What the next request meets."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    cut_after: int | None = None
    edit: Callable[[list[dict[str, Any]]], list[Any]] | None = None


class Cut(Exception):  # noqa: N818  # no error: uvicorn drops the connection
    pass


class FakeServer:
    """Scores 1 where completion and reference are equal, else 0; metadata steers the rest.

    metadata: `slow` holds the line back until `release()`; `unscored` lists reasons given in
    turn before the verdict; `rules` makes the result one of a group rule; `reward` is sent as it
    stands.
    """

    def __init__(self) -> None:
        self.url = ""
        self.loop: asyncio.AbstractEventLoop | None = None
        self.reset()

    def reset(self) -> None:
        self.seen: list[Seen] = []
        self.faults: list[Fault] = []
        self.forever: Fault | None = None
        self.backwards = False
        self.as_json = False
        self.key: str | None = None
        self.groups: list[dict[str, Any]] = []
        self.arrived = threading.Semaphore(0)
        self.gone = threading.Semaphore(0)
        self._told: dict[str, int] = {}
        self._keys: dict[str, bytes] = {}
        self._released = asyncio.Event()

    def release(self) -> None:
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self._released.set)

    @property
    def posts(self) -> list[Seen]:
        return [each for each in self.seen if each.path == "/v1/score"]

    @property
    def samples(self) -> list[list[dict[str, Any]]]:
        return [each.content["samples"] for each in self.posts]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self.loop = asyncio.get_running_loop()
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        seen = await _read(scope, receive)
        self.seen.append(seen)
        self.arrived.release()
        await self._answer(seen, receive, send)

    async def _answer(self, seen: Seen, receive: Receive, send: Send) -> None:
        fault = self.faults.pop(0) if self.faults else self.forever or Fault()
        if fault.status != 200:
            await _respond(send, fault.status, fault.body, fault.headers)
        elif self.key is not None and seen.headers.get("authorization") != f"Bearer {self.key}":
            await _problem(send, 401, "unauthorized")
        elif seen.path == "/v1/recipes":
            await _respond(send, 200, RECIPES, {"content-type": "application/json"})
        elif seen.path == "/v1/verifiers":
            await _respond(send, 200, VERIFIERS, {"content-type": "application/json"})
        elif seen.content.get("reward") == "unknown":
            await _problem(send, 422, "unknown_recipe")
        elif self._keys.setdefault(seen.headers["idempotency-key"], seen.raw) != seen.raw:
            await _problem(send, 409, "idempotency_conflict")
        else:
            await self._score(seen, fault, receive, send)

    async def _score(self, seen: Seen, fault: Fault, receive: Receive, send: Send) -> None:
        lines = [self._judge(n, each) for n, each in enumerate(seen.content["samples"])]
        slow = [bool(each.get("metadata", {}).get("slow")) for each in seen.content["samples"]]
        if self.as_json:
            answer = {"results": lines, "groups": self.groups}
            headers = {"content-type": "application/json"}
            await _respond(send, 200, json.dumps(answer).encode(), headers)
            return
        order = sorted(range(len(lines)), key=lambda n: (slow[n], -n if self.backwards else n))
        at = [index for index, n in enumerate(order) if slow[n]] or [-1]
        edited = (
            [lines[n] for n in order]
            if fault.edit is None
            else fault.edit([lines[n] for n in order])
        )
        await self._stream(edited, fault.cut_after, at[0], receive, send)

    async def _stream(
        self,
        lines: Sequence[Any],
        cut_after: int | None,
        slow_at: int,
        receive: Receive,
        send: Send,
    ) -> None:
        headers = [(b"content-type", b"application/x-ndjson")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for place, line in enumerate([*lines, *([{"groups": self.groups}] if self.groups else [])]):
            if place == slow_at:
                await self._wait(receive)
            if place == cut_after:
                raise Cut
            body = line if isinstance(line, bytes) else json.dumps(line).encode()
            await send({"type": "http.response.body", "body": body + b"\n", "more_body": True})
        if cut_after is not None:
            raise Cut
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _wait(self, receive: Receive) -> None:
        released = asyncio.ensure_future(self._released.wait())
        left = asyncio.ensure_future(receive())
        await asyncio.wait([released, left], return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            self.gone.release()
            released.cancel()
            raise Cut
        left.cancel()

    def _judge(self, index: int, sample: dict[str, Any]) -> dict[str, Any]:
        steer = sample.get("metadata", {})
        right = sample["completion"] == sample.get("reference")
        told = self._told.setdefault(str(sample["completion"]), 0)
        self._told[str(sample["completion"])] += 1
        reasons = steer.get("unscored", [])
        result: dict[str, Any] = {
            "id": sample.get("id"),
            "index": index,
            "reward": float(right),
            "status": "scored",
            "reason": "match" if right else "mismatch",
            "terms": [_term(right=right, answer=sample["completion"][:20])],
            "rules": [{"rule": "r", "value": 0.0, "weight": 1}] if steer.get("rules") else [],
        }
        if told < len(reasons):
            result |= {"reward": None, "status": "unscored", "reason": reasons[told]}
        if "reward" in steer:
            result["reward"] = float(steer["reward"])
        return result


RECIPES = b"""{"recipes": [
    {"name": "exact-twice", "terms": [{"verifier": "exact"}, {"verifier": "format"}], "new": 1},
    {"name": "grouped", "terms": [{"verifier": "exact"}], "group_size": 2,
     "group_rules": [{"rule": "kimi_length"}]},
    {"name": "grouped-any", "terms": [{"verifier": "exact"}],
     "group_rules": [{"rule": "kimi_length"}]}]}"""
VERIFIERS = b'{"verifiers": [{"name": "exact", "need": "cpu", "version": 1, "later": true}]}'


def _term(*, right: bool, answer: str) -> dict[str, Any]:
    reason = "match" if right else "mismatch"
    return {
        "name": "exact",
        "verifier": "exact@1",
        "score": float(right),
        "reason": reason,
        "evidence": {"answer": answer},
        "seconds": 0.25,
    }


async def _read(scope: Message, receive: Receive) -> Seen:
    raw, more = b"", True
    while more:
        message = await receive()
        raw += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    body = raw
    if headers.get("content-encoding") == "zstd":
        body = zstd.decompress(raw)
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(raw)
    content = None
    if body and headers["content-type"] == "application/msgpack":
        content = msgspec.msgpack.decode(body)
    elif body:
        content = json.loads(body)
    return Seen(scope["method"], scope["path"], headers, raw, content, tuple(scope["client"]))


async def _problem(send: Send, status: int, code: str) -> None:
    problem = {
        "title": "no",
        "status": status,
        "detail": f"the detail of {code}",
        "code": code,
        "request_id": "req-1",
        "errors": [{"field": "samples[0].reward", "message": "is not known", "value": "unknown"}],
    }
    headers = {"content-type": "application/problem+json"}
    await _respond(send, status, json.dumps(problem).encode(), headers)


async def _respond(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    encoded.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _serve(app: FakeServer) -> Iterator[FakeServer]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(512)
    app.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield app
    server.should_exit = server.force_exit = True
    thread.join(10)
    listener.close()


@pytest.fixture(scope="session")
def first_server() -> Iterator[FakeServer]:
    yield from _serve(FakeServer())


@pytest.fixture(scope="session")
def second_server() -> Iterator[FakeServer]:
    yield from _serve(FakeServer())


@pytest.fixture
def server(first_server: FakeServer) -> Iterator[FakeServer]:
    first_server.reset()
    yield first_server
    first_server.release()


@pytest.fixture
def other_server(second_server: FakeServer) -> Iterator[FakeServer]:
    second_server.reset()
    yield second_server
    second_server.release()


@pytest.fixture(scope="session")
def dead_url() -> str:
    """An address where nobody listens: bound once, then given back."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def make_fault() -> Callable[..., Fault]:
    return Fault
