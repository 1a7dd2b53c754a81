from collections.abc import AsyncIterator

import pytest

from rewardd_sandbox import UnavailableError
from rewardd_sandbox.local import LocalSandbox, Options


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
async def sandbox() -> AsyncIterator[LocalSandbox]:
    """A sandbox in the best tier that this machine gives."""
    box = LocalSandbox(Options(slots=1))
    try:
        await box.start()
    except UnavailableError as error:
        pytest.skip(str(error))
    yield box
    await box.close()
