"""One pass over a file: rows in, lines out, in order, and able to go on after a kill."""

import asyncio
import hashlib
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from rewardd_service.cli.report import LineStyle, Tally
from rewardd_service.cli.settle import Answer, Settler
from rewardd_service.tables import (
    Columns,
    Complaint,
    Output,
    Progress,
    Row,
    Source,
    TakenError,
    Unit,
    batches,
    units,
)

Tell = Callable[[int, int], None]
"""Told how far the source is read, in its own unit, and how many rows are answered."""

_BATCHES_AT_ONCE = 3
"""The workers stay busy while one batch ends, the next is read, and a third is written."""

_COMPLAINTS_KEPT = 100


class BadRowError(Exception):
    """A row is no sample, and the run was told to stop there."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(f"{complaint.field}: {complaint.message}")
        self.complaint = complaint


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to go over a file.

    Attributes:
        stop_at_bad_rows: end the run at the first; else its line says what is wrong with it.
        batch_samples, batch_bytes: of one request; a group is never cut, however large.
    """

    style: LineStyle = field(default_factory=LineStyle)
    stop_at_bad_rows: bool = True
    batch_samples: int = 512
    batch_bytes: int = 8 * 1024 * 1024


class Passage:
    """Scores one source into one output.

    Attributes:
        complaints: of bad rows, as they come; the first hundred.
    """

    def __init__(
        self,
        source: Source,
        columns: Columns,
        settler: Settler,
        output: Output,
        manner: Manner,
    ) -> None:
        self._source = source
        self._columns = columns
        self._settler = settler
        self._output = output
        self._manner = manner
        self._digest = hashlib.blake2b(digest_size=16)
        self._seen: set[bytes] = set()
        self.complaints: list[Complaint] = []

    async def run(self, start: Progress, tell: Tell) -> Tally:
        """Score what is behind `start`, commit batch by batch, and finish the output.

        Raises:
            BadRowError: a row is no sample; what stands before its unit is committed.
            TakenError: the rows that an earlier run answered have changed since.
            TableError: the source cannot be read, or the output not be written.
            RequestRefusedError, BackendUnavailableError: see `Settler.settle`.
        """
        rows = iter(self._source.rows)
        self._skip(rows, start)
        ledger = _Ledger(start, Tally(start.tally))
        found = units(rows, self._columns.sample, self._seen)
        waiting: deque[asyncio.Task[list[list[Answer]]]] = deque()
        try:
            for batch in self._batches(found):
                waiting.append(asyncio.create_task(self._settler.settle(batch)))
                if len(waiting) >= _BATCHES_AT_ONCE:
                    self._commit(await waiting.popleft(), ledger, tell)
            while waiting:
                self._commit(await waiting.popleft(), ledger, tell)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        self._output.finish()
        return ledger.tally

    def _batches(self, found: Iterable[Unit]) -> Iterator[list[Unit]]:
        manner = self._manner
        return batches(found, max_samples=manner.batch_samples, max_bytes=manner.batch_bytes)

    def _skip(self, rows: Iterator[Row], start: Progress) -> None:
        """Pass over what is answered, and make sure that it is what was answered."""
        skipped = 0
        for unit in units(itertools.islice(rows, start.rows), self._columns.sample, self._seen):
            for entry in unit:
                self._digest.update(entry.row.text)
                skipped += 1
        if skipped != start.rows or (skipped and self._digest.hexdigest() != start.digest):
            raise TakenError(
                f"{self._source.name}: the {start.rows} rows that an unfinished run has answered "
                "have changed since: use --restart to drop its answers"
            )

    def _commit(self, answers: Sequence[Sequence[Answer]], ledger: "_Ledger", tell: Tell) -> None:
        good = list(itertools.takewhile(self._may_pass, answers))
        flat = [answer for unit in good for answer in unit]
        if flat:
            for answer in flat:
                self._digest.update(answer.entry.row.text)
            text = b"".join(self._manner.style.line(answer) for answer in flat)
            self._note_complaints(flat)
            ledger.advance(flat, text, self._digest.hexdigest())
            self._output.commit(text, ledger.progress)
            tell(flat[-1].entry.row.end, ledger.progress.rows)
        if len(good) < len(answers):
            complaints = (answer.entry.complaint for answer in answers[len(good)])
            raise BadRowError(next(each for each in complaints if each is not None))

    def _note_complaints(self, answers: Sequence[Answer]) -> None:
        found = [each.entry.complaint for each in answers if each.entry.complaint is not None]
        self.complaints += found[: _COMPLAINTS_KEPT - len(self.complaints)]

    def _may_pass(self, unit: Sequence[Answer]) -> bool:
        if not self._manner.stop_at_bad_rows:
            return True
        return all(answer.entry.complaint is None for answer in unit)


class _Ledger:
    """Progress and sums of one run."""

    def __init__(self, progress: Progress, tally: Tally) -> None:
        self.progress = progress
        self.tally = tally

    def advance(self, answers: Sequence[Answer], text: bytes, digest: str) -> None:
        self.tally.add(answers)
        self.progress = msgspec.structs.replace(
            self.progress,
            rows=self.progress.rows + len(answers),
            digest=digest,
            size=self.progress.size + len(text),
            tally=dict(self.tally.sums),
        )
