"""The heart: choose recipes, plan, dispatch, aggregate."""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rewardd_client.schema import Recipe, ScoreRequest
from rewardd_service import meter
from rewardd_service.aggregate import Aggregator, Deliver
from rewardd_service.backends import Backend
from rewardd_service.cache import VerdictCache
from rewardd_service.dispatcher import Dispatcher
from rewardd_service.errors import BackendUnavailableError, OverloadedError
from rewardd_service.inquiry import Inquiry
from rewardd_service.inspector import Inspector
from rewardd_service.job import Answer, VerifierCard
from rewardd_service.metrics import Metrics
from rewardd_service.plan import Plan, Reports, Task, choose, plan_in_slices, refuse_if_too_much
from rewardd_service.recipes import BoundRecipe, RecipeBook


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that there is to say of a request: plain JSON values in the shape of the wire.

    Attributes:
        results: one per sample, in the order of the request.
        groups: summaries of the groups that were named.
    """

    results: list[dict[str, Any]]
    groups: list[dict[str, Any]]


class Scorer:
    """Answers requests with the help of one backend.

    Args:
        cache: of verdicts; None for none.
        join: whether equal jobs in flight run once.
        weights: of tenants, 1 where absent: their shares of a busy server.
    """

    def __init__(
        self,
        backend: Backend,
        book: RecipeBook,
        metrics: Metrics | None = None,
        cache: VerdictCache | None = None,
        *,
        join: bool = True,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self._backend = backend
        self._book = book
        self._metrics = metrics or Metrics()
        self._inspector = Inspector(backend)
        self._dispatcher = Dispatcher(backend, self._metrics, cache, join=join, weights=weights)

    @property
    def dispatcher(self) -> Dispatcher:
        """Return the dispatcher: its queues are what admission and metrics look at."""
        return self._dispatcher

    async def score(
        self, request: ScoreRequest, *, tenant: str = "", deliver: Deliver | None = None
    ) -> Outcome:
        """Return one result per sample, whatever happens to the sample.

        Args:
            request: what to score; its deadline counts from now.
            tenant: on whose account; tenants share the slots fairly.
            deliver: told of each result as soon as it is final.

        Raises:
            RequestRefusedError: the request makes no sense; the error names the fields.
            OverloadedError: the work that waits already lasts beyond the request's deadline.
            BackendUnavailableError: there is nowhere to run it, or no worker can be asked what
                its verifiers take.
        """
        outage = self._backend.outage()
        if outage is not None:
            raise BackendUnavailableError(outage)
        self._refuse_what_cannot_finish(request)
        clock = asyncio.get_running_loop().time
        deadline = clock() + request.deadline_seconds
        recipes = self._recipes(request)
        refuse_if_too_much(recipes)
        reports = await self._reports(recipes, deadline)
        planned = await _planned(plan_in_slices(request, recipes, reports))
        await _breathe()
        aggregator = Aggregator(planned, deliver)
        await self._dispatcher.dispatch(
            planned,
            deadline_seconds=max(deadline - clock(), 0.0),
            settle=aggregator.take,
            tenant=tenant,
        )
        await _breathe()
        meter.count(self._metrics, aggregator.results, aggregator.groups)
        return Outcome(aggregator.results, aggregator.groups)

    async def inquire(
        self, inquiry: Inquiry, *, deadline_seconds: float, tenant: str = ""
    ) -> Answer:
        """Return one verifier's answer with its record; waits in the same queues as a batch.

        Raises:
            BackendUnavailableError: there is nowhere to run it, or no worker for it now.
            RequestRefusedError: there is no such verifier.
            FrameError: it holds what cannot travel.
        """
        outage = self._backend.outage()
        if outage is not None:
            raise BackendUnavailableError(outage)
        recipe = self._book.find(inquiry.verifier, "reward")
        need = recipe.terms[0].need
        if self._backend.slots().get(need, 0) <= 0:
            raise BackendUnavailableError(f"no worker of this server offers {need}")
        planned = inquiry.plan(recipe)
        await self._dispatcher.dispatch(
            planned, deadline_seconds=deadline_seconds, settle=_let_be, tenant=tenant
        )
        (answer,) = planned.tasks[0].answers
        if answer is None:
            raise RuntimeError("the dispatcher settled a task without an answer")
        status = "unscored" if answer.score is None else "scored"
        self._metrics.verdicts_settled({(inquiry.verifier, status, answer.reason): 1})
        return answer

    async def verifiers(self) -> list[VerifierCard]:
        """Return a card for each verifier that can be asked.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        return await self._inspector.cards()

    def recipes(self) -> list[Recipe]:
        """Return all recipes that have a name."""
        return self._book.recipes()

    def ready(self) -> str | None:
        """Return None if work can run now, else why not."""
        return self._backend.ready()

    def degraded(self) -> str | None:
        """Return why work does not run where it is configured to; None if it does."""
        return self._backend.degraded()

    def _refuse_what_cannot_finish(self, request: ScoreRequest) -> None:
        """Refuse at once: a batch given up half-way is work that nobody has any use for."""
        backlog = self._dispatcher.lanes.backlog_seconds()
        if backlog > request.deadline_seconds:
            detail = (
                f"work for {backlog:.0f} s is waiting, and the request's deadline is "
                f"{request.deadline_seconds:g} s"
            )
            raise OverloadedError("overloaded", detail, backlog - request.deadline_seconds)

    async def _reports(self, recipes: Sequence[BoundRecipe], deadline: float) -> Reports:
        """Return what workers say of the terms; if all hang until the deadline, what is known."""
        try:
            async with asyncio.timeout_at(deadline):
                return await self._inspector.reports(recipes)
        except TimeoutError:
            return self._inspector.known(recipes)

    def _recipes(self, request: ScoreRequest) -> Sequence[BoundRecipe]:
        """Return the recipe of each sample; equal ones are one object."""
        found: dict[int | str, BoundRecipe] = {}
        recipes: list[BoundRecipe] = []
        for index in range(len(request.samples)):
            reward, path = choose(request, index)
            key = reward if isinstance(reward, str) else id(reward)
            if key not in found:
                found[key] = self._book.find(reward, path)
            recipes.append(found[key])
        return recipes


def _let_be(task: Task) -> None:
    """Leave a settled task to whoever waits for the whole plan."""


async def _planned(slices: Generator[None, None, Plan]) -> Plan:
    """Run a planner to its end, giving the loop away between its slices."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            planned: Plan = end.value
            return planned
        await _breathe()


async def _breathe() -> None:
    """Let others have the loop between two stretches that each take microseconds per sample.

    A batch of 4,000 samples holds it for some 20 ms each time; `/livez` should not wait for all.
    """
    await asyncio.sleep(0)
