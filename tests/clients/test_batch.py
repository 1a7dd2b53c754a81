import math
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_client import (
    Batch,
    MissingPackageError,
    ProtocolError,
    Result,
    Unscored,
    reasons,
)
from rewardd_verifiers import Reason


def result(
    reward: float | None, reason: str = "match", **more: Any
) -> Result:  # fields of a result
    status = "unscored" if reward is None else "scored"
    return Result.model_validate({"reward": reward, "status": status, "reason": reason, **more})


def term(
    name: str, score: float | None, answer: str | None = None, seconds: float = 0.0
) -> Any:  # a term as it travels
    evidence = {} if answer is None else {"answer": answer}
    return {
        "name": name,
        "verifier": f"{name}@1",
        "score": score,
        "reason": "match",
        "evidence": evidence,
        "seconds": seconds,
    }


MIXED = Batch(
    [
        result(1.0, terms=[term("exact", 1.0, "9", 0.1), term("format", 1.0)]),
        result(0.0, "mismatch", terms=[term("exact", 0.0, "9", 0.3)]),
        result(None, "timeout", terms=[term("exact", None, seconds=2.0)]),
        result(0.0, "no_answer", terms=[term("exact", 0.0)]),
        result(1.0, terms=[term("exact", 1.0, "7", 0.2)]),
        result(None, "brand_new"),
    ],
    ["g", "g", "g", "h", "i", None],
    wait_seconds=0.5,
)


def test_metrics_are_what_they_are_called() -> None:
    metrics = MIXED.metrics()

    assert metrics["reward/mean"] == 0.5
    assert metrics["exact/mean"] == 0.5
    assert metrics["format/mean"] == 1.0
    assert metrics["unscored"] == pytest.approx(2 / 6)
    assert metrics["unscored/timeout"] == metrics["unscored/other"] == pytest.approx(1 / 6)
    assert metrics["zero/mismatch"] == metrics["zero/no_answer"] == pytest.approx(1 / 6)
    assert (metrics["zero/match"], metrics["unscored/fault"]) == (0.0, 0.0)
    assert (metrics["seconds/p50"], metrics["seconds/p99"]) == (0.1, 2.0)
    assert metrics["wait_seconds"] == 0.5
    assert metrics["groups/mixed"] == metrics["groups/all_zero"] == metrics["groups/all_one"]
    assert metrics["answer_top_share"] == pytest.approx(2 / 3)


@given(st.lists(st.tuples(st.sampled_from([None, 0.0, 0.5, 1.0]), st.sampled_from(Reason))))
def test_the_keys_of_metrics_are_the_same_for_every_batch(
    samples: list[tuple[float | None, Reason]],
) -> None:
    some = Batch([result(reward, reason) for reward, reason in samples], [None] * len(samples))

    metrics = some.metrics(["exact"])

    assert list(metrics) == list(Batch([], [], terms=("exact",)).metrics())
    assert all(type(value) is float for value in metrics.values())


def test_no_mean_is_made_of_nothing() -> None:
    metrics = Batch([result(None, "timeout")], [None]).metrics(["exact"])

    assert math.isnan(metrics["reward/mean"])
    assert math.isnan(metrics["exact/mean"])


def test_every_reason_a_verdict_can_have_is_known() -> None:
    assert {*reasons.SCORED} == {reason for reason in Reason if reason.scored}
    assert {*reasons.UNSCORED} == {reason for reason in Reason if not reason.scored}
    assert {*reasons.UNSCORED} >= reasons.TRANSIENT


def test_rewards_and_marks_follow_the_samples() -> None:
    assert MIXED.rewards == [1.0, 0.0, None, 0.0, 1.0, None]
    assert MIXED.scored == [True, True, False, True, True, False]
    assert len(MIXED) == 6


def test_who_needs_every_reward_is_told_which_are_missing() -> None:
    with pytest.raises(Unscored, match="2 of 6 samples unscored: brand_new, timeout") as caught:
        MIXED.require()

    assert caught.value.reasons == {2: "timeout", 5: "brand_new"}
    assert Batch(MIXED.results[:2], ["g", "g"]).require() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("results", "groups"),
    [
        pytest.param([result(1.0)], [], id="lengths"),
        pytest.param([result(math.nan)], [None], id="NaN"),
        pytest.param([result(math.inf)], [None], id="infinite"),
    ],
)
def test_a_batch_no_trainer_could_use_is_refused(
    results: list[Result], groups: list[str | None]
) -> None:
    with pytest.raises(ProtocolError):
        Batch(results, groups)


def test_without_torch_a_tensor_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(MissingPackageError, match="pip install torch"):
        MIXED.tensor()
    with pytest.raises(ImportError, match="pip install torch"):
        MIXED.mask()
