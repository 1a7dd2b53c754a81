from fractions import Fraction

import pytest

from rewardd_verifiers.code.asserts import UnsplittableError, defined, entry_of, split


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [
        pytest.param("assert f(1) == 2", 2, 3, id="equal"),
        pytest.param("assert 2 == f(1)", 2, 3, id="turned_round"),
        pytest.param("assert f(1)", [0], [], id="bare"),
        pytest.param("assert not f(1)", 0, 1, id="negated"),
        pytest.param("assert f(1) is None", None, 0, id="none"),
        pytest.param("assert f(1) is True", True, 1, id="singleton"),
        pytest.param("assert f(1) in (2, 3)", 3, 4, id="member"),
        pytest.param("assert f(1) != 3", 2, 3, id="unequal"),
        pytest.param("assert set(f([1])) == {1, 2}", [2, 1, 1], [1], id="as_set"),
        pytest.param("assert set(f([1])) == set([1, 2])", (2, 1), (3,), id="both_as_sets"),
        pytest.param("assert f(1) == set()", set[int](), {1}, id="an_empty_set"),
        pytest.param("assert sorted(f(1)) == [1, 2]", [2, 1], ["a", 1], id="sorted"),
        pytest.param("assert len(f(1)) == 2", "ab", 5, id="length_of_what_has_none"),
        pytest.param("assert abs(f(1) - 1.5) < 1e-6", 1.5 + 1e-9, 1.6, id="near"),
        pytest.param("assert abs(f(1) - 1.5) < 1e-6", 1.5, "x", id="near_what_is_no_number"),
        pytest.param("assert math.isclose(f(1), 0.1, rel_tol=0.01)", 0.1001, 0.2, id="isclose"),
        pytest.param("assert round(f(1), 2) == 1.23", 1.2345, 1.3, id="rounded"),
        pytest.param("assert f(1)[0] == 2", [2], [], id="item"),
        pytest.param("assert f(1) == 2 and True", 2, 3, id="joined"),
    ],
)
def test_the_test_of_a_result_is_made_outside(source: str, right: object, wrong: object) -> None:
    parts = split(source, "f")
    assert parts.test(right)
    assert not parts.test(wrong)


def test_arguments_and_keywords_are_literals() -> None:
    parts = split("assert f((1, {2}), -3, key={'a': None}) == 0, 'message'", "f")
    assert (parts.arguments, dict(parts.keywords)) == (((1, {2}), -3), {"key": {"a": None}})


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("assert f(1) == f(2)", id="two_calls"),
        pytest.param("assert f(x) == 1", id="a_name"),
        pytest.param("assert f(f(1)) == 1", id="nested"),
        pytest.param("assert f(lambda x: x) == 1", id="function"),
        pytest.param("assert 1 < f(1) < 3", id="chain"),
        pytest.param("assert g(1) == 1", id="another_function"),
        pytest.param("x = 1\nassert f(1) == 1", id="statements"),
        pytest.param("assert f(*[1]) == 1", id="unpacked"),
        pytest.param("assert all(v for v in f(1))", id="generator"),
        pytest.param("assert __import__('os').system('x') == f(1)", id="import"),
        pytest.param("f(1) == 1", id="no_assert"),
        pytest.param("assert (", id="no_python"),
    ],
)
def test_what_is_more_than_one_call_is_left_to_a_checker(source: str) -> None:
    with pytest.raises(UnsplittableError):
        split(source, "f")


def test_the_entry_is_the_function_that_neither_python_nor_the_setup_knows() -> None:
    setup = "import math\ndef helper(x): return x"
    sources = ["assert sorted(helper(math.floor(solve(1)))) == [1]"]
    assert entry_of(sources, defined(setup)) == "solve"
    assert entry_of(["assert len([1]) == 1"]) == ""


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            "def check(candidate):\n    assert candidate(1) == 2\ncheck(f)", id="passed_on"
        ),
        pytest.param("x = [1]\nfor y in x:\n    assert f(y) == g(f)", id="called"),
        pytest.param("import math\nassert math.isclose(f(1), abs(2))", id="beside_a_module"),
        pytest.param(
            "cases = [(1, 2)]\nassert all(f(a) == b for a, b in cases)", id="in_a_generator"
        ),
    ],
)
def test_the_entry_of_a_script_is_what_it_does_not_define(source: str) -> None:
    assert entry_of([source]) == "f"


def test_a_sum_of_long_fractions_is_refused_and_not_made() -> None:
    test = split("assert sum(f(1)) > 0", "f").test
    assert test([Fraction(1, k) for k in range(1, 100)])
    assert not test([Fraction(1, 3**10_000 + k) for k in range(50)])


def test_a_set_of_crafted_numbers_is_refused_and_not_made() -> None:
    crafted = [complex(-1000003 * k, k) for k in range(5000)]
    assert not split("assert set(f(1)) != {1}", "f").test(crafted)
