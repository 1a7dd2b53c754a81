"""The sandbox in containers as its holder sees it; a process here stands for each container."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from container_fakes import ProcessEngine, Puppet, PuppetEngine, loaded
from jail_checks import python, run
from rewardd_sandbox import (
    Answer,
    BuildFailure,
    End,
    Given,
    Limits,
    LostError,
    Program,
    SandboxError,
    UnavailableError,
)
from rewardd_sandbox.containers.options import DockerOptions
from rewardd_sandbox.containers.sandbox import DockerSandbox
from rewardd_sandbox.containers.wire import Frame, Writer
from rewardd_sandbox.tiers import Tier
from sandbox_fakes import EchoSandbox

_DOUBLE = "print(int(input()) * 2)"
_OPTIONS = DockerOptions(image="none", slots=1)


@pytest.fixture
def engine() -> ProcessEngine:
    return ProcessEngine()


@pytest.fixture
async def box(engine: ProcessEngine) -> AsyncIterator[DockerSandbox]:
    async with DockerSandbox(_OPTIONS, engine) as sandbox:
        yield sandbox
    assert all(container.removed for container in engine.started)


async def _double(sandbox: DockerSandbox, number: int = 4) -> bytes:
    (answer,) = await run(sandbox, python(_DOUBLE), b"%d" % number)
    return answer.stdout


async def test_programs_are_fed_and_run_alone(box: DockerSandbox) -> None:
    batch = await run(box, python(_DOUBLE), b"1", b"2")
    alone = await run(box, python(_DOUBLE), b"3", alone=True)
    assert [a.stdout for a in [*batch, *alone]] == [b"2\n", b"4\n", b"6\n"]
    assert [a.alone for a in [*batch, *alone]] == [False, False, True]


async def test_facts_and_versions_are_those_of_the_inside(box: DockerSandbox) -> None:
    assert box.facts["tier"] in set(Tier)
    assert box.facts["backend"] == "docker"
    assert box.toolchain("python").startswith("3.")
    assert (box.slots, box.toolchain("no such language")) == (1, "")


async def test_a_program_that_does_not_build_says_why(box: DockerSandbox) -> None:
    failure = await box.open(python("print("), Limits())
    assert isinstance(failure, BuildFailure)
    assert "SyntaxError" in failure.log
    assert await _double(box) == b"8\n"


async def test_limits_hold_inside(box: DockerSandbox) -> None:
    (answer,) = await run(box, python("while True: pass"), b"", limits=Limits(cpu_seconds=0.2))
    assert answer.end is End.CPU_LIMIT


async def test_a_flood_of_output_comes_back_within_its_bound(box: DockerSandbox) -> None:
    limits = Limits(output_bytes=100_000)
    (answer,) = await run(box, python("while True: print('x' * 1000)"), b"", limits=limits)
    assert (answer.end, len(answer.stdout) < 10_000_000) == (End.OUTPUT_LIMIT, True)
    (long,) = await run(box, python("print('x' * 99_000)"), b"", limits=limits)
    assert len(long.stdout) == 99_001


async def test_files_come_and_go(box: DockerSandbox) -> None:
    program = Program(
        language="python",
        files={"main.py": b"open('out', 'wb').write(open('in.txt', 'rb').read()[::-1])"},
        main="main.py",
        stdin_file="in.txt",
        fetch=("out",),
    )
    (answer,) = await run(box, program, b"\x00abc\xff")
    assert answer.files == {"out": b"\xffcba\x00"}


async def test_a_companion_runs_in_another_container(
    box: DockerSandbox, engine: ProcessEngine
) -> None:
    jail = await box.open(python(_DOUBLE), Limits())
    assert not isinstance(jail, BuildFailure)
    try:
        first = await jail.companion(python(_DOUBLE), Limits())
        second = await jail.companion(python(_DOUBLE), Limits())
        broken = await jail.companion(python("1 +"), Limits())
        assert not isinstance(first, BuildFailure)
        assert not isinstance(second, BuildFailure)
        answers = [await one.feed(Given(stdin=b"5")) for one in (second, first, jail)]
    finally:
        await jail.close()
    assert [answer.stdout for answer in answers] == [b"10\n"] * 3
    assert isinstance(broken, BuildFailure)
    assert len(engine.started) == 2


async def test_a_program_talks_to_its_companion(box: DockerSandbox) -> None:
    host = "secret = open('in.txt').read()\nprint(secret, flush=True)\nprint(input()[::-1])"
    jail = await box.open(python("print(input() + '!', flush=True)\ninput()"), Limits())
    assert not isinstance(jail, BuildFailure)
    try:
        companion = await jail.companion(python(host), Limits())
        assert not isinstance(companion, BuildFailure)
        theirs = Given(stdin=b"", files={"in.txt": b"abc"})
        talks = [await jail.converse(Given(stdin=b""), companion, theirs) for _ in range(2)]
    finally:
        await jail.close()
    said = [(talk.answer.stdout, talk.companion.stdout) for talk in talks]
    assert said == [(b"abc!\n", b"abc\n!cba\n")] * 2
    assert await _double(box) == b"8\n"


async def test_a_program_talks_to_nobody_elses_companion(box: DockerSandbox) -> None:
    jail = await box.open(python(_DOUBLE), Limits())
    assert not isinstance(jail, BuildFailure)
    other = await EchoSandbox().open(python(_DOUBLE), Limits())
    with pytest.raises(SandboxError, match="its own jail"):
        await jail.converse(Given(stdin=b""), other, Given(stdin=b""))
    await jail.close()


async def test_submissions_wait_for_a_place_and_all_get_their_own_answers(
    box: DockerSandbox,
) -> None:
    answers = await asyncio.gather(*(_double(box, n) for n in range(8)))
    assert answers == [b"%d\n" % (2 * n) for n in range(8)]


async def test_a_cancelled_submission_frees_its_place_and_ends_its_jail(
    box: DockerSandbox, engine: ProcessEngine
) -> None:
    limits = Limits(cpu_seconds=60)
    waiting = asyncio.ensure_future(
        run(box, python("import time; time.sleep(900)"), b"", limits=limits)
    )
    await asyncio.wait([waiting], timeout=0.5)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await _double(box) == b"8\n"
    assert len(engine.started) == 1


async def test_a_container_is_replaced_when_it_is_worn(engine: ProcessEngine) -> None:
    options = DockerOptions(image="none", slots=1, recycle_after=3)
    async with DockerSandbox(options, engine) as box:
        answers = [await _double(box, n) for n in range(12)]
    assert answers == [b"%d\n" % (2 * n) for n in range(12)]
    assert len(engine.started) >= 2
    assert all(container.removed for container in engine.started)


async def test_a_worn_container_serves_on_while_no_other_can_be_had(engine: ProcessEngine) -> None:
    options = DockerOptions(image="none", slots=1, recycle_after=1)
    async with DockerSandbox(options, engine) as box:
        engine.failures = 1000
        assert [await _double(box, n) for n in range(4)] == [b"0\n", b"2\n", b"4\n", b"6\n"]
        assert len(engine.started) == 1


async def test_a_lost_container_is_our_failure_and_is_replaced(
    box: DockerSandbox, engine: ProcessEngine
) -> None:
    jail = await box.open(python("import time; time.sleep(900)"), Limits(cpu_seconds=60))
    assert not isinstance(jail, BuildFailure)
    asked = asyncio.ensure_future(jail.feed(Given(stdin=b"")))
    await asyncio.wait([asked], timeout=0.3)
    os.kill(engine.started[0].process.pid, signal.SIGKILL)
    with pytest.raises(LostError):
        await asked
    with pytest.raises(LostError):
        await jail.alone(Given(stdin=b""))
    await jail.close()
    assert await _double(box) == b"8\n"
    assert (len(engine.started), engine.started[0].removed) == (2, True)


async def test_an_engine_that_fails_for_a_while_costs_no_place(
    box: DockerSandbox, engine: ProcessEngine
) -> None:
    engine.failures = 2
    jail = await box.open(python(_DOUBLE), Limits())
    assert not isinstance(jail, BuildFailure)
    os.kill(engine.started[0].process.pid, signal.SIGKILL)
    assert await _told(jail.feed) == "lost"
    await jail.close()
    assert await _opened(box) == "lost"
    assert await _opened(box) == "lost"
    assert await _opened(box) == "open"


async def _told(ask: Callable[[Given], Awaitable[Answer]]) -> str:
    try:
        return (await ask(Given(stdin=b"1"))).stdout.decode()
    except LostError:
        return "lost"


async def _opened(box: DockerSandbox) -> str:
    try:
        await _double(box)
    except LostError:
        return "lost"
    return "open"


async def test_a_worker_inside_ends_when_its_owner_does(engine: ProcessEngine) -> None:
    async with DockerSandbox(_OPTIONS, engine) as box:
        await _double(box)
        (container,) = engine.started
        container.close()  # as the engine does when the owner is gone
        code = await asyncio.to_thread(container.process.wait, 30)
    assert code == 0


async def test_what_the_inside_refuses_is_told(engine: ProcessEngine) -> None:
    options = DockerOptions(image="none", slots=1, python="/nonexistent/python3")
    with pytest.raises(UnavailableError, match="/nonexistent/python3"):
        await DockerSandbox(options, engine).start()
    assert all(container.removed for container in engine.started)


async def test_no_container_at_the_start_is_unavailable(engine: ProcessEngine) -> None:
    engine.failures = 1
    with pytest.raises(UnavailableError, match="no container can be used"):
        await DockerSandbox(_OPTIONS, engine).start()


async def test_a_sandbox_that_is_not_running_refuses() -> None:
    box = DockerSandbox(_OPTIONS, ProcessEngine())
    with pytest.raises(UnavailableError, match="not running"):
        await box.open(python(_DOUBLE), Limits())
    assert box.facts["tier"] == "none"


def _junk(_: Frame) -> bytes:
    return b"\xff" * 64


def _flood(frame: Frame) -> bytes:
    head = Writer(kind="answer", number=frame.number("number"))
    return head.add("answer", Answer(end=End.EXITED, stdout=b"x" * (64 << 20))).pack()


def _stranger(frame: Frame) -> bytes:
    return Writer(kind="answer", number=frame.number("number") + 999).pack()


def _twice(frame: Frame) -> bytes:
    return _right(frame) + _right(frame)


def _right(frame: Frame) -> bytes:
    answer = Answer(end=End.EXITED, stdout=b"8\n")
    return Writer(kind="answer", number=frame.number("number")).add("answer", answer).pack()


def _unasked_file(frame: Frame) -> bytes:
    answer = Answer(end=End.EXITED, files={"../../etc/passwd": b"x"})
    return Writer(kind="answer", number=frame.number("number")).add("answer", answer).pack()


def _time_machine(frame: Frame) -> bytes:
    answer = Answer(end=End.EXITED, cpu_seconds=-5.0)
    return Writer(kind="answer", number=frame.number("number")).add("answer", answer).pack()


def _no_answer(frame: Frame) -> bytes:
    return Writer(kind="answer", number=frame.number("number")).pack()


def _false_refusal(frame: Frame) -> bytes:
    return Writer(kind="refusal", number=frame.number("number"), error="SystemExit").pack()


def _strange_refusal(frame: Frame) -> bytes:
    number = frame.number("number")
    return Writer(kind="refusal", number=number, error="SystemExit", message="x" * 10**6).pack()


@pytest.mark.parametrize(
    "act",
    [_junk, _flood, _stranger, _unasked_file, _time_machine, _no_answer, _false_refusal,
     _strange_refusal],
)  # fmt: skip
async def test_a_container_that_was_taken_over_gives_no_answer_and_is_replaced(
    act: Callable[[Frame], bytes],
) -> None:
    taken = Puppet(lambda frame: act(frame) if frame.text("call") == "feed" else loaded(frame))
    sound = Puppet(lambda frame: _right(frame) if frame.text("call") == "feed" else loaded(frame))
    async with DockerSandbox(_OPTIONS, PuppetEngine(taken, sound)) as box:
        jail = await box.open(python(_DOUBLE), Limits())
        assert not isinstance(jail, BuildFailure)
        with pytest.raises(SandboxError) as told:
            await jail.feed(Given(stdin=b"4"))
        await jail.close()
        assert await _double(box) == b"8\n"
    assert len(str(told.value)) < 3000
    assert taken.removed


async def test_an_answer_given_twice_ends_the_container() -> None:
    taken = Puppet(lambda frame: _twice(frame) if frame.text("call") == "feed" else loaded(frame))
    async with DockerSandbox(_OPTIONS, PuppetEngine(taken, taken)) as box:
        jail = await box.open(python(_DOUBLE), Limits())
        assert not isinstance(jail, BuildFailure)
        assert await _told(jail.feed) in ("8\n", "lost")
        assert await _told(jail.feed) == "lost"
        await jail.close()
