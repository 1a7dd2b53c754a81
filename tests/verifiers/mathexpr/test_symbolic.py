"""What the balls leave undecided, SymPy may prove equal, in a process of its own; nothing else."""

import json
import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import pytest

from rewardd_verifiers import Reason, Sample
from rewardd_verifiers.builtin.math import Gold, Math
from rewardd_verifiers.mathexpr import symbolic
from rewardd_verifiers.mathexpr.prover import STANDING
from rewardd_verifiers.mathexpr.quadrature import integral
from rewardd_verifiers.mathexpr.questions import UnaskableError, encode, question
from rewardd_verifiers.mathexpr.read import read
from rewardd_verifiers.mathexpr.tree import Number, Text

_CASES = Path(__file__).parents[2] / "cases" / "math_symbolic.jsonl"


class Case(NamedTuple):
    gold: str
    answer: str
    equal: bool
    outcome: str


_ALL = [Case(**json.loads(line)) for line in _CASES.read_text("utf-8").splitlines()]


@pytest.fixture(autouse=True, scope="module")
def _closed() -> Iterator[None]:
    yield
    STANDING.close()


def _sample(answer: str, gold: Gold) -> Sample[Gold]:
    return Sample(completion=rf"So \boxed{{{answer}}}", reference=gold)


@pytest.mark.parametrize("case", _ALL, ids=lambda case: f"{case.gold} <- {case.answer}")
def test_what_is_left_undecided_is_proved_or_stays_so(case: Case) -> None:
    off = Math(symbolic="off").verify(_sample(case.answer, case.gold))
    verdict = Math().verify(_sample(case.answer, case.gold))
    assert off.reason is not Reason.MATCH
    assert verdict.reason is Reason(case.outcome)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (r"\{\frac12, 2\}", Reason.UNDECIDED),
        (r"\{2, \frac12\}", Reason.UNDECIDED),
        (r"\{\frac12, 3\}", Reason.MISMATCH),
    ],
)
def test_an_element_that_is_undecided_leaves_its_set_so(answer: str, reason: Reason) -> None:
    gold = r"\{\int_0^1 x dx, 2\}"
    assert Math(symbolic="off").verify(_sample(answer, gold)).reason is reason


def test_what_is_unequal_is_never_proved_and_enough_is() -> None:
    outcomes = [(case.equal, case.outcome) for case in _ALL]
    assert (False, "match") not in outcomes
    assert outcomes.count((True, "match")) >= 40


def test_a_proof_says_so_and_an_attempt_too() -> None:
    proved = Math().verify(_sample("1/3", r"\int_0^1 x^2 dx"))
    tried = Math().verify(_sample("1/2", r"\int_0^1 x^2 dx"))
    assert (proved.evidence["strength"], proved.evidence["tier"]) == ("symbolic", 4)
    assert tried.detail == "cannot evaluate int; SymPy does not prove it"


@pytest.mark.parametrize(
    ("answer", "gold"),
    [("5", "4"), (r"\sqrt{8}", r"2\sqrt2"), ("(x+1)^2", "x^2+2x+1"), ("x+1", "x+2"), ("2, 3", "2")],
)
def test_what_is_decided_is_never_asked(answer: str, gold: str) -> None:
    before = STANDING.asked
    assert Math(symbolic="on").verify(_sample(answer, gold)).reason is not Reason.UNDECIDED
    assert STANDING.asked == before


def test_an_integral_as_answer_repeats_the_question() -> None:
    before = STANDING.asked
    verdict = Math().verify(_sample(r"\int_0^1 x^2 dx", "1/3"))
    assert (verdict.score, "another form" in verdict.detail) == (0.0, True)
    assert STANDING.asked == before


def test_without_sympy_the_verdict_is_undecided_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sympy", None)
    verdict = Math().verify(_sample("1/3", r"\int_0^1 x^2 dx"))
    assert verdict.reason is Reason.UNDECIDED
    assert verdict.detail == "cannot evaluate int; SymPy is not installed"


def test_sympy_is_never_imported_by_the_verifier() -> None:
    program = (
        "import sys; from rewardd_verifiers import Sample; "
        "from rewardd_verifiers.builtin.math import Math; "
        "v = Math().verify(Sample(completion='floor(x)+1', reference='floor(x+1)')); "
        "sys.exit('sympy' in sys.modules or v.score != 1)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == 0


def test_what_is_judged_before_changes_no_verdict() -> None:
    golds = [r"\int_0^1 x^2 dx", r"\int_0^1 x^3 \sin(x^{x^x}) dx", r"\sum_{n=0}^\infty 3^{-n}"]
    samples = [_sample(answer, gold) for gold in golds for answer in ("1/3", "3/2")]
    forth = [Math(constants="exact").verify(sample) for sample in samples]
    back = [Math(constants="exact").verify(sample) for sample in reversed(samples)]
    assert [v.reason for v in forth] == [v.reason for v in reversed(back)]
    assert [v.detail for v in forth] == [v.detail for v in reversed(back)]


def test_one_answer_has_so_much_work_and_the_next_as_much_again() -> None:
    greedy = ",".join(rf"\int_0^{n} \lfloor x \rfloor dx" for n in range(2, 40))
    verdict = Math().verify(_sample(f"({','.join(map(str, range(2, 40)))})", f"({greedy})"))
    after = Math().verify(_sample("1/3", r"\int_0^1 x^2 dx"))
    assert verdict.reason is Reason.UNDECIDED
    assert after.score == 1.0


def _prove(left: str, right: str, *integers: str) -> bool:
    asked = question(read(left).tree, read(right).tree, frozenset(integers), 1)
    return symbolic.prove(
        asked["left"], asked["right"], integers=asked["integers"], real=asked["real"]
    )


_PROVED = [
    (r"\sin^2 x + \cos^2 x", "1"),
    (r"\sqrt[3]{-8}", "-2"),
    (r"x^{2/3}", r"|x|^{2/3}"),
    (r"(-8)^{1/3}", "-2"),
    (r"\log_2 x", r"\frac{\ln x}{\ln 2}"),
    (r"e^{i t}", r"\cos t + i\sin t"),
    (r"50\%", r"1/2"),
    (r"\sin 30^\circ", r"1/2"),
    (r"5!", "120"),
    (r"\max(x, x)", "x"),
    (r"\lceil x\rceil", r"-\lfloor -x\rfloor"),
    (r"\int_0^1 f(x) dx", r"\int_0^1 f(t) dt"),
    (r"\int_0^1\int_0^x 6xy\,dy\,dx", r"\frac34"),
    (r"-\int_0^1 -\frac{dx}{x+1}", r"\ln 2"),
    (r"\int_1^0 2x dx", "-1"),
    (r"\int_{-\infty}^0 e^x dx", "1"),
    (r"\lim_{x\to-\infty} e^x", "0"),
    (r"\sum_{i=1}^{n} i", r"\frac{n(n+1)}{2}"),
    (r"\det\begin{pmatrix}a&b&0&0&0\\b&a&0&0&0\\0&0&1&0&0\\0&0&0&1&0\\0&0&0&0&1\end{pmatrix}",
     "a^2-b^2"),
]  # fmt: skip
_NOT_PROVED = [
    (r"\sqrt{x^2}", "x"),
    (r"(x^2)^{1/4}", r"\sqrt x"),
    ("x", "y"),
    (r"\frac{0}{x-x}", "0"),
    (r"8^{8^{8^{8}}}", "8"),
    (r"2000!", "7"),
    (r"\frac{1}{0}", r"\frac{2}{0}"),
    (r"\int_{-1}^{1} \frac{1}{x} dx", "0"),
    (r"\int_{-1}^{1} \frac{1}{x^2} dx", "-2"),
    (r"\int_0^{2\pi} \frac{1}{2+\cos x} dx", "0"),
    (r"\lim_{x\to\infty} \sin x", "0"),
    (r"\lim_{x\to 0} \frac{1}{x}", r"\infty"),
    (r"\sum_{n=0}^\infty (-1)^n", r"\frac12"),
    (r"\sum_{n=1}^\infty n", r"-\frac1{12}"),
    (r"\sum_{n=0}^\infty 2^n", "-1"),
    ("f(x)", "f(2x)"),
    ("f(x)", "g(x)"),
    (r"\sin(n\pi)", "0"),
    (r"(i t)^{1/3}", "t"),
]


@pytest.mark.parametrize(("left", "right"), _PROVED)
def test_an_identity_is_proved_either_way_round(left: str, right: str) -> None:
    assert _prove(left, right)
    assert _prove(right, left)


@pytest.mark.parametrize(("left", "right"), _NOT_PROVED)
def test_what_is_no_identity_or_beyond_it_is_not_proved(left: str, right: str) -> None:
    assert not _prove(left, right)


def test_a_name_that_is_declared_whole_is_taken_so() -> None:
    assert _prove(r"\sin(n\pi)", "0", "n")


@pytest.mark.parametrize(
    "text",
    [
        r"\text{eval}",
        r"\int x dx",
        r"\int_0^1 x",
        r"\sum n",
        r"\{1, 2\}",
        r"5\text{ km}",
        r"\oint_C x dx",
    ],
)
def test_what_has_no_constructor_is_not_asked(text: str) -> None:
    with pytest.raises(UnaskableError):
        encode(read(text).tree)


def test_a_number_of_any_length_travels_and_prose_does_not() -> None:
    assert encode(Number(Fraction(10**9000)))[0] == "number"
    with pytest.raises(UnaskableError):
        encode(Text("eval"))


def test_bound_names_are_numbered_and_free_ones_kept() -> None:
    assert encode(read(r"\int_0^x t x dt").tree) == encode(read(r"\int_0^x s x ds").tree)
    assert encode(read(r"\int_0^x t x dt").tree) != encode(read(r"\int_0^y t y dt").tree)


def test_a_wrong_integral_is_contradicted_by_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def believes(difference: object) -> bool:
        return difference is not None

    monkeypatch.setattr(symbolic, "_is_zero", believes)
    assert not _prove(r"\int_0^1 a x dx", r"\frac{a}{3}")
    assert not _prove(r"\int_0^1 a x^n dx", r"\frac{a}{n+2}", "n")
    assert _prove(r"\int_0^1 a x dx", r"\frac{a}{2}")


@pytest.mark.parametrize(
    ("low", "high", "area"),
    [(0.0, 1.0, 0.5), (1.0, 0.0, -0.5), (-2.0, 4.0, 6.0)],
)
def test_quadrature_is_right_between_ends(low: float, high: float, area: float) -> None:
    value, error = integral(lambda x: x, low, high)
    assert value == pytest.approx(area)
    assert error < 1e-4


def test_quadrature_knows_when_it_may_be_off() -> None:
    def wave(x: float) -> float:
        return (x * 7.3) % 1.0 - 0.5

    _, error = integral(wave, 0.0, float("inf"))
    assert error > 1.0
