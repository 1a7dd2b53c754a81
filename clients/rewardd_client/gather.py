"""Collects single samples into posts: a post a sample costs twenty times as much.

Pure: time is handed in. A batch is ready at 32 samples, at 1 MiB or 5 ms after its first
sample. A named group waits until it is whole, and then joins a batch at once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from rewardd_client.encoding import Piece

BATCH_SAMPLES = 32
BATCH_BYTES = 2**20
WAIT_SECONDS = 0.005


class Waiting(Protocol):
    """What is collected: compared by identity."""

    @property
    def piece(self) -> Piece:
        """The sample, encoded."""
        ...

    @property
    def group_size(self) -> int | None:
        """How many members its group has; None if it waits for none."""
        ...


TicketT = TypeVar("TicketT", bound=Waiting)


@dataclass
class _Open(Generic[TicketT]):
    """A batch that still takes samples."""

    tickets: list[TicketT] = field(default_factory=list[TicketT])
    size_bytes: int = 0
    due_at: float = 0.0
    shared: dict[str, bytes] = field(default_factory=dict[str, bytes])
    groups: set[str | None] = field(default_factory=set[str | None])


class Gatherer(Generic[TicketT]):
    """Batches the samples of equal reward, settings and deadline."""

    def __init__(self) -> None:
        self._open = _Open[TicketT]()
        self._groups: dict[str, list[TicketT]] = {}

    def add(self, ticket: TicketT, now: float) -> list[list[TicketT]]:
        """Take a sample, and return the batches that are ready."""
        group = ticket.piece.sample.group
        if group is None or ticket.group_size is None:
            return self._join([ticket], now)
        members = self._groups.setdefault(group, [])
        members.append(ticket)
        if len(members) < ticket.group_size:
            return []
        return self._join(self._groups.pop(group), now)

    def due(self, now: float) -> list[list[TicketT]]:
        """Return the batch whose time is up, if there is one."""
        return self._close() if self._open.tickets and now >= self._open.due_at else []

    @property
    def due_at(self) -> float | None:
        """When `due` has something to say; None while no batch is open."""
        return self._open.due_at if self._open.tickets else None

    @property
    def empty(self) -> bool:
        """Whether nothing waits here, groups included."""
        return not self._open.tickets and not self._groups

    def flush(self, wanted: Callable[[TicketT], bool]) -> list[list[TicketT]]:
        """Return the open batch, and each group that is not whole but has a wanted member."""
        names = [name for name, each in self._groups.items() if any(map(wanted, each))]
        return self._close() + [self._groups.pop(name) for name in names]

    def remove(self, ticket: TicketT) -> bool:
        """Take out what was withdrawn; False if it is not here any more."""
        if _drop(self._open.tickets, ticket):
            self._open.size_bytes -= ticket.piece.size_bytes
            return True
        group = ticket.piece.sample.group
        members = self._groups.get(group, []) if group is not None else []
        found = _drop(members, ticket)
        if found and not members and group is not None:
            del self._groups[group]
        return found

    def _join(self, tickets: list[TicketT], now: float) -> list[list[TicketT]]:
        size_bytes = sum(ticket.piece.size_bytes for ticket in tickets)
        ready: list[list[TicketT]] = []
        if self._open.size_bytes + size_bytes > BATCH_BYTES:
            ready += self._close()
        if self._clash(tickets):
            ready += self._close()
        if not self._open.tickets:
            self._open.due_at = now + WAIT_SECONDS
        self._open.tickets += tickets
        for ticket in tickets:
            self._open.shared.update(ticket.piece.shared)
            if ticket.piece.sample.group is not None:
                self._open.groups.add(ticket.piece.sample.group)
        self._open.size_bytes += size_bytes
        if len(self._open.tickets) >= BATCH_SAMPLES or self._open.size_bytes >= BATCH_BYTES:
            ready += self._close()
        return ready

    def _clash(self, tickets: Iterable[TicketT]) -> bool:
        """Whether a reference would have two meanings, or a group be taken for another."""
        shared, groups = self._open.shared, self._open.groups
        return any(
            (ticket.group_size is not None and ticket.piece.sample.group in groups)
            or any(shared.get(name, each) != each for name, each in ticket.piece.shared.items())
            for ticket in tickets
        )

    def _close(self) -> list[list[TicketT]]:
        tickets, self._open = self._open.tickets, _Open[TicketT]()
        return [tickets] if tickets else []


def _drop(tickets: list[TicketT], ticket: TicketT) -> bool:
    for place, each in enumerate(tickets):
        if each is ticket:
            del tickets[place]
            return True
    return False
