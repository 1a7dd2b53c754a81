"""uvicorn's HTTP protocol with an end to two waits that have none there.

A connection that never completes its headers is closed, and an answer that nobody reads can be
aborted: closing waits until it has been read. Both happen below ASGI, where no middleware
reaches; what is used of uvicorn is a handful of callbacks of its httptools protocol.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

ABORT = "rewardd.abort"
"""Extension of the ASGI scope: drops the connection without waiting for its buffer."""


class Wire(HttpToolsProtocol):
    """One connection.

    Attributes:
        header_seconds: from the first byte of a request to the end of its headers; the same
            from the opening of a connection.
    """

    header_seconds = 10.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's own, passed on
        super().__init__(*args, **kwargs)
        self._header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] - as uvicorn
        """Begin to wait for headers."""
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the wait."""
        self._headers_came()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of the next request, and offer the way out."""
        super().on_message_begin()
        self._expect_headers()
        abort: Callable[[], None] = self.transport.abort
        self.scope["extensions"] = {ABORT: {"call": abort}}

    def on_headers_complete(self) -> None:
        """Stop waiting."""
        self._headers_came()
        super().on_headers_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also one whose last answer was never read to its end."""
        self._end()

    def _expect_headers(self) -> None:
        self._headers_came()
        self._header_timer = self.loop.call_later(self.header_seconds, self._headers_are_late)

    def _headers_came(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _headers_are_late(self) -> None:
        self._header_timer = None
        self._end()

    def _end(self) -> None:
        if self.transport.is_closing():
            return
        if self.transport.get_write_buffer_size() > 0:
            self.transport.abort()
        else:
            self.transport.close()


def wire(header_seconds: float) -> type[Wire]:
    """Return the protocol with a patience of its own."""
    return type("Wire", (Wire,), {"header_seconds": header_seconds})
