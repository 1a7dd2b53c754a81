"""Find recipes by name: presets, files of the operator, and one for each verifier."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from pydantic import ValidationError

from rewardd_client.schema import FieldError, Recipe, Term
from rewardd_service.errors import RequestRefusedError, ServiceError
from rewardd_service.recipes.bind import BoundRecipe, bind
from rewardd_verifiers import Catalog

_PRESETS = files("rewardd_service") / "recipes" / "presets"
_INLINE_KEPT = 256
"""Inline recipes that are remembered in bound form; a trainer sends the same few all day."""


class RecipeError(ServiceError):
    """A recipe file of the operator is wrong: the server does not start with it."""

    code = "invalid_recipe"


class RecipeBook:
    """All recipes that a request may name.

    Raises:
        RecipeError: a file cannot be read or does not make sense, or a name is taken twice; the
            message names the file and the field.
    """

    def __init__(self, catalog: Catalog, folder: Path | None = None) -> None:
        self._catalog = catalog
        self._recipes: dict[str, BoundRecipe] = {}
        self._inline: dict[str, BoundRecipe] = {}
        for recipe in _of_verifiers(catalog):
            self._add(recipe, "the verifier of that name")
        for file in preset_files(_PRESETS):
            self._add(_read(file), file.name)
        for path in sorted(folder.glob("*.y*ml")) if folder is not None else ():
            self._add(_read(path), str(path))

    def recipes(self) -> list[Recipe]:
        """Return all recipes that have a name, sorted."""
        return [self._recipes[name].recipe for name in sorted(self._recipes)]

    def find(self, reward: str | Recipe, path: str) -> BoundRecipe:
        """Return the recipe of that name, or the given one, bound; `path` is for messages.

        Raises:
            RequestRefusedError: no such recipe, or it makes no sense.
        """
        if isinstance(reward, Recipe):
            return self._bound(reward, path)
        try:
            return self._recipes[reward]
        except KeyError:
            known = ", ".join(sorted(self._recipes))
            detail = f"no recipe or verifier is called {reward!r}; there are {known}"
            error = FieldError(field=path, message="unknown recipe", value=reward)
            raise RequestRefusedError("unknown_recipe", detail, [error]) from None

    def _bound(self, recipe: Recipe, path: str) -> BoundRecipe:
        key = recipe.model_dump_json()
        bound = self._inline.get(key)
        if bound is None:
            bound = bind(recipe, self._catalog.need, path)
            if len(self._inline) >= _INLINE_KEPT:
                self._inline.pop(next(iter(self._inline)))
            self._inline[key] = bound
        return bound

    def _add(self, recipe: Recipe, source: str) -> None:
        if recipe.name in self._recipes:
            raise RecipeError(f"{source}: a recipe called {recipe.name!r} exists already")
        try:
            self._recipes[recipe.name] = bind(recipe, self._catalog.need)
        except RequestRefusedError as error:
            raise RecipeError(f"{source}: {error.detail}") from error


def preset_files(folder: Traversable) -> list[Traversable]:
    """Return the presets of a folder by name; not what an editor or a system leaves beside them."""
    kept = [file for file in folder.iterdir() if file.name.endswith(".yaml")]
    return sorted(kept, key=lambda file: file.name)


def _of_verifiers(catalog: Catalog) -> Iterable[Recipe]:
    for name in catalog.names():
        yield Recipe(name=name, terms=[Term(verifier=name)])


def _read(file: Traversable | Path) -> Recipe:
    try:
        content: object = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{file}: cannot be read: {error}") from error
    if not isinstance(content, Mapping):
        raise RecipeError(f"{file}: holds no mapping")
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field = ".".join(str(step) for step in problem["loc"])
        value = repr(problem["input"])[:80]
        raise RecipeError(f"{file}: {field}: {problem['msg']} (got {value})") from error
