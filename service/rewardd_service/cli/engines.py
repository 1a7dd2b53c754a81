"""Where a command has its samples scored: in workers of its own, or by a running server."""

import hashlib
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rewardd_client import AsyncClient, RequestError
from rewardd_client.schema import Recipe, ScoreRequest, ScoreResponse
from rewardd_service.cli.configuration import settings_of
from rewardd_service.cli.console import CommandError, ExitCode
from rewardd_service.composition import open_scorer
from rewardd_service.errors import RequestRefusedError
from rewardd_service.scorer import Scorer

_ABOUT_THE_DOOR = frozenset({401, 403, 404, 405})
"""Statuses that say something of the address or the key, and nothing of the samples."""


class Engine(Protocol):
    """Scores requests."""

    async def score(self, request: ScoreRequest) -> ScoreResponse:
        """Return one result per sample, in order.

        Raises:
            RequestRefusedError: the request makes no sense; the error names the fields.
            BackendUnavailableError, RewarddError: nothing can be scored now.
        """
        ...

    async def recipes(self) -> list[Recipe]:
        """Return all recipes that have a name."""
        ...


class EmbeddedEngine:
    """Scores in this process and its workers; no HTTP."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    async def score(self, request: ScoreRequest) -> ScoreResponse:
        """Return one result per sample, in order; see `Engine`."""
        outcome = await self._scorer.score(request)
        return ScoreResponse.model_validate({"results": outcome.results, "groups": outcome.groups})

    async def recipes(self) -> list[Recipe]:
        """Return all recipes that have a name."""
        return self._scorer.recipes()


class RemoteEngine:
    """Asks a running server through the client, which splits, retries and waits."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def score(self, request: ScoreRequest) -> ScoreResponse:
        """Return one result per sample, in order; see `Engine`."""
        try:
            batch = await self._client.score(
                request.samples,
                request.reward,
                references=request.references,
                deadline_seconds=request.deadline_seconds,
            )
        except RequestError as error:
            if error.status in _ABOUT_THE_DOOR:
                raise CommandError(str(error), ExitCode.UNFINISHED) from error
            raise RequestRefusedError(error.code, str(error), error.errors) from error
        return ScoreResponse(results=batch.results, groups=batch.groups)

    async def recipes(self) -> list[Recipe]:
        """Return all recipes that have a name."""
        try:
            return await self._client.recipes()
        except RequestError as error:
            raise CommandError(str(error), ExitCode.UNFINISHED) from error


@asynccontextmanager
async def embedded(
    recipes: Path | None = None, workers: int | None = None
) -> AsyncGenerator[EmbeddedEngine]:
    """Start workers and stop them in the end.

    Raises:
        CommandError: a setting of the environment makes no sense.
        RecipeError: a recipe file is wrong.
        BackendUnavailableError: the workers do not start.
    """
    settings = settings_of({"recipes": recipes, "workers": workers})
    async with open_scorer(settings) as scorer:
        yield EmbeddedEngine(scorer)


@asynccontextmanager
async def remote(
    url: str, key: str | None = None, *, deadline_seconds: float = 30.0
) -> AsyncGenerator[RemoteEngine]:
    """Connect to a server; `deadline_seconds` is for questions that name none.

    Raises:
        CommandError: the URL is none.
    """
    try:
        client = AsyncClient(url, key=key, deadline_seconds=deadline_seconds)
    except ValueError as error:
        raise CommandError(f"--url: {error}") from error
    async with client:
        yield RemoteEngine(client)


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What the command line says of where to score.

    Attributes:
        url: of a server; None: workers here.
        key: for the server.
        recipes: folder of recipes for workers here.
        workers: how many; None: as many as usable cores.
    """

    url: str | None = None
    key: str | None = None
    recipes: Path | None = None
    workers: int | None = None

    @asynccontextmanager
    async def engine(self) -> AsyncGenerator[Engine]:
        """Open the server's engine if there is a URL, else one of our own.

        Raises:
            CommandError: a URL and something that only workers here could use; or no such URL.
            RecipeError, BackendUnavailableError: see `embedded`.
        """
        if self.url is None:
            async with embedded(self.recipes, self.workers) as engine:
                yield engine
            return
        if self.workers is not None or self.recipes is not None:
            raise CommandError("--workers and --recipes are for scoring here; --url asks a server")
        async with remote(self.url, self.key) as engine:
            yield engine


def recipes_hash(recipes: Iterable[Recipe]) -> str:
    """Return what changes when a recipe does."""
    content = "\n".join(recipe.model_dump_json() for recipe in recipes)
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
