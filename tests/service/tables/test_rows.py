from typing import Any

import pytest

from rewardd_service.tables import Row, RowError, decode

READABLE: dict[str, tuple[bytes, dict[str, Any]]] = {
    "plain": (b'{"completion": "4"}', {"completion": "4"}),
    "NaN is no number": (b'{"a": NaN, "b": [Infinity, -Infinity]}', {"a": None, "b": [None, None]}),
    "lone surrogate": (b'{"a": "x\\ud800y", "\\udfff": ["\\udc00"]}', {"a": "x�y", "�": ["�"]}),
    "surrogate pair": (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
    "large integer": (
        b'{"a": 123456789012345678901234567890}',
        {"a": 123456789012345678901234567890},
    ),
    "carriage return": (b'{"a": 1}\r\n', {"a": 1}),
}
UNREADABLE = {
    "cut off": (b'{"completion": "4', "is not JSON"),
    "two values": (b"{} {}", "is not JSON"),
    "list": (b'["4"]', "is no JSON object"),
    "number": (b"4", "is no JSON object"),
    "latin-1": (b'{"completion": "caf\xe9"}', "is not UTF-8"),
    "deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "is nested too deep"),
    "deep in the slow path": (
        b'{"b":NaN,"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "is nested too deep",
    ),
}


@pytest.mark.parametrize(("text", "fields"), READABLE.values(), ids=READABLE)
def test_a_row_is_read_as_python_and_others_write_json(text: bytes, fields: dict[str, Any]) -> None:
    assert decode(Row(1, text, len(text))) == fields


@pytest.mark.parametrize(("text", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_object_is_refused_with_the_reason(text: bytes, message: str) -> None:
    with pytest.raises(RowError, match=message):
        decode(Row(1, text, len(text)))
