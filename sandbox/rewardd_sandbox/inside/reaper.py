"""The first process of a pid namespace in which jails live, one after the other.

To be a namespace's first process is to be spared the signals that one sends oneself, and so no jail
is one. This process is: it takes in the orphans of jails, which the kernel buries for it, and kills
what is left when a jail is over. A signal to all of a namespace reaches all of it at once: who is
about to fork does not get to.
"""

import contextlib
import os
import signal
import socket
from typing import NoReturn

from rewardd_sandbox.inside import kernel
from rewardd_sandbox.inside.slotroot import StepError

_ASKED, _DONE = b"k", b"d"
_FIRST_FREE = 3


class GoneError(Exception):
    """The namespace is dead, and everything in it."""


class Reaper:
    """The zygote's end of it: from its start on, whatever the zygote clones is in its namespace."""

    def __init__(self, pid: int, channel: int) -> None:
        self.pid = pid
        self._channel = channel

    @classmethod
    def start(cls, *, hooks: bool) -> "Reaper":
        """Make the namespace.

        `hooks` as `kernel.clone` has them.

        Raises:
            StepError: the kernel refused.
        """
        ours, theirs = socket.socketpair()
        try:
            kernel.unshare(kernel.CLONE_NEWPID)
            pid = kernel.clone(0, hooks=hooks)
        except OSError as error:
            raise StepError("pid namespace", error) from error
        if pid == 0:
            _serve(theirs.detach())
        theirs.close()
        return cls(pid, ours.detach())

    def sweep(self) -> None:
        """Kill all that is left in the namespace, and wait until it is buried.

        Raises:
            GoneError: it died.
        """
        try:
            os.write(self._channel, _ASKED)
            if os.read(self._channel, 1):
                return
        except (BrokenPipeError, ConnectionResetError):
            pass
        raise GoneError

    def end(self) -> None:
        """End the namespace; jails of it must be buried by then."""
        os.close(self._channel)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _serve(channel: int) -> NoReturn:
    """Sweep whenever asked to, until the zygote is gone."""
    try:
        kernel.die_with_parent()
        kernel.hide()
        os.setsid()
        os.dup2(channel, 0)
        for number in range(1, _FIRST_FREE):
            os.dup2(0, number)
        kernel.close_from(_FIRST_FREE)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # The kernel buries what nobody waits for.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while os.read(0, 1):
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(-1, 0)  # returns when the last is gone
            os.write(0, _DONE)
    finally:
        os._exit(0)
