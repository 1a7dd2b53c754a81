"""Rows to units that are scored together: a group, or a single sample."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from rewardd_client.schema import Sample
from rewardd_service.tables.rows import Complaint, Row, RowError, decode

ReadSample = Callable[[dict[str, object]], Sample]


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with its sample, or with why there is none."""

    row: Row
    sample: Sample | None
    complaint: Complaint | None = None


_MARK_BYTES = 8
"""Of a group's hash: among ten million groups two meet once in 370,000 files."""

Unit: TypeAlias = list[Entry]
"""The samples of one group, or a single one: group rules must see all of a group at once."""


def units(rows: Iterable[Row], read: ReadSample, seen: set[bytes]) -> Iterator[Unit]:
    """Yield the units of a file, in its order.

    The samples of a group must stand together. One that comes back later is complained of:
    scored in two halves, its group would have got other rewards. A row that is no sample
    belongs to the group around it.

    Args:
        rows: of one file.
        read: makes a sample of a row's fields; raises RowError.
        seen: marks of the groups that ended before these rows; new ones are added. It is
            the one thing that grows with the file, by some 100 bytes a group.
    """
    unit: Unit = []
    group: str | None = None
    came_back = False
    for row in rows:
        entry = _entry(row, read)
        own = group if entry.sample is None else entry.sample.group
        if unit and own != group:
            yield unit
            unit = []
        group = own
        if group is None:
            yield [entry]
            continue
        if not unit:
            came_back = _is_known(group, seen)
        unit.append(_complained(entry, group) if came_back else entry)
    if unit:
        yield unit


def batches(found: Iterable[Unit], *, max_samples: int, max_bytes: int) -> Iterator[list[Unit]]:
    """Yield units in lists that are about as large as asked for; a unit is never cut."""
    batch: list[Unit] = []
    samples = size = 0
    for unit in found:
        batch.append(unit)
        samples += len(unit)
        size += sum(len(entry.row.text) for entry in unit)
        if samples >= max_samples or size >= max_bytes:
            yield batch
            batch, samples, size = [], 0, 0
    if batch:
        yield batch


def _entry(row: Row, read: ReadSample) -> Entry:
    try:
        return Entry(row, read(decode(row)))
    except RowError as error:
        return Entry(row, None, Complaint(row.number, error.field, error.message))


def _is_known(group: str, seen: set[bytes]) -> bool:
    mark = hashlib.blake2b(group.encode(), digest_size=_MARK_BYTES).digest()
    known = mark in seen
    seen.add(mark)
    return known


def _complained(entry: Entry, group: str) -> Entry:
    message = f"group {group!r} ended above; the samples of a group must stand together"
    complaint = entry.complaint or Complaint(entry.row.number, "group", message)
    return Entry(entry.row, None, complaint)
