"""Runs the server's application inside this process, for tests: no socket, the same verifiers."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from importlib.metadata import entry_points
from typing import Any, TypeAlias, cast

import httpx2

from rewardd_client.errors import MissingPackageError, Unavailable

GROUP = "rewardd.local"
NAME = "app"

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]
"""An ASGI application: messages are whatever that protocol says."""

AppFactory: TypeAlias = Callable[[], App]


def find_factory() -> AppFactory:
    """Load what makes the application; the service registers it, the client never imports it.

    Raises:
        MissingPackageError: the service is not installed.
    """
    found = list(entry_points(group=GROUP, name=NAME))
    if not found:
        raise MissingPackageError("local() runs the server in this process: pip install rewardd")
    return cast("AppFactory", found[0].load())


class Mount:
    """An application that has started, and a way to ask it."""

    def __init__(self, app: App) -> None:
        self.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        )
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._lifespan: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Run the application's start-up.

        Raises:
            Unavailable: it failed; the message says why.
        """
        self._lifespan = asyncio.create_task(self._run())
        message = await self._tell("lifespan.startup")
        if message["type"] == "lifespan.startup.failed":
            raise Unavailable(f"the local server does not start: {message.get('message', '')}")

    async def stop(self) -> None:
        """Run the application's shut-down, and release it."""
        if self._lifespan is not None and not self._lifespan.done():
            await self._tell("lifespan.shutdown")
            await asyncio.wait([self._lifespan])
        await self.http.aclose()

    async def _run(self) -> None:
        scope: Message = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
        await self._app(scope, self._to_app.get, self._from_app.put)

    async def _tell(self, event: str) -> Message:
        """Send an event, and return the answer; an application may know no lifespan at all."""
        if self._lifespan is None:
            raise Unavailable("the local server was not started")
        self._to_app.put_nowait({"type": event})
        heard = asyncio.create_task(self._from_app.get())
        await asyncio.wait([heard, self._lifespan], return_when=asyncio.FIRST_COMPLETED)
        if heard.done():
            return heard.result()
        heard.cancel()
        # ASGI: an application that raises at this scope is served all the same.
        self._lifespan.exception()
        return {"type": f"{event}.complete"}
