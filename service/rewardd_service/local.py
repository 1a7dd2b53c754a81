"""The whole service in the caller's process, for tests of training code (`rewardd_client.local`).

It judges as a server does, with the same verifiers, recipes and wire, but without worker
processes: nothing guards it against a verifier that hangs. Not for training runs.
"""

from starlette.types import ASGIApp

from rewardd_service.app import create_gateway
from rewardd_service.backends.inline import InlineBackend
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_service.settings import Settings
from rewardd_verifiers import Catalog
from rewardd_verifiers.mathexpr.secret import share_secret


def create_app() -> ASGIApp:
    """Return the gateway over a backend that runs in this process.

    Registered as `app` in the entry-point group `rewardd.local`, so that the client finds it
    without importing the service.
    """
    catalog = Catalog()
    settings = Settings()
    if settings.probe_secret is not None:
        share_secret(settings.probe_secret.get_secret_value().encode())
    return create_gateway(settings, Scorer(InlineBackend(catalog), RecipeBook(catalog)))
