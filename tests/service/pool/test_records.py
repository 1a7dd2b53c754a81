"""Records of runs, from a jail through frames and queues to who asked for them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from jail_checks import skip_unless_jails
from rewardd_client.schema import ScoreRequest
from rewardd_service.backends.local import LocalBackend
from rewardd_service.composition import local_backend
from rewardd_service.inquiry import Inquiry
from rewardd_service.job import Answer
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_service.settings import Settings
from rewardd_verifiers import Catalog


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def scorer() -> AsyncIterator[Scorer]:
    await skip_unless_jails()
    backend: LocalBackend = local_backend(Settings(workers=1, sandbox_workers=1))
    await backend.start()
    yield Scorer(backend, RecipeBook(Catalog()))
    await backend.close()


async def _run(scorer: Scorer, source: str, **reference: Any) -> Answer:
    inquiry = Inquiry(
        verifier="runs", params={"whole_text": True}, completion=source, reference=reference
    )
    return await scorer.inquire(inquiry, deadline_seconds=60)


async def test_outputs_beyond_the_bounds_of_evidence_come_whole(scorer: Scorer) -> None:
    answer = await _run(scorer, "print('x' * 900_000)")
    record = msgspec.msgpack.decode(answer.record)
    assert (answer.score, len(record["tests"][0]["stdout"])) == (1.0, 900_001)


async def test_bytes_stay_bytes(scorer: Scorer) -> None:
    source = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])"
    record = msgspec.msgpack.decode((await _run(scorer, source, stdin=b"\x00\xff")).record)
    assert record["tests"][0]["stdout"] == b"\xff\x00"


async def test_equal_runs_in_flight_share_one_record(scorer: Scorer) -> None:
    source = "import os; print(os.urandom(8))"
    first, second = await asyncio.gather(_run(scorer, source), _run(scorer, source))
    assert first.record == second.record
    assert {first.attempts, second.attempts} == {0, 1}


async def test_a_batch_carries_no_record(scorer: Scorer) -> None:
    sample = {"completion": "```python\nprint(1)\n```"}
    request = ScoreRequest.model_validate({"reward": "runs", "samples": [sample]})
    (result,) = (await scorer.score(request)).results
    assert result["reward"] == 1.0
    assert "record" not in str(result)
