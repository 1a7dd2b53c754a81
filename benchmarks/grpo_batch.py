"""A GRPO step in which a policy repeats itself: what is judged once, and what is judged again.

100 prompts x 8 completions over HTTP; each prompt's completions are drawn from a few, as short
answers at the end of training are. The baseline is the same server with joining and cache off.
Work is counted by the server (jobs that reached a worker), so that no other load can blur it.
"""

import argparse
import random
import time
from dataclasses import dataclass
from typing import Any

import httpx2

from benchmarks.end_to_end import server
from rewardd_client import Client, Sample

PROMPTS = 100
COMPLETIONS = 8
DISTINCT = 3
Row = tuple[str, str, str]
"""What was measured, how much it was, and what it should be."""
_OFF = ("--no-join-equal-jobs", "--cache-bytes", "0")
_HARD = (
    ("\\frac{{\\sqrt{{{a}}}+{b}}}{{{c}}}", "\\frac{{\\sqrt{{{a}}}}}{{{c}}}+\\frac{{{b}}}{{{c}}}"),
    ("\\sin^2({a}x)+{b}", "{b}+1-\\cos^2({a}x)"),
    ("(x+{a})(x-{b})", "x^2+({a}-{b})x-{a}\\cdot {b}"),
)
"""Gold and an equal answer in other words: such verifications take a computer algebra system."""


@dataclass(frozen=True)
class Run:
    """One pass of the batch.

    Attributes:
        judged: jobs that reached a worker.
        results: without what they cost.
    """

    judged: int
    seconds: float
    results: list[Any]


def batch(seed: int, distinct: int) -> list[Sample]:
    """Return the samples of one step; a prompt has at most `distinct` different completions."""
    rng = random.Random(seed)  # noqa: S311  a seed makes the batch repeatable
    samples: list[Sample] = []
    for prompt in range(PROMPTS):
        gold, right = rng.choice(_HARD)
        numbers = {name: rng.randrange(2, 97) for name in "abc"}
        answers = [right.format(**numbers), *(str(rng.randrange(10_000)) for _ in range(distinct))]
        texts = [f"Thus $\\boxed{{{answer}}}$." for answer in answers[:distinct]]
        samples += [
            Sample(
                id=f"{prompt}-{number}",
                group=str(prompt),
                completion=rng.choice(texts),
                reference=gold.format(**numbers),
            )
            for number in range(COMPLETIONS)
        ]
    return samples


def counted(url: str, name: str) -> float:
    """Return the sum of a metric's samples."""
    lines = httpx2.get(f"{url}/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))


def score(url: str, client: Client, samples: list[Sample]) -> Run:
    """Score the batch once."""
    before = counted(url, "rewardd_chunk_jobs_sum")
    started = time.perf_counter()
    scored = client.score(samples, reward="math")
    seconds = time.perf_counter() - started
    judged = counted(url, "rewardd_chunk_jobs_sum") - before
    return Run(int(judged), seconds, [_plain(result) for result in scored.results])


def _plain(result: Any) -> Any:  # noqa: ANN401  a result as plain values
    told = result.model_dump()
    for term in told["terms"]:
        del term["seconds"], term["attempts"]
    return told


def measure(distinct: int = DISTINCT) -> list[Row]:
    """Print judged jobs and seconds; return by how much there are fewer.

    Raises:
        AssertionError: a verdict differs.
    """
    samples = batch(1, distinct)
    warm_up = batch(2, 1)[:64]
    different = len({(sample.completion, sample.reference) for sample in samples})
    runs: dict[str, Run] = {}
    for name, options in (("apart", _OFF), ("joined", ())):
        with server("--workers", "2", *options) as url, Client(url) as client:
            client.score(warm_up, reward="math")
            runs[name] = score(url, client, samples)
            if name == "joined":
                runs["sent again"] = score(url, client, samples)
                hits = counted(url, 'rewardd_cache_requests_total{result="hit"}')
                joined = counted(url, 'rewardd_cache_requests_total{result="joined"}')
                print(f"hits of the cache: {hits:.0f}, joined in flight: {joined:.0f}")
    apart = runs["apart"]
    share = 1 - different / len(samples)
    print(f"{len(samples)} samples, {different} different: {share:.0%} are duplicates")
    for name, run in runs.items():
        if run.results != apart.results:
            raise AssertionError(f"{name}: a verdict differs")
        cut = 1 - run.judged / apart.judged
        ratio = apart.seconds / run.seconds
        print(f"{name:12}{run.judged:5} judged ({cut:4.0%} less), {ratio:5.1f}x as fast")
    cut = 1 - runs["joined"].judged / apart.judged
    again = runs["sent again"].judged
    return [
        ("jobs of a GRPO step saved by joining and cache", f"{cut:.0%}", f"{share:.0%}"),
        ("judged when the same step comes again", str(again), "0, if they cost 1 ms"),
        ("verdicts that differ from those without either", "0", "0"),
    ]


def main() -> None:
    """Print the table, and fail if a verdict differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--distinct", type=int, default=DISTINCT)
    for what, measured, target in measure(parser.parse_args().distinct):
        print(f"{what:<52} {measured:>20}   {target}")


if __name__ == "__main__":
    main()
