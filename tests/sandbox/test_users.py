"""Workers of one machine never share the users that their jails run as."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from rewardd_sandbox import UnavailableError
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier
from rewardd_sandbox.users import Users

_FIRST = 40_000
"""Far from what sandboxes of other tests take."""


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("count", [2, 16, 18, 256])
def test_many_workers_get_numbers_of_their_own(held: ExitStack, count: int) -> None:
    many = [held.enter_context(closing(Users(_FIRST, count))) for _ in range(40)]
    taken = [number for users in many for number in range(users.first, users.first + count)]
    assert all(users.alone for users in many)
    assert len(set(taken)) == 40 * count


def test_numbers_that_are_let_go_are_taken_again(held: ExitStack) -> None:
    first = held.enter_context(closing(Users(_FIRST, 64)))
    second = held.enter_context(closing(Users(_FIRST, 64)))
    assert second.first > first.first
    first.close()
    third = held.enter_context(closing(Users(_FIRST, 64)))
    assert third.first == first.first


def test_a_gap_that_is_too_small_is_passed_over(held: ExitStack) -> None:
    small = held.enter_context(closing(Users(_FIRST, 16)))
    wall = held.enter_context(closing(Users(_FIRST, 16)))
    small.close()
    large = held.enter_context(closing(Users(_FIRST, 32)))
    assert large.first > wall.first


def test_none_are_left_at_the_end_of_the_range(held: ExitStack) -> None:
    last = held.enter_context(closing(Users(65_500, 16)))
    none = held.enter_context(closing(Users(65_500, 16)))
    assert (last.alone, none.alone) == (True, False)


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives jails users of their own")
async def test_a_worker_without_numbers_does_not_share_them_in_silence() -> None:
    box = LocalSandbox(Options(slots=1, first_user=65_519, only_tier=Tier.FULL))
    with pytest.raises(UnavailableError, match=r"user numbers|cgroup"):
        await box.start()
