"""The two ways to wait for a jail: in place, and in the event loop."""

import asyncio
import os
from collections.abc import Generator

import pytest

from rewardd_sandbox.lookout import Lookout, Patience

_FOREVER = 60.0


class _Ear:
    """A pipe, and what was heard through it."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.heard = b""
        self.lookout: Lookout | None = None

    def listen(self, patience: Patience) -> Lookout:
        self.lookout = Lookout(patience)
        self.lookout.add(self.reading, self._hear)
        return self.lookout

    def say(self) -> None:
        os.write(self.writing, b"word")

    def _hear(self) -> None:
        assert self.lookout is not None
        self.heard += os.read(self.reading, 1 << 10)
        self.lookout.wake()


@pytest.fixture
def ear() -> Generator[_Ear]:
    made = _Ear()
    yield made
    os.close(made.reading)
    os.close(made.writing)


@pytest.fixture(params=[0.0, 0.02], ids=["in the loop", "in place"])
def patience(request: pytest.FixtureRequest) -> Patience:
    return Patience(request.param)


async def test_what_is_there_already_is_heard(ear: _Ear, patience: Patience) -> None:
    lookout = ear.listen(patience)
    ear.say()
    await lookout.wait(_FOREVER, lingering=True)
    lookout.close()
    assert ear.heard == b"word"


async def test_what_comes_only_by_the_loop_is_heard(ear: _Ear, patience: Patience) -> None:
    lookout = ear.listen(patience)
    asyncio.get_running_loop().call_soon(ear.say)
    await lookout.wait(_FOREVER, lingering=True)
    lookout.close()
    assert ear.heard == b"word"


async def test_a_wait_ends_when_its_time_is_up(ear: _Ear, patience: Patience) -> None:
    lookout = ear.listen(patience)
    await lookout.wait(0.001, lingering=True)
    lookout.close()
    assert ear.heard == b""


async def test_a_descriptor_that_was_removed_is_not_looked_at(
    ear: _Ear, patience: Patience
) -> None:
    lookout = ear.listen(patience)
    await lookout.wait(0.001, lingering=False)
    lookout.remove(ear.reading)
    ear.say()
    await lookout.wait(0.001, lingering=True)
    assert ear.heard == b""


async def test_waits_in_place_give_the_loop_its_turn(ear: _Ear) -> None:
    turns: list[int] = []
    lookout = ear.listen(Patience(1e-6))
    ear.say()
    asyncio.get_running_loop().call_soon(turns.append, 1)
    await lookout.wait(_FOREVER, lingering=True)
    lookout.close()
    assert turns == [1]


async def test_who_must_not_linger_waits_in_the_loop(ear: _Ear) -> None:
    lookout = ear.listen(Patience(_FOREVER))
    asyncio.get_running_loop().call_soon(ear.say)
    await lookout.wait(_FOREVER, lingering=False)
    lookout.close()
    assert ear.heard == b"word"
