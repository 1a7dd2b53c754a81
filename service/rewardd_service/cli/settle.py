"""Have a batch of rows scored, and find out which rows a refusal is about."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rewardd_client.schema import Result, ScoreRequest, ScoreResponse
from rewardd_service.cli.engines import Engine
from rewardd_service.errors import RequestRefusedError
from rewardd_service.tables import Complaint, Entry, Unit

DEADLINE_SECONDS = 3600.0
"""Nobody waits for a file as a trainer waits for a batch: the longest that the wire allows."""

_PLACE = re.compile(r"samples\[(\d+)\]\.?(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a row: a result, or a complaint.

    Attributes:
        keep: what the recipe's filters say of its group; None without filters.
    """

    entry: Entry
    result: Result | None
    keep: bool | None = None


class Settler:
    """Turns units into answers; a row that spoils a request is told apart and left out."""

    def __init__(self, engine: Engine, reward: str | None) -> None:
        self._engine = engine
        self._reward = reward

    async def settle(self, batch: Sequence[Unit]) -> list[list[Answer]]:
        """Return an answer for each row of each unit.

        Raises:
            RequestRefusedError: what is refused is not a row, but what was asked of all of them.
            BackendUnavailableError: nothing can be scored now.
        """
        asked = [entry for unit in batch for entry in unit if entry.complaint is None]
        if not asked:
            return _answers(batch, ScoreResponse(results=[]))
        try:
            response = await self._engine.score(self._request(asked))
        except RequestRefusedError as refusal:
            return await self._settle_refused(batch, asked, refusal)
        return _answers(batch, response)

    def _request(self, entries: Sequence[Entry]) -> ScoreRequest:
        # Ids stay here: that two rows of a file share one is no fault, and which rows meet in
        # a batch must not decide whether they are refused.
        samples = [
            entry.sample.model_copy(update={"id": None})
            for entry in entries
            if entry.sample is not None
        ]
        return ScoreRequest(reward=self._reward, samples=samples, deadline_seconds=DEADLINE_SECONDS)

    async def _settle_refused(
        self, batch: Sequence[Unit], asked: Sequence[Entry], refusal: RequestRefusedError
    ) -> list[list[Answer]]:
        if any(error.field.partition(".")[0] == "reward" for error in refusal.errors):
            raise refusal
        blamed = _blamed(asked, refusal)
        if not blamed and len(batch) > 1:
            half = len(batch) // 2
            return [*await self.settle(batch[:half]), *await self.settle(batch[half:])]
        if not blamed:
            blamed = {e.row.number: _complaint(e, "row", refusal.detail) for e in asked}
        return await self.settle([[_marked(entry, blamed) for entry in unit] for unit in batch])


def _blamed(asked: Sequence[Entry], refusal: RequestRefusedError) -> dict[int, Complaint]:
    """Return the complaints that a refusal makes about single rows, by their number."""
    complaints: dict[int, Complaint] = {}
    for error in refusal.errors:
        place = _PLACE.fullmatch(error.field)
        if place is None or int(place[1]) >= len(asked):
            continue
        entry = asked[int(place[1])]
        message = f"{error.message} (got {error.value})" if error.value else error.message
        complaint = _complaint(entry, place[2] or "row", message)
        complaints.setdefault(entry.row.number, complaint)
    return complaints


def _complaint(entry: Entry, field: str, message: str) -> Complaint:
    return Complaint(entry.row.number, field, message)


def _marked(entry: Entry, blamed: dict[int, Complaint]) -> Entry:
    complaint = blamed.get(entry.row.number)
    return entry if complaint is None else replace(entry, complaint=complaint)


def _answers(batch: Sequence[Unit], response: ScoreResponse) -> list[list[Answer]]:
    results = iter(response.results)
    keep = {group.group: group.keep for group in response.groups}
    return [[_answer(entry, results, keep) for entry in unit] for unit in batch]


def _answer(entry: Entry, results: Iterator[Result], keep: dict[str, bool | None]) -> Answer:
    if entry.complaint is not None or entry.sample is None:
        return Answer(entry, None)
    return Answer(entry, next(results), keep.get(entry.sample.group or ""))
