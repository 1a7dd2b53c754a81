"""What the dispatcher asks and tells around each job, so that equal ones run once."""

from collections.abc import Mapping, Sequence

from rewardd_service.cache import (
    ASKED_FROM_SECONDS,
    Claim,
    JobKeys,
    Question,
    Twins,
    VerdictCache,
    shared_in_flight,
    taken_over,
    twins_allowed,
)
from rewardd_service.estimates import Estimates
from rewardd_service.flight import Flight
from rewardd_service.job import Answer
from rewardd_service.metrics import Metrics
from rewardd_service.plan import Plan, PlannedJob
from rewardd_verifiers import Need

Questions = dict[int, Question]
"""What a cache was asked and did not know, by the job's identity."""


JOINED_FROM_SECONDS = 20e-6
"""CPU time of a verification from which looking for its twin costs less than it may save."""


class Sharing:
    """Twins in flight and verdicts from before, for all requests of one dispatcher.

    Args:
        cache: asked for verifiers that cost more than `ASKED_FROM_SECONDS`; None for none.
        join: whether equal jobs in flight run once.
    """

    def __init__(
        self,
        estimates: Estimates,
        metrics: Metrics,
        cache: VerdictCache | None = None,
        *,
        join: bool = True,
    ) -> None:
        self._estimates = estimates
        self._metrics = metrics
        self._cache = cache
        self._join = join
        self._versions: dict[str, int] = {}
        self._twins: Twins[Flight] = Twins(_key)

    def entries(self) -> int:
        """Return how many different jobs are known to be in flight."""
        return len(self._twins)

    def keys(self, plan: Plan) -> JobKeys:
        """Return what names the jobs of a plan."""
        return JobKeys(plan, self._versions)

    def enlist(self, flight: Flight, job: PlannedJob) -> Claim[Flight] | None:
        """Enter a job that is about to be queued; None if it has no twins."""
        if not self._join or not twins_allowed(job.need):
            return None
        if self._estimates.of(job.setup.verifier) < JOINED_FROM_SECONDS:
            return None
        mark = flight.keys.mark(job)
        if mark is None:
            return None
        claim = flight.claims[id(job)] = self._twins.claim(flight, job, mark)
        return claim

    def starts(self, flight: Flight, job: PlannedJob) -> bool:
        """Return whether a job is to be sent; if not, a twin of it runs already."""
        claim = flight.claims.get(id(job))
        return claim is None or self._twins.start(claim)

    def question(self, flight: Flight, job: PlannedJob) -> Question | None:
        """Return what to ask the cache about a job; None if it is not worth asking."""
        if self._cache is None or job.need is not Need.CPU:
            return None
        if self._estimates.of(job.setup.verifier) <= ASKED_FROM_SECONDS:
            return None
        key, version = flight.keys.key(job), flight.keys.version(job)
        return None if key is None or not version else Question(key, version)

    def find(self, question: Question) -> Answer | None:
        """Return an answer that this gateway remembers."""
        answer = None if self._cache is None else self._cache.find(question)
        if answer is None:
            return None
        self._metrics.cache_asked("hit")
        return taken_over(answer)

    async def fetch(self, questions: Sequence[Question]) -> Mapping[bytes, Answer]:
        """Return by key the answers that other gateways have left."""
        if self._cache is None or not self._cache.shares or not questions:
            return {}
        found = await self._cache.fetch(questions)
        if found:
            self._metrics.cache_asked("hit", sum(asked.key in found for asked in questions))
        return {key: taken_over(answer) for key, answer in found.items()}

    def missed(self, number: int) -> None:
        """Count questions that nobody could answer."""
        if number:
            self._metrics.cache_asked("miss", number)

    def learn(self, job: PlannedJob, answer: Answer, question: Question | None) -> None:
        """Take what a worker answered."""
        if answer.version:
            self._versions[job.setup.verifier] = answer.version
        if question is not None and self._cache is not None:
            self._cache.keep(question, answer)

    def joined(self, claim: Claim[Flight]) -> Answer | None:
        """Return the answer that a twin of a new claim has had already."""
        answer = claim.answer
        if answer is None:
            return None
        self._metrics.cache_asked("joined")
        return taken_over(answer)

    def spread(
        self, flight: Flight, job: PlannedJob, answer: Answer
    ) -> tuple[list[Claim[Flight]], list[Claim[Flight]]]:
        """Take a job's answer; return whom it answers too, and who has to be queued instead."""
        claim = flight.claims.get(id(job))
        if claim is None:
            return [], []
        if not shared_in_flight(job.need, answer):
            return [], self._twins.failed(claim)
        others = self._twins.answered(claim, answer)
        if others:
            self._metrics.cache_asked("joined", len(others))
        return others, []

    def leave(self, flight: Flight) -> list[Claim[Flight]]:
        """Forget a request; return whose jobs waited for one of its own, and have to be queued.

        Its claims name it, and it names them: while they do, a batch's memory waits for the
        collector, whose round over so many objects holds everybody up for a tenth of a second.
        """
        heirs = self._twins.leave(flight.claims.values())
        flight.claims.clear()
        return heirs


def _key(flight: Flight, job: PlannedJob) -> bytes | None:
    return flight.keys.key(job)
