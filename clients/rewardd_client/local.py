"""The same verifiers without a server: for tests of reward functions."""

from typing import Unpack

from rewardd_client.client import Client
from rewardd_client.mount import find_factory
from rewardd_client.settings import LOCAL_URL
from rewardd_client.shell import Options


def local(**options: Unpack[Options]) -> Client:
    """Return a client whose server runs inside this process, from its first call to `close`.

    Raises:
        MissingPackageError: the server is not installed: pip install rewardd.
    """
    find_factory()
    return Client(LOCAL_URL, **options)
