"""The service's settings, with what the command line says on top of the environment."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import SecretStr, ValidationError

from rewardd_service.cli.console import CommandError
from rewardd_service.settings import Settings


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Return the settings: an option wins over the environment, and that over the default.

    Raises:
        CommandError: a value makes no sense; the message names it as option and as variable.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        shown = "" if _is_secret(name) else f" (got {first['input']!r})"
        where = flag(name) if name in given else f"REWARDD_{name.upper()}"
        raise CommandError(f"{where}: {first['msg']}{shown}") from error


def flag(name: str) -> str:
    """Return the option that is called like a setting."""
    return "--" + name.replace("_", "-")


def _is_secret(name: str) -> bool:
    field = Settings.model_fields.get(name)
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))
