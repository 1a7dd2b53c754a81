"""Batches that are scored in the background and asked for by id."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from rewardd_service.edge.refusal import EdgeRefusalError
from rewardd_service.edge.runs import Run
from rewardd_service.edge.shelf import Shelf

# What the shelf counts for a job that ended without an answer.
_NO_ANSWER_BYTES = 200


@dataclass(frozen=True)
class _Running:
    tenant: str
    run: Run


@dataclass(frozen=True)
class _Ended:
    tenant: str
    status: str
    done: int
    total: int
    answer: bytes | None = None
    error: BaseException | None = None


class Jobs:
    """Keeps jobs while they run and their answers for a while; a restart forgets them."""

    def __init__(
        self, *, max_bytes: int, keep_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._running: dict[str, _Running] = {}
        self._ended: Shelf[str, _Ended] = Shelf(
            max_bytes=max_bytes, keep_seconds=keep_seconds, clock=clock
        )

    def add(self, run: Run, tenant: str) -> str:
        """Keep a started run, which goes on without anybody waiting; return its job's id."""
        job = secrets.token_urlsafe(16)
        run.join()
        self._running[job] = _Running(tenant, run)
        run.on_end(lambda ended: self._end(job, ended))
        return job

    def stands(self, job: str, tenant: str) -> bool:
        """Return whether a job is running or has an answer; one that failed may be tried again."""
        if job in self._running:
            return self._running[job].tenant == tenant
        ended = self._ended.get(job)
        return ended is not None and ended.tenant == tenant and ended.error is None

    def run_of(self, job: str, tenant: str) -> Run | None:
        """Return the run of a job, None once it has ended.

        Raises:
            EdgeRefusalError: this tenant has no such job.
        """
        running = self._running.get(job)
        found = running or self._ended.get(job)
        if found is None or found.tenant != tenant:
            raise EdgeRefusalError("unknown_job", f"no job {job[:64]!r}: submit it again")
        return None if running is None else running.run

    def state(self, job: str, tenant: str) -> dict[str, Any]:
        """Return a job in the shape of `schema.JobState`, its answer as JSON in a `msgspec.Raw`.

        Raises:
            EdgeRefusalError: this tenant has no such job.
            ServiceError: the scorer refused this job.
        """
        run = self.run_of(job, tenant)
        if run is not None:
            return _state(job, "running", len(run.arrived), run.total)
        ended = self._ended.get(job)
        if ended is None:
            raise EdgeRefusalError("unknown_job", f"no job {job[:64]!r}: submit it again")
        if ended.error is not None:
            raise ended.error
        return _state(job, ended.status, ended.done, ended.total, ended.answer)

    async def cancel(self, job: str, tenant: str) -> None:
        """Give a job up; one that has ended stays as it is.

        Raises:
            EdgeRefusalError: this tenant has no such job.
        """
        run = self.run_of(job, tenant)
        if run is not None:
            run.drop()
            await asyncio.wait({run.task})

    def _end(self, job: str, run: Run) -> None:
        tenant = self._running.pop(job).tenant
        error = run.error()
        if error is None:
            answer = run.answer_json()
            ended = _Ended(tenant, "done", run.total, run.total, answer)
            self._ended.put(job, ended, len(answer))
        elif isinstance(error, asyncio.CancelledError):
            ended = _Ended(tenant, "cancelled", len(run.arrived), run.total)
            self._ended.put(job, ended, _NO_ANSWER_BYTES)
        else:
            ended = _Ended(tenant, "done", 0, run.total, error=error)
            self._ended.put(job, ended, _NO_ANSWER_BYTES)


def _state(
    job: str, status: str, done: int, total: int, answer: bytes | None = None
) -> dict[str, Any]:
    response = None if answer is None else msgspec.Raw(answer)
    return {"id": job, "status": status, "done": done, "total": total, "response": response}
