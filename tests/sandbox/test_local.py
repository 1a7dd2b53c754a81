"""Starting, refusing, sharing, cancelling, losing: the sandbox as its holder sees it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from jail_checks import jailed_processes, python, run
from rewardd_sandbox import Answer, BuildFailure, End, Given, Limits, SandboxError, UnavailableError
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier, remedy

_DOUBLE = "print(int(input()) * 2)"


async def test_a_tier_below_the_least_one_is_refused_with_the_remedy() -> None:
    box = LocalSandbox(Options(slots=1, only_tier=Tier.USER, min_tier=Tier.FULL))
    with pytest.raises(UnavailableError, match="no program can be run here"):
        await box.start()


async def test_an_interpreter_that_is_none_is_named() -> None:
    box = LocalSandbox(Options(slots=1, python="/nonexistent/python3"))
    with pytest.raises(UnavailableError, match=r"/nonexistent/python3.*sandbox_python"):
        await box.start()


@pytest.mark.parametrize("step", ["cgroup", "mount", "user namespace", "landlock", "clone"])
def test_every_refused_step_has_a_remedy(step: str) -> None:
    assert "doctor" not in remedy(step)


async def test_a_sandbox_that_was_closed_refuses() -> None:
    box = LocalSandbox()
    await box.close()
    with pytest.raises(UnavailableError, match="not running"):
        await box.open(python(_DOUBLE), Limits())


async def test_the_first_program_starts_a_sandbox_and_all_are_told_why_it_cannot() -> None:
    box = LocalSandbox(Options(slots=1, python="/nonexistent/python3"))
    for _ in range(2):
        with pytest.raises(UnavailableError, match="no program can be run here"):
            await box.open(python(_DOUBLE), Limits())


@pytest.mark.usefixtures("sandbox")
async def test_a_sandbox_started_by_its_first_program_answers(tier: Tier) -> None:
    box = LocalSandbox(Options(slots=1, only_tier=tier))
    (answer,) = await run(box, python(_DOUBLE), b"4")
    await box.close()
    assert answer.stdout == b"8\n"


async def test_the_tier_is_told(sandbox: LocalSandbox, tier: Tier) -> None:
    assert (sandbox.facts["tier"], sandbox.report.tier) == (str(tier), tier)
    assert sandbox.toolchain("python").startswith("3.")


async def test_submissions_wait_for_a_slot_and_all_get_their_own_answers(
    sandbox: LocalSandbox,
) -> None:
    inputs = [str(n).encode() for n in range(12)]
    answers = await asyncio.gather(*(run(sandbox, python(_DOUBLE), one) for one in inputs))
    assert [answer[0].stdout for answer in answers] == [b"%d\n" % (2 * n) for n in range(12)]


async def test_a_cancelled_submission_frees_its_slot(sandbox: LocalSandbox) -> None:
    waiting = asyncio.ensure_future(
        run(sandbox, python("import time; time.sleep(60)"), b"", limits=Limits(cpu_seconds=60))
    )
    await asyncio.wait([waiting], timeout=0.3)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    (answer,) = await run(sandbox, python(_DOUBLE), b"4")
    assert answer.stdout == b"8\n"
    assert jailed_processes(sandbox) == []


async def test_batch_and_strict_agree_and_state_does_not_carry_over(
    sandbox: LocalSandbox,
) -> None:
    source = "import sys\nsys.seen = getattr(sys, 'seen', 0) + 1\nprint(sys.seen, input())"
    batch = await run(sandbox, python(source), b"a", b"b")
    strict = await run(sandbox, python(source, strict=True), b"a", b"b")
    assert [answer.stdout for answer in batch] == [b"1 a\n", b"2 b\n"]
    assert [answer.stdout for answer in strict] == [b"1 a\n", b"1 b\n"]


async def test_random_numbers_follow_from_source_and_input_alone(sandbox: LocalSandbox) -> None:
    source = "import random\nprint(random.random(), hash('x'), input())"
    first = await run(sandbox, python(source), b"a", b"b")
    second = await run(sandbox, python(source), b"b", b"a")
    assert [a.stdout for a in first] == [a.stdout for a in reversed(second)]


async def test_time_burnt_between_two_tests_is_charged_to_the_next(
    sandbox: LocalSandbox,
) -> None:
    source = (
        "import threading\n"
        "def burn():\n    while True: pass\n"
        "threading.Thread(target=burn, daemon=True).start()\nprint(1)"
    )
    limits = Limits(cpu_seconds=0.3, wall_seconds=10)
    jail = await sandbox.open(python(source), limits)
    assert not isinstance(jail, BuildFailure)
    try:
        await jail.feed(Given(stdin=b""))
        # Long enough for a tenth of a processor, on a machine that is busy with other things.
        await asyncio.wait([asyncio.ensure_future(_never())], timeout=3.0)
        answer = await jail.feed(Given(stdin=b""))
    finally:
        await jail.close()
    assert answer.end is End.CPU_LIMIT


async def _never() -> None:
    await asyncio.Event().wait()


async def test_a_killed_zygote_is_never_the_programs_failure(
    sandbox: LocalSandbox,
) -> None:
    jail = await sandbox.open(python(_DOUBLE), Limits())
    assert not isinstance(jail, BuildFailure)
    for pid in _children(os.getpid()):
        os.kill(pid, signal.SIGKILL)
    outcomes = [await _told(jail.feed), await _told(jail.alone)]
    await jail.close()
    assert set(outcomes) <= {"lost", "2\n"}
    (answer,) = await run(sandbox, python(_DOUBLE), b"4")
    assert answer.stdout == b"8\n"


async def _told(ask: Callable[[Given], Awaitable[Answer]]) -> str:
    """Return the answer, or that it was lost: a jail may outlive its zygote by a moment."""
    try:
        return (await ask(Given(stdin=b"1"))).stdout.decode()
    except SandboxError:
        return "lost"


def _children(pid: int) -> list[int]:
    folder = Path(f"/proc/{pid}/task")
    return [
        int(child)
        for thread in folder.iterdir()
        for child in (thread / "children").read_text().split()
        if b"rewardd_sandbox.inside" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


_WORKER = """
import asyncio, sys
from rewardd_sandbox import Given, Limits, Program
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier

async def main():
    box = LocalSandbox(Options(slots=1, only_tier=Tier(sys.argv[1])))
    await box.start()
    files = {"main.py": b"import time; time.sleep(1000)"}
    jail = await box.open(Program(language="python", files=files, main="main.py"), Limits())
    asyncio.ensure_future(jail.feed(Given(stdin=b"")))
    await asyncio.sleep(0.2)
    print("running", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


async def test_nothing_outlives_a_worker_that_is_killed(tier: Tier, sandbox: LocalSandbox) -> None:
    assert sandbox.slots == 1
    worker = subprocess.Popen(  # noqa: ASYNC220  it runs beside us
        [sys.executable, "-c", _WORKER, str(tier)], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    with worker, worker.stdout as said:
        assert said.readline() == "running\n"
        handles = [os.pidfd_open(pid) for pid in _children(worker.pid)]
        worker.kill()
    assert handles
    for handle in handles:
        await _gone(handle)
    assert jailed_processes(sandbox) == []
    # What such a worker cannot remove itself, the next one does.
    async with LocalSandbox(Options(slots=1, only_tier=tier)):
        pass
    assert _states(worker.pid) == []


async def _gone(handle: int) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, ended.set)
    await asyncio.wait_for(ended.wait(), 20)
    asyncio.get_running_loop().remove_reader(handle)
    os.close(handle)


def _states(pid: int) -> list[Path]:
    return list(Path("/tmp").glob(f"rewardd-sandbox-{pid}-*"))  # noqa: S108  looked at, not used


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_mixed_soak_leaves_nothing_open(sandbox: LocalSandbox) -> None:
    programs = [_DOUBLE, "1/0", "import os; os._exit(0)", "print(", "while True: print('x')"]
    for source in programs:
        await _once(sandbox, source)
    before = _open_descriptors()
    for source in programs * 12:
        await _once(sandbox, source)
    assert _open_descriptors() == before
    assert jailed_processes(sandbox) == []


async def _once(sandbox: LocalSandbox, source: str) -> None:
    jail = await sandbox.open(python(source), Limits(output_bytes=1000))
    if isinstance(jail, BuildFailure):
        return
    await jail.feed(Given(stdin=b"1"))
    await jail.close()
