import asyncio
import gzip
import json
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from backports import zstd
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from gateway_fakes import Bench, batch, bench
from rewardd_service.edge.bodies import BodyLimits, coding_of, read_body
from rewardd_service.edge.refusal import ClientGoneError, EdgeRefusalError
from rewardd_service.settings import Settings

MIB = 1024 * 1024
VALID = json.dumps(batch()).encode()


@pytest.fixture
async def house() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


async def post(house: Bench, content: bytes, **headers: str) -> Any:
    named = {"content-type": "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await house.client.post("/v1/score", content=content, headers=named)


async def read(pieces: list[bytes], coding: str | None, limits: BodyLimits) -> bytes:
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    incoming = iter([*messages, {"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(incoming)

    def reserve(count: int) -> None:
        assert count >= 0

    return bytes(await read_body(receive, coding=coding, limits=limits, reserve=reserve))


def pieces_of(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstd.compress,
}


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("inner", ["application/json", "application/msgpack"])
async def test_a_packed_body_is_a_body(house: Bench, coding: str, inner: str) -> None:
    content = VALID if inner.endswith("json") else msgspec.msgpack.encode(batch())
    answer = await post(house, PACK[coding](content), content_type=inner, content_encoding=coding)
    assert answer.status_code == 200
    assert answer.json()["results"][0]["reward"] == 1.0


@given(
    content=st.binary(max_size=20_000),
    coding=st.sampled_from(sorted(PACK)),
    size=st.integers(1, 5000),
    parts=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_unpacking_gives_back_what_was_packed_however_it_is_cut(
    content: bytes, coding: str, size: int, parts: int
) -> None:
    packed = PACK[coding](content) * parts
    plain = asyncio.run(read(pieces_of(packed, size), coding, BodyLimits()))
    assert plain == content * parts


@given(content=st.binary(min_size=1, max_size=3000), coding=st.sampled_from(sorted(PACK)))
@settings(max_examples=60, deadline=None)
def test_bytes_that_are_not_of_the_coding_are_refused_as_such(content: bytes, coding: str) -> None:
    broken = PACK[coding](content)[:-1]
    with pytest.raises(EdgeRefusalError) as caught:
        asyncio.run(read([broken], coding, BodyLimits()))
    assert caught.value.code == "invalid_body"


def gzip_bomb() -> bytes:
    return gzip.compress(bytes(64 * MIB), 9)


def zstd_bomb() -> bytes:
    return zstd.compress(bytes(256 * MIB), 3)


def member_flood() -> bytes:
    return gzip.compress(b"") * 100_000


def wide_window() -> bytes:
    options = {int(zstd.CompressionParameter.window_log): 27}
    packer = zstd.ZstdCompressor(options=options)
    return packer.compress(b"x" * 100) + packer.flush()


@pytest.mark.parametrize(
    ("make", "coding", "code"),
    [
        pytest.param(gzip_bomb, "gzip", "body_too_large", id="gzip bomb"),
        pytest.param(zstd_bomb, "zstd", "body_too_large", id="zstd bomb"),
        pytest.param(member_flood, "gzip", "invalid_body", id="flood of empty members"),
        pytest.param(wide_window, "zstd", "invalid_body", id="window that takes 128 MiB"),
    ],
)
async def test_a_bomb_is_refused_before_it_fills_the_memory(
    make: Callable[[], bytes], coding: str, code: str
) -> None:
    held = 0

    def reserve(count: int) -> None:
        nonlocal held
        held += count

    incoming = iter(
        {"type": "http.request", "body": piece, "more_body": True}
        for piece in pieces_of(make(), 65536)
    )

    async def receive() -> Any:
        return next(incoming)

    with pytest.raises(EdgeRefusalError) as caught:
        await read_body(receive, coding=coding, limits=BodyLimits(), reserve=reserve)
    assert caught.value.code == code
    # 200 times the first piece is what it could have come to, at most.
    assert held <= 16 * MIB


async def test_ratio_does_not_matter_in_a_small_body() -> None:
    content = bytes(MIB)
    assert await read([zstd.compress(content)], "zstd", BodyLimits()) == content


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
async def test_a_body_over_the_limit_on_the_wire_is_refused(announced: bool) -> None:  # noqa: FBT001 - a case
    async with bench(Settings(max_wire_bytes=1000)) as house:

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b" " * 500

        answer = await house.client.post(
            "/v1/score",
            content=b" " * 1001 if announced else chunks(),
            headers={"content-type": "application/json"},
        )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_a_huge_body_is_refused_by_its_announcement_without_being_read(house: Bench) -> None:
    answer = await post(house, b"", content_length=str(100 * MIB))
    assert answer.json()["code"] == "body_too_large"
    assert house.scorer.calls == []


async def test_a_connection_that_closes_within_the_body_is_not_answered() -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientGoneError):
        await read_body(receive, coding=None, limits=BodyLimits(), reserve=lambda _: None)


DEEP = 5000


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[1,]", "not JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"samples": [{"completion": "\\ud800"}]}', "surrogate"),
        (b'{"samples": [{"completion": "x", "reference": {"\\udc00": 1}}]}', "surrogate"),
        (b'{"samples": [{"completion": "\xed\xa0\x80"}]}', "UTF-8"),
        (b'{"samples": [{"completion": "x", "reference": 1e400}]}', "number"),
        (b'{"samples": [{"completion": "x", "reference": [NaN, -1e999]}]}', "out of range"),
        (b'{"samples": [{"completion": "x", "reference": ' + b"9" * 5000 + b"}]}", "number"),
        (b"[" * DEEP + b"]" * DEEP, "deep"),
        (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "deep"),
        (
            b'{"samples": [{"completion": "x", "reference": ' + b"[" * 400 + b"]" * 400 + b"}]}",
            "deep",
        ),
        (b'{"samples": NaN, "references": ' + b"[" * DEEP + b"]" * DEEP + b"}", "deep"),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_400_that_says_why(
    house: Bench, content: bytes, detail: str
) -> None:
    answer = await post(house, content)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xc1",
        b"\x81",
        b"\xc0\xc0",
        b"\xdd\xff\xff\xff\xff",
        b"\xa2\xff\xff",
        b"\xa3\xed\xa0\x80",
        b"\x91" * DEEP + b"\xc0",
        b"\x81\x81\x01\x02\x03",
    ],
    ids=lambda content: content[:6].hex(),
)
async def test_msgpack_that_cannot_be_read_is_a_400(house: Bench, content: bytes) -> None:
    answer = await post(house, content, content_type="application/msgpack")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_body")


def sample(**fields: Any) -> dict[str, Any]:
    return {"samples": [{"completion": "1", **fields}]}


def recipe(**fields: Any) -> dict[str, Any]:
    return {"name": "r", "terms": [{"verifier": "exact", **fields}]}


BAD_REQUESTS: list[tuple[Any, int, str, str, str]] = [
    ([], 422, "invalid_request", "body", "a list of 0 items"),
    ({}, 422, "invalid_request", "samples", ""),
    ({"samples": []}, 422, "invalid_request", "samples", "a list of 0 items"),
    ({"samples": [7]}, 422, "invalid_request", "samples[0]", "7"),
    ({"samples": [{}]}, 422, "invalid_request", "samples[0].completion", ""),
    (sample(completion=5), 422, "invalid_request", "samples[0].completion", "5"),
    (sample(refrence="1"), 422, "invalid_request", "samples[0].refrence", "'1'"),
    (sample(length=-1), 422, "invalid_request", "samples[0].length", "-1"),
    (sample(length=2**64), 422, "invalid_request", "samples[0].length", str(2**64)),
    (sample(id="x" * 257), 422, "invalid_request", "samples[0].id", repr("x" * 100)),
    (
        sample(completion=[{"role": "user"}, {"content": "x"}]),
        422,
        "invalid_request",
        "samples[0].completion[1].role",
        "",
    ),
    (
        sample(reward=recipe(weight=float("nan"))),
        422,
        "invalid_request",
        "samples[0].reward.terms[0].weight",
        "nan",
    ),
    (
        {**batch(), "reward": recipe(weight=float("inf"))},
        422,
        "invalid_request",
        "reward.terms[0].weight",
        "inf",
    ),
    (
        {**batch(), "reward": recipe(wieght=1)},
        422,
        "invalid_request",
        "reward.terms[0].wieght",
        "1",
    ),
    ({**batch(), "deadline_seconds": 0}, 422, "invalid_request", "deadline_seconds", "0"),
    ({**batch(), "deadline_seconds": 3601}, 422, "invalid_request", "deadline_seconds", "3601"),
    (sample(metadata={"x": "y" * 9000}), 422, "invalid_request", "samples[0].metadata", ""),
    (
        {"samples": [{"id": "a", "completion": ""}, {"id": "a", "completion": ""}]},
        422,
        "duplicate_id",
        "samples[1].id",
        "'a'",
    ),
    (
        sample(prompt=[1] * 20_000),
        422,
        "invalid_request",
        "samples[0].prompt",
        "",
    ),
    (
        {**batch(), "reward": {"name": "r", "terms": [1] * 70_000}},
        422,
        "invalid_request",
        "reward",
        "",
    ),
    (
        {**batch(), "reward": {"name": "r", "terms": [{"verifier": "math"}] * 257}},
        422,
        "invalid_request",
        "reward.terms",
        "a list of 257 items",
    ),
    *(
        (
            {**batch(), "reward": {"name": "r", "terms": [{"verifier": "math", **part}]}},
            422,
            "invalid_request",
            f"reward.terms[0].{next(iter(part))}",
            "an object of 1 fields",
        )
        for part in (
            {"params": {"x": [float("nan")]}},
            {"params": {"x": {"y": float("inf")}}},
            {"params": {"x": 10**30}},
            {"when": {"metadata.x": float("nan")}},
        )
    ),
]


@pytest.mark.parametrize(("body", "status", "code", "field", "value"), BAD_REQUESTS)
async def test_a_request_that_makes_no_sense_names_field_and_value(
    house: Bench, body: Any, status: int, code: str, field: str, value: str
) -> None:
    answer = await post(house, json.dumps(body).encode())
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert (problem["errors"][0]["field"], problem["errors"][0]["value"]) == (field, value)
    assert house.scorer.calls == []


async def test_many_bad_samples_are_answered_in_few_words(house: Bench) -> None:
    answer = await post(house, json.dumps({"samples": [1] * 30_000}).encode())
    assert answer.status_code == 422
    assert len(answer.content) < 20_000


def spoilt(path: Sequence[str | int], value: object) -> bytes:
    """Return a request in which this value stands at that place."""
    body: Any = {**batch(("1", "1")), "reward": recipe()}
    *above, last = path
    place = body
    for step in above:
        place = place[step]
    place[last] = value
    return json.dumps(body).encode()


@pytest.mark.parametrize("wrong", [True, "12", False, "", "nan"])
@pytest.mark.parametrize(
    ("path", "field"),
    [
        (("samples", 0, "length"), "samples[0].length"),
        (("deadline_seconds",), "deadline_seconds"),
        (("reward", "terms", 0, "weight"), "reward.terms[0].weight"),
        (("reward", "group_size"), "reward.group_size"),
        (("reward", "terms", 0, "until_step"), "reward.terms[0].until_step"),
    ],
    ids=["length", "deadline", "weight", "group size", "step"],
)
async def test_what_only_looks_like_a_number_is_named(
    house: Bench, path: Sequence[str | int], field: str, wrong: object
) -> None:
    answer = await post(house, spoilt(path, wrong))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    (error,) = answer.json()["errors"]
    assert (error["field"], error["value"]) == (field, repr(wrong))
    assert "must be a number" in error["message"]


@pytest.mark.parametrize("wrong", [1, 0, "yes", "true", None])
async def test_what_only_looks_like_a_flag_is_named(house: Bench, wrong: object) -> None:
    answer = await post(house, spoilt(("reward", "terms", 0, "gate"), wrong))
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["field"]) == (422, "reward.terms[0].gate")


FLOODS: dict[str, dict[str, Any]] = {
    "messages": {"samples": [{"completion": "x", "prompt": [1] * 4000}] * 500},
    "empty messages": {"samples": [{"completion": [{}] * 4000}] * 250},
    "parts": {"samples": [{"completion": [{"role": "u", "content": [1] * 4000}] * 4}] * 100},
    "fields of a sample": {"samples": [{"completion": "x", **{str(n): n for n in range(50_000)}}]},
    "fields": {**batch(), **{str(number): number for number in range(50_000)}},
    "points": {**batch(), "reward": recipe(points={str(n): "x" for n in range(60_000)})},
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_of_errors_is_answered_with_a_few(house: Bench, flood: str) -> None:
    answer = await post(house, json.dumps(FLOODS[flood]).encode())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert len(answer.json()["errors"]) <= 20
    assert len(answer.content) < 20_000


@pytest.mark.parametrize(
    "reference",
    [
        b"binary",
        [1, {"a": b"binary"}],
        {1: "one"},
        datetime(2026, 1, 1, tzinfo=UTC),
        [b""] * 100_000,
    ],
    ids=["binary", "deep", "key", "time", "many"],
)
async def test_what_json_cannot_say_is_refused_in_msgpack_too(house: Bench, reference: Any) -> None:
    content = msgspec.msgpack.encode(sample(reference=reference))
    answer = await post(house, content, content_type="application/msgpack")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_more_samples_than_one_request_may_have_are_refused() -> None:
    async with bench(Settings(max_samples=3)) as house:
        answer = await house.score({"samples": [1] * 4})
        assert (answer.status_code, answer.json()["code"]) == (413, "too_many_samples")
        assert (await house.score(batch(*[("1", "1")] * 3))).status_code == 200


@pytest.mark.parametrize(
    "reference",
    [2**63, 2**64, -(2**200), 10**4000, -0.0, 0.1, 5e-324, 1.7976931348623157e308],
    ids=lambda reference: repr(reference)[:20],
)
async def test_a_number_in_a_reference_arrives_as_it_was_written(
    house: Bench, reference: float
) -> None:
    await post(house, json.dumps(sample(reference=reference)).encode())
    arrived = house.scorer.calls[0][1].samples[0].reference
    assert repr(arrived) == repr(reference)


async def test_the_nan_that_python_writes_may_stand_in_metadata(house: Bench) -> None:
    answer = await post(house, json.dumps(sample(metadata={"loss": float("nan")})).encode())
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"content_type": "application/json; charset=latin-1"}, 415, "unsupported_media_type"),
        ({"content_encoding": "br"}, 415, "unsupported_encoding"),
        ({"content_encoding": "gzip, zstd"}, 415, "unsupported_encoding"),
        ({"content_encoding": "gzip"}, 400, "invalid_body"),
        ({"content_type": "application/json; charset=UTF-8"}, 200, None),
        ({"content_type": "application/json", "content_encoding": "identity"}, 200, None),
    ],
    ids=str,
)
async def test_the_announced_form_of_a_body_is_believed(
    house: Bench, headers: dict[str, str], status: int, code: str | None
) -> None:
    answer = await post(house, VALID, **headers)
    assert (answer.status_code, answer.json().get("code")) == (status, code)


def test_a_plain_body_has_no_coding() -> None:
    assert coding_of(Headers({})) is None
    assert coding_of(Headers({"content-encoding": "X-GZIP"})) == "gzip"


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(reference=PLAIN)
@settings(max_examples=80, deadline=None)
def test_any_reference_arrives_whole_in_json(reference: Any) -> None:
    async def ask() -> Any:
        async with bench() as house:
            answer = await post(house, msgspec.json.encode(sample(reference=reference)))
            assert answer.status_code == 200
            return house.scorer.calls[0][1].samples[0].reference

    assert asyncio.run(ask()) == reference


@given(content=st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_bytes_are_a_bug(content: bytes) -> None:
    size = struct.pack("<I", len(content))
    wrong_sum = gzip.compress(content)[:-8] + size + size
    forms: list[tuple[bytes, dict[str, str]]] = [
        (content, {}),
        (content, {"content_type": "application/msgpack"}),
        (content, {"content_encoding": "gzip"}),
        (content, {"content_encoding": "zstd"}),
        (wrong_sum, {"content_encoding": "gzip"}),
        (zlib.compress(content), {"content_encoding": "gzip"}),
    ]

    async def all_forms() -> list[int]:
        async with bench() as house:
            answers = [await post(house, form, **headers) for form, headers in forms]
        return [answer.status_code for answer in answers]

    assert all(status < 500 for status in asyncio.run(all_forms()))
