"""Hold a request until its answer is real, and go on behind the time-out of whoever asked.

A client that is told to come again finds its own work: the same body, within a minute, joins what
still runs or takes the answer that nobody received. An answer that was delivered is not given
twice.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Self

from starlette.types import Receive

from rewardd_service.edge.admission import Ticket
from rewardd_service.edge.desk import Desk
from rewardd_service.edge.refusal import ClientGoneError, EdgeRefusalError
from rewardd_service.edge.watch import Watch
from rewardd_service.errors import BackendUnavailableError
from rewardd_service.frames import FrameError
from rewardd_service.inquiry import Inquiry
from rewardd_service.job import Answer
from rewardd_service.routes_compat.arrival import Arrived
from rewardd_verifiers import Reason

KEPT_SECONDS = 60.0
"""For how long work goes on, or its answer waits, for a client that was told to come again."""

_AGAIN = frozenset({Reason.WORKER_LOST, Reason.OVERLOADED, Reason.CANCELLED})
"""What another try may mend: it says nothing of the program, and nothing of the server's set-up."""

_SANDBOX_TRIES = 3
"""A slot may be lost once; what is missing on all workers stays missing."""

_PAUSE_SECONDS = 0.25


class NotInTimeError(EdgeRefusalError):
    """There is no answer before the client would stop waiting."""

    def __init__(self, detail: str) -> None:
        super().__init__("not_in_time", detail)


class Work:
    """One inquiry that is being answered; see `edge.runs.Ending`."""

    def __init__(self, task: asyncio.Task[Answer], ticket: Ticket) -> None:
        self._task = task
        task.add_done_callback(lambda _: ticket.close())

    @property
    def task(self) -> asyncio.Task[Answer]:
        """Return what to wait for."""
        return self._task

    def on_end(self, callback: Callable[[Self], None]) -> None:
        """Call back once, in the event loop, when it has ended."""
        self._task.add_done_callback(lambda _: callback(self))

    def cut(self) -> None:
        """End now: who waits is told to come again."""
        self._task.cancel()


class Holding:
    """The inquiries of one gateway's compatible wires."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._left: dict[bytes, Work] = {}

    async def answer(
        self, arrived: Arrived, inquiry: Inquiry, *, hold_seconds: float, receive: Receive
    ) -> Answer:
        """Return the answer to an inquiry.

        Raises:
            NotInTimeError: not within the time; the work goes on for a while.
            ClientGoneError: the client left, and the work with it.
            RequestRefusedError, FrameError: it cannot be asked.
        """
        key = _key(arrived)
        work = self._left.pop(key, None)
        if work is None or work.task.cancelled():
            work = self._begin(arrived, inquiry, hold_seconds)
        else:
            arrived.ticket.close()
        with Watch(receive) as watch:
            await asyncio.wait(
                {work.task, watch.gone},
                timeout=hold_seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
            gone = watch.gone.done()
        if work.task.done():
            return _result(work)
        if gone:
            work.cut()
            raise ClientGoneError("the client left before its answer")
        self._leave(key, work)
        raise NotInTimeError(f"no answer within {hold_seconds:g} s; the same request may join it")

    def _begin(self, arrived: Arrived, inquiry: Inquiry, hold_seconds: float) -> Work:
        asked = self._ask(arrived.tenant, inquiry, hold_seconds)
        work = Work(asyncio.create_task(asked), arrived.ticket)
        self._desk.runs.add(work)
        return work

    def _leave(self, key: bytes, work: Work) -> None:
        """Keep work for the same client's next try, for a while."""
        self._left[key] = work
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._forget, key, work)

    def _forget(self, key: bytes, work: Work) -> None:
        if self._left.get(key) is work:
            del self._left[key]
            work.cut()

    async def _ask(self, tenant: str, inquiry: Inquiry, hold_seconds: float) -> Answer:
        """Ask until the answer is real, or the hold is over."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + hold_seconds
        sandbox_tries = 0
        while True:
            answer = await self._try(tenant, inquiry, ends_at + KEPT_SECONDS - clock())
            unavailable = answer.reason == Reason.SANDBOX_UNAVAILABLE
            sandbox_tries += unavailable
            again = answer.reason in _AGAIN or (unavailable and sandbox_tries < _SANDBOX_TRIES)
            if not again or clock() + _PAUSE_SECONDS >= ends_at:
                return answer
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _try(self, tenant: str, inquiry: Inquiry, deadline_seconds: float) -> Answer:
        try:
            return await self._desk.scorer.inquire(
                inquiry, deadline_seconds=max(deadline_seconds, 0.0), tenant=tenant
            )
        except BackendUnavailableError as error:
            return Answer(0, None, Reason.WORKER_LOST, error.detail)
        except FrameError as error:
            return Answer(0, None, Reason.FAULT, str(error))


def _result(work: Work) -> Answer:
    if work.task.cancelled():
        raise NotInTimeError("this work was given up: the server goes down")
    return work.task.result()


def _key(arrived: Arrived) -> bytes:
    digest = hashlib.blake2b(arrived.tenant.encode(), digest_size=32)
    digest.update(b"\0")
    digest.update(arrived.body)
    return digest.digest()
