"""A real server in a process of its own, for as long as a command needs it."""

import collections
import json
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import cast

from rewardd_service.cli.console import CommandError, ExitCode

_COMMAND = [sys.executable, "-m", "rewardd_service.cli", "serve", "--host", "127.0.0.1"]
_PATIENCE_SECONDS = 30.0
_KEPT_LINES = 20


@contextmanager
def running_server() -> Generator[str]:
    """Start a server on a free port of this machine, and yield its URL.

    Raises:
        CommandError: it does not come up; the message holds the end of its log.
    """
    command = [*_COMMAND, "--port", "0"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:  # noqa: S603 - our own command
        try:
            log = cast("Iterable[bytes]", process.stderr)
            url = _wait_for_address(log)
            threading.Thread(target=collections.deque, args=(log, 0), daemon=True).start()
            yield url
        finally:
            _stop(process)


def _wait_for_address(log: Iterable[bytes]) -> str:
    last = collections.deque[str](maxlen=_KEPT_LINES)
    for line in log:
        event = _event(line)
        if event.get("event") == "listening":
            return f"http://{event['host']}:{event['port']}"
        last.append(line.decode(errors="replace").rstrip())
    said = "\n".join(last) or "it said nothing"
    raise CommandError(f"the server did not start:\n{said}", ExitCode.UNFINISHED)


def _event(line: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
