"""`rewardd demo`: a real server, real samples, and what comes of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rewardd_client import Client
from rewardd_client.schema import Result, Sample
from rewardd_service.cli.arithmetic import number
from rewardd_service.cli.console import CommandError, ExitCode, notes, quit_with, screen, told
from rewardd_service.cli.server_process import running_server
from rewardd_service.tables import Columns, RowError, decode, open_source

_DETAIL_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Case:
    """A sample of the file, and what the file expects of it.

    Attributes:
        reward: None where there should be no verdict.
        shows: what it stands for, in a few words.
        kind: "hack" where other servers pay, "no verdict" where nobody can know, else "".
    """

    sample: Sample
    reward: float | None
    reason: str
    shows: str
    kind: str

    @property
    def told(self) -> str:
        """What it shows, with its kind."""
        return f"{self.kind}: {self.shows}" if self.kind else self.shows

    def holds(self, result: Result) -> bool:
        """Whether a result is the expected one."""
        return result.reason == self.reason and _equal(result.reward, self.reward)


def demo(
    file: Annotated[
        Path | None, typer.Argument(help="Other samples of the same kind.", dir_okay=False)
    ] = None,
) -> None:
    """Start a server, score the example samples over HTTP, and print what came of them.

    Each sample says in its metadata what it expects. Ends with 0 if all came out so, else with 1.
    """
    with told():
        cases = read_cases(file)
        with running_server() as url:
            notes().print(f"a server runs on {url}; {len(cases)} samples go to it")
            with Client(url) as client:
                batch = client.score([case.sample for case in cases])
    out = screen()
    _show_table(out, cases, batch.results)
    unexpected = _show_summary(out, cases, batch.results)
    quit_with(ExitCode.FINDINGS if unexpected else ExitCode.CLEAN)


def read_cases(path: Path | None = None) -> list[Case]:
    """Read the samples that ship with rewardd, or those of a file like theirs.

    Raises:
        CommandError: a line is no such sample.
        TableError: the file cannot be read.
    """
    with as_file(files("rewardd_service") / "examples" / "mixed.jsonl") as shipped:
        name = str(path or shipped)
        with open_source(name) as source:
            try:
                return [_case(decode(row)) for row in source.rows]
            except (RowError, KeyError) as error:
                raise CommandError(f"{name}: no sample with expectations: {error}") from error


def _case(values: dict[str, object]) -> Case:
    sample = Columns().sample(values)
    expected = cast("dict[str, object]", sample.metadata["expect"])
    return Case(
        sample=sample,
        reward=cast("float | None", expected["reward"]),
        reason=str(expected["reason"]),
        shows=str(sample.metadata["shows"]),
        kind=str(sample.metadata.get("kind", "")),
    )


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, abs_tol=1e-6)


def _show_table(out: Console, cases: Sequence[Case], results: Sequence[Result]) -> None:
    table = Table(box=None)
    for title in ("", "sample", "reward", "reason"):
        table.add_column(title, no_wrap=True, justify="right" if title == "reward" else "left")
    table.add_column("shows")
    for case, result in zip(cases, results, strict=True):
        holds = case.holds(result)
        table.add_row(
            "[green]ok[/]" if holds else "[bold red]NO[/]",
            escape(case.sample.id or ""),
            _shown(result.reward),
            result.reason,
            escape(case.told if holds else f"{case.told} (expected {_wanted(case)})"),
        )
    out.print(table)


def _show_summary(out: Console, cases: Sequence[Case], results: Sequence[Result]) -> int:
    """Print the two cases that the others have no words for; return how many came out wrong."""
    pairs = list(zip(cases, results, strict=True))
    hack = next(((case, result) for case, result in pairs if case.kind == "hack"), None)
    if hack is not None:
        out.print(f"\n[bold]a caught hack[/]: {_story(*hack)}")
    unknown = next(((case, result) for case, result in pairs if case.kind == "no verdict"), None)
    if unknown is not None:
        out.print(f"[bold]an honest no verdict[/]: {_story(*unknown)}")
    unexpected = sum(not case.holds(result) for case, result in pairs)
    scored = sum(result.reward is not None for _, result in pairs)
    out.print(
        f"{len(pairs)} samples: {scored} scored, {len(pairs) - scored} without a verdict, "
        f"{unexpected} not as expected"
    )
    return unexpected


def _story(case: Case, result: Result) -> str:
    detail = next((term.detail for term in result.terms if term.detail), "")
    told_more = f" ({escape(detail[:_DETAIL_CHARACTERS])})" if detail else ""
    reward = _shown(result.reward)
    name = escape(f"{case.sample.id}: {case.shows}")
    return f"{name}: reward {reward}, {result.reason}{told_more}"


def _wanted(case: Case) -> str:
    return f"{_shown(case.reward)}, {case.reason}"


def _shown(reward: float | None) -> str:
    return "-" if reward is None else number(reward)
