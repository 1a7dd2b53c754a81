"""One question to one verifier, asked for all that it sees: no recipe, no reward."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rewardd_client.schema import Sample
from rewardd_service.frames import canonical
from rewardd_service.job import Setup, SetupReport, Subject
from rewardd_service.plan import Plan, PlannedJob, Task
from rewardd_service.recipes import BoundRecipe

_UNTOLD = SetupReport(None)
"""No worker was asked about the parameters: who asks so has made them himself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What is asked.

    Attributes:
        verifier: a name; its parameters are not checked before a worker has them.
        reference: plain values; bytes are allowed, as they never were JSON.
        cpu_seconds: that a worker may take; the lane's default if None.
    """

    verifier: str
    params: Mapping[str, Any]
    completion: str
    reference: object
    cpu_seconds: float | None = None

    def plan(self, recipe: BoundRecipe) -> Plan:
        """Return the plan of one job; `recipe` is the verifier's own.

        Raises:
            FrameError: it holds what cannot travel.
        """
        (term,) = recipe.terms
        setup = Setup(self.verifier, dict(self.params), self.cpu_seconds, recorded=True)
        job = PlannedJob(0, 0, setup, term.need, 1, gate=False)
        sample = Sample.model_construct(completion=self.completion)
        task = Task(0, sample, Subject(self.completion), recipe, recipe.terms, [None], [[job]])
        sizes = [1, len(canonical(self.reference))]
        return Plan([task], [None, self.reference], sizes, {id(setup): _UNTOLD})
