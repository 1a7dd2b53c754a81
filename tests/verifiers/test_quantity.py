import pytest

from rewardd_verifiers import Catalog, Reason, Sample, Verdict, type_reference
from rewardd_verifiers.builtin.quantity import Gold, Quantity


def _judge(answer: str, gold: object, **params: object) -> Verdict:
    verifier = Catalog().build("quantity", params)
    assert isinstance(verifier, Quantity)
    reference: Gold = type_reference(verifier, gold)  # pyright: ignore[reportAssignmentType]  typed by this very call
    return verifier.verify(Sample(completion=f"So \\boxed{{{answer}}}", reference=reference))


NEAR = {"value": "9.81", "unit": "m/s^2", "rel_tol": 0.01}


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("9.81 m/s^2", NEAR),
        (r"9.8\,\mathrm{m\,s^{-2}}", NEAR),
        ("981 cm/s^2", NEAR),
        ("9.81", NEAR),
        (r"4.5\times10^{33}", "4.5e33"),
        (r"4.5 \cdot 10^{33}", "4.5e33"),
        ("4.5·10³³", "4.5e33"),
        ("4.52e33", "4.5e33"),
        ("12 480 J", "12480 J"),
        ("12.48 kJ", "12480 J"),
        ("77 degF", "25 degC"),
        (r"25^\circ\text{C}", "298.15 K"),
        (r"(5.02 \pm 0.1)\ \text{cm}", "5.02 cm"),
        ("1 atm", "101325 Pa"),
        ("3/4 m", "75 cm"),
        ("2.998e8 m/s", {"value": 299792458, "unit": "m/s", "sig_figs": 4}),
        ("0.001", {"value": 0, "abs_tol": 0.01}),
        ("5 kg", "5"),
        ("10.4", {"match": {"rule": "abs_window", "value": 10, "window": 0.5}}),
        ("10.4", {"match": {"rule": "rel_window", "value": 10, "window": 0.05}}),
        ("yes", {"match": {"rule": "bool_eq", "value": True}}),
    ],
)
def test_the_gold_in_another_unit_or_spelling_is_right(answer: str, gold: object) -> None:
    assert _judge(answer, gold).reason is Reason.MATCH


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("9.95 m/s^2", NEAR),
        ("-9.81 m/s^2", NEAR),
        ("9.81 m/s", NEAR),
        ("5 ft", "5 m"),
        (r"4.5\times10^{32}", "4.5e33"),
        ("4.6e33", "4.5e33"),
        ("25%", "0.25"),
        ("25", "25%"),
        ("100", "1"),
        ("0.001", {"value": 0, "rel_tol": 0.01}),
        ("10.6", {"match": {"rule": "abs_window", "value": 10, "window": 0.5}}),
        ("3, 4", "3"),
        ("4.8", "5"),
    ],
)
def test_another_number_or_dimension_is_not_right(answer: str, gold: object) -> None:
    assert _judge(answer, gold).score == 0.0


@pytest.mark.parametrize(
    ("answer", "gold", "reason"),
    [
        ("5", "about five", Reason.INVALID_REFERENCE),
        ("many", "5", Reason.UNPARSEABLE_ANSWER),
        ("1e9999", "5", Reason.UNPARSEABLE_ANSWER),
        ("9" * 9000, "5", Reason.LIMIT_EXCEEDED),
        ("", "5", Reason.NO_ANSWER),
    ],
)
def test_a_verdict_says_whose_fault_it_was(answer: str, gold: object, reason: Reason) -> None:
    assert _judge(answer, gold).reason is reason


def test_an_unknown_rule_is_an_invalid_reference() -> None:
    verifier = Catalog().build("quantity", {})
    with pytest.raises(Exception, match="rule"):
        type_reference(verifier, {"match": {"rule": "vibes", "value": 3}})


def test_a_unit_can_be_asked_for_or_ignored() -> None:
    assert _judge("9.81", NEAR, unit="require").score == 0.0
    assert _judge("9.81 kg", NEAR, unit="ignore").score == 1.0


def test_a_percent_may_stand_for_its_share_where_asked() -> None:
    assert _judge("25%", "0.25", percent="either").score == 1.0
    assert _judge("25", "0.25", percent="either").score == 0.0
