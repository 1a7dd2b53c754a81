"""The service's settings, with what the command line says on top of the environment."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from rewardd_service.cli.console import CommandError
from rewardd_service.cli.options import option
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


def setting_options(*names: str) -> list[inspect.Parameter]:
    """Return the options of these settings, of all if none is named; see `options.spread`."""
    fields = Settings.model_fields
    return [_option(name, fields[name]) for name in names or fields]


def flag(name: str) -> str:
    """Return the option that is called like a setting."""
    return "--" + name.replace("_", "-")


def _is_secret(name: str) -> bool:
    field = Settings.model_fields.get(name)
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    """Return the option of a setting; its text is parsed by the settings themselves."""
    help_text = f"{field.description} [env: REWARDD_{name.upper()}]{_default(field)}"
    if field.annotation is bool:
        flags = f"{flag(name)}/--no-{name.replace('_', '-')}"
        return option(name, bool, flags, help=help_text)
    return option(name, str, flag(name), metavar=_metavar(field.annotation), help=help_text)


def _default(field: FieldInfo) -> str:
    return "" if field.default is None else f" [default: {field.default}]"


def _metavar(annotation: Any) -> str:  # noqa: ANN401 - a type as pydantic keeps it
    kinds = [annotation]
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    kinds = [get_args(kind)[0] if get_origin(kind) is Annotated else kind for kind in kinds]
    if SecretStr in kinds:
        return "SECRET"
    if any(get_origin(kind) is not None for kind in kinds):
        return "|".join(str(value) for kind in kinds for value in get_args(kind))
    return "|".join(getattr(kind, "__name__", str(kind)).upper() for kind in kinds)
