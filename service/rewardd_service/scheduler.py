"""Who goes next in a lane, and how much at a time: pure, without I/O and without a clock.

Deficit round robin over tenants (Shreedhar and Varghese 1995), charged in estimated seconds of
work, and round robin over a tenant's requests: one huge batch delays nobody by more than a
quantum. Work waits here, where it can still be cancelled, rather than in a worker's queue.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rewardd_service.plan import PlannedJob

QUANTUM_SECONDS = 0.05
CHUNK_SECONDS = 0.05
"""Work in one chunk: long enough that framing costs nothing, short enough to be fair."""
CHUNK_JOBS = 64
CHUNK_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class Unit:
    """Jobs of one sample that must go to one worker together, in order.

    Attributes:
        seconds: estimated work.
        size_bytes: of completion, prompt and references, roughly.
    """

    jobs: Sequence[PlannedJob]
    seconds: float
    size_bytes: int


@dataclass(slots=True, eq=False)
class Ticket:
    """What one request has waiting in one lane."""

    tenant: str = ""
    weight: float = 1.0
    units: deque[Unit] = field(default_factory=deque[Unit])


@dataclass(slots=True, eq=False)
class _Tenant:
    weight: float
    deficit: float = 0.0
    tickets: deque[Ticket] = field(default_factory=deque[Ticket])


class Scheduler:
    """The queue of one lane."""

    def __init__(self) -> None:
        self._tenants: dict[str, _Tenant] = {}
        self._turns: deque[str] = deque()
        self.waiting_seconds = 0.0
        self.waiting_jobs = 0
        self.waiting_bytes = 0

    def add(self, ticket: Ticket, units: Sequence[Unit]) -> None:
        """Queue units behind those that the ticket has already."""
        if not units:
            return
        if not ticket.units:
            self._tenant(ticket).tickets.append(ticket)
        ticket.units.extend(units)
        self._count(units, 1)

    def take(self, slots: int) -> tuple[Ticket, list[Unit]] | None:
        """Remove and return the next chunk, all of one request; None if nothing waits.

        Args:
            slots: how many chunks run at once. Towards the end of the queue chunks get smaller,
                so that the last ones do not wait behind one slot while the others idle.
        """
        if not self._turns:
            return None
        tenant = self._next_tenant()
        ticket = tenant.tickets.popleft()
        limit = min(CHUNK_SECONDS, self.waiting_seconds / (2 * max(slots, 1)))
        units = self._fill(ticket, limit)
        tenant.deficit -= sum(unit.seconds for unit in units)
        if ticket.units:
            tenant.tickets.append(ticket)
        self._retire_if_idle(ticket.tenant)
        return ticket, units

    def drop(self, ticket: Ticket) -> None:
        """Forget what the ticket still has waiting."""
        self._count(ticket.units, -1)
        ticket.units.clear()
        tenant = self._tenants.get(ticket.tenant)
        if tenant is not None and ticket in tenant.tickets:
            tenant.tickets.remove(ticket)
            self._retire_if_idle(ticket.tenant)

    def correct(self, tenant_name: str, seconds: float) -> None:
        """Charge a tenant the difference between real and estimated work; may be negative."""
        tenant = self._tenants.get(tenant_name)
        if tenant is not None:
            tenant.deficit -= seconds

    def _tenant(self, ticket: Ticket) -> _Tenant:
        tenant = self._tenants.get(ticket.tenant)
        if tenant is None:
            if len(self._turns) == 1:
                # What it saved while it was alone would be a second turn before the newcomer's.
                alone = self._tenants[self._turns[0]]
                alone.deficit = min(alone.deficit, 0.0)
            tenant = _Tenant(ticket.weight, deficit=QUANTUM_SECONDS * ticket.weight)
            self._tenants[ticket.tenant] = tenant
            self._turns.append(ticket.tenant)
        return tenant

    def _next_tenant(self) -> _Tenant:
        while True:
            tenant = self._tenants[self._turns[0]]
            if tenant.deficit > 0:
                return tenant
            # Nobody waits for more rounds than one chunk may cost: a lone tenant's debt is void.
            if len(self._turns) == 1:
                tenant.deficit = 0.0
            tenant.deficit += QUANTUM_SECONDS * tenant.weight
            if tenant.deficit <= 0 or len(self._turns) > 1:
                self._turns.rotate(-1)

    def _fill(self, ticket: Ticket, limit: float) -> list[Unit]:
        units: list[Unit] = []
        seconds, jobs, size = 0.0, 0, 0
        while ticket.units:
            unit = ticket.units[0]
            seconds += unit.seconds
            jobs += len(unit.jobs)
            size += unit.size_bytes
            if units and (seconds > limit or jobs > CHUNK_JOBS or size > CHUNK_BYTES):
                break
            units.append(ticket.units.popleft())
        self._count(units, -1)
        return units

    def _retire_if_idle(self, name: str) -> None:
        if not self._tenants[name].tickets:
            del self._tenants[name]
            self._turns.remove(name)

    def _count(self, units: Iterable[Unit], sign: int) -> None:
        seconds, jobs, size = 0.0, 0, 0
        for unit in units:
            seconds += unit.seconds
            jobs += len(unit.jobs)
            size += unit.size_bytes
        self.waiting_seconds = max(0.0, self.waiting_seconds + sign * seconds)
        self.waiting_jobs += sign * jobs
        self.waiting_bytes += sign * size
