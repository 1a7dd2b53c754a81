"""Clients that send or read too slowly, as a layer around `receive` and `send`.

uvicorn closes neither a half-sent body nor a response that nobody reads, and it would read a
refused body to its end. Here a body has a time for each piece and one in all, a response is sent
in pieces that each have a time, and after an early answer the rest of the body is read for a
moment (so that the client gets to see the answer before a reset) and then the connection closed.
A small body that is there is read before: its connection stays, as a new one costs both sides more.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rewardd_service.edge.refusal import ClientGoneError, EdgeRefusalError
from rewardd_service.edge.visit import visit_of
from rewardd_service.edge.wire import ABORT

MIB = 1024 * 1024
_PIECE_BYTES = 64 * 1024
_SMALL_BYTES = 64 * 1024
_SMALL_SECONDS = 0.05


@dataclass(frozen=True)
class Patience:
    """How long a client may take.

    Attributes:
        idle_seconds: between two pieces of a body.
        body_seconds: for a whole body, and
        body_seconds_per_mib: more for each MiB that has come.
        stalled_seconds: until a piece of the response fits into the connection's buffer.
        linger_seconds, linger_bytes: what is still read of a body after an early answer.
    """

    idle_seconds: float = 5.0
    body_seconds: float = 10.0
    body_seconds_per_mib: float = 1.0
    stalled_seconds: float = 60.0
    linger_seconds: float = 2.0
    linger_bytes: int = 128 * MIB


class SlowClients:
    """ASGI middleware that runs out of patience."""

    def __init__(
        self, app: ASGIApp, patience: Patience, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._patience = patience
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with watched ends."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        line = _Line(scope, receive, send, self._patience, self._clock)
        await self._app(scope, line.receive, line.send)


class _Line:
    """Both ends of one request."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._patience = patience
        self._clock = clock
        self._body_ended = False
        self._body_bytes = 0
        self._dropped = False
        self._began = clock()

    async def receive(self) -> Message:
        if self._body_ended:
            return await self._receive()
        patience = self._patience
        whole = patience.body_seconds + patience.body_seconds_per_mib * self._body_bytes / MIB
        left = whole - (self._clock() - self._began)
        if left <= 0:
            raise self._too_slow()
        try:
            async with asyncio.timeout(min(patience.idle_seconds, left)):
                message = await self._receive()
        except TimeoutError as error:
            raise self._too_slow() from error
        self._note(message)
        return message

    def _too_slow(self) -> EdgeRefusalError:
        detail = f"the body came too slowly: {self._body_bytes} bytes so far"
        return EdgeRefusalError("body_too_slow", detail)

    def _note(self, message: Message) -> None:
        self._body_bytes += len(message.get("body", b""))
        self._body_ended = message["type"] == "http.disconnect" or not message.get("more_body")

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not self._expects_nothing() and 0 < self._announced() <= _SMALL_BYTES:
                await self._linger(min(_SMALL_SECONDS, self._patience.linger_seconds))
            await self._send(message if self._expects_nothing() else _closing(message))
            return
        body: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        view = memoryview(body)
        for start in range(0, len(body) - _PIECE_BYTES, _PIECE_BYTES):
            await self._send_piece(bytes(view[start : start + _PIECE_BYTES]), more=True)
        rest = max(len(body) - 1, 0) // _PIECE_BYTES * _PIECE_BYTES
        last = body if rest == 0 else bytes(view[rest:])
        if not more and not self._dropped and not self._expects_nothing():
            await self._send_piece(last, more=True)
            await self._linger(self._patience.linger_seconds)
            last = b""
        await self._send_piece(last, more=more)

    async def _send_piece(self, body: bytes, *, more: bool) -> None:
        if self._dropped:
            return
        message = {"type": "http.response.body", "body": body, "more_body": more}
        try:
            async with asyncio.timeout(self._patience.stalled_seconds):
                await self._send(message)
        except TimeoutError as error:
            self._drop(error)

    def _drop(self, error: TimeoutError) -> None:
        """Drop the connection; what is still sent goes nowhere, and the app hears that it left."""
        self._dropped = True
        way_out = self._scope.get("extensions", {}).get(ABORT)
        if way_out is None:
            raise ClientGoneError("the client stopped reading its answer") from error
        visit_of(self._scope).code = ClientGoneError.code
        way_out["call"]()

    def _expects_nothing(self) -> bool:
        """Return whether no more of the body can come, for all that the headers say."""
        if self._body_ended:
            return True
        headers = dict(self._scope["headers"])
        length = headers.get(b"content-length", b"0").strip()
        return length == b"0" and b"transfer-encoding" not in headers

    def _announced(self) -> int:
        """Return a body's length by its headers; 0 if they do not tell."""
        length: bytes = dict(self._scope["headers"]).get(b"content-length", b"")
        return int(length) if length.isdigit() else 0

    async def _linger(self, seconds: float) -> None:
        if dict(self._scope["headers"]).get(b"expect", b"").lower() == b"100-continue":
            return
        try:
            async with asyncio.timeout(seconds):
                while not self._body_ended and self._body_bytes < self._patience.linger_bytes:
                    self._note(await self._receive())
        except TimeoutError:
            return


def _closing(message: Message) -> Message:
    headers = [(name, value) for name, value in message["headers"] if name != b"connection"]
    return {**message, "headers": [*headers, (b"connection", b"close")]}
