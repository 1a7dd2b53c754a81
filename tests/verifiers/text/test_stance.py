import pytest

from rewardd_verifiers import Reason, Sample, Verdict
from rewardd_verifiers.builtin.choice import Choice
from rewardd_verifiers.builtin.math import Gold, Math
from rewardd_verifiers.builtin.quantity import Quantity

NOT_CLAIMED = (
    "I don't know whether the answer is {}.",
    "I cannot tell if the answer is {}.",
    "It is not clear that the answer is {}.",
    "I doubt that the correct answer is {}.",
    "Nobody knows whether the answer is {}.",
    "Some people think the answer is {}.",
    "It would be wrong to say that the answer is {}.",
    "Let us suppose the answer is {}.",
    "Could the answer be {}?",
    "The answer is certainly not {}.",
    "The answer is anything but {}.",
    "The answer is {}, which is wrong.",
    "The answer is {}, but that is incorrect.",
    "The answer is {}, unless I am mistaken.",
    "The answer is {}, or none of these.",
    "The answer is {}, or maybe something else.",
)
CLAIMED = (
    "I am not sure, but I think the answer is {}.",
    "Without any doubt the answer is {}.",
    "There is no doubt that the answer is {}.",
    "I would say the answer is {}.",
    "I checked whether that holds. It does, so the answer is {}.",
    "If this is right, then the answer is {}.",
    "That's wrong, so the answer is {}.",
    "The answer is {}. This cannot be improved.",
    "The answer is {}. It is impossible to find another.",
    "The answer is {}, as was to be shown.",
    "The answer is {}.\n\nWould you like to see why?",
)


def _math(completion: str, gold: Gold) -> Verdict:
    return Math().verify(Sample(completion=completion, reference=gold))


@pytest.mark.parametrize("value", ["17", r"$\frac{3}{7}$", "C"])
@pytest.mark.parametrize("wording", NOT_CLAIMED)
def test_a_value_that_is_not_claimed_earns_nothing(wording: str, value: str) -> None:
    assert _math(wording.format(value), value).score == 0.0


@pytest.mark.parametrize("value", ["17", r"$\frac{3}{7}$", "C"])
@pytest.mark.parametrize("wording", CLAIMED)
def test_a_value_that_is_claimed_counts_whatever_stands_round_it(wording: str, value: str) -> None:
    assert _math(wording.format(value), value).score == 1.0


@pytest.mark.parametrize("wording", NOT_CLAIMED)
def test_a_choice_that_is_not_made_earns_nothing(wording: str) -> None:
    verdict = Choice().verify(Sample(completion=wording.format("C"), reference="C"))
    assert verdict.score == 0.0


@pytest.mark.parametrize("wording", CLAIMED)
def test_a_choice_that_is_made_counts_whatever_stands_round_it(wording: str) -> None:
    verdict = Choice().verify(Sample(completion=wording.format("(C)"), reference="C"))
    assert verdict.score == 1.0


@pytest.mark.parametrize("wording", NOT_CLAIMED)
def test_a_quantity_that_is_not_claimed_earns_nothing(wording: str) -> None:
    verdict = Quantity().verify(Sample(completion=wording.format("12 km"), reference="12 km"))
    assert verdict.score == 0.0


@pytest.mark.parametrize(
    "completion",
    [
        r"The answer is not \boxed{17}.",
        r"\boxed{17} is wrong.",
        r"\boxed{17}. Wait, that's wrong.",
        r"\boxed{17}. Actually, the answer is 18.",
        r"\boxed{17}, or maybe 18.",
        r"\boxed{17}. I made a mistake: it is 18.",
        r"I don't know whether the answer is \boxed{17}.",
    ],
)
def test_a_box_that_is_denied_or_taken_back_is_a_hedge(completion: str) -> None:
    verdict = _math(completion, "17")
    assert (verdict.score, verdict.reason) == (0.0, Reason.MISMATCH)
    assert verdict.detail.startswith("hedge: ")
    assert verdict.evidence["hedges"] == 1


@pytest.mark.parametrize("told", ["The answer is 17.", "#### 17\n", r"Hence \boxed{17}."])
@pytest.mark.parametrize(
    "remark",
    ["Wait, that's wrong.", "Scratch that.", "I made a mistake.", "Actually, no.", "Never mind."],
)
def test_an_answer_that_is_withdrawn_earns_nothing(told: str, remark: str) -> None:
    assert _math(f"{told} {remark}", "17").score == 0.0


@pytest.mark.parametrize(
    "completion",
    [
        "The answer is 17. Wait, let me check. Yes.",
        "The answer is 16. Wait, that's wrong. It is 17.",
        "The answer is 17. Hold on: 8 + 9 = 17. Good.",
        "#### 17\n\nWait for the next problem.",
    ],
)
def test_an_answer_that_is_checked_or_replaced_stands(completion: str) -> None:
    assert _math(completion, "17").score == 1.0


@pytest.mark.parametrize(
    "completion",
    [
        r"So not \boxed{16} but \boxed{17}.",
        r"\boxed{17}. Wait, let me check: 9 + 8 is indeed 17.",
        r"\boxed{17}. That is not an even number.",
        r"\boxed{17}, which is prime. Using 18 would be wrong.",
        r"\boxed{17}, or about $17.0$.",
    ],
)
def test_a_box_that_is_explained_stands(completion: str) -> None:
    assert _math(completion, "17").score == 1.0
