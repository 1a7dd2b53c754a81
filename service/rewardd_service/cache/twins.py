"""Jobs in flight that are equal: one runs, the others wait for its answer. Pure.

A job waits only for one that runs, or for one of its own request. Where two requests queue equal
jobs, both stay queued until one is sent: so nobody waits in the queue of another tenant, and what
ends a request takes nobody else's job along. An answer stays known as long as a request that
asked for it is open.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rewardd_service.cache.keys import Mark
from rewardd_service.job import Answer
from rewardd_service.plan import PlannedJob

HolderT = TypeVar("HolderT")


class Claim(Generic[HolderT]):
    """One job's interest in an answer; by itself all that is kept of a job without a twin.

    Attributes:
        holder: the request; all its claims are left together.
        entry: what it shares with those that look like it; None while there are none.
        waits: whether another claim will bring the answer, so that it need not be queued.
        open: whether it is without an answer.
    """

    __slots__ = ("_answer", "entry", "holder", "job", "mark", "open", "running", "waits")

    def __init__(self, holder: HolderT, job: PlannedJob, mark: Mark) -> None:
        self.holder = holder
        self.job = job
        self.mark = mark
        self.entry: _Entry[HolderT] | None = None
        self.waits = False
        self.running = False
        self.open = True
        self._answer: Answer | None = None

    @property
    def answer(self) -> Answer | None:
        """Return an answer that holds for all equal jobs, if one is known."""
        return self._answer if self.entry is None else self.entry.answer

    def close(self, answer: Answer | None = None) -> None:
        """Take an answer; None if it is one that holds for this job only."""
        self.open = self.running = False
        self._answer = answer


@dataclass(slots=True, eq=False)
class _Entry(Generic[HolderT]):
    """Equal jobs.

    Attributes:
        key: None if it cannot be made; then nothing is equal.
        holders: number of claims that were made and not left: at 0 the entry is forgotten.
        claims: those without an answer.
        queued: of each request that has one in a queue, that one.
    """

    mark: Mark
    key: bytes | None
    holders: int = 0
    claims: dict[Claim[HolderT], None] = field(default_factory=dict[Claim[HolderT], None])
    queued: dict[HolderT, Claim[HolderT]] = field(default_factory=dict[HolderT, Claim[HolderT]])
    running: Claim[HolderT] | None = None
    answer: Answer | None = None


class Twins(Generic[HolderT]):
    """All jobs in flight, by what makes them equal.

    Args:
        key_of: the key of a holder's job, see `JobKeys.key`.
    """

    def __init__(self, key_of: Callable[[HolderT, PlannedJob], bytes | None]) -> None:
        self._key_of = key_of
        self._by_mark: dict[Mark, Claim[HolderT] | _Entry[HolderT]] = {}
        self._by_key: dict[bytes, _Entry[HolderT]] = {}

    def __len__(self) -> int:
        """Return how many different jobs are known; 0 when no request is in flight."""
        return len({id(known) for known in (*self._by_mark.values(), *self._by_key.values())})

    def claim(self, holder: HolderT, job: PlannedJob, mark: Mark) -> Claim[HolderT]:
        """Enter a job; see the claim for what to do with it."""
        claim = Claim(holder, job, mark)
        alike = self._by_mark.setdefault(mark, claim)
        if alike is claim:
            return claim
        if isinstance(alike, Claim):
            self._by_mark[mark] = self._entry_of(alike)
        entry = claim.entry = self._find(claim)
        entry.holders += 1
        if entry.answer is None:
            claim.waits = entry.running is not None or holder in entry.queued
            entry.claims[claim] = None
            if not claim.waits:
                entry.queued[holder] = claim
        return claim

    def start(self, claim: Claim[HolderT]) -> bool:
        """Return whether a queued claim's job is to be sent now; if not, a twin of it runs."""
        entry = claim.entry
        if entry is None:
            claim.running = True
            return True
        if entry.queued.get(claim.holder) is claim:
            del entry.queued[claim.holder]
        if entry.running is not None:
            claim.waits = True
            return False
        entry.running = claim
        return True

    def answered(self, claim: Claim[HolderT], answer: Answer) -> list[Claim[HolderT]]:
        """Take an answer that holds for all twins; return the others that were without one."""
        claim.close(answer)
        entry = claim.entry
        if entry is None or entry.answer is not None:
            return []
        others = [other for other in entry.claims if other is not claim]
        entry.answer = answer
        entry.running = None
        entry.claims.clear()
        entry.queued.clear()
        return others

    def failed(self, claim: Claim[HolderT]) -> list[Claim[HolderT]]:
        """Take out a claim whose answer is its own; return those that waited for it.

        They stand alone from now on, and have to be queued: whatever became of this job must
        not happen to one after the other.
        """
        claim.close()
        entry = claim.entry
        if entry is None or claim not in entry.claims:
            return []
        stood_for_others = entry.running is claim or entry.queued.get(claim.holder) is claim
        _remove(entry, claim)
        if not stood_for_others or entry.running is not None:
            return []
        stranded = [other for other in entry.claims if other.holder not in entry.queued]
        for other in stranded:
            del entry.claims[other]
            entry.holders -= 1
            other.entry, other.waits = None, False
        return stranded

    def leave(self, claims: Iterable[Claim[HolderT]]) -> list[Claim[HolderT]]:
        """Take out all claims of a request; return those of others that have to be queued."""
        touched: dict[_Entry[HolderT], None] = {}
        for claim in claims:
            entry = claim.entry
            if entry is None:
                if self._by_mark.get(claim.mark) is claim:
                    del self._by_mark[claim.mark]
                continue
            entry.holders -= 1
            if claim in entry.claims:
                _remove(entry, claim)
            if entry.holders == 0:
                self._forget(entry)
            elif entry.running is None and entry.answer is None:
                touched[entry] = None
        return [heir for entry in touched for heir in _heirs(entry)]

    def _find(self, claim: Claim[HolderT]) -> _Entry[HolderT]:
        key = self._key_of(claim.holder, claim.job)
        if key is None:
            return _Entry(claim.mark, None)
        entry = self._by_key.get(key)
        if entry is None:
            entry = self._by_key[key] = _Entry(claim.mark, key)
        return entry

    def _entry_of(self, first: Claim[HolderT]) -> _Entry[HolderT]:
        """Return the entry of a claim that was alone until now."""
        known = first.answer
        entry = first.entry = self._find(first)
        entry.holders += 1
        entry.answer = entry.answer or known
        if first.open and entry.answer is None:
            entry.claims[first] = None
            if not first.running:
                entry.queued.setdefault(first.holder, first)
            elif entry.running is None:
                entry.running = first
        return entry

    def _forget(self, entry: _Entry[HolderT]) -> None:
        if self._by_mark.get(entry.mark) is entry:
            del self._by_mark[entry.mark]
        if entry.key is not None and self._by_key.get(entry.key) is entry:
            del self._by_key[entry.key]


def _remove(entry: _Entry[HolderT], claim: Claim[HolderT]) -> None:
    del entry.claims[claim]
    if entry.queued.get(claim.holder) is claim:
        del entry.queued[claim.holder]
    if entry.running is claim:
        entry.running = None


def _heirs(entry: _Entry[HolderT]) -> list[Claim[HolderT]]:
    """Queue one claim of each request that has none in a queue."""
    heirs: list[Claim[HolderT]] = []
    for claim in entry.claims:
        if claim.holder not in entry.queued:
            entry.queued[claim.holder] = claim
            claim.waits = False
            heirs.append(claim)
    return heirs
