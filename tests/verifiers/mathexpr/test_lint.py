import pytest

from rewardd_verifiers.mathexpr.lint import lint_gold


@pytest.mark.parametrize(
    ("gold", "code"),
    [
        ("", "gold_empty"),
        (r"\frac{1}{0}", "gold_undefined"),
        ("9" * 9000, "gold_limits"),
        ("(3+", "gold_unreadable"),
    ],
)
def test_a_gold_that_nothing_can_be_judged_against_is_refused(gold: str, code: str) -> None:
    (finding,) = lint_gold(gold)
    assert (finding.level, finding.code) == ("refused", code)


@pytest.mark.parametrize(
    ("gold", "code"),
    [
        ("\x0crac{1}{2}", "escapes_eaten"),
        ("(3, 4", "repaired"),
        ("$5", "odd_dollars"),
        ("it depends on the sign of the slope", "prose"),
        ("0.33", "few_decimals"),
        ("03/04/2020", "ambiguous_date"),
        ("2:30", "ambiguous_colon"),
        ("0,5", "ambiguous_comma"),
        ("3 or 4", "several_answers"),
        (r"\int_0^1 x^2 dx", "unworked"),
        (r"\lim_{x\to 0} \frac{\sin x}{x}", "unworked"),
        (r"2 + \sum_{n=1}^\infty \frac{1}{n^2}", "unworked"),
    ],
)
def test_a_gold_with_two_readings_is_warned_of(gold: str, code: str) -> None:
    assert code in {finding.code for finding in lint_gold(gold) if finding.level == "warned"}


@pytest.mark.parametrize(
    "gold",
    [
        "12",
        r"\frac{7}{8}",
        "(2,3)",
        r"x^2+1",
        "[0,1)",
        "B",
        "Tuesday",
        "1234567",
        r"\sum_{k=1}^{9} k",
    ],
)
def test_a_sound_gold_has_no_findings(gold: str) -> None:
    assert lint_gold(gold) == []
