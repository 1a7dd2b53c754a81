"""`/v1/verifiers` and `/v1/recipes`: what can be asked for."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from rewardd_service.edge.answers import Format, encode
from rewardd_service.edge.desk import Desk
from rewardd_service.edge.refusal import EdgeRefusalError
from rewardd_service.job import VerifierCard
from rewardd_service.openapi import problems


class CatalogRoutes:
    """Lists verifiers and recipes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def router(self) -> APIRouter:
        """Return the routes."""
        router = APIRouter(tags=["catalog"])
        for path, endpoint, summary, statuses in (
            ("/v1/verifiers", self.verifiers, "List verifiers", (401, 503)),
            ("/v1/verifiers/{name}", self.verifier, "Describe a verifier", (401, 404, 422, 503)),
            ("/v1/recipes", self.recipes, "List recipes", (401,)),
        ):
            router.add_api_route(
                path,
                endpoint,
                methods=["GET"],
                summary=summary,
                response_model=None,
                responses=problems(*statuses),
            )
        return router

    async def verifiers(self, request: Request) -> Response:
        """Return name, need, version and JSON schemas of every verifier that can be asked."""
        self._desk.tenant(request)
        cards = await self._desk.scorer.verifiers()
        return _json({"verifiers": [_fields(card) for card in cards]})

    async def verifier(self, request: Request, name: str) -> Response:
        """Return one verifier's card."""
        self._desk.tenant(request)
        cards = {card.name: card for card in await self._desk.scorer.verifiers()}
        if name not in cards:
            known = ", ".join(sorted(cards))
            raise EdgeRefusalError("not_found", f"no verifier {name[:64]!r}; there are {known}")
        return _json(_fields(cards[name]))

    async def recipes(self, request: Request) -> Response:
        """Return every recipe that has a name."""
        self._desk.tenant(request)
        recipes = self._desk.scorer.recipes()
        return _json({"recipes": [recipe.model_dump(mode="json") for recipe in recipes]})


def _fields(card: VerifierCard) -> dict[str, Any]:
    # The struct travels as an array; here people read it.
    return msgspec.structs.asdict(card)


def _json(plain: object) -> Response:
    return Response(encode(plain, Format.JSON), media_type=Format.JSON.value)
