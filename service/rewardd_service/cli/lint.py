"""`rewardd lint`: what is wrong with the golds of a data set, before a run is spent on them."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, TextIO

import msgspec
import typer
from rich.table import Table

from rewardd_service.cli.console import CommandError, ExitCode, quit_with, screen, told
from rewardd_service.cli.gold_report import Golds, RowFinding, Summary
from rewardd_service.tables import RowError, decode, open_source, value_at

_SHOWN_CHARACTERS = 48


def lint(  # noqa: PLR0913 - a command's options are its parameters
    file: Annotated[str, typer.Argument(help="JSONL (.gz too), Parquet, or - for stdin.")],
    *,
    gold_column: Annotated[
        str, typer.Option(help="Column with the gold; dots lead into nested columns.")
    ] = "reference",
    prompt_column: Annotated[
        str | None, typer.Option(help="Column with the problem: finds rows that repeat one.")
    ] = None,
    dataset_column: Annotated[
        str | None, typer.Option(help="Column with the data set's name, for a table by data set.")
    ] = None,
    findings: Annotated[
        Path | None, typer.Option(help="Write each finding as a line of JSON to this file.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Warnings count as findings for the exit code.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the tables as JSON, a list of data sets.")
    ] = False,
) -> None:
    """Judge each gold of FILE against itself and its respellings.

    A refused gold scores nobody: all its samples would be without a verdict. A warned one can be
    judged, but perhaps not as its author meant.

    Ends with 0 if no gold is refused, 1 if some are (or are warned of, with --strict), and 2 if
    the input is broken, or empty.
    """
    golds = Golds()
    with told(), ExitStack() as files:
        sink = None
        if findings is not None:
            sink = files.enter_context(_created(findings))
        for found in _findings(file, golds, gold_column, prompt_column, dataset_column):
            if sink is not None:
                sink.write(msgspec.json.encode(found).decode() + "\n")
        if not golds.summaries():
            raise CommandError(f"{file}: holds no row, so there is nothing to say of its golds")
    if as_json:
        screen().print_json(msgspec.json.encode(golds.summaries()).decode())
    else:
        _show(golds.summaries())
    faulty = any(summary.refused or (strict and summary.warned) for summary in golds.summaries())
    quit_with(ExitCode.FINDINGS if faulty else ExitCode.CLEAN)


def _findings(
    file: str, golds: Golds, gold_column: str, prompt_column: str | None, dataset_column: str | None
) -> Iterator[RowFinding]:
    with open_source(file) as source:
        for row in source.rows:
            try:
                values = decode(row)
                gold = value_at(values, gold_column, f"gold column {gold_column!r}")
                prompt = _text(values, prompt_column)
                dataset = _text(values, dataset_column)
            except RowError as error:
                raise CommandError(f"{source.name}:{row.number}: {error}") from error
            yield from golds.take(row.number, gold, prompt=prompt, dataset=dataset)


def _text(values: Mapping[str, object], column: str | None) -> str:
    return "" if column is None else str(value_at(values, column, f"column {column!r}"))


def _created(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror or error}") from error


def _show(summaries: list[Summary]) -> None:
    console = screen()
    table = Table("data set", "rows", "readable", "refused", "warned", "repeated", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for summary in summaries:
        table.add_row(
            summary.dataset or "all",
            str(summary.rows),
            f"{summary.readable:.2%}",
            str(summary.refused),
            str(summary.warned),
            str(summary.repeated),
        )
    console.print(table)
    codes = Table("finding", "rows", "for example", "mend", box=None)
    for summary in summaries:
        for code, count in summary.codes.most_common():
            example = summary.examples[code]
            where = f"{summary.dataset}: " if summary.dataset else ""
            codes.add_row(
                f"{where}{code}",
                str(count),
                f"row {example.row}: {example.gold[:_SHOWN_CHARACTERS]!r}: {example.detail[:80]}",
                example.mend,
            )
    if codes.row_count:
        console.print()
        console.print(codes, soft_wrap=False)
