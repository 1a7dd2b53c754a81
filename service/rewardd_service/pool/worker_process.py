"""A worker process: a socket in, a socket out, and everything else shut off."""

import faulthandler
import functools
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import EntryPoint
from typing import Final

import msgspec

from rewardd_sandbox import Sandbox
from rewardd_service import frames
from rewardd_service.job import Answer
from rewardd_service.pool import kernel
from rewardd_service.pool.known_samples import judge_known
from rewardd_service.pool.messages import (
    Answers,
    FromWorker,
    Hello,
    Inspect,
    KnownSample,
    Plan,
    Reports,
    Run,
    ToWorker,
)
from rewardd_service.pool.progress import ProgressSlot
from rewardd_service.sandboxed import OpenSandbox
from rewardd_service.worker import Worker
from rewardd_verifiers import Catalog

EXIT_MEMORY: Final = 86
"""Exit status of a worker that ran out of memory."""
FLUSH_JOBS: Final = 8
FLUSH_SECONDS: Final = 0.005
CHEAP_SECONDS: Final = 0.001
"""Answers wait for company until there are eight, or for 5 ms: as much a kill makes us do again.

Eight answers of less than 1 ms together wait for more: a frame would cost as much as they did.
A record fills half of a frame, and waits for nobody.
"""
_RECEIVE_BYTES: Final = 1 << 18


def run(plan: Plan, samples: Sequence[KnownSample], descriptors: Sequence[int]) -> int:
    """Serve the supervisor until it hangs up; return the exit status.

    The descriptors are the socket, the progress slot and the pipe that takes stderr.
    """
    _shut_off(descriptors[2], plan.memory_mib)
    slot = ProgressSlot(descriptors[1])
    with socket.socket(fileno=descriptors[0]) as connection:
        worker = Worker(Catalog(), slot, _open_sandbox(plan))
        return _WorkerProcess(connection, slot, worker).serve(samples)


def _shut_off(stderr: int, memory_mib: int | None) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor, source in ((0, nothing), (1, nothing), (2, stderr)):
        os.dup2(source, descriptor)
    os.close(nothing)
    os.close(stderr)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=False)
    if memory_mib is not None:
        bound = kernel.address_space_bytes() + (memory_mib << 20)
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _open_sandbox(plan: Plan) -> OpenSandbox | None:
    if not plan.sandbox:
        return None
    make: Callable[..., AbstractAsyncContextManager[Sandbox]]
    make = EntryPoint(name="sandbox", value=plan.sandbox, group="").load()
    return functools.partial(make, **plan.sandbox_options)


class _WorkerProcess:
    def __init__(self, connection: socket.socket, slot: ProgressSlot, worker: Worker) -> None:
        self._connection = connection
        self._slot = slot
        self._worker = worker
        self._decoder = msgspec.msgpack.Decoder[ToWorker](ToWorker)

    def serve(self, samples: Sequence[KnownSample]) -> int:
        self._send(self._hello(samples))
        reader = frames.FrameReader()
        while received := self._connection.recv(_RECEIVE_BYTES):
            for payload in reader.feed(received):
                message = self._decoder.decode(payload)
                self._slot.enter(message.batch)
                if isinstance(message, Inspect):
                    reports = self._worker.inspect(message.setups)
                    self._send(Reports(message.batch, reports))
                elif not self._judge(message):
                    return EXIT_MEMORY
        return 0

    def _hello(self, samples: Sequence[KnownSample]) -> Hello:
        if not samples:
            return Hello(0.0)
        started = time.thread_time()
        judge_known(self._worker, samples[0])
        return Hello(time.thread_time() - started)

    def _judge(self, message: Run) -> bool:
        """Answer a batch; return whether there was memory enough to go on."""
        chunk = frames.decode_chunk(message.chunk)
        chunk = msgspec.structs.replace(chunk, remaining_seconds=message.remaining_seconds)
        ready: list[Answer] = []
        flushed = time.monotonic()
        try:
            for answer in self._worker.handle(chunk, message.jobs):
                ready.append(answer)
                waited = time.monotonic() - flushed
                patience = CHEAP_SECONDS if len(ready) >= FLUSH_JOBS else FLUSH_SECONDS
                if waited >= patience or answer.record:
                    self._send(Answers(message.batch, ready, finished=False))
                    ready, flushed = [], flushed + waited
        except MemoryError:
            self._send(Answers(message.batch, ready, finished=False))
            return False
        self._send(Answers(message.batch, ready, finished=True))
        return True

    def _send(self, message: FromWorker) -> None:
        self._connection.sendall(frames.frame(msgspec.msgpack.encode(message)))
