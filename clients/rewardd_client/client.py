"""The client for code that waits: trainers' reward functions, scripts, threads."""

import asyncio
import queue
import time
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from types import TracebackType
from typing import Self, TypeVar

from rewardd_client.batch import Batch
from rewardd_client.call import References, Reward
from rewardd_client.encoding import SampleLike
from rewardd_client.schema import Recipe, Result, VerifierCard
from rewardd_client.shell import Limits, Shell

T = TypeVar("T")


class Client(Shell):
    """Asks a server for rewards; connects at the first call.

    May be used from any number of threads, after a fork, and by pickle in other processes.

        with Client("http://127.0.0.1:8000") as client:
            batch = client.score(samples, reward="math")

    Args:
        url: of the server; several are tried in turn.
        key: API key, if the server asks for one.
        deadline_seconds: how long a call may take, waiting and tries included (300).
        encoding: "json", or "msgpack", which spares the server's CPU.
        compress: "zstd" for slow networks; None (the default) elsewhere.
        group_size: of submitted samples with a group: they are sent when all are there.
    """

    def score(
        self,
        samples: Sequence[SampleLike],
        reward: Reward | None = None,
        *,
        references: References | None = None,
        deadline_seconds: float | None = None,
    ) -> Batch:
        """Return one result per sample, in order.

        What is not judged at the deadline is unscored, with the reason `deadline`.

        Raises:
            Unavailable: no server answered before the deadline.
            RequestError: a sample or the recipe makes no sense to the server.
            ServerFault, ProtocolError: the server is broken, or is no rewardd.
        """
        self._warn_in_loop()
        call = self._prepare(samples, reward, references, deadline_seconds)
        return _wait(self._score(call, reward))

    def stream(
        self,
        samples: Sequence[SampleLike],
        reward: Reward | None = None,
        *,
        references: References | None = None,
        deadline_seconds: float | None = None,
    ) -> Generator[Result]:
        """Yield each result as it arrives; `index` is the sample's place.

        To leave the loop early withdraws the rest.

        Raises:
            RewarddError: as `score`, when everything that arrived was yielded.
        """
        self._warn_in_loop()
        call = self._prepare(samples, reward, references, deadline_seconds)
        arrived: queue.SimpleQueue[list[Result] | None] = queue.SimpleQueue()
        future = self._score(
            call, reward, lambda settled: arrived.put([result for _, result in settled])
        )
        future.add_done_callback(lambda _: arrived.put(None))
        return _stream(arrived, future)

    def submit(
        self,
        sample: SampleLike,
        reward: Reward | None = None,
        *,
        references: References | None = None,
        deadline_seconds: float | None = None,
        group_size: int | None = None,
    ) -> Future[Result]:
        """Hand in one sample and go on generating; samples handed in together travel together.

        Cancel the future to withdraw the sample. Its callbacks run in the client's thread: they
        must not wait.
        """
        ticket = self._submit(sample, reward, references, Limits(deadline_seconds, group_size))
        return self._remember(ticket.future, ticket)

    def gather(self, futures: Sequence[Future[Result]]) -> Batch:
        """Wait for submitted samples; the batch has their order.

        Raises:
            RewarddError: the first error among them.
        """
        self._warn_in_loop()
        begun_at = time.monotonic()
        try:
            results = [future.result() for future in futures]
        except KeyboardInterrupt:
            _cancel(futures)
            raise
        return self._gathered(futures, results, begun_at)

    def as_completed(self, futures: Iterable[Future[Result]]) -> Iterator[Result]:
        """Yield the results of submitted samples as they arrive; `id` tells whose each is.

        Raises:
            RewarddError: a sample's error, when its turn comes.
        """
        self._warn_in_loop()
        asked = list(futures)
        try:
            for future in as_completed(asked):
                yield future.result()
        except KeyboardInterrupt:
            _cancel(asked)
            raise

    def check(self, samples: Sequence[SampleLike], reward: Reward | None = None) -> Batch:
        """Score a few samples to find mistakes before training starts, and return the batch.

        Finds a wrong address, key, recipe or column of references within 30 seconds.

        Raises:
            RequestError: references do not fit; or as `score`.
            Unscored: samples have no verdict for another reason.
        """
        return self._checked(self.score(samples, reward, deadline_seconds=self._check_seconds()))

    def recipes(self) -> list[Recipe]:
        """Return the recipes that the server knows by name."""
        self._warn_in_loop()
        return _wait(self._recipes()).recipes

    def verifiers(self) -> list[VerifierCard]:
        """Return the verifiers that can run there, with the schemas of what they take."""
        self._warn_in_loop()
        return _wait(self._verifiers()).verifiers

    def close(self) -> None:
        """Send what is queued and wait for its answers; the client takes no more."""
        _wait(self._finish())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _wait(self._finish() if kind is None else self._withdraw())

    def _warn_in_loop(self) -> None:
        self._engine().refuse_own_thread()
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        warnings.warn(
            "Client waits, and so blocks the event loop that runs here: use AsyncClient",
            RuntimeWarning,
            stacklevel=3,
        )


def _wait(future: Future[T]) -> T:
    try:
        return future.result()
    except BaseException:
        # Ctrl-C: nobody waits any more, so nobody needs the answer. A no-op for any other end.
        future.cancel()
        raise


def _cancel(futures: Iterable[Future[Result]]) -> None:
    for future in futures:
        future.cancel()


def _stream(
    arrived: "queue.SimpleQueue[list[Result] | None]", future: Future[Batch]
) -> Generator[Result]:
    try:
        while (results := arrived.get()) is not None:
            yield from results
        future.result()
    finally:
        future.cancel()
