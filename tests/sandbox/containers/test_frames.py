"""Whatever a container says is a frame with records of ours in it, or the end of the container."""

import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rewardd_sandbox import Answer, BuildFailure, End, Given, Limits, Program
from rewardd_sandbox.containers.wire import Frame, Frames, Writer
from rewardd_sandbox.errors import WireError

_MOST = 1 << 16
_UNHURRIED = settings(deadline=None)
_NAMES = st.text(max_size=8)
_BLOBS = st.binary(max_size=40)
_ANSWERS = st.builds(
    Answer,
    end=st.sampled_from(End),
    stdout=_BLOBS,
    value=st.none() | _BLOBS,
    exit_code=st.none() | st.integers(-1, 255),
    cpu_seconds=st.floats(0, 1e6),
    peak_mib=st.none() | st.floats(0, 1e6),
    files=st.dictionaries(_NAMES, _BLOBS, max_size=3),
    alone=st.booleans(),
    note=_NAMES,
)
_PROGRAMS = st.builds(
    Program,
    language=_NAMES,
    files=st.dictionaries(_NAMES, _BLOBS, max_size=3),
    main=_NAMES,
    arguments=st.lists(_NAMES, max_size=3).map(tuple),
    stdin_file=st.none() | _NAMES,
    strict=st.booleans(),
)
_OTHERS = st.one_of(
    st.builds(Given, stdin=_BLOBS, call=st.booleans()),
    st.builds(Limits, cpu_seconds=st.floats(0, 100), processes=st.none() | st.integers(1, 64)),
    st.builds(BuildFailure, log=_NAMES, limit=st.none() | st.sampled_from(End)),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)


def _head(text: bytes, blobs: bytes = b"") -> bytes:
    return struct.pack(">II", len(text), len(blobs)) + text + blobs


def _one(said: bytes) -> Frame:
    (frame,) = Frames().feed(said, _MOST)
    return frame


@_UNHURRIED
@given(_ANSWERS | _PROGRAMS | _OTHERS)
def test_a_record_comes_out_as_it_went_in(record: object) -> None:
    frame = _one(Writer(kind="any").add("it", record).pack())
    assert frame.record("it", type(record)) == record


@_UNHURRIED
@given(st.lists(_ANSWERS, max_size=3), st.integers(1, 50))
def test_frames_are_found_however_the_stream_is_cut(answers: list[Answer], size: int) -> None:
    stream = b"".join(Writer(kind="a").add("it", answer).pack() for answer in answers)
    frames = Frames()
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    found = [frame for piece in pieces for frame in frames.feed(piece, _MOST)]
    assert [frame.record("it", Answer) for frame in found] == answers


def _outcome(said: bytes) -> str:
    try:
        for frame in Frames().feed(said, _MOST):
            frame.record("it", Answer)
    except WireError:
        return "refused"
    return "read"


@_UNHURRIED
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(said: bytes) -> None:
    assert _outcome(said) in ("read", "refused")


@_UNHURRIED
@given(st.dictionaries(st.sampled_from(["it", "blobs", "number"]), _JSON), _BLOBS)
def test_any_head_is_read_or_refused(head: dict[str, object], blobs: bytes) -> None:
    assert _outcome(_head(json.dumps(head).encode(), blobs)) in ("read", "refused")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(struct.pack(">II", 1 << 31, 0), id="endless_head"),
        pytest.param(struct.pack(">II", 2, _MOST + 1), id="blobs_beyond_the_bound"),
        pytest.param(_head(b"[" * 100_000), id="deep"),
        pytest.param(_head(b'{"blobs":[]'), id="cut_json"),
        pytest.param(_head(b'{"blobs":[NaN]}'), id="no_number"),
        pytest.param(_head(b'{"blobs":[' + b"9" * 5000 + b"]}"), id="endless_number"),
        pytest.param(_head(b'{"blobs":[-1,3]}', b"ab"), id="negative_length"),
        pytest.param(_head(b'{"blobs":[1]}', b"ab"), id="bytes_of_nobody"),
        pytest.param(_head(b'{"blobs":[3]}', b"ab"), id="missing_bytes"),
        pytest.param(_head(b'{"blobs":[true]}', b"a"), id="truth_as_length"),
        pytest.param(_head(b'{"blobs":' + json.dumps([0] * 30_000).encode() + b"}"), id="many"),
        pytest.param(_head(b"{}"), id="no_blobs"),
        pytest.param(_head(b"[]"), id="no_mapping"),
        pytest.param(_head(b"\xff\xfe{"), id="no_text"),
    ],
)
def test_what_is_no_frame_is_refused(said: bytes) -> None:
    with pytest.raises(WireError):
        Frames().feed(said, _MOST)


_FIELDS: dict[str, object] = {
    "end": "exited", "stdout": 0, "value": None, "stderr_tail": 0, "exit_code": 0, "signal": None,
    "cpu_seconds": 0.5, "wall_seconds": 1, "peak_mib": None, "files": {}, "alone": True, "note": "",
}  # fmt: skip


def _answer(**changes: object) -> Frame:
    return Frame({"it": {**_FIELDS, **changes}}, (b"out",))


def test_an_answer_is_read_by_its_fields() -> None:
    assert _answer().record("it", Answer).stdout == b"out"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"end": "passed"}, id="no_such_end"),
        pytest.param({"end": ["exited"]}, id="list_for_a_word"),
        pytest.param({"stdout": 1}, id="blob_that_is_not_there"),
        pytest.param({"stdout": -1}, id="blob_from_behind"),
        pytest.param({"stdout": "out"}, id="text_for_bytes"),
        pytest.param({"value": {}}, id="mapping_for_bytes"),
        pytest.param({"exit_code": "0"}, id="text_for_a_number"),
        pytest.param({"exit_code": 1 << 70}, id="huge_code"),
        pytest.param({"cpu_seconds": 10**400}, id="huge_time"),
        pytest.param({"cpu_seconds": float("inf")}, id="endless_time"),
        pytest.param({"cpu_seconds": None}, id="no_time"),
        pytest.param({"alone": 1}, id="number_for_truth"),
        pytest.param({"files": []}, id="list_for_files"),
        pytest.param({"files": {"a": None}}, id="file_without_content"),
        pytest.param({"note": 5}, id="number_for_text"),
        pytest.param({"score": 1.0}, id="field_too_many"),
    ],
)
def test_what_is_no_answer_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(WireError):
        _answer(**changes).record("it", Answer)


@_UNHURRIED
@given(st.sampled_from(sorted(_FIELDS)), _JSON)
def test_no_value_of_a_field_goes_further_than_its_type(field: str, value: object) -> None:
    try:
        answer = _answer(**{field: value}).record("it", Answer)
    except WireError:
        return
    assert isinstance(answer.stdout, bytes)
    assert isinstance(answer.end, End)
