"""The last words of a process: the end of its stderr, bounded."""

import contextlib
import os
from typing import Final

_KEPT_BYTES: Final = 16 << 10
_READ_BYTES: Final = 1 << 16
"""Once per look: who floods stderr is slowed down to it, and the gateway is not."""


class StderrTail:
    """A pipe for a process to write to, and the end of what it wrote."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._kept = bytearray()

    def handed_over(self) -> None:
        """Close the end that the process now holds."""
        os.close(self.write_end)

    def drain(self) -> None:
        """Take in what was written; call it now and then, or the writer will wait."""
        with contextlib.suppress(BlockingIOError):
            self._kept += os.read(self._read_end, _READ_BYTES)
            del self._kept[:-_KEPT_BYTES]

    def text(self) -> str:
        """Return the end of what was written."""
        self.drain()
        return self._kept.decode("utf-8", "replace").strip()

    def last_line(self) -> str:
        """Return the last line: of a traceback, the error itself."""
        return self.text().rpartition("\n")[2]

    def close(self) -> None:
        """Close the end that reads."""
        os.close(self._read_end)
