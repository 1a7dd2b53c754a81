import json
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from rewardd_service.edge.parsing import parse_request
from rewardd_service.edge.refusal import EdgeRefusalError
from rewardd_service.edge.values import holds_more

MIB = 1024 * 1024

PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=300)
    | st.sampled_from(['[[{,:"', "\\", '\\"[', "\x80\x90", "x" * 300]),
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=40), inner, max_size=20)
    ),
    max_leaves=40,
)


def count(plain: JsonValue) -> int:
    if isinstance(plain, dict):
        return 1 + len(plain) + sum(map(count, plain.values()))
    return 1 + sum(map(count, plain)) if isinstance(plain, list) else 1


def marks(plain: JsonValue) -> int:
    if isinstance(plain, dict):
        return 1 + len(plain) + max(len(plain) - 1, 0) + sum(map(marks, plain.values()))
    if isinstance(plain, list):
        return 1 + max(len(plain) - 1, 0) + sum(map(marks, plain))
    return 0


@given(PLAIN)
def test_values_of_msgpack_are_counted_as_they_will_be_built(plain: Any) -> None:
    body, values = msgspec.msgpack.encode(plain), count(plain)
    assert not holds_more(body, values, msgpack=True)
    assert holds_more(body, values - 1, msgpack=True)


@given(PLAIN, st.booleans())
def test_marks_of_json_count_outside_of_texts_only(plain: Any, ascii_only: bool) -> None:  # noqa: FBT001 - a case
    body, found = json.dumps(plain, ensure_ascii=ascii_only).encode(), marks(plain)
    assert not holds_more(body, found, msgpack=False)
    assert found == 0 or holds_more(body, found - 1, msgpack=False)


@given(st.binary(max_size=200), st.booleans(), st.integers(1, 50))
def test_no_bytes_keep_the_count_from_ending(body: bytes, msgpack: bool, limit: int) -> None:  # noqa: FBT001 - a case
    assert holds_more(body, limit, msgpack=msgpack) in {True, False}


def _msgpack_flood(value: bytes, size: int) -> bytes:
    head = msgspec.msgpack.encode({"samples": [{"completion": "", "reference": 0}]})[:-1]
    return head + b"\xdd" + (size // len(value)).to_bytes(4, "big") + value * (size // len(value))


def _json_flood(value: bytes, size: int) -> bytes:
    inner = value * (size // len(value))
    return b'{"samples": [{"completion": "", "reference": [' + inner + b"0]}]}"


@pytest.mark.parametrize(
    ("body", "msgpack"),
    [
        pytest.param(_msgpack_flood(b"\x90", 24 * MIB), True, id="msgpack_lists"),
        pytest.param(_msgpack_flood(b"\x80", 24 * MIB), True, id="msgpack_objects"),
        pytest.param(_msgpack_flood(b"\x81\xa1a\x90", 24 * MIB), True, id="msgpack_fields"),
        pytest.param(_json_flood(b"[],", 24 * MIB), False, id="json_lists"),
        pytest.param(_json_flood(b"{},", 24 * MIB), False, id="json_objects"),
        pytest.param(_json_flood(b'"",', 24 * MIB), False, id="json_texts"),
        pytest.param(_json_flood(b'"\\"",', 24 * MIB), False, id="json_quotes"),
    ],
)
def test_a_flood_of_tiny_values_is_refused_before_it_is_built(body: bytes, msgpack: bool) -> None:  # noqa: FBT001 - a case
    tracemalloc.start()
    try:
        with pytest.raises(EdgeRefusalError, match="values") as refused:
            parse_request(body, msgpack=msgpack, max_samples=10)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.code == "body_too_large"
    assert peak_bytes < 4 * len(body)


@pytest.mark.parametrize("msgpack", [True, False])
def test_text_full_of_marks_is_one_value(msgpack: bool) -> None:  # noqa: FBT001 - a case
    text = '[{"a": 1}, ' * (24 * MIB // 11)
    plain = {"samples": [{"completion": text}]}
    body = msgspec.msgpack.encode(plain) if msgpack else msgspec.json.encode(plain)
    assert parse_request(body, msgpack=msgpack, max_samples=1).samples[0].completion == text
