"""The root of the command line: one module a command."""

import typer

from rewardd_service.cli import keys
from rewardd_service.cli.catalog import recipes, verifiers
from rewardd_service.cli.demo import demo
from rewardd_service.cli.doctor import doctor
from rewardd_service.cli.explain import explain
from rewardd_service.cli.lint import lint
from rewardd_service.cli.score import score
from rewardd_service.cli.serve import serve
from rewardd_service.cli.worker import worker

_HELP = "Rewards for completions: strict, explained, and never a zero for our own failures."


def application() -> typer.Typer:
    """Return the command line with all its commands."""
    app = typer.Typer(
        name="rewardd",
        help=_HELP,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # The boxes of rich cut long names of options off where a terminal is narrow.
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for command in (serve, worker, score, explain, lint, verifiers, recipes, doctor, demo):
        app.command()(command)
    app.add_typer(keys.application(), name="keys")
    return app


def main() -> None:
    """Run the command line."""
    application()()
