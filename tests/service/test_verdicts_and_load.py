"""A verdict depends on its sample alone: not on order, neighbours, load or where it was judged."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from jail_checks import skip_unless_jails
from redis_server import redis_server
from rewardd_client.schema import ScoreRequest
from rewardd_service.backends import Backend
from rewardd_service.backends.local import LocalBackend
from rewardd_service.backends.redis import RedisBackend, WorkerNode
from rewardd_service.composition import local_backend, scorer_on
from rewardd_service.scorer import Scorer
from rewardd_service.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SAMPLES = 2000
PROGRAMS = 24
LOAD = 4
SEED = 20260
MEASURED = {"seconds", "attempts", "cpu_seconds", "wall_seconds", "peak_mib"}
"""What a run took, in a term's result and in the evidence of a program's first failure."""

Json = dict[str, Any]
_CASES = Path(__file__).parents[1] / "cases"
_TESTS = {
    "tests": [{"stdin": f"{n} {n}\n", "stdout": f"{2 * n}\n"} for n in (1, 20)],
    "limits": {"cpu_seconds": 0.3},
}
_SOURCES = (
    "print(sum(map(int, input().split())))",
    "print(max(map(int, input().split())))",
    "print(1 / 0)",
    "for _ in range(10**6): pass\nprint(sum(map(int, input().split())))",
    "print(sum(map(int, input().split()))); raise SystemExit(3)",
    "print('no end'",
)
_ENDLESS = "while True: pass"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def _rows(name: str) -> list[Json]:
    lines = (_CASES / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _inline(verifier: str, params: Json) -> Json:
    return {"name": "one", "terms": [{"verifier": verifier, "params": params}]}


def _programs(count: int) -> list[Json]:
    sources = [_ENDLESS, *(_SOURCES[n % len(_SOURCES)] for n in range(count - 1))]
    return [
        {"completion": f"```python\n# {n}\n{source}\n```", "reference": _TESTS, "reward": "code"}
        for n, source in enumerate(sources)
    ]


def _samples() -> list[Json]:
    """Return cases of all kinds, in no order."""
    chance = random.Random(SEED)  # noqa: S311  no secret
    math = [(row["completion"], row["gold"]) for row in _rows("math_completions.jsonl")]
    pairs = [(rf"\boxed{{{row['answer']}}}", row["gold"]) for row in _rows("math_pairs.jsonl")]
    english = _inline("language", {"target": "en", "part": "whole"})
    plain: list[Json] = [
        *({"completion": said, "reference": gold, "reward": "math"} for said, gold in math + pairs),
        *({"completion": said, "reference": gold, "reward": "exact"} for said, gold in math),
        *(
            {
                "completion": row["completion"],
                "reference": row["reference"],
                "reward": _inline("choice", row["params"]),
            }
            for row in _rows("choice.jsonl")
        ),
        *(
            {"completion": row["completion"], "reward": _inline("format", row["params"])}
            for row in _rows("format.jsonl")
        ),
        *({"completion": said * 20, "reward": "repetition"} for said, _ in math),
        *({"completion": said, "reward": english} for said, _ in math),
        {"completion": r"\boxed{" + "(" * 5000 + "}", "reference": "1", "reward": "math"},
        {"completion": r"\boxed{9^{9^{9^{9}}}}", "reference": "1", "reward": "math"},
        {"completion": "x" * 200_000, "reference": "x", "reward": "math"},
    ]  # fmt: skip
    drawn = chance.choices(plain, k=SAMPLES - PROGRAMS) + _programs(PROGRAMS)
    chance.shuffle(drawn)
    return [{**sample, "id": str(number)} for number, sample in enumerate(drawn)]


def _pools() -> LocalBackend:
    return local_backend(Settings(workers=2, sandbox_workers=1))


@contextlib.asynccontextmanager
async def _embedded() -> AsyncGenerator[Backend]:
    yield _pools()


@contextlib.asynccontextmanager
async def _over_redis() -> AsyncGenerator[Backend]:
    with redis_server() as server:
        node = WorkerNode(server.url, _pools())
        try:
            await node.start()
            yield RedisBackend(server.url)
        finally:
            await node.close()


BACKENDS = {"local": _embedded, "redis": _over_redis}


@contextlib.asynccontextmanager
async def _opened(name: str) -> AsyncGenerator[Scorer]:
    """Give a scorer that judges each job, also where another one is equal."""
    async with BACKENDS[name]() as backend, scorer_on(backend, join=False) as scorer:
        yield scorer


@pytest.fixture(scope="module")
def samples() -> list[Json]:
    return _samples()


@pytest.fixture(scope="module")
async def expected(samples: list[Json]) -> dict[str, Json]:
    """What an embedded server says that has nothing else to do."""
    await skip_unless_jails()
    async with _opened("local") as scorer:
        return await _verdicts(scorer, samples)


@pytest.fixture(scope="module", params=BACKENDS)
async def scorer(
    request: pytest.FixtureRequest, expected: dict[str, Json]
) -> AsyncGenerator[Scorer]:
    del expected  # which must not run beside it
    async with _opened(request.param) as opened:
        yield opened


async def _verdicts(scorer: Scorer, samples: Sequence[Json]) -> dict[str, Json]:
    """Return what was found, by sample."""
    request = ScoreRequest.model_validate({"samples": samples, "deadline_seconds": 600})
    outcome = await scorer.score(request)
    return {result["id"]: _found(result) for result in outcome.results}


def _found(value: Any) -> Any:
    """Return all of a result but what was measured."""
    if isinstance(value, list):
        return [_found(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        items = cast("Json", value).items()
        return {name: _found(item) for name, item in items if name not in MEASURED}
    return value


def _shuffled(samples: Sequence[Json], seed: int) -> list[Json]:
    return random.Random(seed).sample(samples, len(samples))  # noqa: S311  no secret


async def test_the_samples_are_judged_and_are_of_all_sorts(expected: dict[str, Json]) -> None:
    reasons = {result["reason"] for result in expected.values()}
    assert len(expected) == SAMPLES
    assert {"match", "mismatch", "no_answer", "limit_exceeded", "runtime_error"} <= reasons
    assert "sandbox_unavailable" not in reasons


async def test_verdicts_are_the_same_alone(
    scorer: Scorer, samples: list[Json], expected: dict[str, Json]
) -> None:
    assert await _verdicts(scorer, samples) == expected


async def test_verdicts_are_the_same_in_another_order(
    scorer: Scorer, samples: list[Json], expected: dict[str, Json]
) -> None:
    assert await _verdicts(scorer, _shuffled(samples, SEED)) == expected


async def test_verdicts_are_the_same_under_load(
    scorer: Scorer, samples: list[Json], expected: dict[str, Json]
) -> None:
    batches = [_shuffled(samples, SEED + number) for number in range(LOAD)]
    found = await asyncio.gather(*(_verdicts(scorer, batch) for batch in batches))
    assert found == [expected] * LOAD
