"""Who pays for what in a slot: a program for all that it starts, and for nothing of others'."""

from jail_checks import python
from rewardd_sandbox import BuildFailure, End, Given, Limits
from rewardd_sandbox.local import LocalSandbox
from rewardd_sandbox.tiers import Tier

_BURNS = "import time\nwhile time.process_time() < {seconds}: pass\n"
_FORKS = "import os\nif os.fork() == 0:\n    while True: pass\nos.wait()"
_CHEAP = Limits(cpu_seconds=0.5, wall_seconds=60)
_NOTHING = Given(stdin=b"")


async def test_a_companions_work_between_two_tests_is_not_the_programs(
    sandbox: LocalSandbox,
) -> None:
    jail = await sandbox.open(python("print(input())"), _CHEAP)
    assert not isinstance(jail, BuildFailure)
    try:
        first = await jail.feed(Given(stdin=b"1"))
        companion = await jail.companion(python(_BURNS.format(seconds=1)), Limits())
        assert not isinstance(companion, BuildFailure)
        worked = await companion.feed(_NOTHING)
        second = await jail.feed(Given(stdin=b"2"))
        await companion.close()
        third = await jail.feed(Given(stdin=b"3"))
    finally:
        await jail.close()
    assert (worked.end, worked.cpu_seconds > _CHEAP.cpu_seconds) == (End.EXITED, True)
    assert [answer.end for answer in (first, second, third)] == [End.EXITED] * 3
    assert max(answer.cpu_seconds for answer in (second, third)) < _CHEAP.cpu_seconds


async def test_a_companions_work_during_a_talk_is_not_the_programs(sandbox: LocalSandbox) -> None:
    jail = await sandbox.open(python("print(input())"), _CHEAP)
    assert not isinstance(jail, BuildFailure)
    try:
        companion = await jail.companion(
            python(_BURNS.format(seconds=1) + "print(7, flush=True)\ninput()"), Limits()
        )
        assert not isinstance(companion, BuildFailure)
        talk = await jail.converse(_NOTHING, companion, _NOTHING)
    finally:
        await jail.close()
    assert (talk.answer.end, talk.answer.stdout) == (End.EXITED, b"7\n"), talk


async def test_a_companion_pays_for_its_own_children(sandbox: LocalSandbox, tier: Tier) -> None:
    jail = await sandbox.open(python("print(input())"), _CHEAP)
    assert not isinstance(jail, BuildFailure)
    try:
        companion = await jail.companion(python(_FORKS), Limits(cpu_seconds=0.5, wall_seconds=20))
        assert not isinstance(companion, BuildFailure)
        answer = await companion.feed(_NOTHING)
    finally:
        await jail.close()
    # Where nothing can be forked, that is what it ends with.
    assert answer.end is (End.CPU_LIMIT if tier is Tier.FULL else End.EXITED), answer


async def test_a_companions_children_are_not_the_programs_to_pay(
    sandbox: LocalSandbox, tier: Tier
) -> None:
    jail = await sandbox.open(python("print(input())"), _CHEAP)
    assert not isinstance(jail, BuildFailure)
    try:
        first = await jail.feed(Given(stdin=b"1"))
        limits = Limits(cpu_seconds=1.0, wall_seconds=60)
        companion = await jail.companion(python(_FORKS), limits)
        assert not isinstance(companion, BuildFailure)
        worked = await companion.feed(_NOTHING)
        second = await jail.feed(Given(stdin=b"2"))
    finally:
        await jail.close()
    # Where nothing can be forked, that is what it ends with.
    assert worked.end is (End.CPU_LIMIT if tier is Tier.FULL else End.EXITED), worked
    assert (first.end, second.end, second.stdout) == (End.EXITED, End.EXITED, b"2\n"), second
    assert second.cpu_seconds < _CHEAP.cpu_seconds
