from collections.abc import AsyncIterator

import msgspec
import pytest

from gateway_fakes import Bench, batch, bench


@pytest.fixture
async def house() -> AsyncIterator[Bench]:
    async with bench() as opened:
        yield opened


async def test_a_batch_is_answered_in_order_with_nulls_for_what_could_not_be_judged(
    house: Bench,
) -> None:
    answer = await house.score(batch(("1", "1"), ("2", "1"), ("?", "1")))
    assert answer.status_code == 200
    assert [result["reward"] for result in answer.json()["results"]] == [1.0, 0.0, None]
    assert answer.json()["groups"] == []


async def test_json_and_msgpack_ask_and_answer_alike(house: Bench) -> None:
    body = batch(("1", "1"), ("2", {"a": [1, None, 0.5]}))
    plain = await house.score(body)
    packed = await house.client.post(
        "/v1/score",
        content=msgspec.msgpack.encode(body),
        headers={"content-type": "application/msgpack", "accept": "application/msgpack"},
    )
    assert packed.headers["content-type"] == "application/msgpack"
    assert msgspec.msgpack.decode(packed.content) == plain.json()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/livez",
        "/readyz",
        "/metrics",
        "/docs",
        "/openapi.json",
        "/v1/verifiers",
        "/v1/recipes",
    ],
)
async def test_a_path_of_the_api_answers(house: Bench, path: str) -> None:
    assert (await house.client.get(path)).status_code == 200


async def test_readiness_says_what_the_server_has_to_do_without(house: Bench) -> None:
    assert (await house.client.get("/readyz")).json() == {"status": "ready"}
    house.scorer.without = "redis does not serve"
    answer = await house.client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["degraded"] == "redis does not serve"


async def test_the_document_describes_every_model_that_it_points_to(house: Bench) -> None:
    document = (await house.client.get("/openapi.json")).text
    schemas = msgspec.json.decode(document)["components"]["schemas"]
    pointed = {part.split('"')[0] for part in document.split("#/components/schemas/")[1:]}
    assert pointed <= set(schemas)
    assert {"ScoreRequest", "Sample", "ScoreResponse", "JobState", "Problem"} <= set(schemas)


async def test_a_verifier_is_described_by_its_name(house: Bench) -> None:
    card = (await house.client.get("/v1/verifiers/exact")).json()
    assert card["name"] == "exact"
    assert card["reference"] == {"type": "string"}
    unknown = await house.client.get("/v1/verifiers/nothing")
    assert unknown.status_code == 404
    assert "exact" in unknown.json()["detail"]
