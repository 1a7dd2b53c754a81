"""The service's settings, with what the command line says on top of the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr, ValidationError

from rewardd_service.cli.console import CommandError
from rewardd_service.settings import Settings

# Where Docker and Kubernetes put files that hold one secret each: `rewardd_redis` is the setting
# `redis`. What stands in a variable can be read by whoever may look at the container.
SECRET_FOLDERS = (Path("/run/secrets"), Path("/run/rewardd"))


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Return the settings: an option wins over the environment, that over a file of a secret.

    Raises:
        CommandError: a value makes no sense; the message names it as option and as variable.
    """
    folders = [folder for folder in SECRET_FOLDERS if folder.is_dir()]
    told: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    told["_secrets_dir"] = folders or None
    try:
        return Settings(**told)
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
