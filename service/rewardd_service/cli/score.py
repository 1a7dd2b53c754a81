"""`rewardd score`: a file of samples to a file of rewards."""

import asyncio
import sys
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.markup import escape

from rewardd_service.cli.console import CommandError, ExitCode, notes, quit_with, told
from rewardd_service.cli.engines import Engine, Where, recipes_hash
from rewardd_service.cli.options import (
    KeyOption,
    RecipesOption,
    RewardOption,
    UrlOption,
    WorkersOption,
    takes_columns,
)
from rewardd_service.cli.passage import BadRowError, Manner, Passage
from rewardd_service.cli.progress import progress_bar
from rewardd_service.cli.report import LineStyle, Tally
from rewardd_service.cli.settle import Settler
from rewardd_service.tables import (
    STANDARD,
    Columns,
    FileOutput,
    Output,
    Progress,
    Source,
    StreamOutput,
    open_source,
)

_STOP, _MARK = "stop", "mark"

_Destination: TypeAlias = AbstractContextManager[tuple[Output, Progress]]


@takes_columns
def score(  # noqa: PLR0913 - a command's options are its parameters
    file: Annotated[str, typer.Argument(help="JSONL (.gz too), Parquet, or - for stdin.")],
    *,
    output: Annotated[
        str, typer.Option("--output", "-o", help="JSONL, Parquet, or - for stdout.")
    ] = STANDARD,
    reward: RewardOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    recipes: RecipesOption = None,
    workers: WorkersOption = None,
    bad_rows: Annotated[
        str,
        typer.Option(
            help="A row that is no sample: `stop` there, or `mark` its line and go on.",
        ),
    ] = _STOP,
    groups: Annotated[
        bool, typer.Option(help="`--no-groups` leaves groups aside, and they may be scattered.")
    ] = True,
    rows: Annotated[
        bool, typer.Option("--rows", help="Repeat each input row in its line.")
    ] = False,
    timing: Annotated[
        bool, typer.Option("--timing", help="Add seconds and attempts, which differ each time.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Drop what an unfinished run has left.")
    ] = False,
    batch: Annotated[int, typer.Option(min=1, help="Samples scored at a time.")] = 512,
    columns: dict[str, str],
) -> None:
    """Score each row of FILE.

    Each row gets one line, in order. A run that was killed goes on where it was when it is
    started again in the same way, and ends with the same bytes. OUTPUT appears when it is whole.

    The samples of a group must stand together in FILE. Columns that are no part of a sample are
    left alone.

    Ends with 0 if all rows got a verdict, 1 if some got none, 2 if the input is broken, and 3 if
    the work could not be done now.
    """
    if bad_rows not in (_STOP, _MARK):
        raise typer.BadParameter(f"{bad_rows!r} is neither {_STOP!r} nor {_MARK!r}")
    task = _Task(
        file=file,
        output=output,
        reward=reward,
        columns=Columns(columns, grouped=groups, rewarded=reward is None),
        manner=Manner(
            style=LineStyle(timing=timing, row=rows),
            stop_at_bad_rows=bad_rows == _STOP,
            batch_samples=batch,
        ),
        restart=restart,
    )
    where = Where(url=url, key=key, recipes=recipes, workers=workers)
    with told():
        tally = asyncio.run(task.run(where))
    quit_with(_code(tally))


def _code(tally: Tally) -> ExitCode:
    if tally.of("invalid"):
        return ExitCode.BROKEN_INPUT
    return ExitCode.FINDINGS if tally.of("unscored") else ExitCode.CLEAN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What was asked on the command line."""

    file: str
    output: str
    reward: str | None
    columns: Columns
    manner: Manner
    restart: bool

    async def run(self, where: Where) -> Tally:
        if _is_same_file(self.file, self.output):
            raise CommandError(f"{self.output}: the output would replace the input")
        with open_source(self.file) as source:
            async with where.engine() as engine:
                question = await self._question(engine, where.url)
                with self._destination(question) as (output, start):
                    settler = Settler(engine, self.reward)
                    passage = Passage(source, self.columns, settler, output, self.manner)
                    return await self._watch(passage, source, start)

    async def _watch(self, passage: Passage, source: Source, start: Progress) -> Tally:
        console = notes()
        if start.rows:
            console.print(f"going on behind {start.rows:,} rows that are answered")
        with progress_bar(console, source.name, source.size, start.rows) as tell:
            try:
                tally = await passage.run(start, tell)
            except BadRowError as error:
                place = f"{source.name}:{error.complaint.number}: {error}"
                raise CommandError(
                    f"{place} (mend it and go on, or use --bad-rows mark)"
                ) from error
        for complaint in passage.complaints:
            line = f"{source.name}:{complaint.number}: {complaint.field}: {complaint.message}"
            console.print(f"[red]{escape(line)}[/]", soft_wrap=True)
        console.print(tally.summary())
        return tally

    async def _question(self, engine: Engine, url: str | None) -> dict[str, str]:
        """Return all that the lines depend on, so that an unfinished run is not mixed up."""
        style = self.manner.style
        return {
            "reward": str(self.reward),
            "columns": repr(sorted(self.columns.given.items())),
            "groups": str(self.columns.grouped),
            "bad rows": _STOP if self.manner.stop_at_bad_rows else _MARK,
            "lines": f"timing={style.timing} rows={style.row}",
            "url": str(url),
            "recipes": recipes_hash(await engine.recipes()),
            "version": f"{version('rewardd-service')}, {version('rewardd-verifiers')}",
        }

    def _destination(self, question: dict[str, str]) -> _Destination:
        if self.output == STANDARD:
            return nullcontext((StreamOutput(sys.stdout.buffer), Progress(question)))
        return _file_destination(Path(self.output), question, restart=self.restart)


@contextmanager
def _file_destination(
    path: Path, question: dict[str, str], *, restart: bool
) -> Generator[tuple[Output, Progress]]:
    with FileOutput(path, question, restart=restart) as output:
        yield output, output.progress


def _is_same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False
