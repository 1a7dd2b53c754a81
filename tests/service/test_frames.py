import struct

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_service import frames
from rewardd_service.job import Chunk, Job, Setup, Subject

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**200), max_value=2**200)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)


def _chunk(reference: object = "1", completion: str = "1") -> Chunk:
    return Chunk([Setup("exact", {})], [Subject(completion)], [reference], [Job(0, 0, 0)], 60.0)


@given(PLAIN)
def test_whatever_json_can_say_survives_the_journey(reference: object) -> None:
    chunk = _chunk(reference)
    assert frames.decode_chunk(frames.encode_chunk(chunk)) == chunk


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 17))
def test_frames_survive_any_cut_of_the_stream(payloads: list[bytes], size: int) -> None:
    stream = b"".join(frames.frame(payload) for payload in payloads)
    reader = frames.FrameReader()
    parts = [stream[start : start + size] for start in range(0, len(stream), size)]
    assert [payload for part in parts for payload in reader.feed(part)] == payloads


def test_a_length_beyond_the_limit_is_noise() -> None:
    with pytest.raises(frames.FrameError, match="announces"):
        frames.FrameReader().feed(struct.pack("!I", frames.MAX_FRAME_BYTES + 1))


def test_a_payload_beyond_the_limit_is_not_sent() -> None:
    with pytest.raises(frames.FrameError, match="at most"):
        frames.frame(bytes(frames.MAX_FRAME_BYTES + 1))


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(_chunk(completion="\ud800"), id="lone_surrogate"),
        pytest.param(_chunk(_nested(5_000)), id="bottomless"),
        pytest.param(_chunk([2**70, _nested(5_000)]), id="bottomless_with_a_big_integer"),
        pytest.param(_chunk({1, 2}.__iter__()), id="no_plain_value"),
    ],
)
def test_what_cannot_travel_is_refused(chunk: Chunk) -> None:
    with pytest.raises(frames.FrameError, match="cannot be sent"):
        frames.encode_chunk(chunk)


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"\xff\xff", id="noise"),
        pytest.param(b"", id="nothing"),
        pytest.param(msgspec.msgpack.encode([1, 2]), id="something_else"),
        pytest.param(
            msgspec.msgpack.encode([[], [], [msgspec.msgpack.Ext(9, b"x")], [], 1.0, None]),
            id="unknown_extension",
        ),
    ],
)
def test_what_is_no_chunk_is_refused(payload: bytes) -> None:
    with pytest.raises(frames.FrameError):
        frames.decode_chunk(payload)


def test_canonical_bytes_do_not_depend_on_the_order_of_keys() -> None:
    one, other = {"a": 1, "b": [2**80]}, {"b": [2**80], "a": 1}
    assert frames.canonical(one) == frames.canonical(other)
