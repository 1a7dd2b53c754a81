"""Options that several commands share."""

import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from rewardd_service.cli.console import told
from rewardd_service.tables import PARTS

RewardOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--reward", "-r", help="Recipe or verifier for samples that name none."),
]
UrlOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--url", help="Ask this server instead of starting workers here."),
]
KeyOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--key", envvar="REWARDD_KEY", help="Key for the server.", show_default=False),
]
RecipesOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--recipes",
        envvar="REWARDD_RECIPES",
        exists=True,
        file_okay=False,
        help="Folder of recipes (YAML) besides the presets.",
    ),
]
WorkersOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Worker processes; as many as usable cores if absent."),
]

Command: TypeAlias = Callable[..., None]
Gather = Callable[[dict[str, Any]], object]


def spread(name: str, options: Sequence[inspect.Parameter], gather: Gather) -> Callable[..., Any]:
    """Let a command take many options as one argument.

    Args:
        name: of the argument.
        options: that stand on the command line in its place, keyword-only.
        gather: makes the argument of the values of those that were given; raises CommandError.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [each for each in signature.parameters.values() if each.name != name]

        @functools.wraps(command)
        def spread_command(**values: Any) -> None:  # noqa: ANN401 - typer has checked them
            rest = {each.name: values.pop(each.name) for each in own}
            given = {key: value for key, value in values.items() if value is not None}
            with told():
                argument = gather(given)
            command(**rest, **{name: argument})

        shown = signature.replace(parameters=[*own, *options])
        spread_command.__signature__ = shown  # pyright: ignore[reportAttributeAccessIssue]  # what typer and inspect read
        return spread_command

    return decorate


def option(name: str, kind: object, *flags: str, **told_to_typer: Any) -> inspect.Parameter:  # noqa: ANN401 - what typer.Option takes
    """Return an option that is None unless given."""
    annotation = Annotated[kind | None, typer.Option(*flags, **told_to_typer)]  # type: ignore[valid-type]  # a type made at run time
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )


def _column_option(part: str) -> inspect.Parameter:
    flag = f"--{part.replace('_', '-')}-column"
    words = part.replace("_", " ")
    return option(
        f"{part}_column",
        str,
        flag,
        metavar="NAME",
        help=f"Column with the {words}, if not `{part}`; dots lead into nested columns.",
        rich_help_panel="Columns",
    )


def _gather_columns(given: dict[str, Any]) -> dict[str, str]:
    return {name.removesuffix("_column"): column for name, column in given.items()}


takes_columns = spread("columns", [_column_option(part) for part in PARTS], _gather_columns)
"""Gives a command an option for each part of a sample; it gets the given ones as `columns`."""
