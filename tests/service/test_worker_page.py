"""What a worker shows of itself, and to whom."""

import asyncio
import socket
from typing import Any

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from rewardd_service.edge.metrics_door import MetricsDoor
from rewardd_service.settings import Settings
from rewardd_service.worker_page import create_page, opened_page

REGISTRY = CollectorRegistry()
CLOSED = MetricsDoor(None, open=False)
KEYED = MetricsDoor(SecretStr("scrape-me"), open=False)
OPEN = MetricsDoor(None, open=True)


async def ask(
    path: str,
    door: MetricsDoor = CLOSED,
    *,
    client: str = "127.0.0.1",
    trouble: str | None = None,
    method: str = "GET",
    **headers: str,
) -> httpx2.Response:
    page = create_page(REGISTRY, lambda: trouble, door)
    transport = httpx2.ASGITransport(page, client=(client, 1))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as asker:
        return await asker.request(method, path, headers=headers)


@pytest.mark.parametrize(
    ("door", "client", "authorization", "status"),
    [
        (CLOSED, "127.0.0.1", "", 200),
        (CLOSED, "10.0.0.9", "", 401),
        (KEYED, "10.0.0.9", "Bearer scrape-you", 401),
        (KEYED, "10.0.0.9", "Bearer scrape-me", 200),
        (OPEN, "10.0.0.9", "", 200),
    ],
    ids=["loopback", "elsewhere", "wrong key", "key", "waived"],
)
async def test_numbers_are_for_this_machine_or_who_has_their_key(
    door: MetricsDoor, client: str, authorization: str, status: int
) -> None:
    answer = await ask("/metrics", door, client=client, authorization=authorization)
    assert answer.status_code == status


async def test_a_worker_is_ready_while_it_takes_work() -> None:
    assert (await ask("/readyz")).json() == {"status": "ready"}
    waiting = await ask("/readyz", trouble="worker x serves math@1, and this one has math@2")
    assert (waiting.status_code, waiting.json()["code"]) == (503, "backend_unavailable")
    assert "math@2" in waiting.json()["detail"]


@pytest.mark.parametrize("trouble", [None, "redis does not serve"])
async def test_a_worker_lives_whatever_its_trouble(trouble: str | None) -> None:
    assert (await ask("/livez", trouble=trouble)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/score", 404), ("POST", "/metrics", 405)]
)
async def test_it_shows_nothing_else(method: str, path: str, status: int) -> None:
    answer = await ask(path, method=method)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_it_is_there_while_the_worker_is() -> None:
    settings = Settings(metrics_port=free_port())
    url = f"http://127.0.0.1:{settings.metrics_port}/livez"
    async with httpx2.AsyncClient() as asker:
        async with opened_page(settings, REGISTRY, lambda: None), asyncio.timeout(60):
            assert (await asker.get(url)).status_code == 200
        with pytest.raises(httpx2.TransportError):
            await asker.get(url)


async def test_without_a_port_nobody_listens() -> None:
    async with opened_page(Settings(), REGISTRY, lambda: None):
        assert Settings().metrics_port is None


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_port_that_is_taken_is_named(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as taken:
        told: dict[str, Any] = {"host": host, "metrics_port": taken.getsockname()[1]}
        opening = opened_page(Settings(**told), REGISTRY, lambda: None)
        with pytest.raises(OSError, match=f"{told['metrics_port']}: Address already in use"):
            await opening.__aenter__()
