"""Verifiers that a worker has built, kept from chunk to chunk with what they remember."""

from rewardd_service.frames import FrameError, canonical
from rewardd_service.job import Setup
from rewardd_verifiers import Catalog, InvalidParamsError, UnknownVerifierError, Verifier

_KEPT = 64
"""Distinct parameters of a training run are few; a flood of others must not fill the memory."""


class BuiltVerifiers:
    """Builds each verifier once for each set of parameters; a failure is kept as well."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._kept: dict[bytes, Verifier | InvalidParamsError | UnknownVerifierError] = {}

    def get(self, setup: Setup) -> Verifier:
        """Return the verifier of a setup.

        Raises:
            VerifierError: it cannot be built.
        """
        try:
            key = canonical([setup.verifier, setup.params])
        except FrameError:  # it did not come in a frame, so nobody will ask for it often
            return self._catalog.build(setup.verifier, setup.params)
        if key not in self._kept:
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = self._build(setup)
        kept = self._kept[key]
        if isinstance(kept, InvalidParamsError | UnknownVerifierError):
            raise kept.with_traceback(None)
        return kept

    def _build(self, setup: Setup) -> Verifier | InvalidParamsError | UnknownVerifierError:
        try:
            return self._catalog.build(setup.verifier, setup.params)
        except (InvalidParamsError, UnknownVerifierError) as error:
            return error
