"""Random faults from a seed, a record of what came of each call, and a checker of such records."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from fault_proxy import FaultProxy, fault_proxy
from redis_fleet import HURRY, FakeNode, chunk_of, gateway, slots_seen, until
from redis_server import RedisServer
from rewardd_service.backends.redis import RedisBackend, WorkerNode
from rewardd_service.job import Answer
from rewardd_verifiers import Need, Reason

_UNSCORED = frozenset(reason.value for reason in Reason if not reason.scored)


@dataclass
class Call:
    """One chunk, and all that was heard of it.

    Attributes:
        expected: the score of each job, if it gets one.
        heard: answers as they were delivered, before and after the call ended.
    """

    expected: Sequence[float]
    heard: list[Answer] = field(default_factory=list[Answer])
    cancelled: bool = False
    ended: bool = False
    heard_late: int = 0

    def deliver(self, answers: Sequence[Answer]) -> None:
        """Record answers."""
        self.heard += answers
        self.heard_late += len(answers) if self.ended else 0


def anomalies(calls: Sequence[Call]) -> list[str]:
    """Return what exactly-once and never-a-wrong-reward do not allow."""
    found: list[str] = []
    for number, call in enumerate(calls):
        counts = Counter(answer.job for answer in call.heard)
        found += [f"call {number}, job {job}: {n} answers" for job, n in counts.items() if n > 1]
        missing = set(range(len(call.expected))) - counts.keys()
        if missing and not call.cancelled:
            found.append(f"call {number}: no answer to {sorted(missing)}")
        if not call.ended:
            found.append(f"call {number}: did not end")
        if call.heard_late:
            found.append(f"call {number}: {call.heard_late} answers after its end")
        found += [f"call {number}: {trouble}" for trouble in _wrong(call)]
    return found


def _wrong(call: Call) -> list[str]:
    wrong: list[str] = []
    for answer in call.heard:
        if not 0 <= answer.job < len(call.expected):
            wrong.append(f"job {answer.job} was never asked")
        elif answer.score is None and answer.reason not in _UNSCORED:
            wrong.append(f"job {answer.job}: no score, and {answer.reason}")
        elif answer.score is not None and answer.score != call.expected[answer.job]:
            wrong.append(f"job {answer.job}: {answer.score}, not {call.expected[answer.job]}")
    return wrong


class _Stage:
    """Two gateways, one with a pool of its own, and a changing cast of workers."""

    def __init__(self, redis: RedisServer, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - faults, not secrets
        self.redis = redis
        self.proxies: list[FaultProxy] = []
        self.gateways: list[RedisBackend] = []
        self.nodes: list[WorkerNode] = []
        self.calls: list[Call] = []

    async def hire(self) -> None:
        proxy = self.random.choice(self.proxies)
        node = WorkerNode(proxy.url, FakeNode(slots=2), rhythm=HURRY)
        self.nodes.append(node)
        await node.start()

    async def fault(self) -> None:
        act = self.random.choice(
            [self._cut, self._half_close, self._stall, self._empty, self._replace, self._lose]
        )
        await act()

    async def _cut(self) -> None:
        self.random.choice(self.proxies).cut_all()

    async def _half_close(self) -> None:
        self.random.choice(self.proxies).half_close()

    async def _stall(self) -> None:
        proxy = self.random.choice(self.proxies)
        proxy.flowing.clear()
        await asyncio.sleep(self.random.uniform(0.05, 1.5))
        proxy.flowing.set()

    async def _empty(self) -> None:
        self.redis.ask("FLUSHALL")

    async def _replace(self) -> None:
        await self.hire()
        await self.nodes.pop(0).close()

    async def _lose(self) -> None:
        """Take an entry or a reply out of Redis, as a cut connection does."""
        self.redis.ask("XTRIM", "rewardd:chunks:cpu", "MAXLEN", "1")

    async def call(self) -> None:
        """Score a chunk on any gateway; some callers lose patience."""
        chance = self.random
        right = [chance.random() < 0.5 for _ in range(chance.randint(1, 6))]
        call = Call([float(each) for each in right])
        self.calls.append(call)
        backend = chance.choice(self.gateways)
        texts = ["ok" if each else "no" for each in right]
        chunk = chunk_of(*texts, seconds=chance.choice([0.5, 20.0, 20.0]))
        impatience = chance.uniform(0.0, 0.2) if chance.random() < 0.2 else 60.0
        try:
            async with asyncio.timeout(impatience):
                await backend.process(Need.CPU, chunk, call.deliver)
        except TimeoutError:
            call.cancelled = True
        call.ended = True


async def play(redis: RedisServer, seed: int, *, calls: int = 40, faults: int = 4) -> list[Call]:
    """Return the calls of one history; equal seeds make equal choices."""
    redis.ask("FLUSHALL")
    async with contextlib.AsyncExitStack() as stack:
        stage = _Stage(redis, seed)
        for _ in range(3):
            proxy = await stack.enter_async_context(fault_proxy(str(redis.socket)))
            stage.proxies.append(proxy)
        for number, local in enumerate((None, FakeNode(slots=1))):
            backend = gateway(stage.proxies[number].url, local)
            stage.gateways.append(await stack.enter_async_context(backend))
        for _ in range(2):
            await stage.hire()
        await until(lambda: all(slots_seen(backend) >= 4 for backend in stage.gateways))
        async with asyncio.TaskGroup() as group:
            group.create_task(_troubles(stage, faults))
            for _ in range(calls):
                group.create_task(stage.call())
                await asyncio.sleep(stage.random.uniform(0.0, 0.04))
        await asyncio.gather(*(node.close() for node in stage.nodes))
        await asyncio.sleep(0)
    return stage.calls


async def _troubles(stage: _Stage, faults: int) -> None:
    for _ in range(faults):
        await asyncio.sleep(stage.random.uniform(0.0, 0.3))
        await stage.fault()
