"""From the bytes of a body to a request: plain values first, then the wire's own models.

Both formats take the way through msgspec to plain values and then `validate_python`: for JSON it
costs about two thirds of pydantic's `validate_json`, and it lets us refuse a batch by its outline
before pydantic collects an error for each of ten million bad items. What it needs care for:
msgspec refuses the `NaN` that Python's json writes (the slow path reads it), raises
RecursionError on depth, and leaves lone surrogates to us in the slow path.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn

import msgspec
from pydantic import FailFast, Field, TypeAdapter, ValidationError

from rewardd_client.schema import FieldError, Sample, ScoreRequest
from rewardd_service.edge.field_errors import field_errors, shown
from rewardd_service.edge.outline import check_kinds, check_outline
from rewardd_service.edge.refusal import EdgeRefusalError
from rewardd_service.edge.values import check_values
from rewardd_service.errors import RequestRefusedError

MSGPACK_TYPES = frozenset(
    {"application/msgpack", "application/x-msgpack", "application/vnd.msgpack"}
)
MAX_METADATA_BYTES = 8 * 1024
# A count of tokens: beyond it, JSON readers and the frames of workers lose digits.
MAX_LENGTH = 2**53


class _Sample(Sample):
    """A sample whose free parts are taken as they were read.

    What stands in them is JSON already: looking at each value again, and copying it, cost more than
    a microsecond for every empty list.
    """

    reference: Any = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class _Batch(ScoreRequest):
    """A request of which one bad sample is reported, not each of 32,768."""

    samples: Annotated[list[_Sample], Field(min_length=1), FailFast()]  # pyright: ignore[reportIncompatibleVariableOverride]  # frozen: nobody appends a Sample
    references: dict[str, Any] = Field(default_factory=dict)


_REQUEST = TypeAdapter(_Batch)


def is_msgpack(content_type: str | None) -> bool:
    """Tell msgpack from JSON, which is also what no Content-Type at all means.

    Raises:
        EdgeRefusalError: it is neither.
    """
    media, _, parameters = (content_type or "application/json").partition(";")
    media = media.strip().lower()
    if media in MSGPACK_TYPES:
        return True
    charset = parameters.strip().lower().replace(" ", "").replace('"', "")
    if media == "application/json" and charset in {"", "charset=utf-8", "charset=utf8"}:
        return False
    raise EdgeRefusalError(
        "unsupported_media_type",
        f"Content-Type {(content_type or '')[:100]!r} is neither application/json (UTF-8) "
        "nor application/msgpack",
        headers={"Accept-Post": "application/json, application/msgpack"},
    )


def parse_request(body: bytes | bytearray, *, msgpack: bool, max_samples: int) -> ScoreRequest:
    """Return the request that a body holds.

    Raises:
        EdgeRefusalError: `invalid_body`, `too_many_samples`, or `body_too_large` for its values.
        RequestRefusedError: the fields that do not fit, or ids that repeat.
    """
    check_values(body, msgpack=msgpack)
    plain = _decode_msgpack(body) if msgpack else _decode_json(body)
    check_outline(plain, max_samples)
    if msgpack:
        check_kinds(plain)
    try:
        request = _REQUEST.validate_python(plain)
    except ValidationError as error:
        _refuse(error, plain)
    _check_samples(request.samples)
    return request


def _decode_json(body: bytes | bytearray) -> Any:  # noqa: ANN401 - plain values of any shape
    try:
        return msgspec.json.decode(body)
    except msgspec.ValidationError as error:
        raise EdgeRefusalError(
            "invalid_body", f"the body holds a number too large: {error}"
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decode_json_slowly(body)


def _decode_json_slowly(body: bytes | bytearray) -> Any:  # noqa: ANN401 - plain values of any shape
    """Read the JSON that Python writes, NaN included, or say what is wrong with it."""
    try:
        plain = json.loads(body.decode(), parse_float=_exact_float)
        msgspec.json.encode(plain)
    except UnicodeDecodeError as error:
        raise EdgeRefusalError(
            "invalid_body", f"the body is not UTF-8: {error.reason} at byte {error.start}"
        ) from error
    except UnicodeEncodeError as error:
        character = ascii(error.object[error.start])
        raise EdgeRefusalError(
            "invalid_body",
            f"the body holds a lone surrogate, {character}: replace it before sending",
        ) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise EdgeRefusalError("invalid_body", f"the body is not JSON: {error}") from error
    return plain


def _exact_float(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError(f"number {text[:40]} is out of range")
    return number


def _decode_msgpack(body: bytes | bytearray) -> Any:  # noqa: ANN401 - plain values of any shape
    try:
        return msgspec.msgpack.decode(body)
    except RecursionError as error:
        raise _too_deep() from error
    except UnicodeDecodeError as error:
        raise EdgeRefusalError(
            "invalid_body", f"a text in the body is not UTF-8: {error.reason}"
        ) from error
    except (msgspec.DecodeError, TypeError) as error:
        raise EdgeRefusalError("invalid_body", f"the body is not msgpack: {error}") from error


def _too_deep() -> EdgeRefusalError:
    return EdgeRefusalError("invalid_body", "the body is nested too deep")


def _refuse(error: ValidationError, plain: object) -> NoReturn:
    errors = field_errors(error, plain)
    if any(
        line["type"] == "recursion_depth_exceeded"
        for line in error.errors(include_url=False, include_input=False, include_context=False)
    ):
        raise _too_deep() from error
    first = errors[0]
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    raise RequestRefusedError(
        "invalid_request", f"{first.field}: {first.message}{more}", errors
    ) from error


def _check_samples(samples: Sequence[Sample]) -> None:
    ids = [sample.id for sample in samples if sample.id is not None]
    if len(set(ids)) != len(ids):
        _refuse_duplicates(samples)
    for index, sample in enumerate(samples):
        if sample.metadata:
            _check_metadata(sample.metadata, index)
        if sample.length is not None and sample.length > MAX_LENGTH:
            field = f"samples[{index}].length"
            message = f"is more than {MAX_LENGTH} tokens"
            error = FieldError(field=field, message=message, value=shown(sample.length))
            raise RequestRefusedError("invalid_request", f"{field} {message}", [error])


def _refuse_duplicates(samples: Sequence[Sample]) -> NoReturn:
    seen: dict[str, int] = {}
    errors: list[FieldError] = []
    for index, sample in enumerate(samples):
        if sample.id is None:
            continue
        first = seen.setdefault(sample.id, index)
        if first != index:
            errors.append(
                FieldError(
                    field=f"samples[{index}].id",
                    message=f"is also the id of samples[{first}]",
                    value=shown(sample.id),
                )
            )
    raise RequestRefusedError("duplicate_id", f"{errors[0].field} {errors[0].message}", errors[:20])


def _check_metadata(metadata: Mapping[str, Any], index: int) -> None:
    size = len(msgspec.json.encode(metadata))
    if size > MAX_METADATA_BYTES:
        field = f"samples[{index}].metadata"
        message = f"takes {size} bytes as JSON, more than {MAX_METADATA_BYTES}"
        raise RequestRefusedError(
            "invalid_request", f"{field} {message}", [FieldError(field=field, message=message)]
        )
