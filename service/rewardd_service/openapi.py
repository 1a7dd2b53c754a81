"""What the OpenAPI document says of bodies that routes read themselves, and of problems."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from rewardd_client.schema import JobState, Problem, ScoreRequest, ScoreResponse
from rewardd_service.edge.idempotency import KEY_PATTERN
from rewardd_service.problems import MEDIA_TYPE

_REF = "#/components/schemas/{model}"

BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"$ref": _REF.format(model="ScoreRequest")}}
            for media in ("application/json", "application/msgpack")
        },
    },
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Same key and body: the same answer, without scoring again.",
            "schema": {"type": "string", "pattern": KEY_PATTERN},
        }
    ],
}

_BATCH_PROBLEMS = (400, 401, 408, 409, 413, 415, 422, 429, 503)


class App(FastAPI):
    """FastAPI that also describes the models which it does not parse itself."""

    def openapi(self) -> dict[str, Any]:
        """Return the document."""
        if self.openapi_schema is None:
            document = super().openapi()
            _, found = models_json_schema(
                [
                    (ScoreRequest, "validation"),
                    (ScoreResponse, "serialization"),
                    (JobState, "serialization"),
                    (Problem, "serialization"),
                ],
                ref_template=_REF,
            )
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas.update(found["$defs"])
            self.openapi_schema = document
        return self.openapi_schema


def answer(model: str, description: str, *medias: str) -> dict[str, Any]:
    """Describe an answer by the name of its model."""
    schema = {"$ref": _REF.format(model=model)}
    return {"description": description, "content": {media: {"schema": schema} for media in medias}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems that a route may answer with."""
    return {status: answer("Problem", "Problem", MEDIA_TYPE) for status in statuses}


def batch_responses(status: int, model: str, *medias: str) -> dict[int | str, dict[str, Any]]:
    """Describe all answers of a route that takes a batch."""
    described: Mapping[int | str, dict[str, Any]] = problems(*_BATCH_PROBLEMS)
    return {status: answer(model, "Answer", *medias), **described}
