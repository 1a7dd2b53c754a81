"""A training step's batch over HTTP, client included, against Math-Verify in process.

16,384 completions of 4 kB (a long chain of thought that ends in an integer or a fraction) go
through the Python client to a server on the embedded default. The baseline is Math-Verify, in
processes on all cores, without any HTTP: a sample of the same batch, scaled up.
"""

import argparse
import contextlib
import multiprocessing
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import httpx2
from math_verify import parse, verify  # pyright: ignore[reportUnknownVariableType]  # untyped

from rewardd_client import Client, Sample

SAMPLES = 16_384
CHARACTERS = 4_096
BASELINE_SAMPLES = 1_024
_STEPS = (
    "First we note that the sum of the first {a} terms is {b}, so the remainder is {c}. ",
    "Let $x_{{{a}}} = \\frac{{{b}}}{{{c}}}$; then $x_{{{a}}} + {b}$ is what we look for. ",
    "Wait, that is not right: {a} times {b} gives {p}, not {c}. Let me recompute. ",
    "By symmetry the second case contributes $\\sqrt{{{a}}} \\cdot {b}$, which cancels. ",
)


def completion(rng: random.Random, answer: str) -> str:
    """Return a chain of thought of about `CHARACTERS` characters that ends in a box."""
    parts = ["<think>"]
    length = 0
    while length < CHARACTERS - 60:
        a, b, c = (rng.randrange(2, 10_000) for _ in range(3))
        step = rng.choice(_STEPS).format(a=a, b=b, c=c, p=a * b)
        parts.append(step)
        length += len(step)
    return "".join(parts) + f"</think>\nThe answer is \\boxed{{{answer}}}."


def batch(count: int, seed: int) -> list[Sample]:
    """Return samples in groups of 16, half of them right, all different."""
    rng = random.Random(seed)  # noqa: S311  a seed makes the batch repeatable
    samples: list[Sample] = []
    for number in range(count):
        top, bottom = rng.randrange(1, 5_000), rng.randrange(2, 900)
        integer = rng.random() < 0.5  # noqa: PLR2004  half and half
        gold = str(top) if integer else f"\\frac{{{top}}}{{{bottom}}}"
        right = gold if integer else f"{top}/{bottom}"
        answer = right if rng.random() < 0.5 else str(top + 1)  # noqa: PLR2004  half and half
        text = completion(rng, answer)
        samples.append(
            Sample(id=str(number), group=str(number // 16), completion=text, reference=gold)
        )
    return samples


@contextlib.contextmanager
def server(*options: str) -> Generator[str]:
    """Run `rewardd serve` on a free port until the block ends; give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = Path(sys.executable).parent / "rewardd"
    process = subprocess.Popen([program, "serve", "--port", str(port), *options])
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(url: str) -> None:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        with contextlib.suppress(httpx2.TransportError):
            if httpx2.get(f"{url}/readyz").status_code == HTTPStatus.OK:
                return
        time.sleep(0.05)  # noqa: TID251  a server has no event to wait for
    raise TimeoutError(f"{url} is not ready after 60 s")


def _parse(text: str) -> list[Any]:
    return cast(list[Any], parse(text))


def math_verify_one(pair: tuple[str, str]) -> bool:
    """Judge one pair as Math-Verify's documentation does."""
    gold, text = pair
    return bool(verify(_parse(f"${gold}$"), _parse(text)))


def baseline_seconds(samples: list[Sample]) -> float:
    """Return the seconds that Math-Verify would take for `SAMPLES` samples on all cores."""
    pairs = [(str(s.reference), str(s.completion)) for s in samples[:BASELINE_SAMPLES]]
    cores = len(os.sched_getaffinity(0))
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        pool.map(math_verify_one, pairs[: 8 * cores])
        started = time.perf_counter()
        pool.map(math_verify_one, pairs, chunksize=16)
        return (time.perf_counter() - started) * SAMPLES / len(pairs)


def main() -> None:
    """Print the seconds of each round, and the ratio to the baseline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    baseline = baseline_seconds(batch(BASELINE_SAMPLES, seed=0))
    seconds: list[float] = []
    with server() as url, Client(url) as client:
        for number in range(rounds):
            samples = batch(SAMPLES, seed=number + 1)
            started = time.perf_counter()
            scored = client.score(samples, reward="math")
            seconds.append(time.perf_counter() - started)
            unscored = sum(reward is None for reward in scored.rewards)
            mean = statistics.fmean(reward for reward in scored.rewards if reward is not None)
            print(f"round {number}: {seconds[-1]:6.2f} s, mean {mean:.3f}, unscored {unscored}")
    median = statistics.median(seconds)
    print(f"rewardd over HTTP, {SAMPLES} x {CHARACTERS} B: median {median:.2f} s")
    print(f"Math-Verify in process, all cores, scaled:    {baseline:.2f} s")
    print(f"ratio: {baseline / median:.1f}x")


if __name__ == "__main__":
    main()
