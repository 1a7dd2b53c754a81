"""What the client costs beside the bare posts of the same bytes, as ratios of one run.

A small server on loopback parses each body with the wire schema, as the gateway does, and gives
every sample the same verdict: what is measured is the client. Rounds alternate, medians count.
"""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Generator, MutableMapping, Sequence
from typing import Any

import httpx2
import uvicorn
from pydantic import TypeAdapter

from rewardd_client import AsyncClient, Client, Sample, ScoreRequest
from rewardd_client.call import envelope_of, pieces_of
from rewardd_client.encoding import parts_of
from rewardd_client.settings import Settings

SAMPLES = 1_024
CHARACTERS = 16_384
POST_SAMPLES = 32

_REQUEST = TypeAdapter(ScoreRequest)

Message = MutableMapping[str, Any]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Parse a batch, and call every sample right."""
    parts: list[bytes] = []
    more = scope["type"] == "http"
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    request = _REQUEST.validate_json(b"".join(parts))
    lines = [_line(index, sample.id) for index, sample in enumerate(request.samples)]
    headers = [(b"content-type", b"application/x-ndjson")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"\n".join([*lines, b""])})


def _line(index: int, name: str | None) -> bytes:
    term = {
        "name": "exact",
        "verifier": "exact@1",
        "score": 1.0,
        "contribution": 1.0,
        "reason": "match",
        "evidence": {"answer": "42"},
        "seconds": 1e-5,
    }
    result = {"id": name, "reward": 1.0, "status": "scored", "reason": "match", "terms": [term]}
    return json.dumps({"index": index, **result}).encode()


@contextlib.contextmanager
def server() -> Generator[str]:
    """Run the server in a process of its own until the block ends; give its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        os.set_inheritable(listener.fileno(), True)  # noqa: FBT003  # the signature of os
        program = [sys.executable, "-m", "benchmarks.client", "--serve", str(listener.fileno())]
        process = subprocess.Popen(program, pass_fds=[listener.fileno()])
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait()


def batch() -> list[Sample]:
    """Return samples whose completions all differ."""
    words = "so the remainder is {n} and we look at the next term; "
    return [
        Sample(
            completion=(words.format(n=n) * (CHARACTERS // len(words) + 1))[:CHARACTERS],
            reference=str(n),
        )
        for n in range(SAMPLES)
    ]


def encoded(samples: Sequence[Sample]) -> bytes:
    """Return the body that the client would send."""
    settings = Settings(("http://unused",))
    pieces = pieces_of(settings, samples, None)
    return b"".join(parts_of(envelope_of(settings, "exact"), pieces, 300.0))


class Rounds:
    """Seconds of what is compared, by name."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    @contextlib.contextmanager
    def time(self, name: str) -> Generator[None]:
        """Add the seconds that the block takes."""
        started = time.perf_counter()
        yield
        self._seconds.setdefault(name, []).append(time.perf_counter() - started)

    def report(self, name: str, baseline: str, target: float) -> str:
        """Return one line: both medians, and their ratio."""
        ours, theirs = self._seconds[name][1:], self._seconds[baseline][1:]
        ratio = statistics.median(mine / bare for mine, bare in zip(ours, theirs, strict=True))
        return (
            f"{name:26} {statistics.median(ours) * 1000:7.1f} ms   "
            f"{baseline:20} {statistics.median(theirs) * 1000:7.1f} ms   "
            f"ratio {ratio:5.2f} (target <= {target})"
        )


async def _post_all(http: httpx2.AsyncClient, url: str, bodies: Sequence[bytes]) -> None:
    headers = {"content-type": "application/json"}
    posts = [http.post(f"{url}/v1/score", content=body, headers=headers) for body in bodies]
    for response in await asyncio.gather(*posts):
        response.raise_for_status()


async def _submit_all(client: AsyncClient, samples: Sequence[Sample]) -> None:
    await client.gather([client.submit(sample, "exact") for sample in samples])


async def measure(url: str, rounds: int) -> list[str]:
    """Return the lines of the table."""
    seconds, samples = Rounds(), batch()
    whole = encoded(samples)
    parts = [encoded(samples[n : n + POST_SAMPLES]) for n in range(0, SAMPLES, POST_SAMPLES)]
    limits = httpx2.Limits(max_connections=32)
    client, async_client = Client(url), AsyncClient(url)
    async with httpx2.AsyncClient(limits=limits, timeout=60, trust_env=False) as http:
        for _ in range(rounds + 1):
            with seconds.time("one bare post"):
                await _post_all(http, url, [whole])
            with seconds.time("score()"):
                await asyncio.to_thread(client.score, samples, "exact")
            with seconds.time("32 bare posts"):
                await _post_all(http, url, parts)
            with seconds.time("1,024 x submit()"):
                await asyncio.to_thread(_submit_and_wait, client, samples)
            with seconds.time("1,024 x await submit()"):
                await _submit_all(async_client, samples)
            with seconds.time("one submit(), idle server"):
                await async_client.submit(samples[0], "exact")
            with seconds.time("one bare post of one"):
                await _post_all(http, url, [encoded(samples[:1])])
    return [
        seconds.report("score()", "one bare post", 1.5),
        seconds.report("1,024 x submit()", "32 bare posts", 2.0),
        seconds.report("1,024 x await submit()", "32 bare posts", 2.0),
        seconds.report("one submit(), idle server", "one bare post of one", float("inf")),
    ]


def _submit_and_wait(client: Client, samples: Sequence[Sample]) -> None:
    client.gather([client.submit(sample, "exact") for sample in samples])


def main() -> None:
    """Print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--serve", type=int, metavar="FD", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve is not None:
        uvicorn.run(app, fd=given.serve, lifespan="off", log_level="warning", access_log=False)
        return
    print(f"{SAMPLES} samples of {CHARACTERS} bytes")
    with server() as url:
        print("\n".join(asyncio.run(measure(url, given.rounds))))


if __name__ == "__main__":
    main()
