"""What the balls leave undecided, SymPy may prove equal, in a process of its own; nothing else."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction

import pytest

from rewardd_verifiers import Reason, Sample
from rewardd_verifiers.builtin.math import Gold, Math
from rewardd_verifiers.mathexpr.prover import STANDING, Allowance, Prover, UnaskableError, encode
from rewardd_verifiers.mathexpr.read import read
from rewardd_verifiers.mathexpr.tree import Number, Text

_PROVEN = [
    (r"\sum_{n=0}^{\infty} \frac{1}{2^n}", r"2"),
    (r"\lfloor x \rfloor + 1", r"\lfloor x + 1 \rfloor"),
    (r"\sin^2 x + \cos^2 x", "1"),
    (r"\frac{x^2-1}{x-1}", "x+1"),
]
_UNPROVEN = [
    (r"\lfloor x \rfloor", r"\lceil x \rceil"),
    (r"\sqrt{x^2}", "x"),
    ("x", "y"),
    (r"\sum_{n=1}^{\infty} \frac{1}{n}", "7"),
    (r"8^{8^{8^{8}}}", "8"),
    (r"\frac{0}{x-x}", "0"),
    ("f(x)", "f(x)+0"),
]


@pytest.fixture(name="prover", scope="module")
def _prover() -> Iterator[Prover]:
    prover = Prover()
    yield prover
    prover.close()


def _proves(prover: Prover, left: str, right: str, allowance: Allowance | None = None) -> bool:
    return prover.proves(
        read(left).tree, read(right).tree, integers=[], allowance=allowance or Allowance()
    )


@pytest.mark.parametrize(("left", "right"), _PROVEN)
def test_an_identity_is_proved(prover: Prover, left: str, right: str) -> None:
    assert _proves(prover, left, right)
    assert _proves(prover, right, left)


@pytest.mark.parametrize(("left", "right"), _UNPROVEN)
def test_what_is_no_identity_or_beyond_it_is_not_proved(
    prover: Prover, left: str, right: str
) -> None:
    assert not _proves(prover, left, right)


def test_a_proof_that_takes_too_long_costs_the_process_and_the_next_has_another() -> None:
    prover = Prover()
    terms = "+".join(rf"\sin({n}x)\cos({n + 1}x)" for n in range(1, 12))
    hard = _proves(prover, rf"({terms})^{{20}}", rf"\sin({terms})")
    again = _proves(prover, "x+x", "2x")
    prover.close()
    assert (hard, again) == (False, True)


def test_proofs_are_rationed_and_earned_by_rulings(prover: Prover) -> None:
    allowance = Allowance(left=1)
    first = _proves(prover, "x+x", "2x", allowance)
    second = _proves(prover, "x+x", "2x", allowance)
    for _ in range(20):
        allowance.earn()
    third = _proves(prover, "x+x", "2x", allowance)
    assert (first, second, third) == (True, False, True)


def test_threads_share_one_process(prover: Prover) -> None:
    found: list[bool] = []
    threads = [
        threading.Thread(target=lambda: found.append(_proves(prover, "x+x", "2x")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4


def test_a_number_of_any_length_travels_and_prose_does_not() -> None:
    assert encode(Number(Fraction(10**9000)))[0] == "number"
    with pytest.raises(UnaskableError):
        encode(Text("eval"))


def _sample(completion: str, gold: Gold) -> Sample[Gold]:
    return Sample(completion=completion, reference=gold)


def test_only_the_switch_turns_undecided_into_a_match() -> None:
    gold = r"\lfloor x \rfloor + 1"
    sample = _sample(r"\boxed{\lfloor x + 1 \rfloor}", gold)
    other = _sample(r"\boxed{\lceil x \rceil}", gold)
    verdicts = [
        Math().verify(sample),
        Math(symbolic="auto").verify(sample),
        Math(symbolic="on").verify(other),
    ]
    STANDING.close()
    assert [v.reason for v in verdicts][:2] == [Reason.UNDECIDED, Reason.MATCH]
    assert verdicts[1].evidence["strength"] == "symbolic"
    assert verdicts[2].reason is not Reason.MATCH


def test_sympy_is_never_imported_by_the_verifier() -> None:
    program = (
        "import sys; from rewardd_verifiers import Sample; "
        "from rewardd_verifiers.builtin.math import Math; "
        "Math(symbolic='on').verify(Sample(completion='floor(x)+1', reference='floor(x+1)')); "
        "sys.exit('sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == 0
