"""Every default of the service in one place; `--help` and the README's table are made from it."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
NotNegativeCount = Annotated[int, Field(ge=0)]


class Settings(BaseSettings):
    """Settings of the service, read from the environment with the prefix `REWARDD_`."""

    model_config = SettingsConfigDict(env_prefix="REWARDD_", frozen=True, extra="forbid")

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on; beyond loopback, keys are asked for.",
    )
    port: int = Field(
        default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one."
    )
    keys: Path | None = Field(
        default=None,
        description="File of API keys, a stored key a line, as `rewardd keys new` prints it.",
    )
    auth: Literal["auto", "off"] = Field(
        default="auto",
        description="`off` serves any address without keys: for private networks only.",
    )
    metrics_key: SecretStr | None = Field(
        default=None, description="Key that opens /metrics beyond loopback."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port on which a worker shows /metrics, /livez and /readyz; none if absent.",
    )
    recipes: Path | None = Field(
        default=None, description="Folder of recipes (YAML) besides the presets."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe log line that is written."
    )
    proxy_headers: bool = Field(
        default=False,
        description="Believe X-Forwarded-For and -Proto, behind a reverse proxy only.",
    )
    keep_alive_seconds: Count = Field(
        default=75,
        description="How long an idle connection is kept: training steps are minutes apart.",
    )
    max_connections: Count = Field(
        default=16384,
        description="Connections beyond this get a 503 in plain text; the real bounds are below.",
    )

    max_samples: Count = Field(default=32768, description="Samples in one request.")
    max_wire_bytes: Count = Field(default=64 * MIB, description="Bytes of one body as sent.")
    max_body_bytes: Count = Field(default=128 * MIB, description="Bytes of one body once unpacked.")
    max_body_ratio: Count = Field(
        default=200, description="Unpacked to packed bytes of one body, beyond 1 MiB."
    )
    max_held_samples: Count = Field(default=65536, description="Samples of all requests in flight.")
    max_held_bytes: Count = Field(
        default=512 * MIB, description="Unpacked bytes of all requests in flight."
    )
    body_idle_seconds: Positive = Field(default=5.0, description="Longest pause within a body.")
    body_seconds: Positive = Field(default=10.0, description="Longest time for a body, and")
    body_seconds_per_mib: NotNegative = Field(default=1.0, description="more for each MiB of it.")
    stalled_seconds: Positive = Field(
        default=60.0, description="How long a client may leave its answer unread."
    )
    header_seconds: Positive = Field(
        default=10.0, description="Longest time for the headers of a request."
    )

    idempotency_seconds: Positive = Field(
        default=3600.0, description="How long an answer is kept for its Idempotency-Key."
    )
    idempotency_bytes: Count = Field(
        default=256 * MIB,
        description="Bytes of all answers that are kept so; as many in Redis, for other gateways.",
    )
    reconnect_seconds: NotNegative = Field(
        default=5.0,
        description="How long a request with an Idempotency-Key goes on without its client.",
    )
    job_seconds: Positive = Field(
        default=3600.0, description="How long a job is kept after its end."
    )
    job_bytes: Count = Field(default=256 * MIB, description="Bytes of all answers of ended jobs.")

    join_equal_jobs: bool = Field(
        default=True,
        description="Judge equal samples once while they are in flight together.",
    )
    cache_bytes: NotNegativeCount = Field(
        default=64 * MIB, description="Verdicts that this process remembers; 0 remembers none."
    )
    cache_url: SecretStr | None = Field(
        default=None,
        description="URL of a Redis for verdicts that gateways share; not the one of the queue.",
    )
    cache_seconds: Positive = Field(
        default=86400.0, description="How long a shared verdict is kept."
    )
    cache_secret: SecretStr | None = Field(
        default=None,
        description="Seals shared verdicts, so that only gateways that know it can make them.",
    )

    drain_announce_seconds: NotNegative = Field(
        default=0.0,
        description="Time from /readyz turning 503 to refusing new work; 5 under Kubernetes.",
    )
    drain_seconds: NotNegative = Field(
        default=30.0,
        description="Time for work in flight when the server goes down; the rest is cancelled.",
    )

    workers: Count | None = Field(
        default=None, description="Worker processes; the cores that this process may use if absent."
    )
    sandbox_workers: int | None = Field(
        default=None,
        ge=0,
        description="Processes that run programs in jails, started with the first program; "
        "as many as usable cores if absent, 0 for none.",
    )
    sandbox_python: str | None = Field(
        default=None,
        description="Interpreter for submissions, with the packages that they may import; "
        "the one that this environment was made from if absent.",
    )
    sandbox_path: str | None = Field(
        default=None, description="Where compilers are looked for, as in PATH."
    )
    sandbox_min_tier: Literal["full", "userns", "uid", "user"] = Field(
        default="user", description="Least isolation under which a program is run."
    )
    sandbox_image: str | None = Field(
        default=None,
        description="Run programs in containers of this image instead of in jails of this host.",
    )
    sandbox_runtime: str | None = Field(
        default=None, description="Runtime of these containers, as the engine knows it: runsc."
    )
    sandbox_engine: str | None = Field(
        default=None, description="Socket of the engine; as the environment says if absent."
    )
    verifier_cpu_seconds: Positive = Field(
        default=2.0, description="CPU time that one verification may take."
    )
    worker_memory_mib: Count = Field(default=1024, description="Address space of a worker.")
    probe_secret: SecretStr | None = Field(
        default=None,
        min_length=16,
        description="Secret that a fleet's workers draw the points from at which expressions are "
        "compared; each server draws its own if absent.",
    )
    worker_recycle_jobs: Count = Field(
        default=10000, description="Jobs after which a worker is replaced."
    )
    worker_recycle_mib: Count = Field(
        default=512, description="Resident memory beyond which a worker is replaced."
    )

    redis: SecretStr | None = Field(
        default=None,
        description="URL of the Redis whose workers judge; workers of this machine do if absent.",
    )
    degrade: Literal["local", "refuse"] = Field(
        default="local",
        description="While Redis or its workers are away: judge here, or refuse requests.",
    )
    redis_idle_seconds: Positive = Field(
        default=15.0, description="Silence of a worker after which others take over its work."
    )

    def sandbox_options(self) -> dict[str, str]:
        """Return what workers are told of the sandbox, as plain text."""
        wishes = {
            "python": self.sandbox_python,
            "search_path": self.sandbox_path,
            "min_tier": self.sandbox_min_tier,
            "image": self.sandbox_image,
            "runtime": self.sandbox_runtime if self.sandbox_image else None,
            "engine": self.sandbox_engine if self.sandbox_image else None,
        }
        return {name: wish for name, wish in wishes.items() if wish is not None}

    @property
    def on_loopback(self) -> bool:
        """Return whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    def refuse_open_door(self) -> None:
        """Refuse to serve other machines without keys, unless told to.

        Raises:
            ValueError: these settings would.
        """
        if self.keys is None and self.auth == "auto" and not self.on_loopback:
            raise ValueError(
                f"refusing to listen on {self.host} without keys: give --keys FILE (see "
                "`rewardd keys new`), or REWARDD_AUTH=off to serve anybody who can connect"
            )
