"""Does all input and output of this process: one daemon thread, one loop, one HTTP client.

Callers come from any thread and any event loop and are never tied to either; the engine starts
at the first call. A forked child makes its own: it inherits sockets and locks of a thread that
does not exist there.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx2

from rewardd_client.delivery import Line
from rewardd_client.desk import Desk, Ticket
from rewardd_client.mount import Mount, find_factory
from rewardd_client.settings import LOCAL_URL, Settings

# Micro-batches keep the number of requests small; more connections only wait in the server.
CONNECTIONS = 32

# Below the server's 75: a client that keeps sockets longer than its server loses requests
# (NVIDIA-NeMo/Gym PR#2209).
KEEPALIVE_SECONDS = 60.0

# How long the end of the process waits for connections to be closed in good order.
EXIT_SECONDS = 1.0

LOOPBACK = ("all://localhost", "all://127.0.0.1", "all://[::1]")

T = TypeVar("T")


class Engine:
    """The thread, its loop, and what lives in it."""

    def __init__(self) -> None:
        self._started: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, name="rewardd-client", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._stopped: asyncio.Event
        self._http: httpx2.AsyncClient
        self._mount: Mount | None = None
        self._mount_lock: asyncio.Lock
        self._mounted_by: set[object] = set()
        self._lines: dict[Settings, Line] = {}
        self.desk: Desk

    def start(self) -> None:
        """Return when calls can be taken."""
        # Here, so that certificates or a proxy that cannot be read are the caller's exception.
        self._http = _http_client()
        self._thread.start()
        self._started.result()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run a coroutine in the loop; cancelling the future cancels it."""
        self.refuse_own_thread()
        return asyncio.run_coroutine_threadsafe(work(), self._loop)

    def submit(self, ticket: Ticket) -> None:
        """Hand a sample to the desk."""
        self.desk.submit(ticket)

    def refuse_own_thread(self) -> None:
        """Raise RuntimeError in a future's callback, where waiting would wait for itself."""
        if threading.current_thread() is self._thread:
            raise RuntimeError("a callback of a future cannot wait: hand the work to a thread")

    async def line(self, settings: Settings, owner: object) -> Line:
        """Return the way to a client's servers; a local server is started for its first owner."""
        if LOCAL_URL in settings.urls:
            await self._ensure_mount(owner)
        return self._line_of(settings)

    async def release(self, owner: object) -> None:
        """Stop the local server when the last client that used it is closed."""
        async with self._mount_lock:
            self._mounted_by.discard(owner)
            if self._mount is not None and not self._mounted_by:
                mount, self._mount = self._mount, None
                self._lines = {
                    settings: line
                    for settings, line in self._lines.items()
                    if LOCAL_URL not in settings.urls
                }
                await mount.stop()

    def stop(self) -> None:
        """Close connections and end the thread, but wait for neither for long."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join(EXIT_SECONDS)

    def _main(self) -> None:
        # Not the policy's loop: uvloop in the caller's hands is the caller's affair.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped, self._mount_lock = asyncio.Event(), asyncio.Lock()
        self.desk = Desk(self._loop, self.line)
        async with self._http:
            self._started.set_result(None)
            await self._stopped.wait()
            self.desk.withdraw_all()
            if self._mount is not None:
                await self._mount.stop()

    async def _ensure_mount(self, owner: object) -> None:
        async with self._mount_lock:
            if self._mount is None:
                mount = Mount(find_factory()())
                await mount.start()
                self._mount = mount
            self._mounted_by.add(owner)

    def _line_of(self, settings: Settings) -> Line:
        if settings not in self._lines:
            local = self._mount is not None and LOCAL_URL in settings.urls
            http = self._mount.http if local and self._mount is not None else self._http
            self._lines[settings] = Line(settings, http)
        return self._lines[settings]


class _Process:
    """What this process has: at most one engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._hooked = False
        # Kept, for to collect them would close sockets and a loop that the parent still uses.
        self._inherited: list[Engine] = []

    def engine(self) -> Engine:
        with self._lock:
            if self._engine is None:
                self._hook()
                engine = Engine()
                engine.start()
                self._engine = engine
            return self._engine

    def _hook(self) -> None:
        if not self._hooked:
            self._hooked = True
            os.register_at_fork(after_in_child=self._begin_anew)
            atexit.register(self._end)

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()
        if self._engine is not None:
            self._inherited.append(self._engine)
            self._engine = None

    def _end(self) -> None:
        if self._engine is not None:
            self._engine.stop()


_PROCESS = _Process()


def engine() -> Engine:
    """Return this process's engine; the first call starts it."""
    return _PROCESS.engine()


def _http_client() -> httpx2.AsyncClient:
    limits = httpx2.Limits(
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=KEEPALIVE_SECONDS,
    )
    # A proxy of the environment is for the world outside; None means the pool itself.
    return httpx2.AsyncClient(limits=limits, mounts=dict.fromkeys(LOOPBACK), headers=_HEADERS)


# Results are small, and unpacking them would cost the trainer's CPU.
_HEADERS = {"accept-encoding": "identity", "user-agent": "rewardd-client"}
"""Of every request, whatever it is for."""
