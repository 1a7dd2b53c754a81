"""The small parts of the pool, each without a process."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool.canary import canary_chunk, mistakes
from rewardd_service.pool.cores import usable_cores
from rewardd_service.pool.desk import Desk
from rewardd_service.pool.errand import parts_by_subject
from rewardd_service.pool.known_samples import known_samples
from rewardd_service.pool.process import Phase, WorkerProcess
from rewardd_service.pool.progress import MAX_BATCH, Position, ProgressSlot
from rewardd_service.pool.quarantine import Quarantine, job_key
from rewardd_service.pool.watchdog import charge_against
from rewardd_verifiers import Catalog


def _chunk(completion: str = "a", reference: object = "r", params: object = None) -> Chunk:
    setup = Setup("exact", {"p": params})
    return Chunk([setup], [Subject(completion)], [reference], [Job(0, 0, 0)], 60.0)


def test_a_supervisor_sees_what_a_worker_begins() -> None:
    ours = ProgressSlot()
    worker = ProgressSlot(ours.fd)
    seen: list[tuple[int, int | None]] = []

    def look() -> None:
        at = ours.read()
        seen.append((at.batch, at.job))

    look()
    worker.enter(MAX_BATCH)
    look()
    worker.begin(0)
    look()
    worker.begin(4_000_000)
    look()
    assert seen == [(0, None), (MAX_BATCH, None), (MAX_BATCH, 0), (MAX_BATCH, 4_000_000)]


def test_a_worker_learns_which_batch_is_not_wanted() -> None:
    ours = ProgressSlot()
    worker = ProgressSlot(ours.fd)
    assert not worker.stopped()
    worker.enter(7)
    ours.stop(6)
    assert not worker.stopped()
    ours.stop(7)
    assert worker.stopped()


AT = Position(batch=1, job=0, wall_seconds=100.0, cpu_seconds=10.0)


@pytest.mark.parametrize(
    ("cpu", "wall", "charged", "wall_only"),
    [
        pytest.param(11.9, 101.9, False, False, id="within"),
        pytest.param(12.1, 102.1, True, False, id="cpu"),
        pytest.param(11.5, 108.1, True, False, id="wall_with_cpu_near_its_limit"),
        pytest.param(10.5, 108.1, True, True, id="wall_with_cpu_far_from_its_limit"),
    ],
)
def test_cpu_time_counts_and_wall_time_is_the_backstop(
    *, cpu: float, wall: float, charged: bool, wall_only: bool
) -> None:
    charge = charge_against(AT, cpu_seconds=cpu, now=wall, limit_seconds=2.0, wall_factor=4.0)
    assert (charge is not None) is charged
    assert (charge is not None and charge.wall_only) is wall_only


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(_chunk(completion="b"), id="completion"),
        pytest.param(_chunk(reference="s"), id="reference"),
        pytest.param(_chunk(params=1), id="params"),
    ],
)
def test_a_job_key_covers_what_a_verdict_depends_on(other: Chunk) -> None:
    assert job_key(_chunk(), 0) == job_key(_chunk(), 0)
    assert job_key(_chunk(), 0) != job_key(other, 0)


def test_a_quarantined_job_is_held_until_its_time_is_over() -> None:
    now = [0.0]
    quarantine = Quarantine(10.0, clock=lambda: now[0])
    assert quarantine.holds(_chunk()) == []
    quarantine.add(job_key(_chunk(), 0))
    assert quarantine.holds(_chunk()) == [0]
    assert quarantine.holds(_chunk("b")) == []
    now[0] = 10.0
    assert quarantine.holds(_chunk()) == []
    assert len(quarantine) == 0


def test_others_are_told_of_a_key_that_was_added_and_not_of_one_that_they_told() -> None:
    quarantine, told = Quarantine(10.0), list[bytes]()
    quarantine.listeners.append(told.append)
    quarantine.add(b"ours")
    quarantine.learn(b"theirs")
    assert (told, len(quarantine)) == ([b"ours"], 2)


def _write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def _unified(root: Path) -> None:
    _write(root, "membership", "0::/a/b\n")
    _write(root, "a/cpu.max", "50000 100000\n")
    _write(root, "a/b/cpu.max", "max 100000\n")


def _legacy(root: Path) -> None:
    _write(root, "membership", "4:memory:/m\n3:cpu,cpuacct:/a\n0::/\n")
    _write(root, "cpu/a/cpu.cfs_quota_us", "100000\n")
    _write(root, "cpu/a/cpu.cfs_period_us", "100000\n")


def _container(root: Path) -> None:
    """Inside a container the mount's root is the container's own group."""
    _write(root, "membership", "0::/far/away\n")
    _write(root, "cpu.max", "90000 100000\n")


@pytest.mark.parametrize("lay_out", [_unified, _legacy, _container])
def test_the_quota_of_a_cgroup_bounds_the_cores(
    tmp_path: Path, lay_out: Callable[[Path], None]
) -> None:
    lay_out(tmp_path)
    assert usable_cores(tmp_path, tmp_path / "membership") == 1


def test_without_a_quota_the_affinity_counts(tmp_path: Path) -> None:
    _write(tmp_path, "cpu/cpu.cfs_quota_us", "-1\n")
    _write(tmp_path, "cpu/cpu.cfs_period_us", "100000\n")
    assert usable_cores(tmp_path, tmp_path / "nothing") == usable_cores()


def test_a_chunk_is_cut_by_subject_and_keeps_what_each_job_points_to() -> None:
    chunk = Chunk(
        [Setup("a", {}), Setup("b", {})],
        [Subject("x"), Subject("y")],
        ["r", "s", "t"],
        [Job(1, 1, 2, gate=True), Job(1, 0, 1), Job(0, 1, 0)],
        60.0,
    )
    (first, first_jobs), (second, second_jobs) = parts_by_subject(chunk)
    assert (first_jobs, second_jobs) == ([0, 1], [2])
    assert first.setups == [Setup("b", {}), Setup("a", {})]
    assert (first.subjects, first.references) == ([Subject("y")], ["t", "s"])
    assert first.jobs == [Job(0, 0, 0, gate=True), Job(0, 1, 1)]
    assert (second.subjects, second.references) == ([Subject("x")], ["r"])


def test_a_worker_that_gives_a_known_sample_another_score_is_found_out() -> None:
    samples = known_samples(Catalog(), ["exact"])
    right = [Answer(i, sample.score, "match") for i, sample in enumerate(samples)]
    assert len(canary_chunk(samples).jobs) == len(samples)
    assert mistakes(samples, right) == []
    assert mistakes(samples, [Answer(0, None, "timeout")]) == []
    assert len(mistakes(samples, [Answer(0, 0.5, "partial")])) == 1


def _discard(worker: WorkerProcess) -> None:
    worker.handed_over()
    worker.exited(0)


async def test_a_worker_lent_to_somebody_who_has_just_left_goes_to_the_next() -> None:
    desk = Desk()
    leaving = asyncio.create_task(desk.borrow(60.0, first=False))
    staying = asyncio.create_task(desk.borrow(60.0, first=False))
    await asyncio.sleep(0)
    worker = WorkerProcess(1)
    desk.offer(worker)
    leaving.cancel()
    assert await staying is worker
    assert worker.phase is Phase.BUSY
    _discard(worker)


async def test_who_is_in_a_hurry_goes_first() -> None:
    desk = Desk()
    patient = asyncio.create_task(desk.borrow(60.0, first=False))
    await asyncio.sleep(0)
    hurried = asyncio.create_task(desk.borrow(60.0, first=True))
    await asyncio.sleep(0)
    worker = WorkerProcess(1)
    desk.offer(worker)
    assert await hurried is worker
    desk.turn_away()
    assert await patient is None
    _discard(worker)


async def test_nobody_waits_longer_than_he_can() -> None:
    assert await Desk().borrow(0.0, first=False) is None
