"""The command line as a user runs it: a process of its own."""

import contextlib
import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from typing import IO, Any, cast

COMMAND = [sys.executable, "-m", "rewardd_service.cli"]


def rewardd(
    *arguments: object, stdin: bytes = b"", variables: Sequence[str] = ()
) -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end; variables are `NAME=VALUE`."""
    command = ["env", *variables, *COMMAND, *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=100)


@contextlib.contextmanager
def started(
    *arguments: object, stderr: int = subprocess.DEVNULL, variables: Sequence[str] = ()
) -> Generator[subprocess.Popen[bytes]]:
    """Start a command, and end it if the test does not; variables are `NAME=VALUE`."""
    command = ["env", *variables, *COMMAND, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=stderr) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def serving(*arguments: object) -> Generator[str]:
    """Start a server on a free port, and yield its URL once it listens."""
    with server(*arguments) as (process, url):
        yield url
        process.terminate()
        assert process.wait(30) == 0


@contextlib.contextmanager
def server(
    *arguments: object, variables: Sequence[str] = ()
) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    """Start a server on a free port; yield its process, and its URL, once it listens."""
    told = ("serve", "--port", 0, *arguments)
    with started(*told, stderr=subprocess.PIPE, variables=variables) as process:
        yield process, address_in(process)


def address_in(process: subprocess.Popen[bytes]) -> str:
    """Return the URL at which a process with a readable log listens, once it does."""
    return _address(cast("IO[bytes]", process.stderr))


def _address(log: Iterable[bytes]) -> str:
    said: list[str] = []
    for line in log:
        said.append(line.decode())
        event: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {}
        if event.get("event") == "listening":
            threading.Thread(target=deque, args=(log, 0), daemon=True).start()
            return f"http://{event['host']}:{event['port']}"
    raise AssertionError(f"the server did not start: {said}")


def lines_of(content: bytes) -> list[dict[str, Any]]:
    """Read lines of JSON."""
    return [json.loads(line) for line in content.splitlines()]
