"""Ask workers about verifiers and parameters, each question once: the gateway imports none."""

from collections.abc import Iterable, Sequence

import msgspec

from rewardd_client.schema import FieldError
from rewardd_service.backends import Backend
from rewardd_service.errors import RequestRefusedError
from rewardd_service.job import SetupReport, VerifierCard
from rewardd_service.recipes import BoundRecipe, BoundTerm
from rewardd_verifiers import Need

_KEPT = 4096
"""Reports that are remembered; a request could otherwise fill the memory with parameters."""


_UNKNOWN = SetupReport(None)
"""Of a setup that no worker can be asked about now: its samples are unscored, and say why."""


class Inspector:
    """Remembers what workers said."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._reports: dict[bytes, SetupReport] = {}
        self._cards: list[VerifierCard] = []

    async def cards(self) -> list[VerifierCard]:
        """Return a card for each verifier.

        Raises:
            BackendUnavailableError: no worker can be asked.
        """
        if not self._cards:
            self._cards = await self._backend.describe()
        return self._cards

    async def reports(self, recipes: Iterable[BoundRecipe]) -> dict[int, SetupReport]:
        """Return what is known of each term's setup, by the setup's identity.

        Raises:
            RequestRefusedError: parameters do not fit (`invalid_params`).
            BackendUnavailableError: no worker can be asked.
        """
        distinct = list({id(recipe): recipe for recipe in recipes}.values())
        terms = [bound for recipe in distinct for bound in recipe.terms]
        if len(self._reports) > _KEPT:
            self._reports.clear()
        await self._ask([bound for bound in terms if _key(bound) not in self._reports])
        reports = self.known(distinct)
        for recipe in distinct:
            _refuse_misfits(recipe, reports)
        return reports

    def known(self, recipes: Iterable[BoundRecipe]) -> dict[int, SetupReport]:
        """Return what is known without asking: nothing of a setup that nobody was asked about."""
        distinct = {id(recipe): recipe for recipe in recipes}.values()
        terms = [bound for recipe in distinct for bound in recipe.terms]
        return {id(bound.setup): self._reports.get(_key(bound), _UNKNOWN) for bound in terms}

    async def _ask(self, unknown: Sequence[BoundTerm]) -> None:
        for need in Need:
            terms = [bound for bound in unknown if bound.need is need]
            if not terms:
                continue
            if self._backend.slots().get(need, 0) <= 0:
                _refuse_judge(need, terms)
                continue
            reports = await self._backend.inspect(need, [bound.setup for bound in terms])
            for bound, report in zip(terms, reports, strict=True):
                self._reports[_key(bound)] = report


def _refuse_judge(need: Need, terms: Sequence[BoundTerm]) -> None:
    """Say at the first step that no judge is there, rather than in each of its verdicts."""
    if need is Need.JUDGE:
        names = ", ".join(sorted({bound.term.verifier for bound in terms}))
        detail = f"{names} needs a judge, and this server has none configured"
        error = FieldError(field="reward", message=detail, value=names)
        raise RequestRefusedError("need_not_configured", detail, [error])


def _key(bound: BoundTerm) -> bytes:
    setup = bound.setup
    return msgspec.msgpack.encode([setup.verifier, setup.params], order="deterministic")


def _refuse_misfits(recipe: BoundRecipe, reports: dict[int, SetupReport]) -> None:
    errors: list[FieldError] = []
    for index, bound in enumerate(recipe.terms):
        report = reports[id(bound.setup)]
        if report.error is not None:
            params = str(bound.term.params)[:200]
            field = f"terms[{index}].params"
            errors.append(FieldError(field=field, message=report.error, value=params))
    if errors:
        detail = f"recipe {recipe.recipe.name!r}: {errors[0].field}: {errors[0].message}"
        raise RequestRefusedError("invalid_params", detail, errors)
