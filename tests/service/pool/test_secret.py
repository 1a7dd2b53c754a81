"""Workers compare at points of one secret: the fleet's, or the one that their pool drew."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from rewardd_service.composition import local_backend, worker_node
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool import PoolSettings, WorkerPool
from rewardd_service.settings import Settings
from rewardd_verifiers import Need

pytestmark = pytest.mark.usefixtures("planted")

FLEET = "one for a whole fleet"


async def _points(pool: WorkerPool) -> str:
    delivered: list[Answer] = []
    subjects = [Subject("points")]
    await pool.process(
        Chunk([Setup("planted", {})], subjects, ["ok"], [Job(0, 0, 0)], 60.0), delivered.extend
    )
    return delivered[0].detail


def _parent(pid: int) -> int:
    told = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in told if line.startswith("PPid:"))


async def _told(settings: Sequence[PoolSettings]) -> list[str]:
    """Return the points of a pool, and of the one that follows its preload's loss."""
    found: list[str] = []
    for one in settings:
        pool = WorkerPool(one)
        await pool.start()
        found.append(await _points(pool))
        (worker,) = pool.resident_bytes()
        os.kill(_parent(worker), signal.SIGKILL)
        async with asyncio.timeout(30):
            found.append(await _points(pool))
        await pool.close()
    return found


def _pool(secret: bytes) -> PoolSettings:
    return PoolSettings(workers=1, verifiers=("planted",), probe_secret=secret)


def _unheard(_: str | None) -> None:
    return


async def test_pools_that_are_told_one_secret_compare_at_the_same_points() -> None:
    told = await _told([_pool(b"one"), _pool(b"one")])
    assert (len(told), len(set(told))) == (4, 1)


async def test_pools_that_are_told_none_keep_to_one_of_their_own() -> None:
    first = PoolSettings(workers=1, verifiers=("planted",))
    told = await _told([first, first, PoolSettings(workers=1, verifiers=("planted",))])
    assert len(set(told[:4])) == 1
    assert told[4] == told[5] != told[0]


def test_the_setting_reaches_pools_here_and_behind_redis() -> None:
    settings = Settings(probe_secret=SecretStr(FLEET), redis=SecretStr("redis://nowhere"))
    here = local_backend(settings).pools
    node = worker_node(settings, [Need.CPU], _unheard)
    assert here[Need.CPU].settings.probe_secret == FLEET.encode()
    assert here[Need.SANDBOX].settings.probe_secret != FLEET.encode()
    assert FLEET not in f"{settings!r} {here[Need.CPU].settings!r} {node!r}"


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 16"):
        Settings(probe_secret=SecretStr("guess"))
