"""User numbers that no other worker on this machine uses at the same time."""

import contextlib
import socket

_UNIT = 16
"""Numbers under one token: those of eight slots."""
_BEYOND = 65_520
"""Above it are those that systems give a meaning, up to the end of what containers may have."""


class Users:
    """A run of numbers, held for as long as this object is open.

    The names of abstract sockets are the tokens: the kernel lets go of them however a worker ends.
    In containers, which have names of their own, numbers may coincide; there process namespaces
    keep workers apart.
    """

    def __init__(self, first: int, count: int) -> None:
        self._tokens: list[socket.socket] = []
        units = -(-count // _UNIT)
        self.first = first
        self.alone = False
        for number in range(first, _BEYOND - units * _UNIT + 1, _UNIT):
            if self._take(number, units):
                self.first = number
                self.alone = True
                return

    def close(self) -> None:
        """Let others have them."""
        while self._tokens:
            self._tokens.pop().close()

    def _take(self, first: int, units: int) -> bool:
        """Hold a run from here on, or nothing."""
        for unit in range(units):
            token = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._tokens.append(token)
            with contextlib.suppress(OSError):
                token.bind(f"\0rewardd-sandbox-users-{first + unit * _UNIT}")
                continue
            self.close()
            return False
        return True
