import asyncio
import gc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from fakes import InstantBackend, StuckBackend
from rewardd_client.schema import ScoreRequest
from rewardd_service.backends import Deliver
from rewardd_service.errors import BackendUnavailableError, OverloadedError, RequestRefusedError
from rewardd_service.job import Chunk, Setup, SetupReport
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_verifiers import Catalog, Need

MakeScorer = Callable[..., Scorer]
RequestOf = Callable[..., ScoreRequest]


def _rewards(outcome: Any) -> list[float | None]:
    return [result["reward"] for result in outcome.results]


async def test_rewards_keep_the_order_of_the_samples(scorer: Scorer, request_of: RequestOf) -> None:
    outcome = await scorer.score(request_of(*[(str(n), "3") for n in range(300)]))
    assert _rewards(outcome) == [float(n == 3) for n in range(300)]


async def test_a_sample_that_cannot_be_judged_spares_its_neighbours(
    scorer: Scorer, request_of: RequestOf
) -> None:
    outcome = await scorer.score(request_of(("1", "1"), ("?", "1"), ("2", None)))
    assert _rewards(outcome) == [1.0, None, None]
    assert [result["reason"] for result in outcome.results] == [
        "match",
        "undecided",
        "invalid_reference",
    ]
    assert outcome.results[2]["terms"][0]["detail"] == "the sample has no reference"


async def test_each_sample_may_name_its_own_recipe(scorer: Scorer, request_of: RequestOf) -> None:
    own = {"name": "double", "terms": [{"verifier": "exact", "weight": 2}]}
    request = request_of(("a", "a"), {"completion": "a", "reference": "a", "reward": own})
    outcome = await scorer.score(request)
    assert _rewards(outcome) == [1.0, 2.0]
    assert outcome.results[1]["recipe"].startswith("double@")


async def test_references_may_be_shared_by_id(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    backend = InstantBackend()
    samples = [{"completion": "x", "reference_id": "r"} for _ in range(16)]
    outcome = await make_scorer(backend).score(request_of(*samples, references={"r": "x"}))
    assert _rewards(outcome) == [1.0] * 16
    assert all(chunk.references == ["x"] for _, chunk in backend.chunks)


async def test_results_are_delivered_as_they_become_final(
    scorer: Scorer, request_of: RequestOf
) -> None:
    delivered: dict[int, float] = {}

    def deliver(index: int, result: dict[str, Any]) -> None:
        delivered[index] = result["reward"]

    await scorer.score(request_of(("1", "1"), ("2", "1")), deliver=deliver)
    assert delivered == {0: 1.0, 1: 0.0}


async def test_what_is_late_for_the_deadline_is_unscored(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    backend = StuckBackend()
    outcome = await make_scorer(backend).score(request_of(("1", "1"), deadline_seconds=0.05))
    assert outcome.results[0]["status"] == "unscored"
    assert outcome.results[0]["reason"] == "deadline"


async def test_work_that_cannot_finish_in_time_is_refused_at_once(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    backend = StuckBackend()
    scorer = make_scorer(backend)
    first = asyncio.create_task(scorer.score(request_of(*[(str(n), "1") for n in range(5000)])))
    await backend.full.wait()
    while scorer.dispatcher.lanes.backlog_seconds() < 10:  # noqa: ASYNC110  it is queued in slices
        await asyncio.sleep(0)
    with pytest.raises(OverloadedError) as refused:
        await scorer.score(request_of(("1", "1"), deadline_seconds=1))
    assert refused.value.code == "overloaded"
    assert refused.value.retry_after_seconds > 1
    first.cancel()


async def test_integers_of_any_size_are_references(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    backend = InstantBackend()
    request = request_of({"completion": "x", "reference": {"answer": 10**30}})
    assert (await make_scorer(backend).score(request)).results[0]["reward"] == 0.0
    assert backend.chunks[0][1].references == [{"answer": 10**30}]


async def test_a_cancelled_request_lets_its_work_go(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    backend = StuckBackend()
    scorer = make_scorer(backend)
    work = asyncio.create_task(scorer.score(request_of(*[(str(n), "1") for n in range(500)])))
    await backend.full.wait()
    assert sum(scorer.dispatcher.lanes.waiting_jobs().values()) > 0
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert sum(scorer.dispatcher.lanes.waiting_jobs().values()) == 0
    await backend.free.wait()
    await asyncio.sleep(0)  # the callbacks of the tasks that ended just now
    assert sum(scorer.dispatcher.lanes.running_jobs().values()) == 0


class VanishingBackend(InstantBackend):
    """Has no slot any more after its first chunk."""

    def slots(self) -> Mapping[Need, int]:
        return {} if self.chunks else {Need.CPU: 1}


async def test_what_waits_for_workers_that_have_gone_is_answered_at_once(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    outcome = await make_scorer(VanishingBackend()).score(
        request_of(*[(str(n), str(n)) for n in range(300)])
    )
    reasons = {result["reason"] for result in outcome.results}
    assert (len(outcome.results), reasons) == (300, {"match", "worker_lost"})


class WideBackend(InstantBackend):
    """Has one slot, and takes more chunks than that.

    Attributes:
        most: chunks that were out at once.
    """

    def __init__(self) -> None:
        super().__init__(slots={Need.CPU: 1})
        self.most = self._out = 0

    def window(self) -> Mapping[Need, int]:
        return {Need.CPU: 3}

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        self._out += 1
        self.most = max(self.most, self._out)
        await super().process(need, chunk, deliver)
        self._out -= 1


async def test_as_many_chunks_are_out_as_the_window_allows(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    backend = WideBackend()
    await make_scorer(backend).score(request_of(*[(str(n), "1") for n in range(300)]))
    assert backend.most == 3


class DownBackend(InstantBackend):
    def outage(self) -> str | None:
        return "redis does not serve"


async def test_during_an_outage_a_request_is_refused_as_a_whole(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    with pytest.raises(BackendUnavailableError, match="redis does not serve"):
        await make_scorer(DownBackend()).score(request_of(("1", "1")))


async def test_a_need_that_no_worker_offers_leaves_only_its_own_samples_unscored(
    scorer: Scorer, request_of: RequestOf
) -> None:
    code = {"completion": "a", "reference": "a", "reward": "code"}
    outcome = await scorer.score(request_of(("a", "a"), code))
    assert [result["reason"] for result in outcome.results] == ["match", "sandbox_unavailable"]


@pytest.mark.parametrize(
    ("request_fields", "code", "field"),
    [
        pytest.param({"reward": "exakt"}, "unknown_recipe", "reward", id="unknown_recipe"),
        pytest.param({"reward": None}, "invalid_request", "reward", id="no_recipe"),
        pytest.param(
            {"reward": {"name": "r", "terms": [{"verifier": "no"}]}},
            "unknown_verifier",
            "reward.terms[0].verifier",
            id="unknown_verifier",
        ),
        pytest.param(
            {"reward": {"name": "r", "terms": [{"verifier": "exact", "params": {"wrong": 7}}]}},
            "invalid_params",
            "terms[0].params",
            id="wrong_params",
        ),
        pytest.param(
            {"samples": [{"completion": "", "id": "a"}, {"completion": "", "id": "a"}]},
            "duplicate_id",
            "samples[1].id",
            id="duplicate_id",
        ),
        pytest.param(
            {"samples": [{"completion": "", "reference_id": "gone"}]},
            "unknown_reference_id",
            "samples[0].reference_id",
            id="unknown_reference",
        ),
        pytest.param(
            {
                "samples": [{"completion": "", "reference": "a", "reference_id": "b"}],
                "references": {"b": "b"},
            },
            "invalid_request",
            "samples[0].reference_id",
            id="two_references",
        ),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_by_field(
    scorer: Scorer,
    request_of: RequestOf,
    request_fields: dict[str, Any],
    code: str,
    field: str,
) -> None:
    request = request_of(*request_fields.pop("samples", [("a", "a")]), **request_fields)
    with pytest.raises(RequestRefusedError) as refused:
        await scorer.score(request)
    assert (refused.value.code, refused.value.errors[0].field) == (code, field)


async def test_few_bytes_that_ask_for_millions_of_answers_are_refused(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    backend = InstantBackend()
    terms = [{"name": str(number), "verifier": "exact"} for number in range(200)]
    request = request_of(*[("a", "a")] * 3000, reward={"name": "r", "terms": terms})
    with pytest.raises(RequestRefusedError, match="600000 terms") as refused:
        await make_scorer(backend).score(request)
    assert (refused.value.code, backend.chunks) == ("too_many_samples", [])


async def test_a_deadline_holds_while_all_workers_are_too_busy_to_be_asked(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    class BusyBackend(StuckBackend):
        async def inspect(self, need: Need, setups: Sequence[Setup]) -> list[SetupReport]:
            await asyncio.Event().wait()
            return await super().inspect(need, setups)

    request = request_of(("a", "a"), ("b", None), deadline_seconds=0.01)
    async with asyncio.timeout(30):
        outcome = await make_scorer(BusyBackend()).score(request)
    assert [result["reason"] for result in outcome.results] == ["deadline"] * 2


async def test_a_missing_input_is_named_before_anything_runs(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    backend = InstantBackend(inputs={"overlong": ["length"]})
    samples = [{"completion": "a", "length": 3}, {"completion": "b"}]
    with pytest.raises(RequestRefusedError, match=r"samples\[1\]\.length") as refused:
        await make_scorer(backend).score(request_of(*samples, reward="overlong"))
    assert refused.value.code == "missing_input"
    assert backend.chunks == []


async def test_a_gate_in_another_lane_is_waited_for(
    make_scorer: MakeScorer, request_of: RequestOf
) -> None:
    backend = InstantBackend(slots={Need.CPU: 1, Need.SANDBOX: 1})
    recipe = {
        "name": "gated",
        "terms": [
            {"verifier": "exact", "weight": 0.1, "gate": True},
            {"verifier": "code", "weight": 0.9},
        ],
    }
    outcome = await make_scorer(backend).score(
        request_of(("a", "a"), ("b", "a"), ("?", "a"), reward=recipe)
    )
    assert _rewards(outcome) == [1.0, 0.0, None]
    assert [len(result["terms"]) for result in outcome.results] == [2, 1, 1]
    assert sum(len(chunk.jobs) for need, chunk in backend.chunks if need is Need.SANDBOX) == 1


async def test_a_heavier_tenant_is_served_more_of_a_busy_lane(
    catalog: Catalog, request_of: RequestOf
) -> None:
    backend = InstantBackend(slots={Need.CPU: 1})
    scorer = Scorer(backend, RecipeBook(catalog), weights={"heavy": 4.0})
    await asyncio.gather(
        *(
            scorer.score(request_of(*[(f"{name}{n}", "1") for n in range(2000)]), tenant=name)
            for name in ("light", "heavy")
        )
    )
    order = [subject.completion[:5] for _, chunk in backend.chunks for subject in chunk.subjects]
    half = order[: len(order) // 2]
    assert half.count("heavy") > 1.5 * half.count("light")


async def test_a_request_that_has_ended_leaves_nothing_to_the_collector(
    scorer: Scorer, request_of: RequestOf
) -> None:
    await scorer.score(request_of(("1", "1")))
    gc.collect()
    gc.disable()
    try:
        await scorer.score(request_of(*[(str(n % 7), "3") for n in range(50)]))
        collected = gc.collect()
    finally:
        gc.enable()
    assert collected < 50
