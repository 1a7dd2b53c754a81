"""`rewardd serve`: the gateway, with its options made from the settings."""

from rewardd_service.cli.configuration import setting_options, settings_of
from rewardd_service.cli.console import CommandError, ExitCode, told
from rewardd_service.cli.options import spread
from rewardd_service.composition import open_scorer
from rewardd_service.edge.auth import KeyFileError
from rewardd_service.server import serve as run_server
from rewardd_service.settings import Settings


@spread("settings", setting_options(), settings_of)
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
