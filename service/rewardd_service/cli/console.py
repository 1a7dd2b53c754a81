"""How commands speak: results to stdout, everything else to stderr, and one code to the shell."""

from collections.abc import Generator
from contextlib import contextmanager
from enum import IntEnum
from typing import NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from rewardd_client.errors import RewarddError
from rewardd_service.errors import RequestRefusedError, ServiceError
from rewardd_verifiers import VerifierError

_PIPE_COLUMNS = 200


class ExitCode(IntEnum):
    """What a command tells the shell."""

    CLEAN = 0
    FINDINGS = 1
    BROKEN_INPUT = 2
    UNFINISHED = 3
    """Nothing is wrong with the input, but the work could not be done: try again."""


class CommandError(Exception):
    """A command cannot go on.

    Attributes:
        code: what to tell the shell.
    """

    def __init__(self, message: str, code: ExitCode = ExitCode.BROKEN_INPUT) -> None:
        super().__init__(message)
        self.code = code


def screen() -> Console:
    """Return the console for results; a file or pipe has no width to keep to."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_COLUMNS
    return console


def notes() -> Console:
    """Return the console for whoever watches."""
    return Console(stderr=True, highlight=False)


def quit_with(code: ExitCode) -> NoReturn:
    """End the command."""
    raise typer.Exit(code)


@contextmanager
def told() -> Generator[None]:
    """Say what stopped a command in one line, and end it with the code that belongs to it."""
    try:
        yield
    except CommandError as error:
        _stop(str(error), error.code)
    except RequestRefusedError as error:
        _stop(f"{error.code}: {error.detail}", ExitCode.BROKEN_INPUT)
    except ServiceError as error:
        unfinished = error.code in _TRY_AGAIN
        _stop(error.detail, ExitCode.UNFINISHED if unfinished else ExitCode.BROKEN_INPUT)
    except VerifierError as error:
        _stop(str(error), ExitCode.BROKEN_INPUT)
    except RewarddError as error:
        _stop(str(error), ExitCode.UNFINISHED)


_TRY_AGAIN = frozenset({"backend_unavailable", "overloaded"})


def _stop(message: str, code: ExitCode) -> NoReturn:
    notes().print(f"[bold red]error:[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(code)
