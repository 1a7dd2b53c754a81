"""A row of a file, and what may be wrong with it."""

import json
import re
from dataclasses import dataclass
from typing import cast

import msgspec

from rewardd_service.errors import ServiceError

MAX_ROW_BYTES = 64 * 1024 * 1024
"""The longest line that is read; what is longer is no sample, and would fill the memory."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class TableError(ServiceError):
    """A file cannot be read or written as a whole."""

    code = "invalid_table"


class RowError(Exception):
    """One row is no sample; the field says where, the message why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True)
class Row:
    """One row, whatever the format, as JSON.

    Attributes:
        number: line of the file, or row of a Parquet table; the first is 1.
        end: where the next one starts, in the unit of the source's `size`.
    """

    number: int
    text: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why a row got no result."""

    number: int
    field: str
    message: str


def decode(row: Row) -> dict[str, object]:
    """Return the fields of a row.

    `NaN` and `Infinity`, which Python's json writes, are read as null: there is no number. Lone
    surrogates, which tokenizers leave behind, are read as the replacement character.

    Raises:
        RowError: the row is no JSON object.
    """
    if len(row.text) > MAX_ROW_BYTES:
        raise RowError("row", f"is longer than {MAX_ROW_BYTES} bytes")
    try:
        value: object = msgspec.json.decode(row.text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        value = _decode_slowly(row.text)
    except RecursionError as error:
        raise RowError("row", "is nested too deep") from error
    if not isinstance(value, dict):
        raise RowError("row", f"is no JSON object: {_excerpt(row.text)}")
    return cast("dict[str, object]", value)


def _decode_slowly(text: bytes) -> object:
    try:
        return _without_surrogates(json.loads(text.decode(), parse_constant=_no_number))
    except RecursionError as error:
        raise RowError("row", "is nested too deep") from error
    except UnicodeDecodeError as error:
        raise RowError("row", f"is not UTF-8: {error.reason} at byte {error.start}") from error
    except ValueError as error:
        raise RowError("row", f"is not JSON: {error}: {_excerpt(text)}") from error


def _no_number(_name: str) -> None:
    return None


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return _SURROGATES.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {
            _SURROGATES.sub(_REPLACEMENT, key): _without_surrogates(item)
            for key, item in fields.items()
        }
    return value


def _excerpt(text: bytes) -> str:
    return repr(text[:60].decode(errors="replace").strip())
