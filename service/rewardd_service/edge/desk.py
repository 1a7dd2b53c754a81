"""What routes work with, and the way a batch takes in: key, room, body, fields, run."""

import time
from dataclasses import dataclass

from starlette.requests import Request

from rewardd_service.edge.admission import Admission, Ticket
from rewardd_service.edge.auth import Keyring
from rewardd_service.edge.bodies import (
    BodyLimits,
    announced_bytes,
    coding_of,
    read_body,
    refuse_announced,
)
from rewardd_service.edge.idempotency import (
    Idempotency,
    Scope,
    Settle,
    checked_key,
    digest_of,
)
from rewardd_service.edge.parsing import is_msgpack, parse_request
from rewardd_service.edge.runs import Run, Runs
from rewardd_service.edge.scoring import Scoring
from rewardd_service.edge.visit import visit_of
from rewardd_service.metrics import Metrics


@dataclass(frozen=True)
class Arrival:
    """A request whose body is here and not yet looked at.

    Attributes:
        ticket: the room it holds; whoever takes the arrival closes it.
        scope, digest: of its Idempotency-Key; None without one.
    """

    tenant: str
    body: bytearray
    msgpack: bool
    ticket: Ticket
    scope: Scope | None
    digest: bytes


@dataclass(frozen=True)
class Desk:
    """The parts of one gateway."""

    scorer: Scoring
    keyring: Keyring
    admission: Admission
    idempotency: Idempotency
    runs: Runs
    metrics: Metrics
    limits: BodyLimits
    max_samples: int
    reconnect_seconds: float

    def tenant(self, request: Request) -> str:
        """Return whose request this is.

        Raises:
            EdgeRefusalError: it has no key that is known.
        """
        visit = visit_of(request.scope)
        visit.tenant = self.keyring.tenant(request.headers.get("authorization"))
        return visit.tenant

    async def arrive(self, request: Request) -> Arrival:
        """Read a request's body, unless its refusal is certain before.

        Raises:
            ServiceError: whatever refuses it.
        """
        headers = request.headers
        tenant = self.tenant(request)
        key = checked_key(headers.get("idempotency-key"))
        scope = None if key is None else (tenant, key)
        if scope is None or not self.idempotency.knows(scope):
            self.admission.check_draining()
        msgpack = is_msgpack(headers.get("content-type"))
        coding = coding_of(headers)
        length = announced_bytes(headers)
        refuse_announced(length, self.limits)
        visit = visit_of(request.scope)
        with self.admission.open(tenant, length) as ticket:
            started = time.perf_counter()
            body = await read_body(
                request.receive, coding=coding, limits=self.limits, reserve=ticket.take_bytes
            )
            visit.body_seconds = time.perf_counter() - started
            visit.body_bytes = len(body)
            self.metrics.held(self.admission.bytes)
        digest = b"" if scope is None else digest_of(request.url.path, body)
        return Arrival(tenant, body, msgpack, ticket, scope, digest)

    def launch(self, arrival: Arrival, settle: Settle | None = None) -> Run:
        """Understand an arrival and begin to score it.

        Args:
            arrival: whose ticket passes to the run.
            settle: agrees with other gateways on the answer; see `Idempotency.settling`.

        Raises:
            EdgeRefusalError, RequestRefusedError: it makes no sense.
            OverloadedError: there is no room for its samples, or the server goes down meanwhile.
        """
        with arrival.ticket as ticket:
            self.admission.check_draining()
            request = parse_request(
                arrival.body, msgpack=arrival.msgpack, max_samples=self.max_samples
            )
            ticket.take_samples(len(request.samples))
        linger_seconds = 0.0 if arrival.scope is None else self.reconnect_seconds
        run = Run(len(request.samples), linger_seconds=linger_seconds, settle=settle)
        run.start(self.scorer, request, arrival.tenant)
        self.runs.add(run)
        run.on_end(lambda ended: self._settle(ended, ticket))
        return run

    def _settle(self, run: Run, ticket: Ticket) -> None:
        ticket.close()
        self.metrics.held(self.admission.bytes)
        if run.error() is None:
            counts = {"scored": run.scored, "unscored": sum(run.reasons.values())}
            self.metrics.samples_settled(counts)
