"""A Redis of one's own: on a Unix socket, without persistence, to be frozen and killed at will."""

import resource
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = shutil.which("redis-server")
WHY_NOT = "REDIS NOT TESTED: no redis-server on the path (Debian: apt-get install redis-server)"


class RedisServer:
    """A process; what it held is gone when it is."""

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.socket = folder / "redis.sock"
        self._options = options
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        """Start it, empty, and return once it answers."""
        if PROGRAM is None:
            pytest.skip(WHY_NOT)
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "save": "",
            "appendonly": "no",
            "dir": str(self._folder),
            "maxmemory-policy": "noeviction",
        }
        told = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(
            [PROGRAM, *told, *self._options],
            stdout=subprocess.PIPE,
            restore_signals=False,  # a file that may not grow is an error, and no signal
        )
        for line in self._process.stdout or ():
            if b"Ready to accept" in line or b"now ready" in line:
                return
        raise RuntimeError("redis-server did not come up")

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def fill_disk(self) -> None:
        """Let no file grow any more, as on a disk that is full."""
        self._bound_files(1)

    def free_disk(self) -> None:
        """Let files grow again."""
        self._bound_files(resource.RLIM_INFINITY)

    def kill(self) -> None:
        """Kill it, if it runs."""
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._process = None
        self.socket.unlink(missing_ok=True)

    def ask(self, *words: str | bytes) -> bytes:
        """Return the raw answer to one command that fits into a packet, on its own connection."""
        encoded = [word.encode() if isinstance(word, str) else word for word in words]
        frame = b"*%d\r\n" % len(encoded)
        frame += b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.socket))
            connection.sendall(frame)
            return connection.recv(1 << 20)

    def number(self, *words: str | bytes) -> int:
        """Return the integer with which a command is answered."""
        return int(self.ask(*words)[1:].strip())

    def _bound_files(self, size_bytes: int) -> None:
        if self._process is None:
            raise RuntimeError("redis-server does not run")
        bounds = (size_bytes, resource.RLIM_INFINITY)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, bounds)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise RuntimeError("redis-server does not run")
        self._process.send_signal(number)


@contextmanager
def redis_server(*options: str) -> Generator[RedisServer]:
    """Run a server for a while, with more options; skip the test, loudly, where there is none."""
    with tempfile.TemporaryDirectory(prefix="redis") as folder:
        server = RedisServer(Path(folder), options)
        server.start()
        try:
            yield server
        finally:
            server.kill()
