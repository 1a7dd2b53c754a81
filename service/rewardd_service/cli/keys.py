"""`rewardd keys`: who may ask."""

import os
from pathlib import Path
from typing import Annotated

import typer

from rewardd_service.cli.console import CommandError, notes, screen, told
from rewardd_service.edge.auth import new_key

_OWNER_ONLY = 0o600


def application() -> typer.Typer:
    """Return the commands under `rewardd keys`."""
    app = typer.Typer(no_args_is_help=True, help="Make API keys.")
    app.callback()(_keys)
    app.command("new")(new)
    return app


def _keys() -> None:
    """Make API keys."""


def new(
    *,
    tenant: Annotated[str, typer.Option(help="On whose account the key's requests run.")],
    file: Annotated[
        Path | None, typer.Option(help="Append the line to this file, made if absent.")
    ] = None,
    weight: Annotated[float, typer.Option(help="Share of a busy server, next to others.")] = 1.0,
    max_samples: Annotated[
        int | None, typer.Option(min=1, help="Samples that the tenant may have in flight.")
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(min=1, help="Bytes that the tenant may have in flight.")
    ] = None,
) -> None:
    """Make a key, and print it: this once, as only its hash is kept.

    The line is for the server's file of keys (`rewardd serve --keys FILE`); the key is for the
    client.
    """
    with told():
        try:
            made = new_key(tenant, weight=weight, max_samples=max_samples, max_bytes=max_bytes)
        except ValueError as error:
            raise CommandError(f"no such key can be made: {error}") from error
        if file is not None:
            _append(file, made.line)
    out = screen()
    out.print(made.key, soft_wrap=True, markup=False)
    if file is None:
        out.print(made.line, soft_wrap=True, markup=False)
        notes().print("first the key, for the client; then its line, for the file of keys")
    else:
        notes().print(f"its line stands in {file}; the key is shown this once", markup=False)


def _append(file: Path, line: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _OWNER_ONLY)
        with os.fdopen(descriptor, "ab") as stream:
            stream.write(f"{line}\n".encode())
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror or error}") from error
