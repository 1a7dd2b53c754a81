"""Which format a client takes, and plain values into its bytes."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, cast

import msgspec

_ENCODER = msgspec.json.Encoder()
_PACKER = msgspec.msgpack.Encoder()
_LARGEST_MSGPACK_INTEGER = 2**64 - 1
_SMALLEST_MSGPACK_INTEGER = -(2**63)


class Format(StrEnum):
    """What an answer can be written in; the value is its media type."""

    JSON = "application/json"
    MSGPACK = "application/msgpack"
    NDJSON = "application/x-ndjson"


_NAMES = {
    "application/json": Format.JSON,
    "application/*": Format.JSON,
    "*/*": Format.JSON,
    "application/msgpack": Format.MSGPACK,
    "application/x-msgpack": Format.MSGPACK,
    "application/vnd.msgpack": Format.MSGPACK,
    "application/x-ndjson": Format.NDJSON,
    "application/ndjson": Format.NDJSON,
    "application/jsonl": Format.NDJSON,
}


def accepted(accept: str | None) -> Format:
    """Return the format that an Accept header prefers; JSON if it names none of ours."""
    best, best_quality = Format.JSON, 0.0
    for entry in (accept or "").split(",")[:50]:
        media, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = _quality(parameters)
        if media in _NAMES and quality > best_quality:
            best, best_quality = _NAMES[media], quality
    return best


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            number = value.strip()
            return (
                float(number)
                if number.replace(".", "", 1).isdecimal() and number.isascii()
                else 0.0
            )
    return 1.0


def encode(plain: object, media: Format) -> bytes:
    """Write plain values as JSON or msgpack, whatever integers and text a verifier put there."""
    encoder = _PACKER if media is Format.MSGPACK else _ENCODER
    try:
        return encoder.encode(plain)
    except (OverflowError, UnicodeEncodeError):
        return encoder.encode(_writable(plain, msgpack=media is Format.MSGPACK))


def encode_lines(plain: list[dict[str, Any]]) -> bytes:
    """Write one JSON value per line, each ended by a newline."""
    try:
        return _ENCODER.encode_lines(plain)
    except UnicodeEncodeError:
        return _ENCODER.encode_lines(_writable(plain, msgpack=False))


def _writable(value: object, *, msgpack: bool) -> Any:  # noqa: ANN401 - plain values of any shape
    """Return a copy with integers beyond msgpack's as text and lone surrogates replaced."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if (
        isinstance(value, int)
        and msgpack
        and not _SMALLEST_MSGPACK_INTEGER <= value <= _LARGEST_MSGPACK_INTEGER
    ):
        return str(value)
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {
            _writable(key, msgpack=msgpack): _writable(item, msgpack=msgpack)
            for key, item in fields.items()
        }
    if isinstance(value, list | tuple):
        items = cast("list[object]", value)
        return [_writable(item, msgpack=msgpack) for item in items]
    return value
