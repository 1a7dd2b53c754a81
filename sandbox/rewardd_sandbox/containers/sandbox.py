"""The sandbox in containers: jails as on this machine, with a container's wall around them."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from rewardd_sandbox.containers.berth import Berth
from rewardd_sandbox.containers.greeting import Hello
from rewardd_sandbox.containers.guest import Guest
from rewardd_sandbox.containers.jail import DockerJail
from rewardd_sandbox.containers.options import DockerOptions
from rewardd_sandbox.containers.stream import Engine
from rewardd_sandbox.errors import LostError, UnavailableError
from rewardd_sandbox.program import BuildFailure, Limits, Program

_COMPANIONS = 8
"""How many companions a submission may have at once; each takes a slot of their container."""


@dataclass(frozen=True, slots=True)
class _Seat:
    """A place for one submission; `beside` is for its companions, and filled by the first one."""

    main: Berth
    beside: Berth


def _no_seats() -> "asyncio.LifoQueue[_Seat]":
    return asyncio.LifoQueue()


class DockerSandbox:
    """Runs programs in warm containers. It belongs to the event loop that it was started in."""

    def __init__(self, options: DockerOptions, engine: Engine) -> None:
        self._options = options
        self._engine = engine
        self._seats: list[_Seat] = []
        self._idle = _no_seats()
        self._hello: Hello | None = None

    async def start(self) -> None:
        """Clear away what killed owners left, start the containers, and wait for the first one.

        Raises:
            UnavailableError: no container can be had, or no program can run in one.
        """
        await self._engine.sweep()
        count = self._options.slots or _processors()
        for _ in range(count):
            seat = _Seat(self._berth(1), self._berth(_COMPANIONS))
            seat.main.prepare()
            self._seats.append(seat)
            self._idle.put_nowait(seat)
        try:
            await self._seats[-1].main.guest()
        except BaseException as error:
            await self.close()
            if isinstance(error, LostError):
                # The very first one: what ails it will ail the others.
                raise UnavailableError(f"no container can be used: {error}") from error
            raise

    async def close(self) -> None:
        """Remove all containers; the second time it does nothing."""
        seats, self._seats = self._seats, []
        self._hello = None
        berths = [berth for seat in seats for berth in (seat.main, seat.beside)]
        await asyncio.gather(*(berth.close() for berth in berths))
        await self._engine.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def slots(self) -> int:
        """How many submissions can run at once."""
        return len(self._seats)

    @property
    def facts(self) -> Mapping[str, str]:
        """What verdicts say of where they ran: the tier inside the container."""
        tier = "none" if self._hello is None else str(self._hello.tier)
        return {"tier": tier, "backend": "docker", "runtime": self._options.runtime or "default"}

    def toolchain(self, language: str) -> str:
        """Return the language's version in the image."""
        return "" if self._hello is None else self._hello.versions.get(language, "")

    async def open(self, program: Program, limits: Limits) -> DockerJail | BuildFailure:
        """Build and load a program; see `sandbox.Sandbox`."""
        if not self._seats:
            raise UnavailableError("the sandbox is not running")
        seat = await self._idle.get()

        async def release() -> None:
            seat.main.refresh()
            seat.beside.refresh()
            self._idle.put_nowait(seat)

        async def companion(program: Program, limits: Limits) -> DockerJail | BuildFailure:
            guest = await seat.beside.guest()
            return await _opened(DockerJail(guest, program, limits, _nothing, companion))

        try:
            guest = await seat.main.guest()
        except BaseException:
            self._idle.put_nowait(seat)
            raise
        return await _opened(DockerJail(guest, program, limits, release, companion))

    def _berth(self, slots: int) -> Berth:
        async def invite() -> Guest:
            container = await self._engine.start()
            try:
                guest = await Guest.greet(container, self._options, slots)
            except BaseException:
                await asyncio.shield(asyncio.ensure_future(container.remove()))
                raise
            self._hello = self._hello or guest.hello
            return guest

        return Berth(invite, self._options.recycle_after)


def _processors() -> int:
    """Return how many we may use; where the system does not say, how many there are."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


async def _opened(jail: DockerJail) -> DockerJail | BuildFailure:
    try:
        failure = await jail.prepare()
    except BaseException:
        await jail.close()
        raise
    if failure is not None:
        await jail.close()
        return failure
    return jail


async def _nothing() -> None:
    """Companions hold no place of their own."""
