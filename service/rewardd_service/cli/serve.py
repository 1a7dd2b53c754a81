"""`rewardd serve`: the gateway, with its options made from the settings."""

import inspect
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from rewardd_service.cli.configuration import flag, settings_of
from rewardd_service.cli.console import CommandError, ExitCode, told
from rewardd_service.cli.options import option, spread
from rewardd_service.composition import open_scorer
from rewardd_service.edge.auth import KeyFileError
from rewardd_service.server import serve as run_server
from rewardd_service.settings import Settings


def setting_option(name: str, field: FieldInfo) -> inspect.Parameter:
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
    if any(get_origin(kind) is not None for kind in kinds):
        return "|".join(str(value) for kind in kinds for value in get_args(kind))
    return "|".join(getattr(kind, "__name__", str(kind)).upper() for kind in kinds)


_OPTIONS = [setting_option(name, field) for name, field in Settings.model_fields.items()]


@spread("settings", _OPTIONS, settings_of)
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
