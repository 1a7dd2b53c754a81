import pytest

from rewardd_verifiers import Catalog, Reason, Sample, Verdict, type_reference
from rewardd_verifiers.builtin.math import Math


def _judge(completion: str, gold: object, **params: object) -> Verdict:
    verifier = Catalog().build("math", params)
    assert isinstance(verifier, Math)
    reference = type_reference(verifier, gold)
    return verifier.verify(Sample(completion=completion, reference=reference))  # pyright: ignore[reportArgumentType]  typed by the line above


@pytest.mark.parametrize(
    ("completion", "gold", "reason"),
    [
        pytest.param(r"So \boxed{\frac{14}{4}}.", "3.5", Reason.MATCH, id="right"),
        pytest.param(r"So \boxed{3.6}.", "3.5", Reason.MISMATCH, id="wrong"),
        pytest.param("I do not know", "3.5", Reason.MISMATCH, id="prose"),
        pytest.param("<think>3.5", "3.5", Reason.NO_ANSWER, id="only_in_open_thinking"),
        pytest.param(r"\boxed{}", "3.5", Reason.NO_ANSWER, id="empty_box"),
        pytest.param(r"\boxed{3.5} or \boxed{3.5", "3.5", Reason.BAD_FORMAT, id="open_box"),
        pytest.param(r"\boxed{(3+}", "3.5", Reason.UNPARSEABLE_ANSWER, id="broken"),
        pytest.param(f"\\boxed{{{'9' * 9000}}}", "3.5", Reason.LIMIT_EXCEEDED, id="huge"),
        pytest.param(r"\boxed{3.5}", "(3+", Reason.INVALID_REFERENCE, id="broken_gold"),
        pytest.param(r"\boxed{3.5}", r"\frac{1}{0}", Reason.INVALID_REFERENCE, id="undefined_gold"),
        pytest.param("#### 42", 42, Reason.MATCH, id="marker_and_number"),
        pytest.param(r"\boxed{0.50}", 0.5, Reason.MATCH, id="float_gold"),
        pytest.param(r"\boxed{12}", ["11", "12"], Reason.MATCH, id="any_of_several"),
        pytest.param(r"\boxed{12, 11}", ["11", "12"], Reason.MISMATCH, id="any_is_not_all"),
    ],
)
def test_a_verdict_says_whose_fault_it_was(completion: str, gold: object, reason: Reason) -> None:
    assert _judge(completion, gold).reason is reason


def test_several_golds_are_all_asked_for_where_the_reference_says_so() -> None:
    gold = {"answer": ["11", "12"], "golds": "all"}
    assert _judge(r"\boxed{12, 11}", gold).reason is Reason.MATCH


def test_evidence_names_span_tier_and_difference() -> None:
    verdict = _judge(r"Thus $x\in\boxed{[2, 5)}$.", "[2,5]")
    assert verdict.evidence["span"] == [17, 23]
    assert verdict.detail == "right end is closed in the gold and open in the answer"


def test_a_switch_that_was_needed_is_named() -> None:
    assert _judge(r"\boxed{25}", r"25\%").evidence["switches"] == ["percent"]
