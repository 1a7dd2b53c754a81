"""Let two jails talk: what one prints becomes what the other reads, by way of this process.

Neither holds a descriptor of the other. A side's input ends when the other is dead, never merely
because it closed its output: so who ended first is known, however busy the machine is.
"""

import asyncio
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from rewardd_sandbox.child import Child
from rewardd_sandbox.program import End
from rewardd_sandbox.watch import Allowance, Seen

_CHUNK = 1 << 16
_SHORTEST_SILENCE_SECONDS = 2.0
_LOOKS_PER_SILENCE = 20
_STIR = 0.1
"""Runtimes tick while they wait: work for a smaller share of a silence does not end it."""


@dataclass(frozen=True, slots=True)
class Side:
    """One who takes part: its process, what it hears first, and what it may spend."""

    child: Child
    opening: bytes
    seed: int
    allowed: Allowance


@dataclass(frozen=True, slots=True)
class Held:
    """What was seen of both.

    Attributes:
        companion_first: the second side ended before the first.
        silent: the first side was ended as both waited and nothing moved.
    """

    mine: Seen
    theirs: Seen
    companion_first: bool
    silent: bool


class _Ear:
    """What is to be said to one side: kept until it reads."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._pipe = child.input
        self._loop = asyncio.get_running_loop()
        self._pending = bytearray()
        self._waiting = False
        self._ended = False
        self.heard_bytes = 0

    def say(self, piece: bytes) -> None:
        """Add something; what the other side will never read is dropped."""
        if not self._ended:
            self._pending += piece
            self._flush()

    def end(self) -> None:
        """Add the end."""
        if not self._ended:
            self._ended = True
            self._flush()

    def close(self) -> None:
        """Stop writing."""
        self._ended = True
        self._pending.clear()
        self._rest()

    def _flush(self) -> None:
        while self._pending:
            try:
                written = os.write(self._pipe, self._pending[:_CHUNK])
            except BlockingIOError:
                self._wait()
                return
            except BrokenPipeError:
                self._pending.clear()
                break
            self.heard_bytes += written
            del self._pending[:written]
        self._rest()
        if self._ended:
            self._child.end_input()

    def _wait(self) -> None:
        if not self._waiting:
            self._waiting = True
            self._loop.add_writer(self._pipe, self._flush)

    def _rest(self) -> None:
        if self._waiting:
            self._waiting = False
            self._loop.remove_writer(self._pipe)


async def hold(mine: Side, theirs: Side) -> Held:
    """Let both run until both have ended or were ended.

    Raises:
        SandboxError: the sandbox failed.
    """
    with _ears(mine, theirs) as (to_me, to_them):
        own = asyncio.ensure_future(_run(mine, theirs, to_me, to_them))
        other = asyncio.ensure_future(_run(theirs, mine, to_them, to_me))
        silence = asyncio.ensure_future(_await_silence(mine, theirs, to_me, to_them))
        try:
            await asyncio.wait({own, other}, return_when=asyncio.FIRST_COMPLETED)
            companion_first = not own.done()
            return Held(await own, await other, companion_first, silence.done())
        finally:
            for task in (own, other, silence):
                task.cancel()
            await asyncio.gather(own, other, silence, return_exceptions=True)


@contextmanager
def _ears(mine: Side, theirs: Side) -> Generator[tuple[_Ear, _Ear]]:
    ears = _Ear(mine.child), _Ear(theirs.child)
    try:
        yield ears
    finally:
        for ear in ears:
            ear.close()


async def _run(side: Side, opposite: Side, ear: _Ear, mouth: _Ear) -> Seen:
    """Run one side to its end, and end the other's input with it."""
    ear.say(side.opening)
    seen = await side.child.talk(side.seed, side.allowed, mouth.say, opposite.child.busy_seconds)
    if not seen.died:
        await side.child.reap()
    mouth.end()
    return seen


async def _await_silence(mine: Side, theirs: Side, to_me: _Ear, to_them: _Ear) -> None:
    """Return once both sides have waited long enough for nothing; the first is ended then."""
    longest = max(_SHORTEST_SILENCE_SECONDS, mine.allowed.cpu_seconds)
    longest = min(longest, mine.allowed.wall_seconds)
    since, moved, work = time.monotonic(), -1, 0.0
    while True:
        await asyncio.sleep(longest / _LOOKS_PER_SILENCE)
        now_moved = to_me.heard_bytes + to_them.heard_bytes
        now_work = mine.child.busy_seconds() + theirs.child.busy_seconds()
        if now_moved != moved or now_work - work > longest * _STIR:
            since, moved, work = time.monotonic(), now_moved, now_work
        elif time.monotonic() - since >= longest and not (mine.child.died or theirs.child.died):
            mine.child.end(End.WALL_LIMIT)
            return
