"""Talk to one borrowed worker: hand over a batch, check what it says, bury it if it dies."""

import asyncio
import logging
import secrets
from collections.abc import Coroutine, Sequence
from typing import Any

from rewardd_service.job import Answer, Setup
from rewardd_service.pool.counters import Counters
from rewardd_service.pool.errand import Errand
from rewardd_service.pool.ledger import BadAnswerError
from rewardd_service.pool.messages import Answers, Inspect, Reports, Run
from rewardd_service.pool.process import Cause, Death, Event, Phase, WorkerProcess
from rewardd_service.pool.progress import MAX_BATCH
from rewardd_service.pool.quarantine import Quarantine, job_key
from rewardd_service.pool.workforce import Workforce
from rewardd_verifiers import Reason

logger = logging.getLogger(__name__)


class Conversation:
    """What is said to workers of one pool, and what follows from what they say.

    Attributes:
        closing: whether the pool is; who dies then has done nothing.
    """

    def __init__(
        self,
        force: Workforce,
        counters: Counters,
        quarantine: Quarantine,
        *,
        default_cpu_seconds: float,
    ) -> None:
        self.closing = False
        self._force = force
        self._counters = counters
        self._quarantine = quarantine
        self._default_cpu_seconds = default_cpu_seconds
        self._strays: set[asyncio.Task[None]] = set()

    async def end(self) -> None:
        """Wait for what nobody else waits for."""
        await asyncio.gather(*self._strays)

    async def judge(self, worker: WorkerProcess, errand: Errand, batch: list[int]) -> None:
        """Have a worker judge a batch; on return all of it is answered, or the worker is dead.

        It stays the caller's: to be given back, or asked again.
        """
        message = Run(_new_batch(), errand.remaining_seconds(), batch, errand.encoded)
        worker.assign(message, errand.limits(self._default_cpu_seconds))
        try:
            while not self._take(worker, errand, await worker.receive()):
                pass
        except BaseException:
            self._call_off(worker)
            raise

    def _take(self, worker: WorkerProcess, errand: Errand, event: Event) -> bool:
        """Deliver what a worker sent; return whether it is done with the batch."""
        if worker.distrusted and not isinstance(event, Death):
            return False
        match event:
            case Death():
                self._bury(worker, errand, event)
                return True
            case Answers(batch, answers, finished) if batch == worker.assigned:
                return self._accept(worker, errand, answers, finished=finished) and finished
            case _:
                worker.distrust()
                return False

    def _accept(
        self, worker: WorkerProcess, errand: Errand, answers: list[Answer], *, finished: bool
    ) -> bool:
        at = worker.reached
        reached = at.job if at.job is not None and at.batch == worker.assigned else -1
        try:
            accepted = errand.ledger.accept(answers, reached=reached, finished=finished)
        except BadAnswerError as error:
            logger.warning("worker %d sent no answer of ours: %s", worker.pid, error)
            worker.distrust()
            return False
        worker.jobs_done += len(accepted)
        worker.heard_out = finished
        errand.deliver(accepted)
        return True

    def _bury(self, worker: WorkerProcess, errand: Errand, death: Death) -> None:
        ledger = errand.ledger
        self._log(errand, death, death.at.job if death.at.batch == worker.assigned else None)
        before = len(ledger.quarantined)
        answers = ledger.bury(worker.assigned, death)
        if self.closing:
            answers += ledger.close(Reason.CANCELLED, "the pool is closed")
        for job in ledger.quarantined[before:]:
            self._counters.quarantined += 1
            self._quarantine.add(job_key(errand.chunk, job))
        errand.deliver(answers)

    def _log(self, errand: Errand, death: Death, job: int | None) -> None:
        if death.cause is Cause.RECYCLED:
            return
        verifier = None if job is None else errand.verifier(job)
        key = None if job is None else job_key(errand.chunk, job).hex()
        logger.warning(
            "a worker ended at work: %s, status %d, verifier %s",
            death.cause,
            death.status,
            verifier,
            extra={
                "cause": death.cause,
                "verifier": verifier,
                "job_key": key,
                "stack": death.last_words,
            },
        )

    def _call_off(self, worker: WorkerProcess) -> None:
        """Nobody wants the batch any more: let the worker finish its job, unheard.

        It may have finished already, if it was its last answer that nobody could take.
        """
        if worker.heard_out:
            self._force.give_back(worker)
        elif worker.phase is not Phase.DEAD:
            worker.slot.stop(worker.assigned)
            self.see_to(self._see_out(worker))

    def see_to(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""
        stray = asyncio.create_task(work)
        self._strays.add(stray)
        stray.add_done_callback(self._strays.discard)

    async def _see_out(self, worker: WorkerProcess) -> None:
        while True:
            event = await worker.receive()
            if isinstance(event, Death):
                return
            if isinstance(event, Reports) or (isinstance(event, Answers) and event.finished):
                self._force.give_back(worker)
                return

    async def inspect(self, worker: WorkerProcess, setups: Sequence[Setup]) -> Reports | Death:
        """Have a worker report on setups, and give it back."""
        worker.assign(Inspect(_new_batch(), list(setups)), ())
        try:
            while True:
                event = await worker.receive()
                if isinstance(event, Death):
                    return event
                if isinstance(event, Reports) and len(event.reports) == len(setups):
                    self._force.give_back(worker)
                    return event
                worker.distrust()
        except BaseException:
            self._call_off(worker)
            raise


def _new_batch() -> int:
    """Return a number for a batch that nobody guesses: a stray frame cannot pass for an answer."""
    return secrets.randbelow(MAX_BATCH) + 1
