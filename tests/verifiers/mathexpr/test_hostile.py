"""Answers that mean harm: each is decided, within a count of steps, on any thread."""

import resource
import threading

import pytest

from rewardd_verifiers import Verdict
from rewardd_verifiers.builtin.math import Gold, Math
from rewardd_verifiers.mathexpr.compare import compare
from rewardd_verifiers.mathexpr.identity import Context
from rewardd_verifiers.mathexpr.limits import MAX_STEPS, Steps, UndecidedError
from rewardd_verifiers.mathexpr.probe import Evaluator
from rewardd_verifiers.mathexpr.read import read
from rewardd_verifiers.mathexpr.tree import Tree
from rewardd_verifiers.sample import Sample

_HOSTILE = {
    "power_tower": r"8^{8^{8^{8}}}",
    "plain_tower": "9**9**9**9",
    "modular_tower": r"7^{7^{7^{7}}} \bmod 1000",
    "tower_in_a_set": r"\{3^{3^{3^{3}}}, 2\}",
    "huge_factorial": "1000000000!",
    "iterated_factorial": "((((9!)!)!)!)!",
    "bangs": "5" + "!" * 3000,
    "gamma": r"\Gamma(10^{30})",
    "binomial": r"\binom{10^{20}}{10^{10}}",
    "long_decimal": "0." + "3" * 50_000,
    "degenerate": "2 " * 3000,
    "nested_fractions": r"\frac{1}{" * 300 + "2" + "}" * 300,
    "naked_fractions": r"\frac" * 1500,
    "nested_roots": r"\sqrt{" * 300 + "2" + "}" * 300,
    "brackets": "(" * 3000 + "1" + ")" * 3000,
    "open_brackets": "(" * 8000,
    "big_set": r"\{" + ",".join(map(str, range(1000))) + r"\}",
    "high_power_of_a_sum": "(x+y+z+1)^{5000}",
    "long_sum": "+".join(f"x^{{{n}}}" for n in range(900)),
    "indexed_sum": r"\sum_{k=1}^{1000000000} k",
    "set_of_roots": r"\{" + ",".join(rf"\sqrt{{{n}}}" for n in range(2, 250)) + r"\}",
    "set_of_logarithms": r"\{" + ",".join(rf"\ln {n}" for n in range(2, 250)) + r"\}",
    "set_of_powers": r"\{" + ",".join(rf"x^{{{n}}}+y" for n in range(2, 250)) + r"\}",
    "sums_in_a_set": r"\{" + ",".join([r"\sum_{i=1}^{900} \sqrt{i}"] * 200) + r"\}",
    "nested_sums": r"\sum_{i=1}^{900}\sum_{j=1}^{900} ij",
    "hard_integral": r"\int_0^1 e^{-x^2}\sin(x^x) dx",
    "symbolic_determinant": r"\begin{vmatrix}"
    + r"\\".join("&".join(f"x^{{{i * j}}}" for i in range(20)) for j in range(20))
    + r"\end{vmatrix}",
    "plus_minus": r"\pm " * 2000 + "1",
    "minus": "-" * 4000 + "1",
    "exponents": "x^" * 2000 + "x",
    "large_exponent": "1e9999999",
    "large_literal": "1e9999+1e-9999",
    "large_root": r"\sqrt[1000]{" + "9" * 3000 + "}",
    "large_base": "1" * 3000 + "_2",
    "zero_width": "\u200b" * 4000 + "8",
    "directional": "\u202e8\u202c",
    "nul": "8\x00",
    "surrogate": "8\ud800",
    "units": "5 " + "m " * 3000,
    "chain": "=".join(["8"] * 1500),
    "import": "__import__('os').system('touch /tmp/hacked')",
    "list_call": "[__import__('os').getcwd(), 2]",
    "matrix_call": r"\begin{pmatrix}__import__('os')&exec('1')\end{pmatrix}",
    "boolean_call": "True and eval('1+1')",
    "lambda": "(lambda: 8)()",
    "attribute": "().__class__.__bases__[0].__subclasses__()",
    "format": "{0.__class__}",
}


def _verdict(answer: str, gold: Gold = "7") -> Verdict:
    completion = f"The answer is ${answer}$."
    return Math().verify(Sample(completion=completion, reference=gold))


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_hostile_answer_earns_nothing(name: str) -> None:
    assert _verdict(_HOSTILE[name]).score in {0.0, None}


@pytest.mark.parametrize("name", _HOSTILE)
def test_a_hostile_gold_pays_nobody(name: str) -> None:
    assert _verdict("7", _HOSTILE[name]).score in {0.0, None}


def test_evidence_is_valid_text_whatever_the_policy_wrote() -> None:
    evidence = _verdict("8\ud800\x00" + "9" * 2000).evidence
    assert str(evidence["answer"]).encode("utf-8")
    assert len(str(evidence["answer"])) <= 512


def test_a_hostile_answer_is_decided_in_a_thread_too() -> None:
    before = threading.active_count()
    seen: list[float | None] = []
    thread = threading.Thread(
        target=lambda: seen.extend(_verdict(a).score for a in _HOSTILE.values())
    )
    thread.start()
    thread.join()
    assert len(seen) == len(_HOSTILE)
    assert threading.active_count() == before


def test_memory_stays_bounded() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for answer in _HOSTILE.values():
        _verdict(answer)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 100 * 1024


def test_work_is_counted_and_refused() -> None:
    steps = Steps()
    steps.take(MAX_STEPS)
    with pytest.raises(UndecidedError):
        steps.take()


def _roots(first: int, last: int) -> Tree:
    return read(r"\{" + ",".join(rf"\sqrt{{{n}}}" for n in range(first, last)) + r"\}").tree


def _steps_taken(gold: Tree, answer: Tree) -> int:
    context = Context()
    compare(gold, answer, context)
    return MAX_STEPS - context.steps.left


def test_large_sets_of_irrational_elements_take_steps_in_proportion() -> None:
    small = _steps_taken(_roots(2, 62), _roots(3, 63))
    large = _steps_taken(_roots(2, 242), _roots(3, 243))
    assert 0 < large <= 5 * small
    assert large < MAX_STEPS // 4


def test_two_sets_of_the_same_spellings_take_no_steps() -> None:
    gold = read(r"\{\sqrt2, \ln 3, x+y\}").tree
    assert _steps_taken(gold, read(r"\{y+x, \sqrt2, \ln 3\}").tree) == 0


def test_nested_sums_end_when_their_steps_are_spent() -> None:
    steps = Steps(1000)
    tree = read(r"\sum_{i=1}^{900}\sum_{j=1}^{900} ij").tree
    with pytest.raises(UndecidedError, match="steps"):
        Evaluator({}, steps).value(tree)
    assert steps.left == -1
