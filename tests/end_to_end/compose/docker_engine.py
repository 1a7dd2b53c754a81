"""A Docker engine: one that answers, else one of our own, which is stopped in the end."""

import os
import shutil
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 60
_STOP_SECONDS = 30
_COMMAND_SECONDS = 120
_READY = "API listen on"
_LAST_LINES = 20


class EngineUnavailableError(Exception):
    """There is no engine, and none can be started; the message says why."""


class CommandFailedError(Exception):
    """A command of Docker's ended badly; the message has its last words."""


@dataclass(frozen=True)
class Docker:
    """The engine's command line.

    Attributes:
        host: where the engine listens; None for the machine's own.
        ours: whether we started it, so that what lies in it is ours too.
    """

    host: str | None = None
    ours: bool = False

    def run(
        self, *arguments: str, seconds: float = _COMMAND_SECONDS, folder: Path | None = None
    ) -> str:
        """Return what `docker ARGUMENTS` prints.

        Raises:
            CommandFailedError: it ended with another code than 0, or not in time.
        """
        return self.call(["docker", *arguments], seconds=seconds, folder=folder)

    def call(
        self,
        command: Sequence[str],
        *,
        seconds: float,
        folder: Path | None = None,
        **variables: str,
    ) -> str:
        """Return what a program prints that talks to this engine, under the classic builder."""
        told = {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0", **variables}
        if self.host is not None:
            told["DOCKER_HOST"] = self.host
        environment = ["env", *(f"{name}={value}" for name, value in told.items())]
        try:
            done = subprocess.run(
                [*environment, *command],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise CommandFailedError(f"{' '.join(command)}: not done in {seconds} s") from error
        if done.returncode != 0:
            lines = f"{done.stdout}\n{done.stderr}".strip().splitlines()[-_LAST_LINES:]
            raise CommandFailedError(f"{' '.join(command)}: {os.linesep.join(lines)}")
        return done.stdout

    def works(self, *arguments: str, seconds: float = _COMMAND_SECONDS) -> bool:
        """Return whether a command ends with 0."""
        try:
            self.run(*arguments, seconds=seconds)
        except CommandFailedError:
            return False
        return True

    def compose_command(self) -> list[str]:
        """Return how compose is called here: the plug-in if there is one, else the program.

        Raises:
            EngineUnavailableError: there is neither.
        """
        if self.works("compose", "version"):
            return ["docker", "compose"]
        if shutil.which("docker-compose") is not None:
            return ["docker-compose"]
        raise EngineUnavailableError("neither the compose plug-in nor docker-compose is here")


@contextmanager
def engine(cache: Path) -> Generator[Docker]:
    """Give an engine.

    Args:
        cache: where an engine of our own keeps its images from run to run.

    Raises:
        EngineUnavailableError: none answers and none can be started.
    """
    if shutil.which("docker") is None:
        raise EngineUnavailableError("there is no docker command")
    found = Docker()
    if found.works("info", "--format", "{{.ServerVersion}}"):
        yield found
        return
    with _own_engine(cache) as host:
        yield Docker(host, ours=True)


@contextmanager
def _own_engine(cache: Path) -> Generator[str]:
    """Start dockerd on a socket of its own."""
    if shutil.which("dockerd") is None:
        raise EngineUnavailableError("no engine answers, and there is no dockerd to start")
    if os.getuid() != 0:
        raise EngineUnavailableError("no engine answers, and only root can start dockerd")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rewardd-engine-") as folder:
        host = f"unix://{folder}/docker.sock"
        process = subprocess.Popen(
            [
                "dockerd",
                f"--host={host}",
                f"--data-root={cache}",
                f"--exec-root={folder}/exec",
                f"--pidfile={folder}/pid",
            ],
            # What ends the tests must leave them an engine to tidy up with.
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        log = _EngineLog(process)
        try:
            log.await_ready()
            yield host
        finally:
            _stop(process)
            log.join(_STOP_SECONDS)


class _EngineLog(threading.Thread):
    """Reads what an engine says as long as it lives, lest its pipe fills."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(name="dockerd-log", daemon=True)
        self._pipe = process.stderr
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._listening = threading.Event()
        self._settled = threading.Event()
        self.start()

    def run(self) -> None:
        if self._pipe is None:
            return
        with self._pipe as pipe:
            for line in pipe:
                self._last.append(line)
                if _READY in line:
                    self._listening.set()
                    self._settled.set()
        self._settled.set()

    def await_ready(self) -> None:
        """Return when the engine listens.

        Raises:
            EngineUnavailableError: it ended, or does not listen in time.
        """
        self._settled.wait(_START_SECONDS)
        if not self._listening.is_set():
            said = "".join(self._last).strip()
            raise EngineUnavailableError(f"dockerd does not come up: {said}")


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
