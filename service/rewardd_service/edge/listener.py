"""uvicorn without its signal handlers, which would close the listening socket at once."""

import contextlib
import logging
import socket
from collections.abc import Generator

import uvicorn

logger = logging.getLogger(__name__)


class Listener(uvicorn.Server):
    """Serves until `should_exit` is set, by whoever owns the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say where."""
        await super().startup(sockets)
        for listener in self.servers:
            for opened in listener.sockets:
                host, port, *_ = opened.getsockname()
                logger.info("listening", extra={"host": host, "port": port})
