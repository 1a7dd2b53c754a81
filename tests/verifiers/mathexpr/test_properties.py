"""What holds for every gold: it equals itself, both ways, however it is spelled."""

import threading
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardd_verifiers.mathexpr import balls
from rewardd_verifiers.mathexpr.identity import Context, same
from rewardd_verifiers.mathexpr.judge import judge
from rewardd_verifiers.mathexpr.limits import LimitError, UnreadableError
from rewardd_verifiers.mathexpr.lint import respellings
from rewardd_verifiers.mathexpr.mutations import mutations
from rewardd_verifiers.mathexpr.policy import Policy
from rewardd_verifiers.mathexpr.read import read
from rewardd_verifiers.mathexpr.secret import share_secret

_NEUTRAL = Policy(gold_precision=None, rounded_answer=None, percent="strict", units="exact",
                  missing_base="reject", labels="required", symbolic="off")  # fmt: skip
_ALONE = Policy(symbolic="off")

_atoms = st.one_of(
    st.integers(-999, 999).map(str),
    st.sampled_from(["x", "y", "t", r"\pi", r"\sqrt{2}", r"\frac{3}{7}", "0.25", "e"]),
)
_expressions = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", r"\cdot "]), inner).map("".join),
        inner.map(lambda text: f"({text})^2"),
        inner.map(lambda text: rf"\frac{{{text}}}{{5}}"),
        inner.map(lambda text: rf"\sin({text})"),
    ),
    max_leaves=8,
)
_answers = st.one_of(
    _expressions,
    st.lists(_expressions, min_size=2, max_size=4).map(", ".join),
    st.lists(_expressions, min_size=2, max_size=3).map(lambda items: f"({', '.join(items)})"),
    st.tuples(_expressions, _expressions).map(lambda ends: rf"\{{{ends[0]},{ends[1]}\}}"),
)


def _equal(gold: str, answer: str, policy: Policy = _ALONE) -> bool | None:
    return judge(read(gold), read(answer), policy).equal


def _read_or_refused(text: str) -> bool:
    """Read, or fail in one of the two ways that are promised."""
    try:
        read(text)
    except (LimitError, UnreadableError) as error:
        return bool(str(error))
    return True


@settings(max_examples=150, deadline=None)
@given(_answers)
def test_a_gold_matches_itself_and_its_respellings(gold: str) -> None:
    assert _equal(gold, f" {gold} ")
    assert [text for text in respellings(gold) if not _equal(gold, text)] == []


@settings(max_examples=150, deadline=None)
@given(_answers, _answers)
def test_without_switches_gold_and_answer_may_change_places(gold: str, answer: str) -> None:
    assert _equal(gold, answer, _NEUTRAL) == _equal(answer, gold, _NEUTRAL)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert _read_or_refused(text)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="\\{}[]()^_$|,;:!'%&=<>+-*/.0123456789xyfracsqtlei ", max_size=60))
def test_any_scramble_of_latex_is_read_or_refused(text: str) -> None:
    assert _read_or_refused(text)


def test_respellings_match_and_small_changes_do_not() -> None:
    made = list(mutations(Random(20), 240))  # noqa: S311  no secret
    wrong = [one for one in made if _equal(one.gold, one.answer) is not one.equal]
    assert wrong == []


_RESPELLED = {
    "spelling", "blanks", "grouping", "decimal", "order", "order of terms", "bound name",
    "converted", "inequality", "interval", "fraction", "labels left out", "moved point",
}  # fmt: skip
_CHANGED = {
    "digit", "sign", "bracket", "element", "order", "base", "unit", "exponent", "label",
    "free name", "relation", "dimension", "factor of ten", "cut off",
}  # fmt: skip


def test_mutations_are_of_many_kinds_and_a_random_state_gives_the_same_again() -> None:
    made = list(mutations(Random(4), 100))  # noqa: S311  no secret
    assert {one.kind for one in made if one.equal} >= _RESPELLED
    assert {one.kind for one in made if not one.equal} >= _CHANGED
    assert made == list(mutations(Random(4), 100))  # noqa: S311  no secret


@pytest.mark.parametrize("secret", [bytes([n]) * 16 for n in range(1, 101)], ids=range(1, 101))
def test_no_verdict_depends_on_the_secret(secret: bytes) -> None:
    share_secret(secret)
    try:
        assert _equal(r"\cos 2t", r"1-2\sin^2 t") is True
        assert _equal(r"\sqrt{t^2}", "t") is False
        assert _equal(r"2\ln u", r"\ln(u^2)") is True
        assert _equal(r"10^{100}+\sqrt2", r"10^{100}+\sqrt3") is False
        assert _equal(r"\cos n\pi", "(-1)^n") is None
    finally:
        share_secret(b"\x07" * 16)


def test_precision_of_one_thread_does_not_change_anothers() -> None:
    seen: list[bool | None] = []
    gold, answer = read(r"\sqrt{7+4\sqrt3}").tree, read(r"2+\sqrt3").tree

    def work() -> None:
        for _ in range(60):
            seen.append(same(gold, answer, Context()).equal)
            with balls.precision(64):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 240
