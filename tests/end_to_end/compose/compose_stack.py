"""One project of docker-compose.yml: brought up, looked into, disturbed, taken down."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from docker_engine import CommandFailedError, Docker

_UP_SECONDS = 180
_BUILD_SECONDS = 600
_DOWN_SECONDS = 120
_PATIENCE_SECONDS = 90
_LOOK_EVERY_SECONDS = 0.25


@dataclass(frozen=True)
class Stack:
    """A project under a name of its own, on ports of its own, so that no other is touched.

    Attributes:
        files: compose files, the first of them the repository's own.
        variables: what the files ask of the environment.
        port: where the gateway is published.
    """

    docker: Docker
    project: str
    files: Sequence[Path]
    port: int
    variables: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def compose(self, *arguments: str, seconds: float = _UP_SECONDS) -> str:
        """Return what a command of compose prints."""
        named = [part for file in self.files for part in ("--file", str(file))]
        command = [*self.docker.compose_command(), "--project-name", self.project, *named]
        return self.docker.call(
            [*command, *arguments],
            seconds=seconds,
            folder=self.files[0].parent,
            REWARDD_PUBLISH_PORT=str(self.port),
            **self.variables,
        )

    def build(self, *services: str) -> None:
        self.compose("build", *services, seconds=_BUILD_SECONDS)

    def up(self, *services: str, scale: Mapping[str, int] | None = None) -> None:
        """Start services, and return when each that has a health check is healthy."""
        scales = [
            part
            for name, number in (scale or {}).items()
            for part in ("--scale", f"{name}={number}")
        ]
        self.compose("up", "--detach", "--no-build", *scales, *services)
        for container in self.containers():
            self.await_health(container)

    def down(self) -> None:
        self.compose("down", "--volumes", "--remove-orphans", seconds=_DOWN_SECONDS)

    def containers(self, service: str | None = None) -> list[str]:
        """Return the ids of the containers that run, of one service or of all."""
        labels = [f"label=com.docker.compose.project={self.project}"]
        if service is not None:
            labels.append(f"label=com.docker.compose.service={service}")
        filters = [part for label in labels for part in ("--filter", label)]
        return self.docker.run("ps", "--quiet", *filters).split()

    def the_one(self, service: str) -> str:
        """Return the id of a service's only container."""
        (container,) = self.containers(service)
        return container

    def inspect(self, container: str) -> dict[str, Any]:
        """Return all that the engine knows of a container."""
        described: list[dict[str, Any]] = json.loads(self.docker.run("inspect", container))
        return described[0]

    def inside(self, service: str, *command: str) -> str:
        """Return what a command prints that runs in a service's container."""
        return self.docker.run("exec", self.the_one(service), *command)

    def refused_inside(self, service: str, *command: str) -> str:
        """Return why a command fails inside; a failure of the test if it does not."""
        try:
            printed = self.inside(service, *command)
        except CommandFailedError as error:
            return str(error)
        raise AssertionError(f"{command} went through: {printed}")

    def await_health(self, container: str) -> None:
        """Return when a container is healthy, or runs, if nothing asks after its health."""
        ended = {"exited", "dead"}
        state: dict[str, Any] = {}
        for _ in _looks():
            state = self.inspect(container)["State"]
            if state["Status"] in ended:
                break
            if state.get("Health", {"Status": "healthy"})["Status"] == "healthy":
                return
        log = self.docker.run("logs", "--tail", "30", container)
        raise AssertionError(f"{container} is not healthy: {state}\n{log}")

    def await_ready(self, status: int = 200) -> httpx2.Response:
        """Return the answer of /readyz once it has this status."""
        answer: httpx2.Response | None = None
        for _ in _looks():
            try:
                answer = httpx2.get(f"{self.url}/readyz", timeout=5)
            except httpx2.TransportError:
                continue
            if answer.status_code == status:
                return answer
        raise AssertionError(f"/readyz does not answer {status}: {answer and answer.text}")

    def await_metric(self, name: str, *, at_least: float, port: int | None = None) -> None:
        """Return once the sum of a metric's samples is as large."""
        shown = ""
        for _ in _looks():
            shown = httpx2.get(f"http://127.0.0.1:{port or self.port}/metrics", timeout=5).text
            lines = [line for line in shown.splitlines() if line.startswith(name)]
            if sum(float(line.rpartition(" ")[2]) for line in lines) >= at_least:
                return
        raise AssertionError(f"{name} stays below {at_least}: {shown}")

    def await_answer(self, url: str, part: str) -> None:
        """Return once what is at a URL holds a text."""
        shown = ""
        for _ in _looks():
            try:
                shown = httpx2.get(url, timeout=5).text
            except httpx2.TransportError:
                continue
            if part in shown:
                return
        raise AssertionError(f"{url} does not answer {part}: {shown}")

    def freeze(self, container: str) -> None:
        """Pause a container; a busy one may take several tries under the old cgroups."""
        for _ in _looks():
            if self.docker.works("pause", container):
                return
        raise AssertionError(f"{container} cannot be paused")

    def logs(self) -> str:
        """Return the end of all logs, for the report of a failure."""
        return self.compose("logs", "--no-color", "--tail", "40")


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _looks() -> Iterator[None]:
    """Yield at every look, for as long as patience lasts."""
    pause = threading.Event()
    for _ in range(int(_PATIENCE_SECONDS / _LOOK_EVERY_SECONDS)):
        yield
        pause.wait(_LOOK_EVERY_SECONDS)
