from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_client import ProtocolError, RequestError, ServerFault
from rewardd_client.answers import LineReader, read_line, read_response
from rewardd_client.retry import AGAIN, Route, Trouble, trouble_of

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
PASSING = Trouble("refused")


def upper(_low: float, high: float) -> float:
    return high


def trouble(status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> Trouble:
    return trouble_of(status, headers or {}, body, (), NOW)


@pytest.mark.parametrize("status", sorted(AGAIN))
def test_a_passing_status_is_tried_again_however_often(status: int) -> None:
    route = Route(1, jitter=upper)

    pauses = [route.after(trouble(status)) for _ in range(2000)]

    assert pauses[:6] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert pauses[-1] == 8.0


@pytest.mark.parametrize("status", [500, 501, 505, 507, 599])
def test_a_fault_of_the_server_is_tried_once_more(status: int) -> None:
    route = Route(1)
    route.after(trouble(status))

    with pytest.raises(ServerFault) as caught:
        route.after(trouble(status, body=b"Internal Server Error"))

    assert caught.value.status == status
    assert "Internal Server Error" in str(caught.value)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 418, 422])
def test_a_refusal_is_final_at_once(status: int) -> None:
    with pytest.raises(RequestError) as caught:
        Route(1).after(trouble(status))

    assert caught.value.status == status


@pytest.mark.parametrize("status", [201, 204, 301, 307])
def test_a_status_that_is_not_of_the_protocol_is_final(status: int) -> None:
    with pytest.raises(ProtocolError, match=str(status)):
        Route(1).after(trouble(status))


def test_a_refusal_names_code_fields_and_request_and_counts_as_the_caller_does() -> None:
    body = b"""{"title": "t", "status": 422, "detail": "d", "code": "invalid_params",
        "request_id": "r7", "errors": [
            {"field": "samples[1].reference", "message": "m"},
            {"field": "samples.0", "message": "m"},
            {"field": "samples[9].x", "message": "m"}, {"field": "reward", "message": "m"}]}"""

    failed = trouble_of(422, {}, body, (40, 41), NOW)

    assert isinstance(failed.final, RequestError)
    assert failed.final.code == "invalid_params"
    assert failed.final.request_id == "r7"
    assert [each.field for each in failed.final.errors] == [
        "samples[41].reference",
        "samples[40]",
        "samples[9].x",
        "reward",
    ]


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        pytest.param({"retry-after": "7"}, b"", 7.0, id="seconds"),
        pytest.param({"retry-after": "Sun, 22 Nov 2026 12:00:09 GMT"}, b"", 9.0, id="date"),
        pytest.param({"retry-after": "Sun, 22 Nov 2020 12:00:09 GMT"}, b"", 0.0, id="past"),
        pytest.param({"retry-after": "soon"}, b"", 0.0, id="nonsense"),
        pytest.param({"retry-after": "-3"}, b"", 0.0, id="negative"),
        pytest.param({"retry-after": "nan"}, b"", 0.0, id="not a number"),
        pytest.param({"retry-after": "inf"}, b"", 3600.0, id="for ever"),
        pytest.param({}, b"", 0.0, id="nothing"),
        pytest.param(
            {"retry-after": "7"},
            b'{"title": "", "status": 429, "detail": "", "code": "c", "retry_after_ms": 1500}',
            1.5,
            id="milliseconds say it more exactly",
        ),
    ],
)
def test_a_server_that_asks_for_time_gets_it(
    headers: dict[str, str], body: bytes, seconds: float
) -> None:
    asked = trouble(429, headers, body)

    assert asked.retry_after_seconds == seconds
    assert Route(1, jitter=lambda low, _: low).after(asked) == seconds
    assert Route(1, jitter=upper).after(asked) == max(seconds, 0.5)


def test_several_servers_are_tried_in_turn_without_a_pause_until_all_have_failed() -> None:
    route = Route(3, start=1, jitter=upper)

    tries = [(route.server, route.after(PASSING)) for _ in range(7)]

    assert [server for server, _ in tries] == [1, 2, 0, 1, 2, 0, 1]
    assert [pause for _, pause in tries] == [0.0, 0.0, 0.5, 0.0, 0.0, 1.0, 0.0]


def test_the_pause_one_server_asks_for_does_not_hold_up_another() -> None:
    route = Route(2, jitter=upper)

    assert route.after(Trouble("busy", retry_after_seconds=30.0)) == 0.0
    assert route.after(PASSING) == 30.0


@given(st.integers(1, 3), st.integers(1, 60))
def test_a_drawn_pause_never_passes_its_ceiling(servers: int, failures: int) -> None:
    route = Route(servers)

    assert all(0.0 <= route.after(PASSING) <= 8.0 for _ in range(failures))


@given(st.lists(st.binary(max_size=9)), st.integers(1, 5))
def test_lines_are_the_same_however_the_stream_is_cut(lines: list[bytes], size: int) -> None:
    whole = b"\n".join(lines)
    reader = LineReader()

    found = [
        line
        for start in range(0, len(whole), size)
        for line in reader.feed(whole[start : start + size])
    ] + reader.end()

    assert found == [line for line in whole.split(b"\n") if line.strip()]


@pytest.mark.parametrize("line", [b"<html>", b"{}", b"[]", b'{"reward": 1}', b"\xff"])
def test_a_line_that_is_no_result_is_refused(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_line(line)


def test_a_document_that_is_no_answer_is_refused() -> None:
    with pytest.raises(ProtocolError):
        read_response(b"<html>welcome to the hotel's network</html>")
