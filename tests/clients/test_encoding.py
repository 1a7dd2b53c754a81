import json
from typing import Any

import msgspec
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from rewardd_client import Message, MissingPackageError, Recipe, RequestError, Sample, Settings
from rewardd_client.call import envelope_of, pieces_of, prepare
from rewardd_client.encoding import (
    BLOCK_BYTES,
    blocks_of,
    encode_value,
    optional_module,
    parts_of,
    piece_of,
)
from rewardd_client.settings import Compression, Encoding

SURROGATES = st.text(st.characters(categories=["L", "Cs", "So"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | SURROGATES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SURROGATES, inner, max_size=3),
)
COMPRESSIONS: list[Compression | None] = [None, "zstd"]
ENCODINGS: list[Encoding] = ["json", "msgpack"]


def decoded(body: bytes, encoding: Encoding) -> Any:  # whatever was encoded
    return msgspec.msgpack.decode(body) if encoding == "msgpack" else json.loads(body)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(completion=SURROGATES, reference=VALUES, name=SURROGATES)
def test_lone_surrogates_never_stop_a_sample(
    encoding: Encoding, completion: str, reference: object, name: str
) -> None:
    piece = piece_of(
        {"completion": completion, "reference": reference, "metadata": {name: completion}},
        0,
        encoding,
    )

    sent = decoded(piece.content, encoding)
    expected = completion.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert sent["completion"] == expected


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_half_pair_becomes_the_replacement_character_and_a_whole_one_stays(
    encoding: Encoding,
) -> None:
    messages = [Message.model_validate({"role": "assistant", "content": "a\ud800 \U0001f600"})]
    piece = piece_of({"completion": messages}, 0, encoding)

    sent = decoded(piece.content, encoding)
    assert sent["completion"] == [{"role": "assistant", "content": "a\ufffd \U0001f600"}]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bodies_say_the_same_in_every_encoding(encoding: Encoding) -> None:
    settings = Settings(("http://a",), encoding=encoding)
    recipe = Recipe.model_validate({"name": "r", "terms": [{"verifier": "exact", "weight": 2}]})
    samples = [{"completion": "é", "reference_id": "t"}, {"completion": "b", "reference": None}]
    pieces = pieces_of(settings, samples, {"t": {"stdin": "1"}})

    assert decoded(b"".join(parts_of(envelope_of(settings, recipe), pieces, 5.0)), encoding) == {
        "reward": {"name": "r", "terms": [{"verifier": "exact", "weight": 2.0}]},
        "references": {"t": {"stdin": "1"}},
        "deadline_seconds": 5.0,
        "samples": samples,
    }


def test_a_compressed_body_is_the_same_body() -> None:
    pieces = pieces_of(Settings(("http://a",)), [{"completion": "body" * 99}], None)
    plain, packed = (
        parts_of(envelope_of(Settings(("http://a",), compress=compress), "exact"), pieces, 5.0)
        for compress in COMPRESSIONS
    )

    assert zstd.decompress(b"".join(packed)) == b"".join(plain)


@given(st.lists(st.binary(max_size=9).map(lambda part: part * 20_000), max_size=12))
def test_blocks_are_the_parts_joined(parts: list[bytes]) -> None:
    blocks = list(blocks_of(parts))

    assert b"".join(blocks) == b"".join(parts)
    assert all(len(block) >= BLOCK_BYTES for block in blocks[:-1])


@pytest.mark.parametrize(
    ("sample", "field"),
    [
        pytest.param({"completion": "a", "refrence": 1}, "samples[7].refrence", id="misspelt"),
        pytest.param({"prompt": "a"}, "samples[7].completion", id="missing"),
        pytest.param({"completion": 3}, "samples[7].completion.str", id="wrong type"),
        pytest.param({"completion": "a", "reference": (1, 2)}, "samples[7].reference", id="tuple"),
        pytest.param({"completion": "a", "length": -1}, "samples[7].length", id="below zero"),
    ],
)
def test_what_is_no_sample_is_refused_before_it_is_sent(sample: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        piece_of(sample, 7, "json")

    assert caught.value.errors[0].field == field
    assert caught.value.status is None
    assert field in str(caught.value)


def test_a_reference_nested_without_end_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]

    with pytest.raises(RequestError):
        piece_of({"completion": "a", "reference": nested}, 0, "json")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_shared_reference_that_is_no_json_is_refused(encoding: Encoding) -> None:
    with pytest.raises(RequestError, match="JSON"):
        encode_value(object(), encoding)  # pyright: ignore[reportArgumentType]  # the mistake under test


def test_an_id_that_stands_twice_is_refused_before_it_is_sent() -> None:
    samples = [Sample(completion="a", id=name) for name in ("x", None, "x", None)]

    with pytest.raises(RequestError, match=r"samples\[0\] and samples\[2\]") as caught:
        prepare(Settings(("http://a",)), samples, "exact", None, None)

    assert caught.value.code == "duplicate_id"


def test_a_package_that_is_missing_is_named() -> None:
    with pytest.raises(MissingPackageError, match="pip install that-thing"):
        optional_module("no_such_module", "this", "that-thing")
