"""The descriptors of one jail: made by the worker, half of them given away."""

import os
import socket
from dataclasses import dataclass

from rewardd_sandbox.inside import orders

_READABLE_BY_ALL = 0o444
_WRITABLE_BY_ALL = 0o222
"""Else what runs as another user could not open its own streams by their names."""
_PIPES = 4
_MAX_DRAINS = 64


@dataclass(slots=True)
class Pipes:
    """The worker's ends, and the jail's until it is born.

    Attributes:
        stdin: memory file that the jail reads, rewritten before each test; or a pipe's end.
        theirs: what the jail gets, in the order of `inside.orders.DESCRIPTORS`.
    """

    stdin: int
    stdout: int
    stderr: int
    go: int
    control: int
    setup: socket.socket
    theirs: list[int]
    _input_ended: bool = False

    def give_away(self) -> None:
        """Close the jail's ends here, once it has them."""
        for descriptor in self.theirs:
            os.close(descriptor)
        self.theirs.clear()

    def close(self) -> None:
        """Close everything."""
        self.give_away()
        self.end_input()
        for descriptor in (self.stdout, self.stderr, self.go, self.control):
            os.close(descriptor)
        self.setup.close()

    def end_input(self) -> None:
        """Let go of standard input; the second time it does nothing."""
        if not self._input_ended:
            self._input_ended = True
            os.close(self.stdin)


def make(payload: bytes, binary: int | None, *, streamed: bool = False) -> Pipes:
    """Make all descriptors of a jail; `binary` is duplicated for it.

    `streamed` makes its standard input a pipe.

    Raises:
        OSError: out of descriptors or memory.
    """
    made: list[int] = []
    try:
        return _make(made, payload, binary, streamed=streamed)
    except OSError:
        for descriptor in made:
            os.close(descriptor)
        raise


def _make(made: list[int], payload: bytes, binary: int | None, *, streamed: bool) -> Pipes:
    """Make them, each noted in `made` as soon as it is there."""
    made += os.pipe2(os.O_CLOEXEC) if streamed else _input_file()
    for _ in range(_PIPES):
        made += os.pipe2(os.O_CLOEXEC)
    reading, stdin, stdout, stdout_in, stderr, stderr_in, go_out, go, control, control_in = made
    made.append(memory_file("payload"))
    write_whole(made[-1], payload)
    theirs = [reading, stdout_in, stderr_in, go_out, control_in, made[-1]]
    if binary is not None:
        made.append(os.dup(binary))
        theirs.append(made[-1])
    for end in (stdout_in, stderr_in):
        os.fchmod(end, _WRITABLE_BY_ALL)
    if streamed:
        os.fchmod(reading, _READABLE_BY_ALL)
    for end in (stdin, stdout, stderr, go, control):
        os.set_blocking(end, False)
    setup, setup_in = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    setup.settimeout(0)
    theirs.insert(orders.SETUP, setup_in.detach())
    return Pipes(stdin, stdout, stderr, go, control, setup, theirs)


def _input_file() -> tuple[int, int]:
    """Make a memory file; return an end to read and one to write."""
    stdin = memory_file("stdin")
    try:
        os.fchmod(stdin, _READABLE_BY_ALL)
        return os.open(f"/proc/self/fd/{stdin}", os.O_RDONLY | os.O_CLOEXEC), stdin
    except OSError:
        os.close(stdin)
        raise


def memory_file(name: str, *, sealable: bool = False) -> int:
    """Make an anonymous file; one that a program could seal could not be written by us again."""
    return os.memfd_create(name, os.MFD_CLOEXEC | (os.MFD_ALLOW_SEALING if sealable else 0))


def write_whole(descriptor: int, content: bytes) -> None:
    """Make `content` the whole of a file."""
    os.ftruncate(descriptor, len(content))
    offset = 0
    while offset < len(content):
        offset += os.pwrite(descriptor, content[offset:] if offset else content, offset)


def drain(descriptor: int) -> bool:
    """Throw away what a pipe holds; say whether it came to an end of it."""
    for _ in range(_MAX_DRAINS):
        try:
            if not os.read(descriptor, 1 << 16):
                return True
        except BlockingIOError:
            return True
    return False


def read_now(descriptor: int, most: int) -> bytes:
    """Return what a pipe holds, up to about `most` bytes."""
    pieces: list[bytes] = []
    taken = 0
    while taken <= most:
        try:
            piece = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            break
        if not piece:
            break
        pieces.append(piece)
        taken += len(piece)
    return b"".join(pieces)
