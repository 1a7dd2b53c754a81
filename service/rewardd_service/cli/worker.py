"""`rewardd worker`: worker processes of this machine, for all gateways that share a Redis."""

from pathlib import Path
from typing import Annotated

import typer

from rewardd_service.cli.configuration import settings_of
from rewardd_service.cli.console import CommandError, told
from rewardd_service.cli.options import spread
from rewardd_service.cli.serve import setting_option
from rewardd_service.settings import Settings
from rewardd_service.worker_role import run_worker
from rewardd_verifiers import Need

_SETTINGS = (
    "redis",
    "redis_idle_seconds",
    "workers",
    "sandbox_workers",
    "verifier_cpu_seconds",
    "worker_memory_mib",
    "worker_recycle_jobs",
    "worker_recycle_mib",
    "drain_seconds",
    "log_level",
)


@spread(
    "settings",
    [setting_option(name, Settings.model_fields[name]) for name in _SETTINGS],
    settings_of,
)
def worker(
    *,
    needs: Annotated[
        str, typer.Option(help="What to serve, with commas between: cpu, sandbox.")
    ] = Need.CPU.value,
    ready_file: Annotated[
        Path | None, typer.Option(help="Exists while work is taken, for health checks.")
    ] = None,
    settings: Settings,
) -> None:
    """Take chunks from a Redis until SIGTERM or Ctrl-C, then finish what runs.

    Any number of workers and gateways may share one Redis; without it a worker waits.
    """
    with told():
        try:
            run_worker(settings, _needs(needs), ready_file)
        except ValueError as error:
            raise CommandError(str(error)) from error


def _needs(text: str) -> list[Need]:
    known = [need.value for need in Need]
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise CommandError(f"--needs: {name!r} is none of {', '.join(known)}")
    return [Need(name) for name in names]
