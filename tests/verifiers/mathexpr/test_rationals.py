"""Rational functions are told apart exactly, and as balls would tell them."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rewardd_verifiers.mathexpr import rationals
from rewardd_verifiers.mathexpr.identity import Context, same
from rewardd_verifiers.mathexpr.limits import MAX_STEPS, Steps, UndecidedError
from rewardd_verifiers.mathexpr.read import read
from rewardd_verifiers.mathexpr.tree import Tree

_ONE = r"(\sin^2 t + \cos^2 t)"
"""It is 1, and no rational function: beside it only balls can compare."""

_functions = st.recursive(
    st.one_of(st.integers(0, 30).map(str), st.sampled_from(["x", "y", "0.5", r"\frac{2}{3}"])),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", r"\cdot "]), inner).map("".join),
        st.tuples(inner, st.integers(2, 3)).map(lambda pair: f"({pair[0]})^{{{pair[1]}}}"),
        st.tuples(inner, inner).map(lambda pair: rf"\frac{{{pair[0]}}}{{1+({pair[1]})^2}}"),
    ),
    max_leaves=5,
)


def _tree(text: str) -> Tree:
    return read(text).tree


@settings(max_examples=200, deadline=None)
@given(_functions, _functions)
def test_exact_values_and_balls_agree_on_what_is_equal(left: str, right: str) -> None:
    exactly = same(_tree(left), _tree(right), Context()).equal
    by_balls = same(_tree(f"({left}){_ONE}"), _tree(right), Context()).equal
    assume(exactly is not None and by_balls is not None)
    assert exactly == by_balls


@settings(max_examples=100, deadline=None)
@given(_functions)
def test_a_function_equals_its_own_double_halved(text: str) -> None:
    doubled = rf"\frac{{({text})+({text})}}{{2}}"
    assert same(_tree(text), _tree(doubled), Context()).equal


@pytest.mark.parametrize(
    "text",
    [
        r"\frac{1}{x-x}", "x^{y}", "(-1)^{n}", r"\sqrt{x}", r"\sin x", "(x+y+1)^{5000}",
        "(x-x)^{2}", r"x \cdot " + "9" * 3900 + r"^{9}",
    ],
    ids=["pole", "name in an exponent", "sign by an exponent", "root", "angle", "too large",
         "power of zero", "too large a literal's power"],
)  # fmt: skip
def test_what_has_no_exact_value_here_is_left_to_balls(text: str) -> None:
    assert rationals.values([_tree(text)], 0, Steps()) is None


def test_points_are_other_ones_at_each_place() -> None:
    tree = [_tree("x")]
    assert rationals.values(tree, 0, Steps()) != rationals.values(tree, 1, Steps())


def test_work_is_counted_and_ends() -> None:
    steps = Steps(MAX_STEPS)
    rationals.values([_tree("x+y+1")], 0, steps)
    assert steps.left == MAX_STEPS - 4
    with pytest.raises(UndecidedError):
        rationals.values([_tree("x+y+1")], 0, Steps(2))
