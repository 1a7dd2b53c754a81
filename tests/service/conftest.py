from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from fakes import InstantBackend
from rewardd_client.schema import ScoreRequest
from rewardd_service.backends import Backend
from rewardd_service.recipes import RecipeBook
from rewardd_service.scorer import Scorer
from rewardd_verifiers import Catalog, Need

Score = Callable[..., Any]

_VERIFIERS = {
    Need.CPU: ["choice", "exact", "format", "language", "math", "overlong", "tag_count"],
    Need.SANDBOX: ["code"],
}


@pytest.fixture
def catalog() -> Catalog:
    """Return names without verifiers: the gateway looks at no more."""
    return Catalog(
        (need, EntryPoint(name=name, value="nowhere:Nothing", group="any"))
        for need, names in _VERIFIERS.items()
        for name in names
    )


@pytest.fixture
def make_scorer(catalog: Catalog) -> Callable[..., Scorer]:
    def make(backend: Backend | None = None) -> Scorer:
        return Scorer(backend or InstantBackend(), RecipeBook(catalog))

    return make


@pytest.fixture
def scorer(make_scorer: Callable[..., Scorer]) -> Scorer:
    return make_scorer()


@pytest.fixture
def request_of() -> Callable[..., ScoreRequest]:
    """Return a request from pairs of completion and reference, or from whole samples."""

    def make(*samples: tuple[str, Any] | dict[str, Any], **fields: Any) -> ScoreRequest:
        return ScoreRequest.model_validate(
            {
                "reward": "exact",
                "samples": [
                    sample
                    if isinstance(sample, dict)
                    else {"completion": sample[0], "reference": sample[1]}
                    for sample in samples
                ],
                **fields,
            }
        )

    return make
