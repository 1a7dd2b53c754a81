import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from rewardd_client import MissingPackageError, ServerFault, Unavailable, local, mount

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

EVENTS: list[str] = []
"""What the application in this process lived through."""


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    if EVENTS[-1] != "started":
        raise RuntimeError("asked before it was started")
    content = json.loads((await receive())["body"])
    await asyncio.sleep(0)
    results = [
        {
            "reward": float(each["completion"] == each["reference"]),
            "status": "scored",
            "reason": "m",
        }
        for each in content["samples"]
    ]
    await answer(send, json.dumps({"results": results}).encode())


async def lifespan(receive: Receive, send: Send) -> None:
    for event, word in (("startup", "started"), ("shutdown", "stopped")):
        assert (await receive())["type"] == f"lifespan.{event}"
        EVENTS.append(word)
        await send({"type": f"lifespan.{event}.complete"})


async def broken(scope: Message, receive: Receive, send: Send) -> None:
    assert scope["type"] == "lifespan"
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no worker gets warm"})


async def without_lifespan(scope: Message, _receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await answer(send, b'{"results": [{"reward": 1, "status": "scored", "reason": "match"}]}')


async def answer(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[object], None]]:
    """Pretend that the service is installed, and gives this application."""
    found: list[EntryPoint] = []
    factories: list[object] = []

    class Found(EntryPoint):
        def load(self) -> object:
            return lambda: factories[-1]

    def put(application: object) -> None:
        factories.append(application)
        found[:] = [Found("app", "rewardd_service.local:create_app", "rewardd.local")]

    def entry_points(**_: str) -> list[EntryPoint]:
        return found

    monkeypatch.setattr(mount, "entry_points", entry_points)
    EVENTS.clear()
    yield put
    EVENTS.clear()


ROWS = [{"completion": "a", "reference": "a"}, {"completion": "a", "reference": "b"}]


def test_the_server_in_this_process_lives_from_the_first_call_to_close(
    install: Callable[[object], None],
) -> None:
    install(app)

    with local(deadline_seconds=20) as client:
        before = list(EVENTS)
        assert client.score(ROWS, "exact").rewards == [1.0, 0.0]
        futures = [client.submit(row, "exact") for row in ROWS]
        assert client.gather(futures).rewards == [1.0, 0.0]
        during = list(EVENTS)

    assert (before, during, EVENTS) == ([], ["started"], ["started", "stopped"])


def test_submit_alone_starts_it_too(install: Callable[[object], None]) -> None:
    install(app)

    with local(deadline_seconds=20) as client:
        assert client.submit(ROWS[0], "exact").result(10).reward == 1.0


def test_it_lives_as_long_as_its_last_client_and_starts_anew(
    install: Callable[[object], None],
) -> None:
    install(app)

    with local() as first:
        with local() as second:
            second.score(ROWS, "exact")
            first.score(ROWS, "exact")
        assert first.score(ROWS, "exact").rewards == [1.0, 0.0]
    with local() as third:
        third.score(ROWS, "exact")

    assert EVENTS == ["started", "stopped", "started", "stopped"]


def test_an_application_without_lifespan_is_served(install: Callable[[object], None]) -> None:
    install(without_lifespan)

    with local() as client:
        assert client.score(ROWS[:1], "exact").rewards == [1.0]


def test_a_server_that_does_not_start_says_why(install: Callable[[object], None]) -> None:
    install(broken)

    with local() as client:
        with pytest.raises(Unavailable, match="no worker gets warm"):
            client.score(ROWS, "exact")
        with pytest.raises(Unavailable, match="no worker gets warm"):
            client.submit(ROWS[0], "exact").result(10)


def test_an_exception_inside_it_is_the_servers_fault(install: Callable[[object], None]) -> None:
    install(app)

    with local(deadline_seconds=20) as client:
        client.score(ROWS, "exact")
        EVENTS.append("broken")
        with pytest.raises(ServerFault):
            client.score(ROWS, "exact")


def test_without_the_server_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(**_: str) -> list[EntryPoint]:
        return []

    monkeypatch.setattr(mount, "entry_points", nothing)

    with pytest.raises(MissingPackageError, match="pip install rewardd"):
        local()
