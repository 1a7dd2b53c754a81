"""`rewardd serve`: the gateway, with its options made from the settings."""

import inspect
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from rewardd_service.cli.console import CommandError, ExitCode, told
from rewardd_service.cli.options import option, spread
from rewardd_service.composition import open_scorer
from rewardd_service.edge.auth import KeyFileError
from rewardd_service.server import serve as run_server
from rewardd_service.settings import Settings


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _option(name: str, field: FieldInfo) -> inspect.Parameter:
    """Return the option of a setting; its text is parsed by the settings themselves."""
    help_text = f"{field.description} [env: REWARDD_{name.upper()}]{_default(field)}"
    if field.annotation is bool:
        flags = f"{_flag(name)}/--no-{name.replace('_', '-')}"
        return option(name, bool, flags, help=help_text)
    return option(name, str, _flag(name), metavar=_metavar(field.annotation), help=help_text)


def _default(field: FieldInfo) -> str:
    return "" if field.default is None else f" [default: {field.default}]"


def _metavar(annotation: Any) -> str:  # noqa: ANN401 - a type as pydantic keeps it
    kinds = [annotation]
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    if any(get_origin(kind) is not None for kind in kinds):
        return "|".join(str(value) for kind in kinds for value in get_args(kind))
    return "|".join(getattr(kind, "__name__", str(kind)).upper() for kind in kinds)


def _gather(given: dict[str, Any]) -> Settings:
    """Return the settings: an option wins over the environment, and that over the default."""
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        shown = "" if _is_secret(name) else f" (got {first['input']!r})"
        raise CommandError(f"{_flag(name)}: {first['msg']}{shown}") from error


def _is_secret(name: str) -> bool:
    field = Settings.model_fields.get(name)
    return field is not None and SecretStr in (field.annotation, *get_args(field.annotation))


_OPTIONS = [_option(name, field) for name, field in Settings.model_fields.items()]


@spread("settings", _OPTIONS, _gather)
def serve(*, settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Needs no Redis and no configuration: workers run on this machine, and only it can connect.
    """
    with told():
        try:
            run_server(settings, open_scorer)
        except (KeyFileError, ValueError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            place = f"{settings.host}:{settings.port}"
            raise CommandError(f"{place}: {error}", ExitCode.UNFINISHED) from error
