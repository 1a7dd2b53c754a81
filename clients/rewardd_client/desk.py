"""Where submitted samples wait, travel and are settled; lives in the engine's loop.

Each sample has a future and a deadline of its own. A post is given up when no future of its
samples is open any more, whether they were answered, withdrawn or too late.
"""

import asyncio
import itertools
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from rewardd_client.delivery import Delivery, Line, unscored
from rewardd_client.encoding import Envelope, Piece, without_id
from rewardd_client.errors import Unavailable
from rewardd_client.exchange import Post, Settled
from rewardd_client.gather import Gatherer
from rewardd_client.reasons import DEADLINE
from rewardd_client.schema import Result
from rewardd_client.settings import Settings

LineOf = Callable[[Settings, object], Awaitable[Line]]
"""Finds the way to the servers of a client's settings, on behalf of an owner."""


@dataclass(frozen=True, slots=True)
class Lot:
    """What the samples of one post must have in common."""

    settings: Settings
    envelope: Envelope
    deadline_seconds: float


@dataclass(eq=False, slots=True)
class Ticket:
    """A submitted sample and its future.

    Attributes:
        owner: the client that submitted it; compared by identity.
        deadline_at: on the clock of `time.monotonic`.
    """

    owner: object
    lot: Lot
    piece: Piece
    deadline_at: float
    group_size: int | None = None
    future: Future[Result] = field(default_factory=Future[Result])
    flight: "Flight | None" = None
    place: int = 0
    timer: asyncio.TimerHandle | None = None
    closed: bool = False
    settled: bool = False

    def settle(self, result: Result) -> None:
        """Fulfil the future, unless it was withdrawn."""
        if self._finish():
            self.future.set_result(result.model_copy(update={"index": None}))

    def fail(self, error: BaseException | None) -> None:
        """Break the future, unless it was withdrawn."""
        if self._finish():
            self.future.set_exception(error)

    def _finish(self) -> bool:
        if self.closed:
            return False
        self.closed = True
        self.settled = self.future.set_running_or_notify_cancel()
        return self.settled


class Flight:
    """A post on its way, and the tickets that wait for it."""

    def __init__(self, tickets: Sequence[Ticket], delivery: Delivery, line_of: LineOf) -> None:
        self._delivery = delivery
        self._tickets = list(tickets)
        self._open = set(range(len(tickets)))
        for place, ticket in enumerate(tickets):
            ticket.flight, ticket.place = self, place
        self.task = asyncio.get_running_loop().create_task(self._run(line_of))
        self.task.add_done_callback(self._landed)

    def leave(self, ticket: Ticket) -> None:
        """Forget a ticket; the last one to leave unanswered cancels the post."""
        if ticket.place in self._open:
            self._open.remove(ticket.place)
            if not self._open:
                self.task.cancel()

    def expire(self, ticket: Ticket) -> None:
        """Say what there is to say of a ticket whose deadline has passed."""
        if self._delivery.reached:
            ticket.settle(dict(self._delivery.leftovers())[ticket.place])
        else:
            ticket.fail(unavailable(ticket.lot.settings, self._delivery.trouble))

    async def _run(self, line_of: LineOf) -> None:
        settings = self._tickets[0].lot.settings
        owners = {ticket.owner for ticket in self._tickets}
        lines = [await line_of(settings, owner) for owner in owners]
        await self._delivery.run(lines[0], self._settle)

    def _settle(self, settled: Sequence[Settled]) -> None:
        for place, result in settled:
            self._open.discard(place)
            self._tickets[place].settle(result)

    def _landed(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        for place in sorted(self._open) if error is not None else ():
            self._open.remove(place)
            self._tickets[place].fail(error)


class Desk:
    """Takes tickets from any thread; all else happens in the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, line_of: LineOf) -> None:
        self._loop = loop
        self._line_of = line_of
        # Of this process alone: the generators that programs seed would repeat themselves.
        self._key = uuid.uuid4().hex
        self._numbers = itertools.count()
        self._inbox: deque[Ticket] = deque()
        self._called = False
        self._gatherers: dict[Lot, Gatherer[Ticket]] = {}
        self._tickets: dict[object, set[Ticket]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def submit(self, ticket: Ticket) -> None:
        """Take a ticket; from any thread."""
        self._inbox.append(ticket)
        # One wake-up for all that comes until the loop turns. The flag falls before the inbox
        # is emptied, so whoever sees it up has put the ticket in before that.
        if not self._called:
            self._called = True
            self._loop.call_soon_threadsafe(self._open_inbox)

    async def finish(self, owner: object) -> None:
        """Send what this owner has queued, and wait until all of it is settled."""
        self._open_inbox()
        for lot, gatherer in list(self._gatherers.items()):
            for tickets in gatherer.flush(lambda ticket: ticket.owner is owner):
                self._send(lot, tickets)
        futures = [asyncio.wrap_future(each.future) for each in self._tickets.get(owner, ())]
        await asyncio.gather(*futures, return_exceptions=True)

    def withdraw(self, owner: object) -> None:
        """Cancel what is open of this owner."""
        self._open_inbox()
        for ticket in list(self._tickets.get(owner, ())):
            ticket.future.cancel()

    def withdraw_all(self) -> None:
        """Cancel everything: the process ends."""
        for owner in list(self._tickets):
            self.withdraw(owner)

    def _open_inbox(self) -> None:
        self._called = False
        now = self._loop.time()
        while self._inbox:
            self._take(self._inbox.popleft(), now)
        self._set_timer()

    def _take(self, ticket: Ticket, now: float) -> None:
        self._tickets.setdefault(ticket.owner, set()).add(ticket)
        ticket.timer = self._loop.call_at(ticket.deadline_at, self._expire, ticket)
        ticket.future.add_done_callback(lambda _: self._done(ticket))
        gatherer = self._gatherers.setdefault(ticket.lot, Gatherer[Ticket]())
        for tickets in gatherer.add(ticket, now):
            self._send(ticket.lot, tickets)

    def _set_timer(self) -> None:
        due = [each.due_at for each in self._gatherers.values() if each.due_at is not None]
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(min(due), self._send_due) if due else None

    def _send_due(self) -> None:
        # Timers fire up to a clock tick early; what is due within it is due.
        now = self._loop.time() + 0.001
        for lot, gatherer in list(self._gatherers.items()):
            for tickets in gatherer.due(now):
                self._send(lot, tickets)
        self._set_timer()

    def _send(self, lot: Lot, tickets: list[Ticket]) -> None:
        gatherer = self._gatherers.get(lot)
        if gatherer is not None and gatherer.empty:
            del self._gatherers[lot]
        deadline_at = max(ticket.deadline_at for ticket in tickets)
        remaining = max(deadline_at - self._loop.time(), 0.001)
        pieces = list(enumerate(_distinct([ticket.piece for ticket in tickets], lot)))
        post = Post.make(f"{self._key}-{next(self._numbers)}", lot.envelope, pieces, remaining)
        Flight(tickets, Delivery(post, deadline_at), self._line_of)

    def _expire(self, ticket: Ticket) -> None:
        if ticket.flight is not None:
            ticket.flight.expire(ticket)
        else:
            ticket.settle(unscored(0, ticket.piece, DEADLINE))

    def _done(self, ticket: Ticket) -> None:
        """Called in the thread that settled or cancelled the future."""
        if ticket.settled:
            self._forget(ticket)
        else:
            self._loop.call_soon_threadsafe(self._forget, ticket)

    def _forget(self, ticket: Ticket) -> None:
        if ticket.timer is not None:
            ticket.timer.cancel()
        mine = self._tickets.get(ticket.owner, set())
        mine.discard(ticket)
        if not mine:
            self._tickets.pop(ticket.owner, None)
        if ticket.flight is not None:
            ticket.flight.leave(ticket)
        elif (gatherer := self._gatherers.get(ticket.lot)) is not None:
            gatherer.remove(ticket)


def unavailable(settings: Settings, trouble: str) -> Unavailable:
    """Say which servers were asked in vain, and how the last try ended."""
    return Unavailable(
        f"no answer from {', '.join(settings.urls)} before the deadline; last: {trouble}"
    )


def _distinct(pieces: Sequence[Piece], lot: Lot) -> list[Piece]:
    """Take ids off that stand twice: callers who know nothing of each other share a post."""
    seen: set[str] = set()
    distinct: list[Piece] = []
    for piece in pieces:
        repeated = piece.wire_id is not None and piece.wire_id in seen
        distinct.append(without_id(piece, lot.envelope.encoding) if repeated else piece)
        seen.update(() if piece.wire_id is None else (piece.wire_id,))
    return distinct
