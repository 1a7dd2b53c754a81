"""What both clients are made of: settings, and work handed to the engine as futures."""

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple, TypedDict, TypeVar, Unpack

from rewardd_client.batch import Batch
from rewardd_client.call import (
    Answers,
    Call,
    References,
    Reward,
    answer,
    envelope_of,
    pieces_of,
    prepare,
)
from rewardd_client.checks import CHECK_SECONDS, check_batch
from rewardd_client.desk import Lot, Ticket
from rewardd_client.encoding import SampleLike, check_packages
from rewardd_client.engine import Engine, engine
from rewardd_client.errors import ClosedError
from rewardd_client.exchange import Settled
from rewardd_client.lookup import look_up
from rewardd_client.schema import Recipe, RecipeList, Result, VerifierList
from rewardd_client.settings import (
    Compression,
    Encoding,
    Settings,
    check_deadline,
    check_group_size,
    settings_of,
)


class Options(TypedDict, total=False):
    """Settings of a client that have defaults; see `Settings`."""

    deadline_seconds: float
    encoding: Encoding
    compress: Compression | None
    group_size: int | None


class Limits(NamedTuple):
    """What one submitted sample says of its own; None: as the client says."""

    deadline_seconds: float | None
    group_size: int | None


FutureT = TypeVar("FutureT")
Hear = Callable[[Sequence[Settled]], None]


class Shell:
    """A client without its verbs: what they have in common, told once.

    Pickled, copied to a child or printed, it is its settings: connections are the process's.
    """

    def __init__(
        self, url: str | Sequence[str], *, key: str | None = None, **options: Unpack[Options]
    ) -> None:
        urls, found_key = settings_of(url, key)
        self._begin(Settings(urls, found_key, **options))
        check_packages(self.settings.encoding, self.settings.compress)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.settings})"

    def __getstate__(self) -> Settings:
        return self.settings

    def __setstate__(self, settings: Settings) -> None:
        self._begin(settings)

    def _begin(self, settings: Settings) -> None:
        self.settings = settings
        self._owner = object()
        self._closed = threading.Event()
        self._groups: weakref.WeakKeyDictionary[Any, str | None] = weakref.WeakKeyDictionary()

    def _engine(self) -> Engine:
        if self._closed.is_set():
            raise ClosedError("this client was closed")
        return engine()

    def _prepare(
        self,
        samples: Sequence[SampleLike],
        reward: Reward | None,
        references: References | None,
        deadline_seconds: float | None,
    ) -> Call:
        return prepare(self.settings, samples, reward, references, deadline_seconds)

    def _score(
        self, call: Call, reward: Reward | None, hear: Hear = lambda _: None
    ) -> Future[Batch]:
        begun_at = call.deadline_at - call.deadline_seconds

        async def score() -> Batch:
            answers = Answers([], [])
            if call.pieces:
                answers = await answer(call, await running.line(self.settings, self._owner), hear)
            return Batch(
                answers.results,
                [piece.sample.group for piece in call.pieces],
                answers.groups,
                wait_seconds=time.monotonic() - begun_at,
                terms=term_names(reward),
            )

        running = self._engine()
        return running.run(score)

    def _check_seconds(self) -> float:
        return min(CHECK_SECONDS, self.settings.deadline_seconds)

    def _checked(self, batch: Batch) -> Batch:
        check_batch(batch)
        return batch

    def _submit(
        self, sample: SampleLike, reward: Reward | None, references: References | None, own: Limits
    ) -> Ticket:
        settings = self.settings
        seconds = (
            settings.deadline_seconds if own.deadline_seconds is None else own.deadline_seconds
        )
        group_size = settings.group_size if own.group_size is None else own.group_size
        check_deadline(seconds)
        check_group_size(group_size)
        deadline_at = time.monotonic() + seconds
        (piece,) = pieces_of(settings, [sample], references)
        lot = Lot(settings, envelope_of(settings, reward), seconds)
        ticket = Ticket(self._owner, lot, piece, deadline_at, group_size)
        self._engine().submit(ticket)
        return ticket

    def _remember(self, future: FutureT, ticket: Ticket) -> FutureT:
        """Keep a sample's group with its future: results do not repeat it."""
        self._groups[future] = ticket.piece.sample.group
        return future

    def _recipes(self) -> Future[RecipeList]:
        running = self._engine()

        async def ask() -> RecipeList:
            line = await running.line(self.settings, self._owner)
            return await look_up(line, "/v1/recipes", RecipeList, self._check_seconds())

        return running.run(ask)

    def _verifiers(self) -> Future[VerifierList]:
        running = self._engine()

        async def ask() -> VerifierList:
            line = await running.line(self.settings, self._owner)
            return await look_up(line, "/v1/verifiers", VerifierList, self._check_seconds())

        return running.run(ask)

    def _gathered(self, futures: Sequence[object], results: list[Result], begun_at: float) -> Batch:
        groups = [self._groups.get(future) for future in futures]
        return Batch(results, groups, wait_seconds=time.monotonic() - begun_at)

    def _finish(self) -> Future[None]:
        """Take no more, send what is queued, and wait for its answers."""
        running = engine()
        self._closed.set()

        async def finish() -> None:
            await running.desk.finish(self._owner)
            await running.release(self._owner)

        return running.run(finish)

    def _withdraw(self) -> Future[None]:
        """Take no more, and give up what is open."""
        running = engine()
        self._closed.set()

        async def withdraw() -> None:
            running.desk.withdraw(self._owner)
            await running.release(self._owner)

        return running.run(withdraw)


def term_names(reward: Reward | None) -> tuple[str, ...]:
    """Return the names of a recipe's terms; a recipe known by name keeps them to itself."""
    if not isinstance(reward, Recipe):
        return ()
    return tuple(term.name or term.verifier for term in reward.terms)
