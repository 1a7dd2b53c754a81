"""The docker backend on a real engine: the suites' programs, lost containers, nothing left over."""

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from docker_engine import Docker
from jail_checks import judge, python, run
from jail_programs import Subject, load
from rewardd_sandbox import BuildFailure, End, Given, Limits, LostError, Program, UnavailableError
from rewardd_sandbox.containers.engine import docker_sandbox
from rewardd_sandbox.containers.options import DockerOptions
from rewardd_sandbox.containers.sandbox import DockerSandbox

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

_DOUBLE = "print(int(input()) * 2)"
_FACTORS = [(7919, 104729), (31, 1009)]
_TESTS = [{"stdin": f"{a} {b}\n", "stdout": f"{a * b}\n"} for a, b in _FACTORS]
_GOOD = "a, b = map(int, input().split())\nprint(a * b)"
_CALLS = [{"args": [6, 7], "result": 42}, {"args": [2, 3], "result": 6}]
_SUMS = [{"stdin": f"{n} {n + 1} {n * n}\n", "stdout": f"{n + n + 1 + n * n}\n"} for n in range(3)]
_MISSING = {"uid": {"processes", "files"}, "userns": {"processes", "proc"}}
"""What the tier inside is documented not to offer; engines mask /proc, so that jails get none."""
_SHOWN = '{{.Names}} {{.Label "rewardd.sandbox.owner"}}'


def _containers(docker: Docker, owner: int | None = None) -> list[str]:
    """Name the containers of a process: others may be at work on this engine."""
    part = f"/{owner or os.getpid()}/"
    lines = docker.run("ps", "--all", "--format", _SHOWN).splitlines()
    return [line.split()[0] for line in lines if part in line]


def _strangers(docker: Docker) -> list[str]:
    """Name what runs in our containers besides init, the worker and its zygotes.

    An engine started from a terminal would else cut the lines to its width.
    """
    ours = ("docker-init", "rewardd_sandbox.containers.server", "rewardd_sandbox.inside", "tini")
    lines = [
        line
        for name in _containers(docker)
        for line in docker.run("top", name, "-ww", "-eo", "pid,user,args").splitlines()[1:]
    ]
    return [line for line in lines if not any(word in line for word in ours)]


def _left_in_scratch(docker: Docker) -> list[str]:
    find = ["find", "/tmp", "/dev/shm", "-mindepth", "4"]  # noqa: S108  looked at, in containers
    return [
        line for name in _containers(docker) for line in docker.run("exec", name, *find).split()
    ]


@pytest.mark.parametrize("subject", load("attacks/rewards.txt"), ids=lambda s: s.name)
async def test_no_program_is_paid_for_less_than_the_answer(
    contained: DockerSandbox, subject: Subject
) -> None:
    reference = {"tests": _TESTS, "limits": subject.limits}
    verdict = await judge(contained, subject.source, reference)
    assert (verdict.score, subject.claim) == (0.0, subject.claim), verdict
    assert (await judge(contained, _GOOD, {"tests": _TESTS})).score == 1.0


@pytest.mark.parametrize("subject", load("attacks/calls.txt"), ids=lambda s: s.name)
async def test_no_function_is_paid_for_less_than_the_result(
    contained: DockerSandbox, subject: Subject
) -> None:
    reference = {"kind": "call", "entry": "mul", "tests": _CALLS, "limits": subject.limits}
    verdict = await judge(contained, subject.source, reference)
    assert (verdict.score, subject.claim) == (0.0, subject.claim), verdict


@pytest.mark.parametrize("subject", load("attacks/calls.txt")[::3], ids=lambda s: s.name)
async def test_test_code_in_its_own_container_is_not_fooled(
    contained: DockerSandbox, subject: Subject
) -> None:
    check = (
        "def check(candidate):\n    assert candidate(6, 7) == 42\n    assert candidate(2, 3) == 6"
    )
    reference = {"prompt": "", "entry_point": "mul", "test": check}
    verdict = await judge(contained, subject.source, reference, cpu_seconds=0.4)
    assert (verdict.score, subject.claim) == (0.0, subject.claim), verdict
    right = "def mul(a, b):\n    return a * b"
    assert (await judge(contained, right, reference)).score == 1.0


@pytest.mark.parametrize("subject", load("attacks/reach.txt"), ids=lambda s: s.name)
async def test_what_is_not_theirs_cannot_be_reached(
    contained: DockerSandbox, subject: Subject
) -> None:
    (answer,) = await run(contained, python(subject.source), b"")
    assert b"BREACH" not in answer.stdout + answer.stderr_tail, subject.claim
    assert answer.stdout.endswith(b"done\n"), answer


@pytest.mark.parametrize("subject", load("attacks/exhaust.txt"), ids=lambda s: s.name)
async def test_what_exhausts_ends_within_its_bounds_and_leaves_nothing(
    contained: DockerSandbox, docker: Docker, subject: Subject
) -> None:
    reference = {"tests": _TESTS, "limits": subject.limits}
    verdict = await judge(contained, subject.source, reference)
    assert (verdict.score, subject.claim) == (0.0, subject.claim), verdict
    assert (await judge(contained, _GOOD, {"tests": _TESTS})).score == 1.0
    assert _strangers(docker) == []
    assert _left_in_scratch(docker) == []


@pytest.mark.parametrize("subject", load("benign/right.txt"), ids=lambda s: s.name)
async def test_a_right_program_passes(contained: DockerSandbox, subject: Subject) -> None:
    reference = {"tests": subject.tests or _SUMS, "compare": subject.compare}
    verdict = await judge(contained, subject.source, reference)
    expected = 0.0 if subject.needs in _MISSING[contained.facts["tier"]] else 1.0
    assert verdict.score == expected, (subject.claim, verdict)


async def test_programs_are_compiled_inside(contained: DockerSandbox) -> None:
    source = b"#include <bits/stdc++.h>\nint main() { long n; std::cin >> n; std::cout << n * 2; }"
    program = Program(language="cpp", files={"main.cpp": source}, main="main.cpp")
    answers = await run(contained, program, b"21", b"4")
    assert [answer.stdout for answer in answers] == [b"42", b"8"]
    missing = Program(language="rust", files={"main.rs": b"fn main() {}"}, main="main.rs")
    with pytest.raises(UnavailableError, match="rustc not found"):
        await contained.open(missing, Limits())


async def test_a_large_input_and_a_large_output_pass_through(contained: DockerSandbox) -> None:
    text = b"0123456789abcde\n" * (1 << 20)
    limits = Limits(output_bytes=32 << 20, memory_mib=1024)
    echo = "import sys; sys.stdout.write(sys.stdin.read())"
    (answer,) = await run(contained, python(echo), text, limits=limits)
    assert (answer.end, answer.stdout == text) == (End.EXITED, True)


async def test_a_program_talks_to_its_companion(contained: DockerSandbox) -> None:
    jail = await contained.open(python("print(input() + '!', flush=True)\ninput()"), Limits())
    assert not isinstance(jail, BuildFailure)
    try:
        companion = await jail.companion(python("print('abc', flush=True)\ninput()"), Limits())
        assert not isinstance(companion, BuildFailure)
        talk = await jail.converse(Given(stdin=b""), companion, Given(stdin=b""))
    finally:
        await jail.close()
    assert (talk.answer.stdout, talk.companion.stdout) == (b"abc!\n", b"abc\n")


def test_the_tier_inside_is_known(contained: DockerSandbox) -> None:
    assert contained.facts["tier"] in _MISSING
    assert contained.facts["backend"] == "docker"


@pytest.mark.usefixtures("contained")
def test_containers_have_nothing_that_a_jail_could_use(docker: Docker) -> None:
    for name in _containers(docker):
        wanted = (
            "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.NetworkMode}} {{.HostConfig.CapDrop}}"
        )
        assert docker.run("inspect", "--format", wanted, name).split() == ["true", "none", "[ALL]"]
        limits = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.PidsLimit}}"
        memory, swap, tasks = docker.run("inspect", "--format", limits, name).split()
        assert (memory == swap, int(memory) > 0, int(tasks) > 0) == (True, True, True)
        assert not docker.works("exec", name, "touch", "/usr/here")
        interfaces = docker.run("exec", name, "cat", "/proc/net/dev").splitlines()[2:]
        assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
        status = docker.run("exec", name, "cat", "/proc/1/status")
        assert "NoNewPrivs:\t1" in status


async def test_a_killed_container_is_our_failure_and_is_replaced(
    options: DockerOptions, docker: Docker
) -> None:
    others = set(_containers(docker))
    async with docker_sandbox(options) as box:
        (name,) = set(_containers(docker)) - others
        jail = await box.open(python("import time; time.sleep(900)"), Limits(cpu_seconds=60))
        assert not isinstance(jail, BuildFailure)
        asked = asyncio.ensure_future(jail.feed(Given(stdin=b"")))
        await asyncio.wait([asked], timeout=0.3)
        await asyncio.to_thread(docker.run, "kill", name)
        with pytest.raises(LostError):
            await asked
        await jail.close()
        (answer,) = await run(box, python(_DOUBLE), b"4")
        assert answer.stdout == b"8\n"
        assert name not in _containers(docker)
    assert set(_containers(docker)) == others


async def test_recycling_leaves_neither_containers_nor_descriptors(
    options: DockerOptions, docker: Docker
) -> None:
    others = set(_containers(docker))
    async with docker_sandbox(replace(options, recycle_after=2)) as box:
        for number in range(6):
            await run(box, python(_DOUBLE), b"%d" % number)
        before = _open_descriptors()
        for number in range(12):
            (answer,) = await run(box, python(_DOUBLE), b"%d" % number)
            assert answer.stdout == b"%d\n" % (2 * number)
    assert _open_descriptors() <= before
    assert set(_containers(docker)) == others


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_an_image_that_is_not_there_is_named_with_the_remedy(options: DockerOptions) -> None:
    with pytest.raises(UnavailableError, match=r"no image rewardd/none:none.*docker build"):
        await docker_sandbox(replace(options, image="rewardd/none:none")).start()


async def test_an_image_without_our_worker_is_told_by_what_it_said(options: DockerOptions) -> None:
    wrong = replace(options, command=("python3", "-m", "no_such_worker"))
    with pytest.raises(UnavailableError, match="no_such_worker"):
        await docker_sandbox(wrong).start()


async def test_a_runtime_that_the_engine_lacks_is_told(options: DockerOptions) -> None:
    with pytest.raises(UnavailableError, match="no-such-runtime"):
        await docker_sandbox(replace(options, runtime="no-such-runtime")).start()


_OWNER = """
import asyncio, sys
from rewardd_sandbox import Given, Limits, Program
from rewardd_sandbox.containers.engine import docker_sandbox
from rewardd_sandbox.containers.options import DockerOptions

async def main():
    box = docker_sandbox(DockerOptions(image=sys.argv[1], engine=sys.argv[2] or None, slots=1))
    await box.start()
    files = {"main.py": b"import time; time.sleep(1000)"}
    program = Program(language="python", files=files, main="main.py")
    jail = await box.open(program, Limits(cpu_seconds=900))
    asked = asyncio.ensure_future(jail.feed(Given(stdin=b"")))
    await asyncio.wait([asked], timeout=0.3)
    print("running", flush=True)
    await asked

asyncio.run(main())
"""


def _owner(options: DockerOptions) -> "subprocess.Popen[str]":
    arguments = [options.image, options.engine or ""]
    return subprocess.Popen(
        [sys.executable, "-c", _OWNER, *arguments], stdout=subprocess.PIPE, text=True
    )


def _gone(docker: Docker, name: str) -> bool:
    return any(not docker.works("inspect", name) for _ in range(300))


def test_nothing_outlives_an_owner_that_is_killed(options: DockerOptions, docker: Docker) -> None:
    owner = _owner(options)
    assert owner.stdout is not None
    with owner, owner.stdout as said:
        assert said.readline() == "running\n"
        (name,) = _containers(docker, owner.pid)
        owner.kill()
    assert _gone(docker, name)


async def test_a_container_that_hangs_without_its_owner_is_swept_by_the_next(
    options: DockerOptions, docker: Docker
) -> None:
    owner = _owner(options)
    assert owner.stdout is not None
    with owner, owner.stdout as said:
        assert said.readline() == "running\n"
        (name,) = _containers(docker, owner.pid)
        for line in docker.run("top", name, "-eo", "pid,args").splitlines()[1:]:
            os.kill(int(line.split()[0]), signal.SIGSTOP)
        owner.kill()
    assert _containers(docker, owner.pid) == [name]
    async with docker_sandbox(options):
        assert _containers(docker, owner.pid) == []


async def test_an_engine_that_does_not_answer_is_named(tmp_path: Path) -> None:
    nowhere = DockerOptions(image="any", engine=f"unix://{tmp_path}/none.sock", slots=1)
    with pytest.raises(UnavailableError, match=r"no container engine answers.*DOCKER_HOST"):
        await docker_sandbox(nowhere).start()
