"""`rewardd worker`: the processes of this machine, for all gateways that share a Redis."""

from pathlib import Path
from typing import Annotated

import typer

from rewardd_service.cli.configuration import setting_options, settings_of
from rewardd_service.cli.console import CommandError, ExitCode, told
from rewardd_service.cli.options import spread
from rewardd_service.settings import Settings
from rewardd_service.worker_role import run_worker
from rewardd_verifiers import Need

_SETTINGS = (
    "redis",
    "redis_idle_seconds",
    "workers",
    "sandbox_workers",
    "sandbox_python",
    "sandbox_path",
    "sandbox_min_tier",
    "sandbox_image",
    "sandbox_runtime",
    "sandbox_engine",
    "verifier_cpu_seconds",
    "worker_memory_mib",
    "probe_secret",
    "worker_recycle_jobs",
    "worker_recycle_mib",
    "drain_seconds",
    "log_level",
    "host",
    "metrics_port",
    "metrics_key",
    "auth",
)
_OFFERED = (Need.CPU, Need.SANDBOX)


@spread("settings", setting_options(*_SETTINGS), settings_of)
def worker(
    *,
    needs: Annotated[
        str, typer.Option("--needs", metavar="NEED,...", help="What to serve: cpu, sandbox.")
    ] = "cpu",
    ready_file: Annotated[
        Path | None,
        typer.Option("--ready-file", help="File that exists while work is taken."),
    ] = None,
    settings: Settings,
) -> None:
    """Take work from Redis until SIGTERM or Ctrl-C, then finish what runs.

    Any number of workers may share a Redis; without one that answers they wait for it.
    """
    with told():
        try:
            run_worker(settings, _needs(needs), ready_file)
        except ValueError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(error.strerror or str(error), ExitCode.UNFINISHED) from error


def _needs(text: str) -> list[Need]:
    offered = {need.value: need for need in _OFFERED}
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in offered]
    if unknown:
        raise CommandError(f"--needs: {unknown[0]!r} is none of {', '.join(offered)}")
    return [offered[name] for name in dict.fromkeys(names)]
