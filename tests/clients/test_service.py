"""The client against the real service, in this process: both ends of one wire."""

from collections.abc import Iterator

import pytest

from rewardd_client import Client, RequestError, local


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with local(deadline_seconds=60, group_size=2) as client:
        yield client


RIGHT = {"completion": "a", "reference": "a"}
WRONG = {"completion": "b", "reference": "a"}
BROKEN = {"completion": "b", "reference": 5}


def test_a_batch_is_scored_in_order_and_a_bad_reference_spares_its_neighbours(
    client: Client,
) -> None:
    batch = client.score([RIGHT, BROKEN, WRONG], "exact")

    assert batch.rewards == [1.0, None, 0.0]
    assert [result.reason for result in batch] == ["match", "invalid_reference", "mismatch"]
    assert batch.metrics()["answer_top_share"] == 0.5


def test_submitted_samples_and_groups_are_scored(client: Client) -> None:
    futures = [client.submit({**row, "group": "g", "id": "x"}, "exact") for row in (RIGHT, WRONG)]

    assert client.gather(futures).rewards == [1.0, 0.0]


def test_what_the_service_says_of_groups_arrives(client: Client) -> None:
    batch = client.score([{**row, "group": "g"} for row in (RIGHT, WRONG)], "exact")

    assert [(group.group, group.scored, group.mean) for group in batch.groups] == [("g", 2, 0.5)]


def test_lone_surrogates_are_scored(client: Client) -> None:
    sample = {"completion": "\ud800", "reference": "\ud800", "metadata": {"\udfff": ["\ud800"]}}

    assert client.score([sample], "exact").rewards == [1.0]


def test_shared_references_are_found(client: Client) -> None:
    sample = {"completion": "a", "reference_id": "r"}

    assert client.score([sample], "exact", references={"r": "a"}).rewards == [1.0]


def test_a_refusal_names_its_code_and_field(client: Client) -> None:
    with pytest.raises(RequestError) as caught:
        client.score([RIGHT], "no-such-recipe")

    assert (caught.value.status, caught.value.code) == (422, "unknown_recipe")
    assert caught.value.errors[0].field == "reward"
    assert caught.value.request_id


def test_check_finds_the_bad_reference(client: Client) -> None:
    assert client.check([RIGHT, WRONG], "exact").rewards == [1.0, 0.0]
    with pytest.raises(RequestError, match=r"samples\[1\]\.reference"):
        client.check([RIGHT, BROKEN], "exact")


def test_what_it_offers_can_be_read(client: Client) -> None:
    assert "exact" in {recipe.name for recipe in client.recipes()}
    assert {card.name: card.need for card in client.verifiers()}["exact"] == "cpu"
