"""Programs judged by the server's own workers, in real jails."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from rewardd_client.schema import ScoreRequest
from rewardd_sandbox import UnavailableError
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_service.backends.local import LocalBackend
from rewardd_service.composition import local_backend
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool import Phase
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_service.settings import Settings
from rewardd_verifiers import Catalog, Need

TESTS = {"tests": [{"stdin": "2\n", "stdout": "4\n"}, {"stdin": "5\n", "stdout": "10\n"}]}


def _program(source: str) -> str:
    return f"Here it is:\n```python\n{source}\n```\n"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def backend() -> AsyncGenerator[LocalBackend]:
    try:
        async with LocalSandbox(Options(slots=1)):
            pass
    except UnavailableError as error:
        pytest.skip(f"SANDBOX LANE NOT TESTED: {error}")
    backend = local_backend(Settings(workers=1, sandbox_workers=1))
    await backend.start()
    yield backend
    await backend.close()


async def _judge(backend: LocalBackend, *completions: str, **params: float) -> list[Answer]:
    answers: list[Answer] = []
    chunk = Chunk(
        [Setup("code", dict(params))],
        [Subject(completion) for completion in completions],
        [TESTS],
        [Job(i, 0, 0) for i in range(len(completions))],
        120.0,
    )
    await backend.process(Need.SANDBOX, chunk, answers.extend)
    return sorted(answers, key=lambda answer: answer.job)


async def test_programs_are_judged_by_their_tests(backend: LocalBackend) -> None:
    answers = await _judge(
        backend,
        _program("print(int(input()) * 2)"),
        _program("print(int(input()) + 2)"),
        _program("raise SystemExit(3)"),
        "no program at all",
    )
    assert [(told.score, told.reason) for told in answers] == [
        (1.0, "match"),
        (0.0, "mismatch"),
        (0.0, "runtime_error"),
        (0.0, "no_answer"),
    ]


async def test_a_program_that_loops_is_scored_and_spares_its_neighbours(
    backend: LocalBackend,
) -> None:
    looping, right = await _judge(
        backend, _program("while True: pass"), _program("print(int(input()) * 2)")
    )
    assert (looping.score, looping.reason) == (0.0, "limit_exceeded")
    assert (right.score, "tier" in right.evidence) == (1.0, True)


async def test_format_opens_the_gate_to_the_jail(backend: LocalBackend) -> None:
    recipe: dict[str, Any] = {
        "name": "gated",
        "terms": [
            {
                "verifier": "format",
                "params": {"template": "code-fence"},
                "weight": 0.1,
                "gate": True,
            },
            {"verifier": "code", "weight": 0.9},
        ],
    }
    samples = [
        {"completion": _program("print(int(input()) * 2)"), "reference": TESTS},
        {"completion": "print(int(input()) * 2)", "reference": TESTS},
    ]
    request = ScoreRequest.model_validate({"reward": recipe, "samples": samples})
    outcome = await Scorer(backend, RecipeBook(Catalog())).score(request)
    assert [result["reward"] for result in outcome.results] == pytest.approx([1.0, 0.0])


async def test_a_time_limit_is_not_tried_again(backend: LocalBackend) -> None:
    (told,) = await _judge(backend, _program("while True: pass"), cpu_seconds=0.5)
    assert (told.reason, told.attempts) == ("limit_exceeded", 1)
    assert told.evidence["first_failure"]["cpu_seconds"] < 2 * 0.5


async def test_a_program_whose_worker_is_killed_is_run_by_another(backend: LocalBackend) -> None:
    pool = backend.pools[Need.SANDBOX]
    await _judge(backend, _program("print(0)"))
    source = "import time; time.sleep(1); print(int(input()) * 2)"
    running = asyncio.ensure_future(_judge(backend, _program(source)))
    while pool.phases().get(Phase.BUSY, 0) == 0:  # noqa: ASYNC110  a worker sets no event
        await asyncio.sleep(0.01)
    (worker,) = pool.resident_bytes()
    os.kill(worker, signal.SIGKILL)
    (told,) = await running
    assert (told.score, told.reason, told.attempts) == (1.0, "match", 2)
