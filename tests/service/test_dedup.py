import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import InstantBackend
from held_backend import HeldBackend
from rewardd_client.schema import ScoreRequest
from rewardd_service.job import Answer
from rewardd_service.metrics import Metrics
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Outcome, Scorer
from rewardd_verifiers import Catalog, Need, Reason

RequestOf = Callable[..., ScoreRequest]
BOTH_LANES = {Need.CPU: 2, Need.SANDBOX: 2}
GATED = {
    "name": "gated",
    "terms": [
        {"name": "first", "verifier": "exact", "gate": True, "weight": 0.1},
        {"name": "second", "verifier": "choice", "weight": 0.9},
    ],
}


@pytest.fixture
def make(catalog: Catalog) -> Callable[..., Scorer]:
    def scorer(backend: InstantBackend, *, join: bool = True) -> Scorer:
        return Scorer(backend, RecipeBook(catalog), Metrics(), join=join)

    return scorer


def _verdicts(outcome: Outcome) -> list[Any]:
    """Return all that a result says but what it cost."""
    return [
        {
            **result,
            "terms": [
                {k: v for k, v in term.items() if k not in ("seconds", "attempts")}
                for term in result["terms"]
            ],
        }
        for result in outcome.results
    ]


async def test_equal_samples_of_a_request_are_judged_once(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    backend = HeldBackend()
    backend.go.set()
    samples = [{"completion": f"{n % 3}", "reference": "1", "id": f"s{n}"} for n in range(300)]
    outcome = await make(backend).score(request_of(*samples))
    assert sorted(backend.started) == ["0", "1", "2"]
    assert [result["reward"] for result in outcome.results] == [
        float(n % 3 == 1) for n in range(300)
    ]
    assert [result["id"] for result in outcome.results] == [f"s{n}" for n in range(300)]


async def test_a_verdict_that_was_taken_over_says_so(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    outcome = await make(InstantBackend()).score(request_of(("1", "1"), ("1", "1")))
    first, second = (result["terms"][0] for result in outcome.results)
    assert (first["attempts"], second["attempts"]) == (1, 0)
    assert second["seconds"] == 0.0
    assert first["verifier"] == second["verifier"] == "exact@1"


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"completion": "2"}, id="completion"),
        pytest.param({"reference": "2"}, id="reference"),
        pytest.param({"reference": 1}, id="type_of_reference"),
        pytest.param({"prompt": "2"}, id="prompt"),
        pytest.param({"length": 2}, id="length"),
        pytest.param({"finish_reason": "length"}, id="finish_reason"),
        pytest.param({"metadata": {"step": 2}}, id="metadata"),
        pytest.param({"metadata": {"step": 1.0}}, id="type_of_metadata"),
        pytest.param(
            {"reward": {"name": "r", "terms": [{"verifier": "exact", "params": {"strip": True}}]}},
            id="params",
        ),
        pytest.param({"reward": "choice"}, id="verifier"),
    ],
)
async def test_whatever_can_reach_a_verdict_tells_samples_apart(
    make: Callable[..., Scorer], request_of: RequestOf, other: dict[str, Any]
) -> None:
    backend = HeldBackend()
    backend.go.set()
    sample = {
        "completion": "1",
        "reference": "1",
        "prompt": "1",
        "length": 1,
        "finish_reason": "stop",
        "metadata": {"step": 1},
    }
    await make(backend).score(request_of(sample, {**sample, **other}))
    assert len(backend.started) == 2


async def test_what_cannot_reach_a_verdict_does_not_tell_them_apart(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    backend = HeldBackend()
    backend.go.set()
    await make(backend).score(
        request_of(
            {"completion": "1", "reference": "1", "id": "a", "group": "g"},
            {"completion": "1", "reference": "1", "id": "b", "group": "h"},
            {"completion": "1", "reference_id": "r", "id": "c"},
            references={"r": "1"},
        )
    )
    assert backend.started == ["1"]


async def test_the_order_of_keys_does_not_tell_samples_apart(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    backend = HeldBackend()
    backend.go.set()
    await make(backend).score(
        request_of(
            {"completion": "1", "reference": {"a": 1, "b": 2}},
            {"completion": "1", "reference": {"b": 2, "a": 1}},
        )
    )
    assert backend.started == ["1"]


async def test_a_second_request_takes_over_what_the_first_has_in_flight(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    backend = HeldBackend()
    scorer = make(backend)
    samples = [(str(n), "7") for n in range(200)]
    first = asyncio.create_task(scorer.score(request_of(*samples)))
    await backend.sent.wait()
    second = asyncio.create_task(scorer.score(request_of(*samples), tenant="other"))
    backend.go.set()
    outcomes = await asyncio.gather(first, second)
    assert sorted(backend.started) == sorted(completion for completion, _ in samples)
    assert _verdicts(outcomes[0]) == _verdicts(outcomes[1])


async def test_who_cancels_takes_nobody_else_along(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    backend = HeldBackend()
    scorer = make(backend)
    samples = [("1", "1"), ("2", "1"), ("1", "1")]
    first = asyncio.create_task(scorer.score(request_of(*samples)))
    await backend.sent.wait()
    second = asyncio.create_task(scorer.score(request_of(*samples)))
    await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    backend.go.set()
    outcome = await second
    assert [result["reward"] for result in outcome.results] == [1.0, 0.0, 1.0]


async def test_who_is_late_takes_nobody_else_along(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    backend = HeldBackend()
    scorer = make(backend)
    first = asyncio.create_task(scorer.score(request_of(("1", "1"), deadline_seconds=0.05)))
    await backend.sent.wait()
    second = asyncio.create_task(scorer.score(request_of(("1", "1"))))
    assert (await first).results[0]["reason"] == "deadline"
    backend.go.set()
    assert (await second).results[0]["reward"] == 1.0


async def test_nobody_waits_in_the_queue_of_another_request(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    backend = HeldBackend(slots={Need.CPU: 1})
    scorer = make(backend)
    first = asyncio.create_task(
        scorer.score(request_of(*[(str(n), "7") for n in range(500)]), tenant="large")
    )
    await backend.sent.wait()
    second = asyncio.create_task(scorer.score(request_of(("499", "7")), tenant="small"))
    await asyncio.sleep(0.01)
    backend.go.set()
    await second
    assert backend.started.index("499") < 250
    await first
    assert Counter(backend.started)["499"] == 1


@pytest.mark.parametrize(
    ("reason", "judged"),
    [
        pytest.param(Reason.WORKER_LOST, 3, id="worker_lost"),
        pytest.param(Reason.FAULT, 3, id="fault"),
        pytest.param(Reason.CANCELLED, 3, id="cancelled"),
        pytest.param(Reason.DEADLINE, 3, id="deadline"),
        pytest.param(Reason.OVERLOADED, 3, id="overloaded"),
        pytest.param(Reason.SANDBOX_UNAVAILABLE, 3, id="sandbox_unavailable"),
        pytest.param(Reason.TIMEOUT, 1, id="timeout"),
        pytest.param(Reason.QUARANTINED, 1, id="quarantined"),
        pytest.param(Reason.UNDECIDED, 1, id="undecided"),
        pytest.param(Reason.INVALID_REFERENCE, 1, id="invalid_reference"),
    ],
)
async def test_a_failure_of_ours_is_not_handed_on(
    make: Callable[..., Scorer], request_of: RequestOf, reason: Reason, judged: int
) -> None:
    failures = iter([Answer(-1, None, reason)])
    backend = HeldBackend(spoil=lambda _: next(failures, None))
    backend.go.set()
    outcome = await make(backend).score(request_of(("1", "1"), ("1", "1"), ("1", "1")))
    assert len(backend.started) == judged
    own = [None, *([1.0] * 2 if judged == 3 else [None] * 2)]
    assert [result["reward"] for result in outcome.results] == own


async def test_a_timeout_in_a_sandbox_may_be_a_neighbours_doing_and_is_not_handed_on(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    failures = iter([Answer(-1, None, Reason.TIMEOUT)])
    backend = HeldBackend(slots=BOTH_LANES, spoil=lambda _: next(failures, None))
    backend.go.set()
    outcome = await make(backend).score(request_of(("1", "1"), ("1", "1"), reward="code"))
    assert [result["reward"] for result in outcome.results] == [None, 1.0]


async def test_a_term_behind_a_failed_gate_stays_absent_though_a_twin_was_judged(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    request = request_of(
        {"completion": "1", "reference": "2", "reward": "choice"},
        {"completion": "1", "reference": "2", "reward": GATED},
        {"completion": "2", "reference": "2", "reward": GATED},
        {"completion": "1", "reference": "2", "reward": GATED},
    )
    outcome = await make(InstantBackend()).score(request)
    assert [len(result["terms"]) for result in outcome.results] == [1, 1, 2, 1]


async def test_nothing_is_kept_once_all_requests_are_answered(
    make: Callable[..., Scorer], request_of: RequestOf
) -> None:
    backend = HeldBackend(slots={Need.CPU: 1})
    scorer = make(backend)
    tasks = [
        asyncio.create_task(scorer.score(request_of(*[(str(n % 5), "1") for n in range(50)])))
        for _ in range(3)
    ]
    await backend.sent.wait()
    tasks[0].cancel()
    backend.go.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert scorer.dispatcher.twins_in_flight() == 0
    assert sum(scorer.dispatcher.lanes.waiting_jobs().values()) == 0


async def test_a_thousand_equal_requests_are_counted_as_joined(
    catalog: Catalog, request_of: RequestOf
) -> None:
    metrics = Metrics()
    scorer = Scorer(InstantBackend(), RecipeBook(catalog), metrics)
    await scorer.score(request_of(*[("1", "1")] * 1000))
    assert b'rewardd_cache_requests_total{result="joined"} 999.0' in metrics.exposition()
    assert b'rewardd_verifier_cpu_seconds_count{verifier="exact@1"} 1.0' in metrics.exposition()


_RECIPES = st.sampled_from(
    [
        "exact",
        "choice",
        GATED,
        {
            "name": "three_lanes",
            "terms": [
                {"verifier": "exact", "gate": True},
                {"verifier": "code", "gate": True},
                {"verifier": "choice"},
            ],
        },
        {"name": "plain", "terms": [{"verifier": "exact"}, {"verifier": "choice"}]},
    ]
)
_SAMPLES = st.lists(
    st.fixed_dictionaries(
        {
            "completion": st.sampled_from(["1", "2", "?"]),
            "reference": st.sampled_from(["1", "2", None]),
            "group": st.sampled_from(["g", "h", None]),
            "reward": _RECIPES,
        }
    ),
    min_size=1,
    max_size=25,
)


# The catalog holds names and never changes.
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(requests=st.lists(_SAMPLES, min_size=1, max_size=4))
def test_verdicts_are_the_same_with_and_without_joining(
    catalog: Catalog, requests: list[list[dict[str, Any]]]
) -> None:
    async def run(*, join: bool) -> tuple[list[Any], int]:
        backend = InstantBackend(slots=BOTH_LANES)
        scorer = Scorer(backend, RecipeBook(catalog), join=join)
        asked = [ScoreRequest.model_validate({"samples": samples}) for samples in requests]
        outcomes = await asyncio.gather(*(scorer.score(request) for request in asked))
        jobs = sum(len(chunk.jobs) for _, chunk in backend.chunks)
        return [(_verdicts(outcome), outcome.groups) for outcome in outcomes], jobs

    apart, all_jobs = asyncio.run(run(join=False))
    joined, fewer_jobs = asyncio.run(run(join=True))
    assert joined == apart
    assert fewer_jobs <= all_jobs
