"""An upgrade in the middle of a run: workers of two versions, processes of their own."""

import asyncio
import shutil
from pathlib import Path

import pytest

from node_process import PLANTED, node_process
from redis_fleet import gateway, slots_seen, until
from redis_server import RedisServer
from rewardd_service.backends.redis import RedisBackend
from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_verifiers import Need

OLD, NEW = 7, 8


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Return the planted verifiers as a later release has them."""
    folder = tmp_path / "planted"
    shutil.copytree(PLANTED, folder, ignore=shutil.ignore_patterns("__pycache__"))
    module = folder / "planted_verifiers.py"
    text = module.read_text(encoding="utf-8")
    assert text.count(f"= {OLD}\n") == 1
    module.write_text(text.replace(f"= {OLD}\n", f"= {NEW}\n"), encoding="utf-8")
    return folder


def _chunk() -> Chunk:
    subjects = [Subject("ok" if i % 2 else "no") for i in range(16)]
    jobs = [Job(i, 0, 0) for i in range(16)]
    return Chunk([Setup("planted", {})], subjects, ["ok"], jobs, 90.0)


async def _versions(backend: RedisBackend) -> set[int]:
    """Score a chunk, and return the versions that judged it."""
    answers: list[Answer] = []
    await backend.process(Need.CPU, _chunk(), answers.extend)
    assert [answer.score for answer in answers] == [float(i % 2) for i in range(16)]
    return {answer.version for answer in answers}


async def test_during_an_upgrade_each_chunk_has_one_version_and_none_is_lost(
    redis: RedisServer, newer: Path
) -> None:
    seen: list[set[int]] = []
    async with gateway(redis.url) as backend:
        with node_process(redis.url) as old:
            await until(lambda: slots_seen(backend) == 1)
            with node_process(redis.url, planted=newer):
                await until(lambda: redis.number("SCARD", "rewardd:roster") == 2)
                seen += [await _versions(backend) for _ in range(5)]
                assert slots_seen(backend) == 1  # the new one waits
                upgraded = asyncio.create_task(_until_new(backend, seen))
                old.terminate()
                assert await asyncio.to_thread(old.wait, 60) == 0
                await upgraded
    assert {len(versions) for versions in seen} == {1}
    told = [version for versions in seen for version in versions]
    assert told == sorted(told)
    assert (told[0], told[-1]) == (OLD, NEW)


async def _until_new(backend: RedisBackend, seen: list[set[int]]) -> None:
    async with asyncio.timeout(90):
        while seen[-1] != {NEW}:
            seen.append(await _versions(backend))
