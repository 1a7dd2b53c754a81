"""Who works: each worker says what it offers, and joins only if all agree on the versions.

No clock is compared: what a worker wrote lives as long as Redis lets it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from rewardd_service.backends.redis import names
from rewardd_service.backends.redis.parcel import PROTOCOL
from rewardd_service.backends.redis.store import Store
from rewardd_service.job import VerifierCard
from rewardd_verifiers import Need

_OFFER: Final = "offer"
_STATE: Final = "state"
_CARDS: Final = "cards"
_SERVING: Final = b"serving"
_LEAVING: Final = b"leaving"
_WAITING: Final = b"waiting"
_NEEDS: Final = {need.value: need for need in Need}


class Offer(msgspec.Struct, array_like=True, frozen=True):
    """What a worker has to offer.

    Attributes:
        slots: chunks that it runs at once, by need.
        versions: of its verifiers.
    """

    protocol: int
    slots: dict[str, int]
    versions: dict[str, int]


@dataclass(frozen=True, slots=True)
class Member:
    """A worker that is alive.

    Attributes:
        serving: has joined, and judges.
        leaving: finishes what it has, and takes no more.
    """

    id: str
    offer: Offer
    serving: bool
    leaving: bool = False


def disagreement(offer: Offer, others: Sequence[Member]) -> str | None:
    """Return what an offer's versions differ in from those that serve; None if they agree."""
    for other in others:
        if not other.serving:
            continue
        for verifier, version in offer.versions.items():
            theirs = other.offer.versions.get(verifier, version)
            if theirs != version:
                return (
                    f"worker {other.id} serves {verifier}@{theirs}, and this one has "
                    f"{verifier}@{version}"
                )
    return None


def slots_of(members: Sequence[Member]) -> dict[Need, int]:
    """Return how many chunks the serving members run at once, by need."""
    total: dict[Need, int] = {}
    for member in members:
        if not member.leaving:
            for need, number in _slots(member).items():
                total[need] = total.get(need, 0) + number
    return total


def needs_of(members: Sequence[Member]) -> set[Need]:
    """Return the needs that somebody still works on."""
    return {need for member in members for need in _slots(member)}


def versions_of(members: Sequence[Member]) -> dict[str, int]:
    """Return the version of each verifier that serves."""
    return {
        verifier: version
        for member in members
        if member.serving
        for verifier, version in member.offer.versions.items()
    }


class Roster:
    """The workers of one Redis."""

    def __init__(self, store: Store, *, forget_seconds: float) -> None:
        self._store = store
        self._seconds = forget_seconds

    async def members(self) -> list[Member]:
        """Return who is alive, and strike off who is not."""
        ids = await self._store.names(names.ROSTER)
        if not ids:
            return []
        rows = await self._store.fields([names.worker(one) for one in ids], [_OFFER, _STATE])
        gone = [one for one, row in zip(ids, rows, strict=True) if row is None]
        if gone:
            await self._store.drop_names(names.ROSTER, gone)
        return [
            member
            for one, row in zip(ids, rows, strict=True)
            if row is not None and (member := _member(one, row)) is not None
        ]

    async def join(self, worker: str, offer: Offer, cards: Sequence[VerifierCard]) -> str | None:
        """Say what a worker offers; return None if it may serve, else what stands against it."""
        while True:
            async with self._store.guarded(names.ROSTER_CHANGES) as guarded:
                others = [one for one in await self.members() if one.id != worker]
                trouble = disagreement(offer, others)
                fields = {
                    _OFFER: msgspec.msgpack.encode(offer),
                    _STATE: _SERVING if trouble is None else _WAITING,
                    _CARDS: msgspec.msgpack.encode(list(cards)),
                }
                if await guarded.enrol(
                    names.ROSTER, worker, names.worker(worker), fields, seconds=self._seconds
                ):
                    return trouble

    async def beat(self, worker: str) -> bool:
        """Give a sign of life; return False if the worker has been forgotten."""
        return await self._store.prolong(names.worker(worker), seconds=self._seconds)

    async def depart(self, worker: str, *, seconds: float) -> None:
        """Say that a worker takes no more, and is gone in so many seconds."""
        await self._store.write_fields(names.worker(worker), {_STATE: _LEAVING}, seconds=seconds)

    async def leave(self, worker: str) -> None:
        """Strike a worker off."""
        await self._store.remove(names.worker(worker))
        await self._store.drop_names(names.ROSTER, [worker])

    async def cards(self) -> list[VerifierCard]:
        """Return a card for each verifier that serves, by name."""
        serving = [member.id for member in await self.members() if member.serving]
        if not serving:
            return []
        rows = await self._store.fields([names.worker(one) for one in serving], [_CARDS])
        cards: dict[str, VerifierCard] = {}
        for row in rows:
            cards |= {card.name: card for card in _cards(row or {})}
        return [cards[name] for name in sorted(cards)]


def _slots(member: Member) -> dict[Need, int]:
    if not member.serving or member.offer.protocol != PROTOCOL:
        return {}
    slots = member.offer.slots.items()
    return {_NEEDS[name]: number for name, number in slots if name in _NEEDS}


def _member(worker: str, row: Mapping[str, bytes]) -> Member | None:
    """Return a member, or None for what another version of us wrote and we cannot read."""
    try:
        offer = msgspec.msgpack.decode(row.get(_OFFER, b""), type=Offer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    state = row.get(_STATE)
    return Member(worker, offer, state in (_SERVING, _LEAVING), state == _LEAVING)


def _cards(row: Mapping[str, bytes]) -> list[VerifierCard]:
    try:
        return msgspec.msgpack.decode(row.get(_CARDS, b""), type=list[VerifierCard])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
