import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_sandbox.codec import MAX_BYTES, UnsupportedError, decode, encode
from rewardd_verifiers.code.values import same, show

_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text() | st.binary()
    | st.floats(allow_nan=False) | st.decimals(allow_nan=False) | st.fractions()
    | st.complex_numbers(allow_nan=False)
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_VALUES)
def test_what_goes_through_the_codec_comes_back_the_same(value: object) -> None:
    back = decode(encode(value))
    assert (back, type(back)) == (value, type(value))


@given(_VALUES)
def test_a_value_is_itself(value: object) -> None:
    assert same(value, decode(encode(value)), plain=False)
    assert show(value)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_unsupported(text: bytes) -> None:
    try:
        decode(text)
    except UnsupportedError as error:
        assert str(error)  # noqa: PT017  either way is right


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"1.5", id="bare_fraction"),
        pytest.param(b"NaN", id="bare_nan"),
        pytest.param(b'{"int": "z"}', id="bad_hex"),
        pytest.param(b'{"int": 5}', id="no_text"),
        pytest.param(b'{"set": [[1]]}', id="unhashable"),
        pytest.param(b'{"dict": [1]}', id="no_pairs"),
        pytest.param(b'{"tuple": 1}', id="no_list"),
        pytest.param(b'{"a": 1, "b": 2}', id="two_tags"),
        pytest.param(b'{"pickle": "x"}', id="unknown_tag"),
        pytest.param(b'{"decimal": "1e999999"}', id="decimal_out_of_bounds"),
        pytest.param(b'{"fraction": ["1", "0"]}', id="division_by_zero"),
        pytest.param(b"[" * 200 + b"]" * 200, id="deep"),
        pytest.param(b"[" * 100_000, id="very_deep"),
        pytest.param(b"9" * 10_000, id="long_integer"),
        pytest.param(b" " * (MAX_BYTES + 1), id="large"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_no_encoder_makes_is_refused(text: bytes) -> None:
    with pytest.raises(UnsupportedError):
        decode(text)


@pytest.mark.parametrize(
    ("expected", "got", "plain"),
    [
        pytest.param([1, [2, 3]], (1, (2, 3)), True, id="tuples_are_lists"),
        pytest.param({"1": "a"}, {1: "a"}, True, id="keys_are_text"),
        pytest.param(0.1, 0.1 + 1e-12, True, id="near"),
        pytest.param(2.0, 2, True, id="integer_for_a_float"),
        pytest.param(1, True, True, id="as_python_has_it"),
        pytest.param({1, 2}, {2, 1}, False, id="sets"),
        pytest.param(math.nan, math.nan, False, id="nan_for_nan"),
    ],
)
def test_what_is_the_same(expected: object, got: object, *, plain: bool) -> None:
    assert same(expected, got, plain=plain)


@pytest.mark.parametrize(
    ("expected", "got", "plain"),
    [
        pytest.param([1, 2], [1, 2, 3], True, id="surplus"),
        pytest.param([1, 2], (1, 2), False, id="tuple_for_a_list"),
        pytest.param(None, 0, True, id="none_is_only_none"),
        pytest.param(0, None, True, id="nor_is_zero_none"),
        pytest.param(1, "1", True, id="text"),
        pytest.param(3, 3 + 1e-12, True, id="near_an_integer"),
        pytest.param(1.0, 10**400, True, id="overflow"),
        pytest.param({"1": "a"}, {1: "a"}, False, id="keys_by_type"),
        pytest.param({"a": 1}, {"a": 1, "b": 2}, True, id="more_keys"),
        pytest.param(1.5, Decimal("1.6"), True, id="decimal_for_a_float"),
        pytest.param("x", Fraction(1, 2), True, id="kinds"),
    ],
)
def test_what_differs(expected: object, got: object, *, plain: bool) -> None:
    assert not same(expected, got, plain=plain)


@pytest.mark.parametrize(
    "value", [10**5000, [10**5000], {"a": (10**9000,)}], ids=["int", "list", "dict"]
)
def test_what_cannot_be_printed_can_be_shown(value: object) -> None:
    assert "too long" in show(value)


# The hashes of -1 and -2 are the same, and so are those of all tuples that are made of them.
_ONE_HASH = [
    pytest.param([complex(-1000003 * k, k) for k in range(2000)], id="complex"),
    pytest.param(list(product((-1, -2), repeat=11)), id="tuples"),
    pytest.param([k * ((1 << 61) - 1) for k in range(2000)], id="long_integers"),
]


@pytest.mark.parametrize("keys", _ONE_HASH)
def test_a_table_cannot_be_stalled_by_equal_hashes(keys: list[object]) -> None:
    listed = encode(keys).decode()
    for crafted in (f'{{"set":{listed}}}', f'{{"dict":{encode([[k, 1] for k in keys]).decode()}}}'):
        with pytest.raises(UnsupportedError, match="the same hash"):
            decode(crafted.encode())


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({(k, -k) for k in range(5000)}, id="tuples"),
        pytest.param({k << 60 for k in range(5000)}, id="long_integers"),
        pytest.param({Fraction(1, k + 1): k for k in range(5000)}, id="fractions"),
        pytest.param(set(product((-1, -2), repeat=7)), id="some_of_one_hash"),
    ],
)
def test_a_table_of_many_unusual_keys_is_one_like_any_other(value: object) -> None:
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "body", ['{"dict":["ab"]}', '{"dict":[{"tuple":[1,2]}]}', '{"dict":[[1,2,3]]}']
)
def test_what_is_no_list_of_pairs_is_no_dict(body: str) -> None:
    with pytest.raises(UnsupportedError):
        decode(body.encode())


def test_mappings_of_any_kind_are_encoded_as_dicts() -> None:
    value: Mapping[object, object] = {(1, 2): {3}, None: b"x"}
    assert decode(encode(value)) == value
