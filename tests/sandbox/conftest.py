import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rewardd_sandbox import UnavailableError
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", params=list(Tier), ids=str)
def tier(request: pytest.FixtureRequest) -> Tier:
    return request.param


@pytest.fixture(scope="session")
def traces() -> Iterator[None]:
    """What a suite may not leave behind, looked for when all sandboxes are closed."""
    before = _traces()
    yield
    left = _traces() - before
    assert not left, f"left behind: {sorted(left)}"


def _traces() -> set[str]:
    """Name what carries this process's number: others may be at work on this machine."""
    name = f"rewardd-sandbox-{os.getpid()}-*"
    places = list(Path("/tmp").glob(name))  # noqa: S108  looked at, not used
    for depth in ("*/", "*/*/", "*/*/*/"):
        places += Path("/sys/fs/cgroup").glob(depth + name)
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return {str(place) for place in places} | {m for m in mounts if "/sandbox" in m}


@pytest.fixture(scope="session")
async def sandbox(tier: Tier, traces: None) -> AsyncIterator[LocalSandbox]:  # noqa: ARG001  it outlives the sandboxes
    """A sandbox with one slot in one tier; a tier that cannot start here skips, and says why."""
    box = LocalSandbox(Options(slots=1, only_tier=tier))
    try:
        await box.start()
    except UnavailableError as error:
        pytest.skip(f"tier {tier} cannot start here: {error}")
    yield box
    await box.close()
