"""Reads what a server answers: lines to results, problems to errors. Knows no network."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from pydantic import BaseModel, ValidationError

from rewardd_client.errors import ProtocolError, RequestError
from rewardd_client.schema import FieldError, GroupResult, Problem, Result, ScoreResponse

# A longer wait than any deadline is no wait but a mistake.
MAX_RETRY_AFTER_SECONDS = 3600.0

_PLACE = re.compile(r"^samples(?:\[(\d+)\]|\.(\d+)(?=\.|$))")


class LineReader:
    """Cuts a stream of bytes into lines."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, content: bytes) -> list[bytes]:
        """Return the lines that are whole now, without their ends and without empty ones."""
        if b"\n" not in content:
            self._parts.append(content)
            return []
        first, *rest = content.split(b"\n")
        lines = [b"".join([*self._parts, first]), *rest[:-1]]
        self._parts = [rest[-1]]
        return [line for line in lines if line.strip()]

    def end(self) -> list[bytes]:
        """Return what stood behind the last line's end: the last line, or nothing."""
        tail, self._parts = b"".join(self._parts), []
        return [tail] if tail.strip() else []


class _GroupsLine(BaseModel):
    """The last line of a streamed answer, where samples have groups."""

    groups: list[GroupResult]


def read_line(line: bytes) -> Result | list[GroupResult]:
    """Read one line of a streamed answer: a result, or what there is to say of all groups.

    Raises:
        ProtocolError: it is neither.
    """
    try:
        return Result.model_validate_json(line)
    except ValidationError as error:
        try:
            return _GroupsLine.model_validate_json(line).groups
        except ValidationError:
            raise ProtocolError(f"a line of the answer is no result: {_brief(error)}") from error


def read_response(body: bytes) -> ScoreResponse:
    """Read an answer that came as one document.

    Raises:
        ProtocolError: it is none.
    """
    try:
        return ScoreResponse.model_validate_json(body)
    except ValidationError as error:
        raise ProtocolError(f"the answer is not what /v1/score gives: {_brief(error)}") from error


def check_result(result: Result) -> None:
    """Refuse a reward that no trainer may see.

    Raises:
        ProtocolError: it is not finite, or does not go with the status.
    """
    reward = result.reward
    if (reward is None) is not (result.status == "unscored"):
        raise ProtocolError(f"reward {reward} does not go with status {result.status}")
    if reward is not None and not math.isfinite(reward):
        raise ProtocolError(f"reward {reward} is not finite")


def read_problem(status: int, body: bytes) -> Problem:
    """Return the server's problem, or one made of the status where the body is none.

    uvicorn's own 503 and those of proxies are plain text: the status decides, never the body.
    """
    try:
        return Problem.model_validate_json(body)
    except ValidationError:
        text = body[:200].decode("utf-8", "replace").strip()
        return Problem(title="", status=status, detail=text, code=f"http_{status}")


def request_error(status: int, problem: Problem, places: Sequence[int]) -> RequestError:
    """Make the error of a 4xx; its fields name the samples as the caller counts them."""
    errors = [_moved(each, places) for each in problem.errors]
    named = "; ".join(f"{each.field}: {each.message}" for each in errors[:3])
    message = f"{status} {problem.code}: {problem.detail or problem.title}"
    return RequestError(
        f"{message} ({named})" if named else message,
        code=problem.code,
        status=status,
        errors=errors,
        request_id=problem.request_id,
    )


def retry_after_seconds(headers: Mapping[str, str], problem: Problem, now: datetime) -> float:
    """Return how long the server asks to wait; 0 where it does not say, or says nonsense."""
    if problem.retry_after_ms is not None:
        return _bounded(problem.retry_after_ms / 1000)
    given = headers.get("retry-after", "").strip()
    try:
        return _bounded(float(given))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(given)
    except ValueError:
        return 0.0
    return _bounded((moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())


def _bounded(seconds: float) -> float:
    return min(seconds, MAX_RETRY_AFTER_SECONDS) if seconds > 0 else 0.0


def _moved(error: FieldError, places: Sequence[int]) -> FieldError:
    found = _PLACE.match(error.field)
    if found is None:
        return error
    sent = int(found[1] or found[2])
    if sent >= len(places):
        return error
    return error.model_copy(
        update={"field": f"samples[{places[sent]}]" + error.field[found.end() :]}
    )


def _brief(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))} {first['msg']}".strip()
