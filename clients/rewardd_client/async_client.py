"""The client for code that awaits: the same engine behind the caller's own event loop."""

import asyncio
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Self

from rewardd_client.batch import Batch
from rewardd_client.call import References, Reward
from rewardd_client.encoding import SampleLike
from rewardd_client.exchange import Settled
from rewardd_client.mailbox import Mailbox
from rewardd_client.schema import Recipe, Result, VerifierCard
from rewardd_client.settings import Settings
from rewardd_client.shell import Limits, Shell


class AsyncClient(Shell):
    """Asks a server for rewards; connects at the first call.

    Belongs to no event loop: one client serves several at once, or a new one in each step.
    Cancelling what is awaited withdraws it. Takes the same settings as `Client`.

        async with AsyncClient("http://127.0.0.1:8000") as client:
            batch = await client.score(samples, reward="math")
    """

    def _begin(self, settings: Settings) -> None:
        super()._begin(settings)
        # By loop: a client may serve several at once, or a new one in each step.
        self._mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox[Result]]
        self._mailboxes = weakref.WeakKeyDictionary()

    async def score(
        self,
        samples: Sequence[SampleLike],
        reward: Reward | None = None,
        *,
        references: References | None = None,
        deadline_seconds: float | None = None,
    ) -> Batch:
        """Return one result per sample, in order; see `Client.score`."""
        # In a thread: 16 MB take 20 ms to encode, and the caller's loop has other things to do.
        call = await asyncio.to_thread(self._prepare, samples, reward, references, deadline_seconds)
        return await asyncio.wrap_future(self._score(call, reward))

    async def stream(
        self,
        samples: Sequence[SampleLike],
        reward: Reward | None = None,
        *,
        references: References | None = None,
        deadline_seconds: float | None = None,
    ) -> AsyncGenerator[Result]:
        """Yield each result as it arrives; `index` is the sample's place. See `Client.stream`."""
        call = await asyncio.to_thread(self._prepare, samples, reward, references, deadline_seconds)
        loop = asyncio.get_running_loop()
        arrived: asyncio.Queue[Sequence[Settled] | None] = asyncio.Queue()

        def hear(settled: Sequence[Settled] | None) -> None:
            # The caller's loop may be gone before its answers come.
            if not loop.is_closed():
                loop.call_soon_threadsafe(arrived.put_nowait, settled)

        scoring = self._score(call, reward, hear)
        scoring.add_done_callback(lambda _: hear(None))
        try:
            while (settled := await arrived.get()) is not None:
                for _, result in settled:
                    yield result
            await asyncio.wrap_future(scoring)
        finally:
            scoring.cancel()

    def submit(
        self,
        sample: SampleLike,
        reward: Reward | None = None,
        *,
        references: References | None = None,
        deadline_seconds: float | None = None,
        group_size: int | None = None,
    ) -> asyncio.Future[Result]:
        """Hand in one sample and go on; the future belongs to the loop that runs here."""
        ticket = self._submit(sample, reward, references, Limits(deadline_seconds, group_size))
        mailbox = self._mailboxes.setdefault(asyncio.get_running_loop(), Mailbox[Result]())
        return self._remember(mailbox.forward(ticket.future), ticket)

    async def gather(self, futures: Sequence[asyncio.Future[Result]]) -> Batch:
        """Wait for submitted samples; the batch has their order. See `Client.gather`."""
        begun_at = time.monotonic()
        results = await asyncio.gather(*futures)
        return self._gathered(futures, results, begun_at)

    async def as_completed(
        self, futures: Iterable[asyncio.Future[Result]]
    ) -> AsyncIterator[Result]:
        """Yield the results of submitted samples as they arrive. See `Client.as_completed`."""
        for future in asyncio.as_completed(list(futures)):
            yield await future

    async def check(self, samples: Sequence[SampleLike], reward: Reward | None = None) -> Batch:
        """Find mistakes before training starts; see `Client.check`."""
        batch = await self.score(samples, reward, deadline_seconds=self._check_seconds())
        return self._checked(batch)

    async def recipes(self) -> list[Recipe]:
        """Return the recipes that the server knows by name."""
        return (await asyncio.wrap_future(self._recipes())).recipes

    async def verifiers(self) -> list[VerifierCard]:
        """Return the verifiers that can run there, with the schemas of what they take."""
        return (await asyncio.wrap_future(self._verifiers())).verifiers

    async def close(self) -> None:
        """Send what is queued and wait for its answers; the client takes no more."""
        await asyncio.wrap_future(self._finish())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.wrap_future(self._finish() if kind is None else self._withdraw())
