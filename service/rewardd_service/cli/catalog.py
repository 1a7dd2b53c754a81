"""`rewardd verifiers` and `rewardd recipes`: what can be asked for."""

import json
from typing import Annotated, cast

import typer
import yaml
from rich.markup import escape
from rich.table import Table

from rewardd_client.schema import Recipe
from rewardd_service.cli.console import CommandError, ExitCode, quit_with, screen, told
from rewardd_service.cli.options import RecipesOption
from rewardd_service.recipes import RecipeBook
from rewardd_verifiers import BrokenVerifierError, Catalog, UnknownVerifierError


def verifiers(
    name: Annotated[str | None, typer.Argument(help="Show this one in full.")] = None,
) -> None:
    """List the verifiers that are installed, or show one with the schemas of what it takes.

    Ends with 1 if one cannot be loaded.
    """
    with told():
        catalog = Catalog()
        if name is not None:
            _show_verifier(catalog, name)
            return
    table = Table("name", "need", "version", "reference", "measures", box=None)
    broken = False
    for each in catalog.names():
        try:
            card = catalog.describe(each)
        except BrokenVerifierError as error:
            broken = True
            table.add_row(each, catalog.need(each), "-", "-", f"[red]{escape(str(error))}[/]")
            continue
        kind = escape(_kind(card.reference))
        table.add_row(each, card.need, str(card.version), kind, escape(card.summary))
    screen().print(table)
    quit_with(ExitCode.FINDINGS if broken else ExitCode.CLEAN)


def recipes(
    name: Annotated[str | None, typer.Argument(help="Show this one as YAML.")] = None,
    *,
    recipes: RecipesOption = None,
) -> None:
    """List the recipes that a request may name, or show one as it could stand in a file.

    The name of each verifier is a recipe too, of that verifier alone.
    """
    with told():
        book = RecipeBook(Catalog(), recipes)
        if name is not None:
            _show_recipe(book.find(name, "NAME").recipe)
            return
    table = Table("name", "terms", "description", box=None)
    for recipe in book.recipes():
        terms = ", ".join(term.name or term.verifier for term in recipe.terms)
        first_line = recipe.description.strip().partition("\n")[0]
        table.add_row(recipe.name, escape(terms), escape(first_line))
    screen().print(table)


def _show_verifier(catalog: Catalog, name: str) -> None:
    try:
        card = catalog.describe(name)
    except (BrokenVerifierError, UnknownVerifierError) as error:
        raise CommandError(str(error)) from error
    out = screen()
    out.print(f"[bold]{card.name}@{card.version}[/] ({card.need}): {escape(card.summary)}")
    _show_schema("params", card.params)
    _show_schema("reference", card.reference)


def _show_schema(title: str, schema: dict[str, object]) -> None:
    out = screen()
    out.print(f"\n[bold]{title}[/]")
    out.print_json(json.dumps(schema))


def _show_recipe(recipe: Recipe) -> None:
    content = recipe.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    screen().print(text.rstrip(), markup=False, soft_wrap=True)


def _kind(schema: dict[str, object]) -> str:
    """Return a schema in a few words."""
    branches = cast("list[dict[str, object]]", schema.get("anyOf") or [])
    if branches:
        return " | ".join(dict.fromkeys(_kind(branch) for branch in branches))
    return str(schema.get("type") or schema.get("title") or schema.get("$ref") or "any")
