import pytest

from rewardd_verifiers import Reason, Sample
from rewardd_verifiers.builtin.math import Gold, Math


@pytest.mark.parametrize(
    "gold",
    [
        pytest.param([], id="no_gold"),
        pytest.param(float("nan"), id="not_a_number"),
        pytest.param("NaN", id="as_text"),
        pytest.param("<NA>", id="of_a_table"),
        pytest.param(["", "3"], id="one_is_empty"),
    ],
)
def test_a_gold_that_is_none_pays_nobody_and_costs_nobody(gold: Gold) -> None:
    verdict = Math().verify(Sample(completion=r"\boxed{NaN}", reference=gold))
    assert (verdict.score, verdict.reason) == (None, Reason.INVALID_REFERENCE)
