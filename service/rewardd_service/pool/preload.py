"""The process that workers are forked from: verifiers imported and exercised, then frozen.

Its own program, not `multiprocessing`'s fork server: that one is shared by the whole process (a
trainer that has started it for its own ends would leave ours cold), imports the caller's
`__main__` again, and swallows what goes wrong while it imports. Here an error at import ends the
process, and the supervisor shows its traceback.
"""

import contextlib
import gc
import os
import selectors
import signal
import socket
import struct
import time
import traceback
from typing import Final, NoReturn

import msgspec

from rewardd_service import frames
from rewardd_service.pool import kernel, worker_process
from rewardd_service.pool.known_samples import judge_known, known_samples
from rewardd_service.pool.messages import (
    Exited,
    Forked,
    FromPreload,
    KnownSample,
    Plan,
    Warm,
)
from rewardd_service.worker import Worker, describe
from rewardd_verifiers import BrokenVerifierError, Catalog, Need
from rewardd_verifiers.mathexpr.secret import share_secret

ORDER: Final = struct.Struct("!Q")
"""An order for a worker: its number; socket, progress slot and stderr come along."""
DESCRIPTORS: Final = 3
_RECEIVE_BYTES: Final = 1 << 16
_RAISED: Final = 1
"""Exit status of a worker that ended in an exception."""
_ABANDONED: Final = 0
"""Exit status of a preload whose supervisor is gone: nobody is there to read it."""


def main(fd: int) -> None:
    """Serve the supervisor at the other end of `fd` until it hangs up.

    Raises:
        VerifierError: the verifiers cannot be made ready.
    """
    with socket.socket(fileno=fd) as control:
        plan = _receive_plan(control)
        kernel.die_with(plan.parent_pid)
        warm = _make_ready(plan)
        _send(control, warm)
        nest = _Nest(control, plan, warm)
        signal.signal(signal.SIGTERM, nest.abandon)
        kernel.die_with(plan.parent_pid, signal.SIGTERM)
        nest.serve()


def _receive_plan(control: socket.socket) -> Plan:
    reader = frames.FrameReader()
    while received := control.recv(_RECEIVE_BYTES):
        for payload in reader.feed(received):
            return msgspec.msgpack.decode(payload, type=Plan)
    raise SystemExit(0)


def _make_ready(plan: Plan) -> Warm:
    if plan.probe_secret:
        share_secret(plan.probe_secret)
    catalog = Catalog()
    cards = describe(catalog, Need(plan.need), plan.verifiers)
    worker = Worker(catalog)
    cost: list[tuple[float, KnownSample]] = []
    for sample in known_samples(catalog, (card.name for card in cards)):
        started = time.process_time()
        score = judge_known(worker, sample)
        if sample.score is not None and score != sample.score:
            raise BrokenVerifierError(
                f"verifier {sample.verifier!r} gives {score} to a sample known to be {sample.score}"
            )
        cost.append((time.process_time() - started, sample))
    # A new worker is timed by the first: what was slowest here shows best whether it is warm.
    cost.sort(key=lambda entry: entry[0], reverse=True)
    gc.collect()
    gc.freeze()
    return Warm(cards, [sample for _, sample in cost])


def _send(control: socket.socket, message: FromPreload) -> None:
    control.sendall(frames.frame(msgspec.msgpack.encode(message)))


class _Nest:
    """Forks workers on order, and tells of their deaths."""

    def __init__(self, control: socket.socket, plan: Plan, warm: Warm) -> None:
        self._control = control
        self._plan = plan
        self._warm = warm
        self._selector = selectors.DefaultSelector()
        self._workers: dict[int, tuple[int, int]] = {}

    def serve(self) -> None:
        """Return when the supervisor has hung up, and no worker is left."""
        self._selector.register(self._control, selectors.EVENT_READ)
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.fileobj is not self._control:
                        self._bury(key.fd)
                    elif not self._take_order():
                        return
        finally:
            self._kill_all()

    def abandon(self, *_: object) -> NoReturn:
        """End all workers, and what verifiers have started in them, then this process.

        The kernel would kill the workers, but not their children: those are found by group.
        """
        self._kill_all()
        os._exit(_ABANDONED)

    def _kill_all(self) -> None:
        for _, pid in self._workers.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def _take_order(self) -> bool:
        order, descriptors, _, _ = socket.recv_fds(self._control, ORDER.size, DESCRIPTORS)
        if len(order) < ORDER.size:
            return False
        (number,) = ORDER.unpack(order)
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become_worker(parent, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        pidfd = os.pidfd_open(pid)
        self._workers[pidfd] = (number, pid)
        self._selector.register(pidfd, selectors.EVENT_READ)
        _send(self._control, Forked(number, pid))
        return True

    def _become_worker(self, parent: int, descriptors: list[int]) -> None:
        """Never return: what stands above on this stack is the preload's."""
        status = _RAISED
        try:
            self._selector.close()
            self._control.close()
            for pidfd in self._workers:
                os.close(pidfd)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            kernel.die_with(parent)
            status = worker_process.run(self._plan, self._warm.samples, descriptors)
        finally:
            if status == _RAISED:
                traceback.print_exc()
            os._exit(status)

    def _bury(self, pidfd: int) -> None:
        """Kill what is left of the worker's group while its own entry still holds the id."""
        number, pid = self._workers.pop(pidfd)
        # It may have died before it had a group of its own.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        self._selector.unregister(pidfd)
        os.close(pidfd)
        _send(self._control, Exited(number, os.waitstatus_to_exitcode(status)))
