"""Workers come, are lost, are replaced; jobs are answered once whatever happens to them."""

import asyncio
import contextlib
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rewardd_service.errors import BackendUnavailableError
from rewardd_service.job import SKIPPED, Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool import Cause, Limits, Phase, PoolSettings, WorkerPool

pytestmark = pytest.mark.usefixtures("planted")

PLANTED = Path(__file__).parents[1] / "planted"
PATIENCE_SECONDS = 30
FEW = ("exact", "heavy", "picky", "planted")


@asynccontextmanager
async def _running(workers: int = 1, limits: Limits | None = None) -> AsyncGenerator[WorkerPool]:
    pool = WorkerPool(PoolSettings(workers=workers, verifiers=FEW, limits=limits or Limits()))
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


def _chunk(
    completions: Sequence[str],
    verifier: str = "planted",
    *,
    seconds: float = 60.0,
    reference: object = "ok",
) -> Chunk:
    return Chunk(
        [Setup(verifier, {})],
        [Subject(completion) for completion in completions],
        [reference],
        [Job(i, 0, 0) for i in range(len(completions))],
        seconds,
    )


async def _answers(pool: WorkerPool, chunk: Chunk) -> list[Answer]:
    delivered: list[Answer] = []
    await pool.process(chunk, delivered.extend)
    assert sorted(answer.job for answer in delivered) == list(range(len(chunk.jobs)))
    return sorted(delivered, key=lambda answer: answer.job)


async def _reasons(pool: WorkerPool, chunk: Chunk) -> list[str]:
    return [answer.reason for answer in await _answers(pool, chunk)]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  counters of the pool, no event
            await asyncio.sleep(0.005)


def _pids(pool: WorkerPool) -> list[int]:
    return list(pool.resident_bytes())


async def test_a_poison_is_answered_from_quarantine_the_next_time() -> None:
    async with _running() as pool:
        assert await _reasons(pool, _chunk(["exit"])) == ["quarantined"]
        deaths = pool.counters.exits[Cause.CRASH]
        assert await _reasons(pool, _chunk(["ok", "exit"])) == ["match", "quarantined"]
        assert (deaths, pool.counters.exits[Cause.CRASH]) == (2, 2)
        assert (pool.counters.quarantined, pool.counters.quarantine_hits) == (1, 1)


async def test_jobs_behind_a_quarantined_gate_are_skipped() -> None:
    jobs = [Job(0, 0, 0, gate=True), Job(0, 1, 0)]
    setups = [Setup("planted", {}), Setup("heavy", {"rounds": 1})]
    chunk = Chunk(setups, [Subject("exit")], ["ok"], jobs, 60.0)
    async with _running() as pool:
        assert await _reasons(pool, chunk) == ["quarantined", SKIPPED]
        assert await _reasons(pool, chunk) == ["quarantined", SKIPPED]


async def test_a_worn_worker_is_replaced_before_it_goes() -> None:
    async with _running(limits=Limits(recycle_jobs=3)) as pool:
        (first,) = _pids(pool)
        await _answers(pool, _chunk(["ok"] * 3))
        await _until(lambda: pool.counters.exits[Cause.RECYCLED] == 1)
        assert pool.ready() is None
        assert first not in _pids(pool)
        assert await _reasons(pool, _chunk(["ok"])) == ["match"]


async def test_a_fat_worker_is_replaced() -> None:
    async with _running(limits=Limits(recycle_rss_mib=1)) as pool:
        await _answers(pool, _chunk(["ok"]))
        await _until(lambda: pool.counters.exits[Cause.RECYCLED] == 1)


async def test_a_worker_that_judges_known_samples_wrongly_is_replaced() -> None:
    async with _running(limits=Limits(canary_seconds=0.0)) as pool:
        assert await _reasons(pool, _chunk(["ok"])) == ["match"]
        assert pool.counters.wrong_canaries == 0
        assert await _reasons(pool, _chunk(["spoil_exact"])) == ["match"]
        await _until(lambda: pool.counters.wrong_canaries == 1)
        await _until(lambda: pool.counters.starts == 2)
        assert await _reasons(pool, _chunk(["42"], "exact", reference="42")) == ["match"]


async def test_jobs_that_no_worker_can_start_in_time_are_answered() -> None:
    async with _running(limits=Limits(cpu_seconds=0.3)) as pool:
        hog = asyncio.create_task(_reasons(pool, _chunk(["loop"])))
        await _until(lambda: pool.phases().get(Phase.BUSY) == 1)
        assert await _reasons(pool, _chunk(["ok"] * 2, seconds=0.02)) == ["deadline"] * 2
        assert await _reasons(pool, _chunk(["ok"], seconds=-1.0)) == ["deadline"]
        assert await hog == ["timeout"]


async def test_after_a_cancel_nothing_is_delivered_and_the_worker_serves_again() -> None:
    delivered: list[Answer] = []
    async with _running() as pool:
        (pid,) = _pids(pool)
        chunk = _chunk(["ok"] * 5_000, "heavy")
        errand = asyncio.create_task(pool.process(chunk, delivered.extend))
        await _until(lambda: len(delivered) > 0)
        errand.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await errand
        told = len(delivered)
        assert await _reasons(pool, _chunk(["ok"])) == ["match"]
        assert (len(delivered), _pids(pool)) == (told, [pid])
        assert told < len(chunk.jobs)


async def test_a_worker_that_hangs_after_a_cancel_is_killed() -> None:
    async with _running(limits=Limits(cpu_seconds=0.2)) as pool:
        errand = asyncio.create_task(pool.process(_chunk(["loop"]), _refuse))
        await _until(lambda: pool.phases().get(Phase.BUSY) == 1)
        errand.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await errand
        assert await _reasons(pool, _chunk(["ok"])) == ["match"]
        assert pool.counters.exits[Cause.TIMEOUT] == 1


def _refuse(answers: Sequence[Answer]) -> None:
    raise AssertionError(f"{len(answers)} answers nobody wants")


async def test_closing_answers_what_still_runs_as_cancelled() -> None:
    async with _running() as pool:
        running = asyncio.create_task(_reasons(pool, _chunk(["loop", "ok"])))
        await _until(lambda: pool.phases().get(Phase.BUSY) == 1)
        waiting = asyncio.create_task(_reasons(pool, _chunk(["ok"])))
        await asyncio.sleep(0)
        await pool.close()
        assert await running == ["cancelled"] * 2
        assert await waiting == ["cancelled"]
        assert await _reasons(pool, _chunk(["ok"])) == ["cancelled"]


async def test_a_sample_too_large_for_a_frame_harms_itself_alone() -> None:
    async with _running() as pool:
        chunk = _chunk(["ok", "x" * (17 << 20), "ok"])
        assert await _reasons(pool, chunk) == ["match", "overloaded", "match"]


async def test_what_cannot_travel_is_a_fault() -> None:
    async with _running() as pool:
        assert await _reasons(pool, _chunk(["\ud800"])) == ["fault"]


async def test_references_beyond_64_bits_reach_the_verifier() -> None:
    async with _running() as pool:
        chunk = _chunk([str(10**40)], "picky", reference=10**40)
        assert await _reasons(pool, chunk) == ["match"]


async def test_no_reward_changes_while_workers_are_killed_at_random() -> None:
    kills, chunks, jobs, seed = 200, 250, 16, 20250731
    rng = random.Random(seed)  # noqa: S311  a schedule, no secret
    strikes = iter(range(jobs * chunks // kills, 10**9, jobs * chunks // kills))
    due, answered = [next(strikes)], [0]

    def kill(pool: WorkerPool) -> None:
        with contextlib.suppress(ProcessLookupError, IndexError):
            os.kill(rng.choice(_pids(pool)), signal.SIGKILL)

    async def score(pool: WorkerPool, number: int) -> list[float | None]:
        delivered: list[Answer] = []

        def deliver(answers: Sequence[Answer]) -> None:
            delivered.extend(answers)
            answered[0] += len(answers)
            while answered[0] >= due[0]:
                due[0] = next(strikes)
                asyncio.get_running_loop().call_later(rng.random() * 0.01, kill, pool)

        completions = ["ok" if (number + i) % 3 else "no" for i in range(jobs)]
        await pool.process(_chunk(completions, "heavy"), deliver)
        assert sorted(answer.job for answer in delivered) == list(range(jobs)), f"seed {seed}"
        return [told.score for told in sorted(delivered, key=lambda answer: answer.job)]

    async with _running(workers=2) as pool:
        scores = await asyncio.gather(*(score(pool, number) for number in range(chunks)))
        expected = [[float((n + i) % 3 > 0) for i in range(jobs)] for n in range(chunks)]
        assert scores == expected, f"seed {seed}"
        assert pool.counters.exits[Cause.EXTERNAL] >= kills // 2


async def test_a_killed_preload_takes_its_workers_along_and_comes_back() -> None:
    async with _running() as pool:
        (pid,) = _pids(pool)
        os.kill(_parent(pid), signal.SIGKILL)
        assert await _reasons(pool, _chunk(["ok"] * 3, "heavy")) == ["match"] * 3
        await _until(lambda: pool.ready() is None and pid not in _pids(pool))
        assert await _reasons(pool, _chunk(["ok"])) == ["match"]


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _descendants(pid: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(entry.name)] = _parent(int(entry.name))
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


GATEWAY = """
import asyncio, sys
from rewardd_service.job import Chunk, Job, Setup, Subject
from rewardd_service.pool import Limits, Phase, PoolSettings, WorkerPool

async def main():
    pool = WorkerPool(PoolSettings(
        workers=2, verifiers=("planted",), limits=Limits(cpu_seconds=600.0)
    ))
    await pool.start()
    chunk = Chunk([Setup("planted", {})], [Subject(sys.argv[2])], ["ok"], [Job(0, 0, 0)], 600.0)
    errand = asyncio.create_task(pool.process(chunk, lambda answers: None))
    while pool.phases().get(Phase.BUSY) != 1:
        await asyncio.sleep(0.01)
    print("hung", flush=True)
    await errand

sys.path.insert(0, sys.argv[1])
asyncio.run(main())
"""


@pytest.mark.parametrize(("deed", "processes"), [("loop", 3), ("employ", 5)])
def test_no_process_outlives_a_killed_gateway(deed: str, processes: int) -> None:
    """The preload and two workers, and what a verifier has started in one of them."""
    arguments = [sys.executable, "-c", GATEWAY, str(PLANTED), deed]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        assert gateway.stdout.readline() == "hung\n"
        found = _await_descendants(gateway.pid, processes)
        pidfds = [os.pidfd_open(pid) for pid in found]
        gateway.kill()
    gone = [bool(select.select([pidfd], [], [], PATIENCE_SECONDS)[0]) for pidfd in pidfds]
    for pidfd in pidfds:
        os.close(pidfd)
    assert gone == [True] * processes


def _await_descendants(pid: int, number: int) -> list[int]:
    give_up = time.monotonic() + PATIENCE_SECONDS
    while len(found := _descendants(pid)) < number:
        assert time.monotonic() < give_up, found
    return found


def test_a_pool_runs_in_any_thread_with_a_loop_of_its_own() -> None:
    reasons: list[str] = []

    async def score() -> None:
        async with _running() as pool:
            reasons.extend(await _reasons(pool, _chunk(["exit", "ok"])))

    thread = threading.Thread(target=asyncio.run, args=(score(),))
    thread.start()
    thread.join(PATIENCE_SECONDS)
    assert reasons == ["quarantined", "match"]


RAISES_AT_IMPORT = "raise ValueError('planted')"
SPOILS_ANOTHER = """
from rewardd_verifiers import Verdict
from rewardd_verifiers.builtin.exact import Exact as Thing

Thing.verify = lambda self, sample: Verdict.of(correct=True)
Thing.verify.__annotations__["sample"] = "Sample[str]"
Thing.verify.__globals__["Sample"] = __import__("rewardd_verifiers").Sample
"""


@pytest.mark.parametrize(
    ("name", "source", "why"),
    [
        pytest.param("broken", "import no_such_module", "no_such_module", id="missing_import"),
        pytest.param("broken", RAISES_AT_IMPORT, "ValueError: planted", id="raises"),
        pytest.param("broken", "class Thing", "SyntaxError", id="syntax"),
        pytest.param("broken", "Thing = int", "is not a PureVerifier", id="no_verifier"),
        pytest.param("broken", "import os; os._exit(9)", "preload ended", id="exits"),
        pytest.param("broken", SPOILS_ANOTHER, "known to be 0.0", id="spoils_another"),
        pytest.param("math", "class Thing: ...", "is claimed by", id="claims_a_name"),
    ],
)
async def test_a_preload_that_cannot_get_ready_names_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, source: str, why: str
) -> None:
    _install(tmp_path, name, source)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    pool = WorkerPool(PoolSettings(workers=1, verifiers=("broken", "exact")))
    with pytest.raises(BackendUnavailableError, match=why):
        await pool.start()
    assert pool.ready() is not None
    with pytest.raises(BackendUnavailableError):
        await pool.describe()


def _install(folder: Path, name: str, source: str) -> None:
    (folder / "broken_verifiers.py").write_text(source)
    told = folder / "broken-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    entry = f"[rewardd.verifiers.cpu]\n{name} = broken_verifiers:Thing\n"
    (told / "entry_points.txt").write_text(entry)


async def test_a_misspelt_name_among_the_verifiers_to_make_ready_is_an_error() -> None:
    pool = WorkerPool(PoolSettings(workers=1, verifiers=("exakt",)))
    with pytest.raises(BackendUnavailableError, match="no verifier 'exakt'"):
        await pool.start()


async def test_a_preload_that_is_not_warm_is_found_out() -> None:
    pool = WorkerPool(
        PoolSettings(workers=1, verifiers=FEW, limits=Limits(first_verification_seconds=0.0))
    )
    with pytest.raises(BackendUnavailableError, match="first verification took"):
        await pool.start()


async def test_workers_that_die_at_start_make_the_pool_not_ready_and_say_why() -> None:
    pool = WorkerPool(PoolSettings(workers=1, verifiers=FEW, sandbox="no_such_module:make"))
    with pytest.raises(BackendUnavailableError, match=r"died at start.*'no_such_module'"):
        await pool.start()
    assert "died at start" in str(pool.ready())


async def test_a_pool_that_was_never_started_says_so() -> None:
    pool = WorkerPool(PoolSettings(workers=1))
    assert pool.ready() == "the pool has not been started"
    assert await _reasons(pool, _chunk(["ok"])) == ["worker_lost"]
