"""Room for requests, counted in samples and bytes: what finds none is refused, never queued.

A tenant may always fill its share, and beyond it as much as stays free for the others after it
(dynamic thresholds: Choudhury and Hahne 1998). So one tenant alone is hardly bounded, and a
crowd is held to shares. Whoever has nothing in flight on an idle gateway is admitted, whatever
the size: each request has passed its own limits before.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rewardd_service.errors import OverloadedError

_RETRY_AFTER_MIN_SECONDS = 1.0
_RETRY_AFTER_MAX_SECONDS = 60.0
# Weight of the latest request in the estimate of samples per second.
_NEWEST = 0.2


@dataclass(frozen=True)
class Share:
    """What a tenant may hold at once.

    Attributes:
        part: of the whole room, in (0, 1].
        max_samples, max_bytes: absolute bounds on top of it.
    """

    part: float = 1.0
    max_samples: int | None = None
    max_bytes: int | None = None


@dataclass
class _Load:
    samples: int = 0
    bytes: int = 0


@dataclass
class Ticket:
    """A request's place: what it holds, until it is closed. Closing twice is harmless."""

    admission: "Admission"
    tenant: str
    load: _Load = field(default_factory=_Load)
    started: float = 0.0
    open: bool = True

    def take_bytes(self, count: int) -> None:
        """Hold more bytes of body.

        Raises:
            OverloadedError: there is no room for them.
        """
        self.admission.take(self, 0, count)

    def take_samples(self, count: int) -> None:
        """Hold samples, all or none.

        Raises:
            OverloadedError: there is no room for them.
        """
        self.admission.take(self, count, 0)

    def close(self) -> None:
        """Give everything back."""
        self.admission.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.close()


class Admission:
    """Counts what is held, by tenant and in all."""

    def __init__(
        self,
        *,
        max_samples: int,
        max_bytes: int,
        shares: Mapping[str, Share] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_samples = max_samples
        self._max_bytes = max_bytes
        self._shares = dict(shares or {})
        self._clock = clock
        self._total = _Load()
        self._tenants: dict[str, _Load] = {}
        self._samples_per_second = 0.0
        self._refusing: str | None = None

    @property
    def samples(self) -> int:
        """Return how many samples are held."""
        return self._total.samples

    @property
    def bytes(self) -> int:
        """Return how many bytes of bodies are held."""
        return self._total.bytes

    @property
    def draining(self) -> bool:
        """Return whether new work is refused."""
        return self._refusing is not None

    def refuse_all(self, why: str) -> None:
        """Refuse all new work from now on."""
        self._refusing = why

    def check_draining(self) -> None:
        """Refuse new work while the server goes down.

        Raises:
            OverloadedError: it does.
        """
        if self._refusing is not None:
            raise OverloadedError("draining", self._refusing, _RETRY_AFTER_MIN_SECONDS)

    def open(self, tenant: str, announced_bytes: int | None) -> Ticket:
        """Let a request in before its body is read, unless its refusal is certain already.

        Raises:
            OverloadedError: no room for the announced body, or for a single sample.
        """
        ticket = Ticket(self, tenant, started=self._clock())
        self._check(ticket, 1, announced_bytes or 0)
        return ticket

    def take(self, ticket: Ticket, samples: int, count: int) -> None:
        """Move room to a ticket; see `Ticket`."""
        self._check(ticket, samples, count)
        load = self._tenants.setdefault(ticket.tenant, _Load())
        for holder in (ticket.load, load, self._total):
            holder.samples += samples
            holder.bytes += count

    def release(self, ticket: Ticket) -> None:
        """Take all room back from a ticket."""
        if not ticket.open:
            return
        ticket.open = False
        load = self._tenants.setdefault(ticket.tenant, _Load())
        self._learn(ticket)
        for holder in (load, self._total):
            holder.samples -= ticket.load.samples
            holder.bytes -= ticket.load.bytes
        if not load.samples and not load.bytes:
            del self._tenants[ticket.tenant]

    def retry_after_seconds(self) -> float:
        """Estimate when what is held now will be done, within 1 to 60 seconds."""
        if self._samples_per_second <= 0:
            return _RETRY_AFTER_MIN_SECONDS
        expected = math.ceil(self._total.samples / self._samples_per_second)
        return min(max(expected, _RETRY_AFTER_MIN_SECONDS), _RETRY_AFTER_MAX_SECONDS)

    def _learn(self, ticket: Ticket) -> None:
        """Estimate the rate from a finished request: all that was held moved on beside it."""
        seconds = self._clock() - ticket.started
        if ticket.load.samples and seconds > 0:
            rate = self._total.samples / seconds
            known = self._samples_per_second or rate
            self._samples_per_second = known + _NEWEST * (rate - known)

    def _check(self, ticket: Ticket, samples: int, count: int) -> None:
        others = _Load(
            self._total.samples - ticket.load.samples, self._total.bytes - ticket.load.bytes
        )
        if not others.samples and not others.bytes:
            return
        self._check_total(samples, count)
        self._check_share(ticket.tenant, samples, count)

    def _check_total(self, samples: int, count: int) -> None:
        if self._total.samples + samples > self._max_samples:
            held = f"{self._total.samples} of {self._max_samples} samples"
        elif self._total.bytes + count > self._max_bytes:
            held = f"{self._total.bytes} of {self._max_bytes} bytes"
        else:
            return
        raise OverloadedError(
            "overloaded", f"the server holds {held}: no room for this", self.retry_after_seconds()
        )

    def _check_share(self, tenant: str, samples: int, count: int) -> None:
        share = self._shares.get(tenant, Share())
        load = self._tenants.get(tenant, _Load())
        free_samples = self._max_samples - self._total.samples - samples
        free_bytes = self._max_bytes - self._total.bytes - count
        most_samples = max(int(share.part * self._max_samples), free_samples)
        most_bytes = max(int(share.part * self._max_bytes), free_bytes)
        if share.max_samples is not None:
            most_samples = min(most_samples, share.max_samples)
        if share.max_bytes is not None:
            most_bytes = min(most_bytes, share.max_bytes)
        if load.samples + samples > most_samples:
            held = f"{load.samples} of {most_samples} samples"
        elif load.bytes + count > most_bytes:
            held = f"{load.bytes} of {most_bytes} bytes"
        else:
            return
        raise OverloadedError(
            "tenant_limit",
            f"tenant {tenant!r} holds {held}: no room for this",
            self.retry_after_seconds(),
        )
