from collections.abc import Callable

import pytest

from fakes import InstantBackend
from rewardd_service.cli.engines import EmbeddedEngine
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_verifiers import Catalog


@pytest.fixture
def engine(catalog: Catalog) -> EmbeddedEngine:
    return EmbeddedEngine(
        Scorer(InstantBackend(inputs={"overlong": ["length"]}), RecipeBook(catalog))
    )


@pytest.fixture
def lines_of() -> Callable[..., bytes]:
    """Return a file of samples that `exact` judges, from completions; the reference is "1"."""

    def make(*completions: str) -> bytes:
        rows = [f'{{"completion": "{text}", "reference": "1"}}\n' for text in completions]
        return "".join(rows).encode()

    return make
