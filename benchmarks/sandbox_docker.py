"""What a container's wall costs: CPU time of a submission in containers, beside the same one here.

    python -m benchmarks.sandbox_docker IMAGE [--engine URL] [--rounds 5] [--seccomp FILE]

Interleaved, pinned to one processor as far as we are concerned. In containers the CPU time is that
of this process, of the container as the engine counts it, and of the engine with its shims, whose
clock ticks are coarse: so many submissions make one round.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import docker

from benchmarks.sandbox import tree_seconds
from rewardd_sandbox import BuildFailure, Given, Limits, Program, Sandbox
from rewardd_sandbox.containers.engine import docker_sandbox
from rewardd_sandbox.containers.options import DockerOptions
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier

_SOURCE = "a, b = map(int, input().split())\nprint(a + b)\n"
_TESTS = 10
_SUBMISSIONS = 100
_ENGINE = ("dockerd", "containerd", "containerd-shim")


async def _submit(sandbox: Sandbox) -> None:
    program = Program(language="python", files={"main.py": _SOURCE.encode()}, main="main.py")
    jail = await sandbox.open(program, Limits())
    if isinstance(jail, BuildFailure):
        sys.exit(jail.log)
    for number in range(_TESTS):
        answer = await jail.feed(Given(stdin=b"%d 2\n" % number))
        if answer.stdout != b"%d\n" % (number + 2):
            sys.exit(f"a wrong answer: {answer}")
    await jail.close()


async def _cost(sandbox: Sandbox, spent: Callable[[], float]) -> tuple[float, float]:
    """Return CPU and wall milliseconds of one submission."""
    before, started = spent(), time.perf_counter()
    for _ in range(_SUBMISSIONS):
        await _submit(sandbox)
    wall = (time.perf_counter() - started) / _SUBMISSIONS * 1000
    return (spent() - before) / _SUBMISSIONS * 1000, wall


def _here() -> float:
    return time.process_time() + tree_seconds()


def _engine_seconds() -> float:
    ticks = 0
    for place in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (place / "stat").read_text().rpartition(")")
        except OSError:
            continue
        if name.partition("(")[2].startswith(_ENGINE):
            ticks += sum(map(int, rest.split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _with_engine(client: Any, names: list[str]) -> Callable[[], float]:  # noqa: ANN401  the SDK has no types
    def spent() -> float:
        counted = [client.stats(name, stream=False, one_shot=True) for name in names]
        inside = sum(one["cpu_stats"]["cpu_usage"]["total_usage"] for one in counted) / 1e9
        return time.process_time() + inside + _engine_seconds()

    return spent


async def _main(options: DockerOptions, rounds: int) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    client = cast("Any", docker).APIClient(base_url=options.engine)
    async with docker_sandbox(options) as contained:
        tier = Tier(contained.facts["tier"])
        mine = f"/{os.getpid()}/"
        listed = client.containers(filters={"label": "rewardd.sandbox.owner"})
        names = [c["Id"] for c in listed if mine in c["Labels"]["rewardd.sandbox.owner"]]
        async with LocalSandbox(Options(slots=1, only_tier=tier)) as local:
            sides = {
                f"here, tier {tier}": (local, _here),
                "in a container": (contained, _with_engine(client, names)),
            }
            costs: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
            for _ in range(rounds):
                for name, (sandbox, spent) in sides.items():
                    costs[name].append(await _cost(sandbox, spent))
    client.close()
    _report(costs)


def _report(costs: dict[str, list[tuple[float, float]]]) -> None:
    medians = {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in costs.items()
    }
    (base, base_wall), *_ = medians.values()
    for name, (cpu, wall) in medians.items():
        ratios = f"{cpu / base:5.2f} x CPU, {wall / base_wall:5.2f} x wall"
        print(f"ten tests {name:20} {cpu:7.2f} ms CPU {wall:7.2f} ms wall: {ratios}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("image")
    parser.add_argument("--engine", default="unix:///var/run/docker.sock")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seccomp", type=Path, default=None)
    given = parser.parse_args()
    wanted = DockerOptions(
        image=given.image,
        engine=given.engine,
        slots=1,
        seccomp=given.seccomp and given.seccomp.read_text(),
        recycle_after=10**6,
    )
    asyncio.run(_main(wanted, given.rounds))
