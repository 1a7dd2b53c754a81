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
    places = [*Path("/tmp").glob("rewardd-sandbox-*"), *Path("/sys/fs/cgroup").glob("*/rewardd-*")]  # noqa: S108  looked at, not used
    places += list(Path("/sys/fs/cgroup").glob("*/*/*/rewardd-*"))
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return {str(place) for place in places} | {f"mount {point}" for point in mounts}


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
