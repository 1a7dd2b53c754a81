"""A worker in a process of its own, to be killed.

Run as a program, it serves the planted verifiers: URL, slots, idle seconds.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from rewardd_service.backends.local import LocalBackend
from rewardd_service.backends.redis import WorkerNode
from rewardd_service.backends.rhythm import Rhythm
from rewardd_service.pool import Limits, PoolSettings

PLANTED = Path(__file__).parents[1] / "service" / "planted"


async def _serve(url: str, slots: int, idle_seconds: float) -> None:
    pools = PoolSettings(
        workers=slots, verifiers=("planted", "heavy"), limits=Limits(cpu_seconds=20.0)
    )
    node = WorkerNode(url, LocalBackend([pools]), rhythm=Rhythm(idle=idle_seconds))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await node.start()
    sys.stdout.write("serving\n")
    sys.stdout.flush()
    await stop.wait()
    await node.close()


@contextmanager
def node_process(
    url: str, *, slots: int = 1, idle_seconds: float = 1.0, planted: Path = PLANTED
) -> Generator[subprocess.Popen[str]]:
    """Start a worker and return once it runs; kill it at the end if it still lives.

    It finds the planted verifiers in `planted`.
    """
    process = subprocess.Popen(
        [sys.executable, __file__, url, str(slots), str(idle_seconds)],
        env={"PATH": os.defpath, "PYTHONPATH": str(planted)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        if process.stdout is None or process.stdout.readline() != "serving\n":
            raise RuntimeError("the worker did not start")
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
