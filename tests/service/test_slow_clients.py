import asyncio
import json
import socket
from typing import Any

import pytest

from gateway_fakes import batch
from gateway_process import ServerProcess, running_server
from rewardd_service.edge.refusal import ClientGoneError, EdgeRefusalError
from rewardd_service.edge.slow_clients import Patience, SlowClients
from rewardd_service.edge.wire import ABORT

HEAD = b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


class Clock:
    """Goes on by a fixed step each time it is read."""

    def __init__(self, step_seconds: float) -> None:
        self.step_seconds = step_seconds
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += self.step_seconds
        return self.seconds


class Connection:
    """Both ends of a request, by hand."""

    def __init__(self, *pieces: bytes, stalled: bool = False, **headers: str) -> None:
        self.incoming = list(pieces)
        self.stalled = stalled
        self.aborted = False
        self.sent: list[Any] = []
        self.scope: dict[str, Any] = {
            "type": "http",
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
            "extensions": {ABORT: {"call": self.abort}},
        }

    def abort(self) -> None:
        self.aborted = True

    async def receive(self) -> Any:
        if not self.incoming:
            await asyncio.Event().wait()
        piece = self.incoming.pop(0)
        return {"type": "http.request", "body": piece, "more_body": piece != b"end"}

    async def send(self, message: Any) -> None:
        if self.stalled:
            await asyncio.Event().wait()
        self.sent.append(message)

    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


async def read_all(scope: Any, receive: Any, send: Any) -> None:
    del scope, send
    while (await receive())["more_body"]:
        pass


async def answer_at_once(scope: Any, receive: Any, send: Any) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 413, "headers": []})
    await send({"type": "http.response.body", "body": b"no"})


async def run(app: Any, connection: Connection, clock: Clock | None = None, **times: Any) -> None:
    named: dict[str, Any] = {"idle_seconds": 0.01, "linger_seconds": 0.01, **times}
    patience = Patience(**named)
    layer = SlowClients(app, patience, clock or Clock(0.0))
    await layer(connection.scope, connection.receive, connection.send)


async def test_a_body_that_stops_is_refused() -> None:
    with pytest.raises(EdgeRefusalError) as caught:
        await run(read_all, Connection(b"{", content_length="9"))
    assert caught.value.code == "body_too_slow"


async def test_a_body_that_drips_is_refused_though_it_never_stops() -> None:
    dripping = Connection(*[b"x"] * 1000, content_length="9999")
    with pytest.raises(EdgeRefusalError, match="too slowly"):
        await run(read_all, dripping, Clock(1.0), idle_seconds=5.0, body_seconds=10.0)
    assert 5 <= 1000 - len(dripping.incoming) <= 11


async def test_a_large_body_has_more_time() -> None:
    mib = bytes(1024 * 1024)
    large = Connection(*[mib] * 20, b"end", content_length="99999999")
    await run(read_all, large, Clock(1.0), idle_seconds=5.0, body_seconds=10.0)
    assert large.incoming == []


async def test_an_early_answer_closes_the_connection_once_the_client_could_read_it() -> None:
    connection = Connection(b"x", b"x", b"end", content_length="99999")
    await run(answer_at_once, connection)
    assert connection.headers()[b"connection"] == b"close"
    assert connection.incoming == []
    assert [message.get("more_body") for message in connection.sent] == [None, True, False]


async def test_an_early_answer_keeps_the_connection_of_a_small_body_that_is_there() -> None:
    connection = Connection(b"x", b"x", b"end", content_length="5")
    await run(answer_at_once, connection)
    assert b"connection" not in connection.headers()
    assert connection.incoming == []
    assert [message.get("more_body") for message in connection.sent] == [None, False]


@pytest.mark.parametrize("length", ["5", "99999"])
async def test_an_early_answer_waits_for_no_body_that_does_not_come(length: str) -> None:
    connection = Connection(b"x", content_length=length)
    await run(answer_at_once, connection)
    assert connection.headers()[b"connection"] == b"close"


async def test_an_early_answer_does_not_ask_for_a_body_that_waits_for_its_100() -> None:
    connection = Connection(b"x", b"end", content_length="5", expect="100-continue")
    await run(answer_at_once, connection)
    assert connection.incoming == [b"x", b"end"]


async def test_a_request_without_a_body_keeps_its_connection() -> None:
    connection = Connection()
    await run(answer_at_once, connection)
    assert b"connection" not in connection.headers()
    assert [message.get("more_body") for message in connection.sent] == [None, False]


async def test_an_answer_that_nobody_reads_ends_the_connection() -> None:
    connection = Connection(stalled=True)
    sending = run(send_large, connection, stalled_seconds=0.01)
    await sending
    assert connection.aborted
    assert connection.sent == []


async def test_a_server_that_cannot_abort_is_told_by_an_error() -> None:
    connection = Connection(stalled=True)
    del connection.scope["extensions"]
    sending = run(send_large, connection, stalled_seconds=0.01)
    with pytest.raises(ClientGoneError):
        await sending


async def send_large(scope: Any, receive: Any, send: Any) -> None:
    del scope, receive
    await send({"type": "http.response.body", "body": bytes(300_000)})


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 131_072, 300_000])
async def test_a_large_answer_goes_in_pieces_and_whole(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)

    async def send_it(scope: Any, receive: Any, send: Any) -> None:
        del scope, receive
        await send({"type": "http.response.body", "body": content[:size]})

    connection = Connection()
    await run(send_it, connection)
    assert b"".join(message["body"] for message in connection.sent) == content[:size]
    assert all(len(message["body"]) <= 65_536 for message in connection.sent)
    assert [message["more_body"] for message in connection.sent].index(False) == (
        len(connection.sent) - 1
    )


async def test_what_is_no_request_passes() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del receive, send
        seen.append(scope["type"])

    connection = Connection()
    connection.scope["type"] = "lifespan"
    await run(app, connection)
    assert seen == ["lifespan"]


# Through uvicorn, with real sockets.


def read_to_end(connection: socket.socket) -> bytes:
    """Read until the server closes; a reset is an end, too."""
    content = b""
    try:
        while piece := connection.recv(65_536):
            content += piece
    except ConnectionResetError:
        return content
    return content


@pytest.fixture(scope="module")
def server() -> Any:
    settings = {"body_idle_seconds": 0.2, "header_seconds": 0.5, "stalled_seconds": 0.5}
    with running_server(**settings) as opened:
        yield opened


@pytest.mark.parametrize(
    "sent",
    [
        HEAD + b"Content-Length: 100\r\n\r\n{",
        HEAD + b"Content-Length: 100\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    ],
    ids=["half a body", "no body", "half a chunk"],
)
def test_a_half_sent_body_is_answered_and_closed(server: ServerProcess, sent: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(sent)
        answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_too_slow" in answer


@pytest.mark.parametrize(
    "sent", [b"", b"POST /v1/score HTT", HEAD], ids=["nothing", "half a line", "half the headers"]
)
def test_half_sent_headers_are_closed(server: ServerProcess, sent: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(sent)
        assert read_to_end(connection) == b""


def test_a_refused_body_is_not_read_and_its_answer_arrives(server: ServerProcess) -> None:
    with server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 999999999\r\n\r\n")
        answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


def test_an_answer_that_is_not_read_does_not_hold_its_connection() -> None:
    many = batch(*[("1", "x" * 2000)] * 16_000)
    body = json.dumps(many).encode()
    # Patient with the body, whatever else the machine does: only the answer is to be slow.
    with running_server(stalled_seconds=1.0) as server, server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        line = server.log_until("request", samples=16_000)
        assert len(read_to_end(connection)) < 16_000 * 2000
    assert line["code"] == "client_gone"


def test_the_server_lives_on(server: ServerProcess) -> None:
    assert server.ask("POST", "/v1/score", batch()).status == 200
