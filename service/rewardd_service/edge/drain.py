"""Go down in order: announce, refuse, finish what is in flight, cut the rest."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from rewardd_service.edge.admission import Admission
from rewardd_service.edge.runs import Runs
from rewardd_service.errors import OverloadedError

logger = logging.getLogger(__name__)

_WHY = "this server is going down"


class Drain:
    """The end of a server, in steps; `/readyz` turns with the first."""

    def __init__(
        self,
        admission: Admission,
        runs: Runs,
        *,
        announce_seconds: float,
        drain_seconds: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._admission = admission
        self._runs = runs
        self._announce_seconds = announce_seconds
        self._drain_seconds = drain_seconds
        self._sleep = sleep
        self._announced = False

    def check_ready(self) -> None:
        """Refuse to be called ready once the end has been announced.

        Raises:
            OverloadedError: it has.
        """
        if self._announced:
            raise OverloadedError("draining", _WHY, 1.0)

    async def __call__(self) -> None:
        """Return when nothing is in flight any more."""
        if self._announced:
            return
        self._announced = True
        logger.info("draining", extra={"requests": len(self._runs)})
        if self._announce_seconds > 0:
            await self._sleep(self._announce_seconds)
        self._admission.refuse_all(_WHY)
        if not await self._runs.wait(self._drain_seconds):
            logger.warning("cancelling", extra={"requests": len(self._runs)})
            self._runs.cut()
            await self._runs.wait(1.0)
