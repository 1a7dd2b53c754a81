"""Each parameter of a comparison, on and off."""

import pytest

from rewardd_verifiers import Catalog, Sample, type_reference
from rewardd_verifiers.builtin.math import Gold, Math


def _score(gold: object, answer: str, **params: object) -> float | None:
    verifier = Catalog().build("math", params)
    assert isinstance(verifier, Math)
    reference: Gold = type_reference(verifier, gold)  # pyright: ignore[reportAssignmentType]  typed by this call
    return verifier.verify(Sample(completion=rf"\boxed{{{answer}}}", reference=reference)).score


@pytest.mark.parametrize(
    ("params", "gold", "answer"),
    [
        ({"absolute_tolerance": "0.1"}, "5", "5.05"),
        ({"relative_tolerance": "0.01"}, "200", "201"),
        ({"relative_tolerance": "0.001"}, r"\pi", "3.1415"),
        ({"significant_digits": 2}, "1234", "1249"),
        ({"gold_precision": 2}, "0.32", r"\frac{7}{22}"),
        ({"rounded_answer": 3}, r"\frac{7}{22}", "0.318"),
        ({"units": "ignore"}, "5 cm", "5 m"),
        ({"order": "ordered"}, "1, 2", "1, 2"),
        ({"form": "any"}, "30", r"\sum_{k=1}^4 k^2"),
        ({"form": "factored"}, "x^2-1", "(x-1)(x+1)"),
        ({"form": "expanded"}, "(x-1)(x+1)", "x^2-1"),
        ({"form": "lowest_terms"}, "0.5", r"\frac12"),
        ({"form": "number"}, "1776", "1776"),
        ({"case": "folded"}, "2R", "2r"),
        ({"colon": "ratio"}, "4:30", "2:15"),
        ({"decimal_comma": True}, "0.5", "0,5"),
        ({"integers": ["n"]}, r"\cos n\pi", "(-1)^n"),
        ({"domain": "common"}, r"\ln(u^2)", r"2\ln u"),
        ({"think": "keep"}, "5", "5"),
    ],
)
def test_a_switch_lets_pass_what_it_is_for(
    params: dict[str, object], gold: str, answer: str
) -> None:
    assert _score(gold, answer, **params) == 1.0


@pytest.mark.parametrize(
    ("params", "gold", "answer"),
    [
        ({}, "5", "5.05"),
        ({"gold_precision": "off"}, "0.318", r"\frac{7}{22}"),
        ({"rounded_answer": "off"}, r"\frac{7}{22}", "0.318182"),
        ({"percent": "strict"}, r"25\%", "25"),
        ({"units": "require"}, "5 cm", "5"),
        ({"units": "exact"}, "5 cm", "50 mm"),
        ({"order": "ordered"}, "1, 2", "2, 1"),
        ({}, "30", r"\sum_{k=1}^4 k^2"),
        ({"form": "number"}, "1776", r"37\cdot48"),
        ({"form": "factored"}, "(x-1)(x+1)", "x^2-1"),
        ({"form": "expanded"}, "x^2-1", "(x-1)(x+1)"),
        ({"form": "lowest_terms"}, "0.5", r"\frac24"),
        ({}, "2R", "2r"),
        ({"labels": "required"}, "v=12", "12"),
        ({"missing_base": "reject"}, "2130_4", "2130"),
        ({"constants": "exact"}, "x^2+C", "x^2+K"),
        ({"colon": "time"}, "6:10", "3:05"),
        ({}, "0.5", "0,5"),
        ({"domain": "everywhere"}, r"\ln(u^2)", r"2\ln u"),
    ],
)
def test_without_it_the_answer_fails(params: dict[str, object], gold: str, answer: str) -> None:
    assert _score(gold, answer, **params) == 0.0


def test_a_reference_overrides_the_verifier_for_its_own_sample() -> None:
    assert _score({"answer": "5 cm", "units": "require"}, "5") == 0.0
    assert _score({"answer": "5", "absolute_tolerance": 0.5}, "5.4") == 1.0


@pytest.mark.parametrize(
    ("answer", "score"),
    [("14", 1.0), ("C", 1.0), (r"\textbf{(C)}\;14", 1.0), ("12", 0.0), ("B", 0.0),
     (r"\textbf{(C)}\;12", 0.0), ("B or C", 0.0), ("13", 0.0)],
)  # fmt: skip
def test_options_are_known_by_letter_and_by_text(answer: str, score: float) -> None:
    assert _score({"answer": "C", "choices": {"B": "12", "C": "14"}}, answer) == score
