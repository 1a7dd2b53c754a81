import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PLANTED = Path(__file__).parents[1] / "planted"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def planted() -> Iterator[None]:
    """Install the planted verifiers as a third party's package is: found on sys.path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(PLANTED), *sys.path])
        yield
