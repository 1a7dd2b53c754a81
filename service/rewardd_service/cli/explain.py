"""`rewardd explain`: why one completion got the reward that it got."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from rewardd_client.schema import Recipe, Sample
from rewardd_service.cli.console import CommandError, ExitCode, quit_with, screen, told
from rewardd_service.cli.engines import Where
from rewardd_service.cli.explanation import Explanation, show
from rewardd_service.cli.options import (
    KeyOption,
    RecipesOption,
    RewardOption,
    UrlOption,
    takes_columns,
)
from rewardd_service.cli.settle import Settler
from rewardd_service.tables import Columns, Entry, Row, Unit, open_source, units


@takes_columns
def explain(  # noqa: PLR0913 - a command's options are its parameters
    file: Annotated[
        str | None, typer.Argument(help="JSONL or Parquet file with the sample; - for stdin.")
    ] = None,
    *,
    sample_id: Annotated[str | None, typer.Option("--id", help="Its id in the file.")] = None,
    line: Annotated[int | None, typer.Option(min=1, help="Its line (or row) in the file.")] = None,
    completion: Annotated[
        str | None, typer.Option(help="The completion itself; @FILE reads it from a file.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="What to judge it against: text; JSON if it is an object.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(help="What the policy was given.")] = None,
    reward: RewardOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    recipes: RecipesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the bare result.")] = False,
    columns: dict[str, str],
) -> None:
    """Show every term, reason and piece of evidence, and how they make the reward.

    Of a sample in a file its whole group is scored, as rules over groups need it.

    Ends with 0 if there is a reward, 1 if there is no verdict, 2 if there is no such sample.
    """
    where = Where(url=url, key=key, recipes=recipes, workers=1 if url is None else None)
    with told():
        if file is None:
            told_here = _unit_of(completion, reference, prompt)
            explanation = asyncio.run(_ask(told_here, 1, reward, where))
        elif completion is not None or reference is not None or prompt is not None:
            raise CommandError("give a FILE, or --completion with --reference; not both")
        else:
            given = Columns(columns, rewarded=reward is None)
            unit, number = _find(file, given, _Wanted(sample_id, line))
            explanation = asyncio.run(_ask(unit, number, reward, where))
    out = screen()
    if as_json:
        out.print_json(explanation.result.model_dump_json())
    else:
        show(out, explanation)
    no_verdict = explanation.result.reward is None
    quit_with(ExitCode.FINDINGS if no_verdict else ExitCode.CLEAN)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Which row of a file is asked for."""

    sample_id: str | None
    line: int | None

    def is_it(self, entry: Entry) -> bool:
        if self.line is not None:
            return entry.row.number == self.line
        return entry.sample is not None and entry.sample.id == self.sample_id

    def __str__(self) -> str:
        return f"line {self.line}" if self.line is not None else f"id {self.sample_id!r}"


async def _ask(unit: Unit, number: int, reward: str | None, where: Where) -> Explanation:
    async with where.engine() as engine:
        (answers,) = await Settler(engine, reward).settle([unit])
        known = {recipe.name: recipe for recipe in await engine.recipes()}
    answer = next(each for each in answers if each.entry.row.number == number)
    sample, complaint = answer.entry.sample, answer.entry.complaint
    if answer.result is None or sample is None:
        why = "" if complaint is None else f"{complaint.field}: {complaint.message}"
        raise CommandError(f"line {number} is no sample that can be scored: {why}")
    name = sample.reward or reward
    recipe = name if isinstance(name, Recipe) else known[str(name)]
    return Explanation(sample, answer.result, recipe, len(unit))


def _find(file: str, columns: Columns, wanted: _Wanted) -> tuple[Unit, int]:
    """Return the unit of the wanted sample, and the sample's row."""
    if (wanted.line is None) is (wanted.sample_id is None):
        raise CommandError("say which sample: --id or --line")
    with open_source(file) as source:
        for unit in units(source.rows, columns.sample, set()):
            for entry in unit:
                if wanted.is_it(entry):
                    return unit, entry.row.number
    raise CommandError(f"{file}: there is no sample with {wanted}")


def _unit_of(completion: str | None, reference: str | None, prompt: str | None) -> Unit:
    """Return the sample that stands on the command line, as the one row of a file."""
    if completion is None:
        raise CommandError("give a FILE with --id or --line, or --completion")
    sample = Sample(completion=_text(completion), reference=_reference(reference), prompt=prompt)
    return [Entry(Row(1, b"", 0), sample)]


def _text(argument: str) -> str:
    """Return the argument, or what stands in the file that it names after an @."""
    if not argument.startswith("@"):
        return argument
    try:
        return Path(argument[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{argument[1:]}: {error}") from error


def _reference(text: str | None) -> JsonValue:
    """Return an object or a list if the text is one, else the text: "012" stays as it is."""
    if text is None or not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        # An interval "[0, 1)" or a set "{1, 2}" is a reference too.
        return text
    return value if isinstance(value, dict) else text
