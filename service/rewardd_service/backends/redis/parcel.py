"""What travels through Redis: msgpack both ways, never a pickle; read with care at each end."""

from enum import StrEnum
from typing import Final

import msgspec

from rewardd_service.frames import FrameError
from rewardd_service.job import Answer, Chunk, SetupReport
from rewardd_service.pool.ledger import BadAnswerError, Ledger

PROTOCOL: Final = 2
"""To be raised with any change to what stands in this module or in `job`."""


class Envelope(msgspec.Struct, array_like=True, frozen=True):
    """The part of a parcel that every protocol has in common."""

    protocol: int
    id: str
    reply_to: str


class Parcel(msgspec.Struct, array_like=True, frozen=True):
    """A chunk on its way to any worker of its need; one without jobs asks about its setups.

    Attributes:
        versions: of the verifiers that are asked, where the gateway knows: a worker that has
            others must not answer.
        references: digests of those that were too large to come along, by their index.
        chunk: as `frames.encode_chunk` wrote it.
    """

    protocol: int
    id: str
    reply_to: str
    versions: dict[str, int]
    references: dict[int, str]
    chunk: msgspec.Raw


class Outcome(StrEnum):
    """How a parcel ended for the worker that replies."""

    DONE = "done"
    REFUSED = "refused"
    """Not by this worker: protocol, versions, or a reference that is gone. Send it again."""
    LOST = "lost"
    """Delivered too often: those who took it before have died."""


class Reply(msgspec.Struct, array_like=True, frozen=True):
    """What a worker says to a parcel.

    Attributes:
        deliveries: how often the parcel has been handed to a worker.
    """

    id: str
    outcome: Outcome
    detail: str = ""
    deliveries: int = 1
    answers: list[Answer] = []
    reports: list[SetupReport] = []


_encoder = msgspec.msgpack.Encoder()
_envelopes = msgspec.msgpack.Decoder(Envelope)
_parcels = msgspec.msgpack.Decoder(Parcel)
_replies = msgspec.msgpack.Decoder(Reply)


def encode(message: Parcel | Reply) -> bytes:
    """Return the message as msgpack."""
    return _encoder.encode(message)


def read_envelope(payload: bytes) -> Envelope:
    """Return whom a parcel is from, whatever its protocol.

    Raises:
        FrameError: it is no parcel at all.
    """
    try:
        return _envelopes.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(f"not a parcel: {error}") from error


def read_parcel(payload: bytes) -> Parcel:
    """Return a parcel of our protocol.

    Raises:
        FrameError: it is none.
    """
    try:
        return _parcels.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(f"not a parcel: {error}") from error


def read_reply(payload: bytes) -> Reply:
    """Return a worker's reply.

    Raises:
        FrameError: it is none.
    """
    try:
        return _replies.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(f"not a reply: {error}") from error


def checked(chunk: Chunk, answers: list[Answer]) -> list[Answer]:
    """Return the answers if they answer each job of the chunk once, and are verdicts.

    Raises:
        BadAnswerError: they do not, or are none.
    """
    ordered = sorted(answers, key=lambda answer: answer.job)
    ledger = Ledger(chunk, retries=0)
    ledger.next_batch()
    return ledger.accept(ordered, reached=len(chunk.jobs), finished=True)


__all__ = [
    "PROTOCOL",
    "BadAnswerError",
    "Envelope",
    "Outcome",
    "Parcel",
    "Reply",
    "checked",
    "encode",
    "read_envelope",
    "read_parcel",
    "read_reply",
]
