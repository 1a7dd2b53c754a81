"""Count the values in a body before any is built: what is tiny to send may be large to keep.

An empty list is one byte of msgpack or three of JSON, and 64 bytes in memory; text costs what it
costs. So the number of values is bounded, not the size of the body.
"""

import struct
from typing import Final

from rewardd_service.edge.refusal import EdgeRefusalError

MAX_VALUES: Final = 2_097_152
"""In one body, keys of objects among them: 64 for each of 32,768 samples."""

_FREE_BYTES: Final = {False: 4 << 20, True: 1 << 20}
"""What is not counted, in JSON and in msgpack: counting takes microseconds for each 4 kB.

Measured with empty lists, the worst there is: what passes takes 0.3 GiB on its way to a request,
and holds the event loop for a fifth of a second for each million of them.
"""

_Layout = tuple[int, int, int, int]

_STRUCTURE: Final = (b"[", b"{", b",", b":")


def check_values(body: bytes | bytearray, *, msgpack: bool) -> None:
    """Refuse a body of too many values; what else is wrong with it is for others to say.

    Raises:
        EdgeRefusalError: `body_too_large`.
    """
    if len(body) > _FREE_BYTES[msgpack] and holds_more(body, MAX_VALUES, msgpack=msgpack):
        detail = f"the body holds more than {MAX_VALUES} values: send less at once"
        raise EdgeRefusalError("body_too_large", detail)


def holds_more(body: bytes | bytearray, limit: int, *, msgpack: bool) -> bool:
    """Whether a body holds more than `limit` values; keys are values, too.

    In JSON, what is counted are the marks before and between them: one more or less for each list
    or object.
    """
    return _msgpack_holds_more(body, limit) if msgpack else _json_holds_more(body, limit)


def _json_holds_more(body: bytes | bytearray, limit: int) -> bool:
    """Count the structure around values: first all of it, in texts too, as that is cheap."""
    if _structure(body) <= limit:
        return False
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if plain.count(b'"') > 2 * limit + 2:
        return True
    return _structure(b"".join(plain.split(b'"')[::2])) > limit


def _structure(body: bytes | bytearray) -> int:
    return sum(body.count(mark) for mark in _STRUCTURE)


def _sizes() -> list[_Layout]:
    """Return for each first byte: its fixed size, the bytes of a length, its unit, extra values.

    A length counts bytes of content, or, where the unit is 0, values that follow.
    """
    plain: _Layout = (1, 0, 0, 0)
    table: list[_Layout] = [plain] * 256
    for low in range(16):
        table[0x80 | low] = (1, 0, 0, 2 * low)
        table[0x90 | low] = (1, 0, 0, low)
    for low in range(32):
        table[0xA0 | low] = (1 + low, 0, 0, 0)
    for step, width in enumerate((1, 2, 4)):
        table[0xC4 + step] = table[0xD9 + step] = (1 + width, width, 1, 0)
        table[0xC7 + step] = (2 + width, width, 1, 0)
    for step, width in enumerate((2, 4)):
        table[0xDC + step] = (1 + width, width, 0, 1)
        table[0xDE + step] = (1 + width, width, 0, 2)
    fixed = {0xCA: 5, 0xCB: 9, 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9, 0xD0: 2, 0xD1: 3, 0xD2: 5}
    fixed |= {0xD3: 9, 0xD4: 3, 0xD5: 4, 0xD6: 6, 0xD7: 10, 0xD8: 18}
    for first, size in fixed.items():
        table[first] = (size, 0, 0, 0)
    return table


_TABLE: Final = _sizes()
_LENGTHS: Final = {1: struct.Struct(">B"), 2: struct.Struct(">H"), 4: struct.Struct(">I")}


def _msgpack_holds_more(body: bytes | bytearray, limit: int) -> bool:
    table, lengths = _TABLE, _LENGTHS
    end, at, waiting, seen = len(body), 0, 1, 0
    while waiting and at < end and seen + waiting <= limit:
        size, width, unit, values = table[body[at]]
        if width:
            if at + 1 + width > end:
                break  # cut off: the reader will say so
            (length,) = lengths[width].unpack_from(body, at + 1)
            size += length * unit
            values *= length
        at += size
        waiting += values - 1
        seen += 1
    return seen + waiting > limit
