"""One call with many samples: checked and encoded by the caller, answered in the engine's loop."""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import fmean, pstdev

from pydantic import JsonValue

from rewardd_client.delivery import Delivery, Line
from rewardd_client.desk import unavailable
from rewardd_client.encoding import (
    Envelope,
    Piece,
    SampleLike,
    encode_value,
    piece_of,
)
from rewardd_client.errors import RequestError
from rewardd_client.exchange import Settle, Settled, plan
from rewardd_client.schema import FieldError, GroupResult, Recipe, Result
from rewardd_client.settings import Compression, Encoding, Settings, check_deadline

Reward = str | Recipe
"""Name of a recipe or verifier, or a recipe itself."""

References = Mapping[str, JsonValue]
"""References that several samples share, by the id that samples name in `reference_id`."""


@dataclass(frozen=True, slots=True)
class Call:
    """Samples to be scored together.

    Attributes:
        deadline_at: on the clock of `time.monotonic`.
    """

    settings: Settings
    envelope: Envelope
    pieces: tuple[Piece, ...]
    deadline_seconds: float
    deadline_at: float
    key: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class Answers:
    """One result per sample, in order, and what the server said of groups."""

    results: list[Result]
    groups: list[GroupResult]


def envelope_of(settings: Settings, reward: Reward | None) -> Envelope:
    """Encode what all samples of a post have in common."""
    if isinstance(reward, str):
        return _named(reward, settings.encoding, settings.compress)
    encoded = None if reward is None else encode_value(reward, settings.encoding)
    return Envelope(encoded, settings.encoding, settings.compress, looks_at_groups(reward))


@lru_cache(maxsize=64)
def _named(reward: str, encoding: Encoding, compress: Compression | None) -> Envelope:
    """Encode the same name once, and not for each submitted sample."""
    return Envelope(encode_value(reward, encoding), encoding, compress)


def looks_at_groups(reward: Reward | None) -> bool:
    """Whether a recipe is known to judge whole groups; a name says nothing."""
    return isinstance(reward, Recipe) and bool(
        reward.group_rules or reward.filters or reward.advantage
    )


def pieces_of(
    settings: Settings, samples: Sequence[SampleLike], references: References | None
) -> tuple[Piece, ...]:
    """Check and encode samples, each with the shared reference that it names.

    Raises:
        RequestError: one of them is no sample.
    """
    encoded = {
        name: encode_value(reference, settings.encoding)
        for name, reference in (references or {}).items()
    }
    pieces = [piece_of(sample, n, settings.encoding) for n, sample in enumerate(samples)]
    return tuple(_with_shared(piece, encoded) for piece in pieces)


def prepare(
    settings: Settings,
    samples: Sequence[SampleLike],
    reward: Reward | None,
    references: References | None,
    deadline_seconds: float | None,
) -> Call:
    """Check everything that can be checked without a server, and encode it.

    Raises:
        RequestError: a sample is none, or two have the same id.
        ValueError: the deadline is out of range.
    """
    deadline_at = time.monotonic()
    seconds = settings.deadline_seconds if deadline_seconds is None else deadline_seconds
    check_deadline(seconds)
    pieces = pieces_of(settings, samples, references)
    _refuse_repeated_ids(pieces)
    return Call(settings, envelope_of(settings, reward), pieces, seconds, deadline_at + seconds)


async def answer(call: Call, line: Line, settle: Settle) -> Answers:
    """Score a call; `settle` hears of each sample once, as its result arrives.

    Raises:
        RewarddError: the call failed as a whole. What is late is unscored instead.
    """
    results: dict[int, Result] = {}

    def take(settled: Sequence[Settled]) -> None:
        results.update(settled)
        settle(settled)

    posts = plan(call.key, call.envelope, list(enumerate(call.pieces)), call.deadline_seconds)
    deliveries = [Delivery(post, call.deadline_at) for post in posts]
    if not await _all(deliveries, line, take, call.deadline_at):
        _refuse_if_unreached(call.settings, deliveries)
        for delivery in deliveries:
            take(delivery.leftovers())
    groups = [group for delivery in deliveries for group in delivery.groups.values()]
    ordered = [results[place] for place in range(len(call.pieces))]
    return Answers(ordered, _up_to_date(groups, call.pieces, ordered))


async def _all(
    deliveries: Sequence[Delivery], line: Line, settle: Settle, deadline_at: float
) -> bool:
    """Return whether all ended before the deadline; the first error ends the others."""
    limit = asyncio.timeout_at(deadline_at)
    try:
        async with limit, asyncio.TaskGroup() as tasks:
            for delivery in deliveries:
                tasks.create_task(delivery.run(line, settle))
    except TimeoutError:
        if not limit.expired():
            raise
        return False
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return True


def _up_to_date(
    groups: Sequence[GroupResult], pieces: Sequence[Piece], results: Sequence[Result]
) -> list[GroupResult]:
    """Count anew the groups of which a member got its verdict in another post."""
    rewards: dict[str | None, list[float]] = {}
    for piece, result in zip(pieces, results, strict=True):
        if result.reward is not None:
            rewards.setdefault(piece.sample.group, []).append(result.reward)
    return [_counted(group, rewards.get(group.group, [])) for group in groups]


def _counted(group: GroupResult, rewards: Sequence[float]) -> GroupResult:
    if len(rewards) == group.scored:
        return group
    mean, std = (fmean(rewards), pstdev(rewards)) if rewards else (None, None)
    return group.model_copy(update={"scored": len(rewards), "mean": mean, "std": std})


def _refuse_if_unreached(settings: Settings, deliveries: Sequence[Delivery]) -> None:
    if not any(delivery.reached for delivery in deliveries):
        raise unavailable(settings, deliveries[0].trouble or "still connecting or waiting")


def _with_shared(piece: Piece, encoded: Mapping[str, bytes]) -> Piece:
    name = piece.sample.reference_id
    if name is None or name not in encoded:
        return piece
    return Piece(piece.sample, piece.wire_id, piece.content, {name: encoded[name]})


def _refuse_repeated_ids(pieces: Sequence[Piece]) -> None:
    first: dict[str, int] = {}
    for place, piece in enumerate(pieces):
        if piece.wire_id is None:
            continue
        before = first.setdefault(piece.wire_id, place)
        if before != place:
            field_error = FieldError(
                field=f"samples[{place}].id",
                message=f"repeats samples[{before}]",
                value=piece.wire_id,
            )
            raise RequestError(
                f"id {piece.wire_id!r} stands at samples[{before}] and samples[{place}]",
                code="duplicate_id",
                errors=[field_error],
            )
