"""A gateway and a worker, processes of their own, that share nothing but a Redis."""

import socket
import subprocess
import time
from pathlib import Path

import httpx2
import pytest

from commands import address_in, rewardd, serving, started
from redis_server import redis_server
from rewardd_client import Client

PATIENCE_SECONDS = 60
SAMPLES = [
    {"completion": "so it is \\boxed{1/2}", "reference": "0.5"},
    {"completion": "so it is \\boxed{1/3}", "reference": "0.5"},
    {"completion": "so it is \\boxed{1/2}", "reference": "\\frac{"},
]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(url: str) -> None:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up:
        try:
            if httpx2.get(f"{url}/readyz").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)  # noqa: TID251  another process has no event to wait for
    pytest.fail(f"{url} is not ready after {PATIENCE_SECONDS} s")


def test_a_worker_elsewhere_judges_what_the_gateway_takes(tmp_path: Path) -> None:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with redis_server() as redis:
        gateway = ["serve", "--port", port, "--redis", redis.url, "--degrade", "refuse"]
        ready = tmp_path / "ready"
        worker = ["worker", "--redis", redis.url, "--workers", 1, "--ready-file", ready]
        with started(*gateway), started(*worker):
            _wait_for(url)
            with Client(url, deadline_seconds=PATIENCE_SECONDS) as client:
                batch = client.score(SAMPLES, reward="math")
            assert batch.rewards == [1.0, 0.0, None]
            assert ready.exists()


def test_a_worker_shows_what_it_has_done() -> None:
    with redis_server() as redis:
        fleet = ("--redis", redis.url)
        told = ("worker", *fleet, "--workers", 1, "--metrics-port", 0)
        with (
            serving(*fleet, "--degrade", "refuse") as url,
            started(*told, stderr=subprocess.PIPE) as worker,
        ):
            shown = address_in(worker)
            _wait_for(shown)
            _wait_for(url)
            with Client(url, deadline_seconds=PATIENCE_SECONDS) as client:
                client.score(SAMPLES, reward="math")
            numbers = httpx2.get(f"{shown}/metrics").text.splitlines()
    assert "rewardd_serving 1.0" in numbers
    assert 'rewardd_workers{lane="cpu",state="idle"} 1.0' in numbers
    assert 'rewardd_chunks_total{lane="cpu",outcome="refused"} 0.0' in numbers
    done = [
        line
        for line in numbers
        if line.startswith('rewardd_chunks_total{lane="cpu",outcome="done"}')
    ]
    assert float(done[0].split()[-1]) >= 1


def test_a_worker_whose_port_is_taken_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = rewardd("worker", "--redis", "redis://127.0.0.1:1", "--metrics-port", port)
    assert ended.returncode == 3
    assert f"127.0.0.1:{port}: Address already in use" in ended.stderr.decode()


def test_a_worker_without_a_redis_says_what_to_give() -> None:
    with started("worker", "--needs", "cpu") as process:
        assert process.wait(PATIENCE_SECONDS) == 2
