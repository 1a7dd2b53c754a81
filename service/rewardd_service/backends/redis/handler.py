"""What a worker does with a parcel: read it, refuse what it cannot judge rightly, else judge."""

import logging
from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from rewardd_service.backends.backend import Backend
from rewardd_service.backends.redis import names
from rewardd_service.backends.redis.parcel import (
    PROTOCOL,
    Envelope,
    Outcome,
    Parcel,
    Reply,
    read_envelope,
    read_parcel,
)
from rewardd_service.backends.redis.references import Larder, MissingReferenceError
from rewardd_service.backends.redis.slot import Answered, Delivery
from rewardd_service.backends.redis.store import RedisError, Store
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.frames import FrameError, decode_chunk
from rewardd_service.job import Answer, Chunk
from rewardd_verifiers import Reason

logger = logging.getLogger(__name__)

_OURS: Final = frozenset({Reason.WORKER_LOST.value, Reason.SANDBOX_UNAVAILABLE.value})
_DELIVERIES: Final = 3
"""Workers that may die with a parcel before it is given up."""


class Handler:
    """Judges parcels on a backend of this machine.

    Attributes:
        versions: of the verifiers of that backend.
        chunks: how many it has had, by need and outcome.
    """

    def __init__(self, backend: Backend, store: Store) -> None:
        self.versions: Mapping[str, int] = {}
        # From zero on: a counter that is born with its first event hides that event.
        each = ((need.value, outcome.value) for need in backend.slots() for outcome in Outcome)
        self.chunks: Counter[tuple[str, str]] = Counter(dict.fromkeys(each, 0))
        self._backend = backend
        self._store = store
        self._larder = Larder(store)

    async def handle(self, delivery: Delivery) -> Answered | None:
        """Return what to reply."""
        try:
            envelope = read_envelope(delivery.payload)
        except FrameError as error:
            logger.warning("an entry cannot be read", extra={"why": str(error)})
            return None
        if not names.is_replies(envelope.reply_to):
            logger.warning("a parcel asks for a reply elsewhere")
            return None
        reply = await self._reply(delivery, envelope)
        self.chunks[delivery.need.value, reply.outcome.value] += 1
        return Answered(envelope.reply_to, reply)

    async def _reply(self, delivery: Delivery, envelope: Envelope) -> Reply:
        if delivery.count > _DELIVERIES:
            detail = f"{delivery.count - 1} workers were lost while they had it"
            return Reply(envelope.id, Outcome.LOST, detail, delivery.count)
        try:
            chunk = await self._chunk(delivery, envelope)
        except (FrameError, MissingReferenceError) as error:
            return Reply(envelope.id, Outcome.REFUSED, str(error), delivery.count)
        if not chunk.jobs:
            return await self._inspect(delivery, envelope, chunk)
        answers: list[Answer] = []
        await self._backend.process(delivery.need, chunk, answers.extend)
        trouble = self._backend.ready()
        if trouble is not None and any(answer.reason in _OURS for answer in answers):
            # Our own losses are no verdict while others may be well.
            return Reply(envelope.id, Outcome.REFUSED, trouble, delivery.count)
        return Reply(envelope.id, Outcome.DONE, "", delivery.count, answers)

    async def _inspect(self, delivery: Delivery, envelope: Envelope, chunk: Chunk) -> Reply:
        try:
            reports = await self._backend.inspect(delivery.need, chunk.setups)
        except BackendUnavailableError as error:
            return Reply(envelope.id, Outcome.REFUSED, error.detail, delivery.count)
        return Reply(envelope.id, Outcome.DONE, "", delivery.count, [], reports)

    async def _chunk(self, delivery: Delivery, envelope: Envelope) -> Chunk:
        """Return the chunk with what is left of its time.

        Raises:
            FrameError, MissingReferenceError: it is not one that this worker can judge.
        """
        if envelope.protocol != PROTOCOL:
            raise FrameError(f"protocol {envelope.protocol}, and this worker knows {PROTOCOL}")
        parcel = read_parcel(delivery.payload)
        self._check_versions(parcel)
        try:
            age = await self._store.age_seconds(delivery.entry)
            chunk = await self._larder.complete(decode_chunk(parcel.chunk), parcel.references)
        except RedisError as error:
            raise MissingReferenceError(f"redis: {error}") from error
        return msgspec.structs.replace(
            chunk, remaining_seconds=max(0.0, chunk.remaining_seconds - age)
        )

    def _check_versions(self, parcel: Parcel) -> None:
        for verifier, version in parcel.versions.items():
            mine = self.versions.get(verifier)
            if mine != version:
                raise FrameError(f"{verifier}@{version} is asked, and this worker has {mine}")
