"""Docker's engine through its SDK: containers with nothing that a jail could use."""

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.utils import kwargs_from_env

from rewardd_sandbox.containers import owners
from rewardd_sandbox.containers.attached import DockerStream
from rewardd_sandbox.containers.options import DockerOptions
from rewardd_sandbox.containers.sandbox import DockerSandbox
from rewardd_sandbox.errors import LostError, SandboxError, UnavailableError

_LABEL = "rewardd.sandbox.owner"
_DEFAULT_ENGINE = "unix:///var/run/docker.sock"
_SECONDS = 60
_MIB = 1 << 20
_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "KILL", "SETGID", "SETPCAP", "SETUID")
"""What gives each jail a user of its own, and takes its files and processes away again."""

Value = TypeVar("Value")


class _Client(Protocol):
    """The calls of the SDK that we make; it comes without types."""

    base_url: str

    def create_host_config(self, **options: object) -> Mapping[str, Any]: ...
    def create_container(self, image: str, **options: object) -> Mapping[str, Any]: ...
    def attach_socket(self, container: str, params: Mapping[str, int]) -> socket.SocketIO: ...
    def start(self, container: str) -> None: ...
    def remove_container(self, container: str, *, force: bool, v: bool) -> None: ...
    def containers(self, **filters: object) -> Sequence[Mapping[str, Any]]: ...
    def close(self) -> None: ...


def docker_sandbox(options: DockerOptions) -> DockerSandbox:
    """Return a sandbox whose containers are Docker's; nothing happens before it starts."""
    return DockerSandbox(options, DockerEngine(options))


def open_sandbox(**wishes: str) -> DockerSandbox:
    """Return the same for options told as text, which is how workers are told of them.

    Raises:
        ValueError: see `DockerOptions.of`.
    """
    return docker_sandbox(DockerOptions.of(wishes))


class DockerEngine:
    """Makes containers that differ in nothing, and clears away those of killed owners."""

    def __init__(self, options: DockerOptions) -> None:
        self._options = options
        self._client: _Client | None = None

    async def start(self) -> "DockerContainer":
        """Start a container; see `stream.Engine`."""
        starting = asyncio.ensure_future(asyncio.to_thread(self._told, self._start))
        try:
            name, attached = await asyncio.shield(starting)
        except asyncio.CancelledError:
            with contextlib.suppress(SandboxError):
                name, attached = await starting
                attached.close()
                await self._remove(name)
            raise
        stream = await DockerStream.over(attached)
        return DockerContainer(name, stream, self._remove)

    async def sweep(self) -> None:
        """Remove containers whose owners were killed; see `stream.Engine`."""
        await asyncio.to_thread(self._told, self._sweep)

    async def close(self) -> None:
        """Let go of the engine."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    async def _remove(self, name: str) -> None:
        # One that ends by itself is removed by the engine, perhaps at this very moment.
        with contextlib.suppress(DockerException, SandboxError):
            await asyncio.to_thread(
                lambda: self._connected().remove_container(name, force=True, v=True)
            )

    def _told(self, act: Callable[[], Value]) -> Value:
        """Act, and tell what the engine refuses in our own words."""
        try:
            return act()
        except ImageNotFound as error:
            image = self._options.image
            raise UnavailableError(
                f"the engine has no image {image}:"
                f" docker build --target sandbox --tag {image} . makes it"
            ) from error
        except APIError as error:
            raise LostError(f"the engine starts no container: {error.explanation}") from error
        except (DockerException, OSError) as error:
            raise UnavailableError(
                f"no container engine answers: {error}; set sandbox.engine or DOCKER_HOST,"
                " and let this worker use its socket"
            ) from error

    def _connected(self) -> _Client:
        if self._client is None:
            make = cast("Callable[..., _Client]", docker.APIClient)
            engine = self._options.engine
            where = kwargs_from_env() if engine is None else {"base_url": engine}
            _knock(str(where.get("base_url", _DEFAULT_ENGINE)))
            client = make(**where, version="auto", timeout=_SECONDS)
            if client.base_url.startswith(("https://", "http+docker://ssh")):
                client.close()
                raise UnavailableError(
                    f"{client.base_url}: an engine is spoken to over unix:// or tcp://"
                )
            self._client = client
        return self._client

    def _start(self) -> tuple[str, socket.socket]:
        client = self._connected()
        name = f"rewardd-sandbox-{uuid.uuid4().hex[:12]}"
        options = self._options
        program, *arguments = options.command
        client.create_container(
            options.image,
            name=name,
            entrypoint=[program],
            command=arguments,
            user=options.user,
            working_dir="/",
            environment={"LANG": "C.UTF-8"},
            labels={_LABEL: owners.name()},
            healthcheck={"test": ["NONE"]},
            network_disabled=True,
            stdin_open=True,
            tty=False,
            host_config=self._host_config(client),
        )
        attached: socket.socket | None = None
        try:
            # Before it starts: nothing it says is missed, and it says nothing before it is asked.
            attached = _attach(client, name)
            client.start(name)
        except BaseException:
            if attached is not None:
                attached.close()
            with contextlib.suppress(DockerException):
                client.remove_container(name, force=True, v=True)
            raise
        return name, attached

    def _host_config(self, client: _Client) -> Mapping[str, Any]:
        options = self._options
        security = ["no-new-privileges:true"]
        if options.seccomp is not None:
            security.append(f"seccomp={options.seccomp}")
        return client.create_host_config(
            network_mode="none",
            ipc_mode="private",
            read_only=True,
            privileged=False,
            cap_drop=["ALL"],
            cap_add=list(_CAPABILITIES) if options.user.split(":")[0] in ("0", "root") else [],
            security_opt=security,
            mem_limit=options.memory_mib * _MIB,
            memswap_limit=options.memory_mib * _MIB,
            pids_limit=options.tasks,
            shm_size=1 * _MIB,
            tmpfs={"/tmp": f"size={options.scratch_mib}m,mode=1777,exec,nosuid,nodev"},  # noqa: S108  the container's own
            runtime=options.runtime,
            init=True,
            auto_remove=True,
            log_config={"Type": "none", "Config": {}},
        )

    def _sweep(self) -> None:
        client = self._connected()
        for found in client.containers(all=True, filters={"label": _LABEL}):
            if owners.orphaned(found["Labels"][_LABEL]):
                with contextlib.suppress(APIError):
                    client.remove_container(found["Id"], force=True, v=True)


def _knock(engine: str) -> None:
    """See whether anybody listens: the SDK leaves a socket open where nobody does.

    Raises:
        OSError: nobody does.
    """
    if engine.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as door:
            door.connect(engine.removeprefix("unix://"))


def _attach(client: _Client, name: str) -> socket.socket:
    """Return the connection over which the container's streams run."""
    params = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    raw = client.attach_socket(name, params)
    attached = socket.socket(fileno=os.dup(raw.fileno()))
    vars(raw)["_response"].close()  # where the SDK keeps what else holds the connection
    attached.settimeout(None)
    return attached


class DockerContainer:
    """A container of ours; see `stream.Container`."""

    def __init__(self, name: str, stream: DockerStream, remove: Callable[[str], Any]) -> None:
        self.name = name
        self.stream = stream
        self._remove = remove

    async def remove(self) -> None:
        """Kill it and take it away."""
        self.stream.close()
        await self._remove(self.name)
