"""Rows of a JSONL stream."""

import itertools
from collections.abc import Iterator
from typing import BinaryIO

from rewardd_service.tables.rows import MAX_ROW_BYTES, Row

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PIECE_BYTES = 1024 * 1024


def read_lines(stream: BinaryIO) -> Iterator[Row]:
    """Yield the lines that are not blank; of one that is too long, just more than the limit."""
    end = 0
    for number in itertools.count(1):
        text = stream.readline(MAX_ROW_BYTES + 1)
        if not text:
            return
        end += len(text)
        if len(text) > MAX_ROW_BYTES and not text.endswith(b"\n"):
            end += _skip_line(stream)
        if number == 1:
            text = text.removeprefix(_BYTE_ORDER_MARK)
        if text.strip():
            yield Row(number, text, end)


def _skip_line(stream: BinaryIO) -> int:
    skipped = 0
    while piece := stream.readline(_PIECE_BYTES):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped
