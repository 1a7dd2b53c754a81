"""Gateways and workers over a Redis, in a hurry, for tests."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

from fakes import InstantBackend
from rewardd_service.backends import Deliver
from rewardd_service.backends.redis import RedisBackend, WorkerNode
from rewardd_service.backends.redis.node import Served
from rewardd_service.backends.rhythm import Rhythm
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject, VerifierCard
from rewardd_service.pool import WorkerPool
from rewardd_verifiers import Need

HURRY = Rhythm(
    idle=1.0,
    block=0.2,
    probe=0.25,
    sweep=0.2,
    beat=0.3,
    forget=3.0,
    grace=1.0,
    refused=0.02,
    reply=5.0,
    drain=5.0,
)
PATIENCE_SECONDS = 60.0


class FakeNode(InstantBackend):
    """Judges by equality, in this process.

    Attributes:
        gate: holds each chunk until it is set.
        begun: set when a chunk is begun.
        starts: chunks that were begun.
    """

    def __init__(self, slots: int = 2, *, version: int = 1, held: bool = False) -> None:
        super().__init__(slots={Need.CPU: slots})
        self.pools: Mapping[Need, WorkerPool] = {}
        self.version = version
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.starts = 0
        if not held:
            self.gate.set()

    async def process(self, need: Need, chunk: Chunk, deliver: Deliver) -> None:
        self.starts += 1
        self.begun.set()
        await self.gate.wait()
        await super().process(need, chunk, deliver)

    async def describe(self) -> list[VerifierCard]:
        return [VerifierCard("exact", "cpu", self.version, "Equal or not.", {}, {})]


def chunk_of(*completions: str, seconds: float = 60.0, reference: object = "ok") -> Chunk:
    """Return a chunk with a job for each completion."""
    return Chunk(
        [Setup("exact", {})],
        [Subject(completion) for completion in completions],
        [reference],
        [Job(i, 0, 0) for i in range(len(completions))],
        seconds,
    )


async def answers_of(
    backend: RedisBackend, chunk: Chunk, need: Need = Need.CPU
) -> list[tuple[int, float | None, str]]:
    """Return job, score and reason of each answer."""
    delivered: list[Answer] = []
    await backend.process(need, chunk, delivered.extend)
    return [(told.job, told.score, told.reason) for told in delivered]


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    """Return once something holds; fail if it does not in a minute."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            held = holds()
            if held if isinstance(held, bool) else await held:
                return
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def worker(
    url: str, backend: Served | None = None, rhythm: Rhythm = HURRY
) -> AsyncGenerator[WorkerNode]:
    """Run a worker for a while."""
    node = WorkerNode(url, backend or FakeNode(), rhythm=rhythm)
    try:
        await node.start()
        yield node
    finally:
        await node.close()


@contextlib.asynccontextmanager
async def gateway(
    url: str, local: Served | None = None, *, rhythm: Rhythm = HURRY, slots: int = 0
) -> AsyncGenerator[RedisBackend]:
    """Run a gateway for a while, once it sees so many slots."""
    backend = RedisBackend(url, local=local, rhythm=rhythm)
    try:
        await backend.start()
        await until(lambda: slots_seen(backend) >= slots)
        yield backend
    finally:
        await backend.close()


def slots_seen(backend: RedisBackend) -> int:
    return backend.slots().get(Need.CPU, 0)


def reasons(answers: Sequence[tuple[int, float | None, str]]) -> list[str]:
    return [reason for _, _, reason in answers]
