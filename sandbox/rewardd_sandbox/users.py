"""User numbers that no other worker on this machine uses at the same time."""

import contextlib
import socket

_BLOCK = 512
_BLOCKS = 8


class Users:
    """A block of numbers, held for as long as this object is open.

    An abstract socket's name is the token: the kernel lets go of it however a worker ends. In
    containers, which have names of their own, numbers may coincide; there process namespaces
    keep workers apart.
    """

    def __init__(self, first: int) -> None:
        self._token = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.first = first
        for block in range(_BLOCKS):
            with contextlib.suppress(OSError):
                self._token.bind(f"\0rewardd-sandbox-users-{first + block * _BLOCK}")
                self.first = first + block * _BLOCK
                return

    def close(self) -> None:
        """Let others have them."""
        self._token.close()
