import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_verifiers.code.compare import Tolerance, difference
from rewardd_verifiers.code.tasks import Comparison

T, F, L, E, U = (
    Comparison.TOKEN,
    Comparison.FLOAT,
    Comparison.LINES,
    Comparison.EXACT,
    Comparison.UNORDERED,
)


@pytest.mark.parametrize(
    ("how", "expected", "got"),
    [
        pytest.param(T, b"1 2\n3\n", b"1   2 3", id="white_space_only_separates"),
        pytest.param(T, b"0.5", b"0.50", id="fractions_by_value"),
        pytest.param(T, b"1e3", b"1000", id="exponents_by_value"),
        pytest.param(T, b"-0.0", b"0", id="zero_has_no_sign"),
        pytest.param(T, b"", b"\n \n", id="nothing_is_nothing"),
        pytest.param(T, b"\xff\xfe", b"\xff\xfe\n", id="bytes_that_are_no_text"),
        pytest.param(F, b"0.333333", b"0.3333333333", id="within_tolerance"),
        pytest.param(F, b"1000000.0", b"1000000.9", id="relative_tolerance"),
        pytest.param(F, b"nan inf", b"nan inf", id="nan_matches_itself"),
        pytest.param(L, b"a b\n\n", b"a b  \n", id="trailing_blanks"),
        pytest.param(E, b"a\n", b"a", id="one_final_newline"),
        pytest.param(U, b"b\na\n", b"a\nb", id="any_order"),
    ],
)
def test_what_is_the_same(how: Comparison, expected: bytes, got: bytes) -> None:
    assert difference(expected, got, how) is None


@pytest.mark.parametrize(
    ("how", "expected", "got", "where"),
    [
        pytest.param(T, b"101", b"0101", "line 1, token 1", id="integers_are_text"),
        pytest.param(T, b"101", b"101.0", "line 1, token 1", id="integers_are_no_fractions"),
        pytest.param(T, b"1 2", b"1 2 3", "line 1, token 3", id="surplus"),
        pytest.param(T, b"1\n2", b"1\n", "after token 1", id="prefix"),
        pytest.param(T, b"a\nb", b"a\nB", "line 2, token 2", id="case"),
        pytest.param(T, b"1.5", b"1_0.5", "line 1, token 1", id="underscores"),
        pytest.param(T, b"1.5", "１.5".encode(), "line 1, token 1", id="full_width"),
        pytest.param(T, b"1.5", b"1.5" + b"0" * 400, "line 1, token 1", id="endless_number"),
        pytest.param(T, b"1.0", b"1e99999", "line 1, token 1", id="endless_exponent"),
        pytest.param(T, b"a", b"a\0", "line 1, token 1", id="nul_is_content"),
        pytest.param(F, b"0.5", b"0.51", "line 1, token 1", id="outside_tolerance"),
        pytest.param(F, b"7", b"7.0000001", "line 1, token 1", id="no_tolerance_for_integers"),
        pytest.param(F, b"1.0", b"nan", "line 1, token 1", id="nan_is_no_number"),
        pytest.param(L, b"a b", b"a  b", "line 1", id="inner_blanks"),
        pytest.param(L, b"a", b"a\nb", "line 2", id="more_lines"),
        pytest.param(E, b"a", b"a \n", "byte 1", id="exact_blank"),
        pytest.param(U, b"a\na", b"a", "in any order", id="counted"),
    ],
)
def test_what_differs_says_where(how: Comparison, expected: bytes, got: bytes, where: str) -> None:
    found = difference(expected, got, how)
    assert found is not None
    assert found.where == where


@given(st.sampled_from(Comparison), st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_give_an_outcome_and_order_does_not_matter_for_equality(
    how: Comparison, one: bytes, other: bytes
) -> None:
    assert difference(one, one, how) is None
    found = difference(one, other, how, Tolerance(1e-3, 1e-3))
    assert found is None or str(found)


@given(st.lists(st.integers()), st.text(alphabet=" \t\n", min_size=1))
def test_tokens_do_not_see_white_space(numbers: list[int], blank: str) -> None:
    plain = " ".join(map(str, numbers)).encode()
    assert difference(plain, blank.join(map(str, numbers)).encode(), T) is None
