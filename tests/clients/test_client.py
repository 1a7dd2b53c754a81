import pickle
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any

import pytest

from rewardd_client import (
    Client,
    ClosedError,
    ProtocolError,
    Recipe,
    RequestError,
    Result,
    Sample,
    ServerFault,
    Unavailable,
    Unscored,
)
from rewardd_client.settings import Compression, Encoding

if TYPE_CHECKING:
    from tests.clients.conftest import FakeServer

FAILS_LATE = 20.0
"""A deadline that no test reaches unless it is broken."""


def rows(count: int, **more: Any) -> list[dict[str, Any]]:  # fields of a sample
    """Samples of which every second is right."""
    return [{"completion": str(n), "reference": str(n - n % 2), **more} for n in range(count)]


EXPECTED = [1.0, 0.0, 1.0, 0.0]


def test_results_keep_the_order_of_the_samples(server: "FakeServer") -> None:
    server.backwards = True
    samples = [{**row, "id": f"s{n}"} for n, row in enumerate(rows(4))]

    with Client(server.url) as client:
        batch = client.score(samples, reward="exact")

    assert batch.rewards == EXPECTED
    assert batch.scored == [True] * 4
    assert [result.id for result in batch] == ["s0", "s1", "s2", "s3"]
    assert server.posts[0].content["reward"] == "exact"
    assert server.posts[0].content["deadline_seconds"] == 300.0


def test_no_samples_are_no_request(server: "FakeServer") -> None:
    assert Client(server.url).score([], reward="exact").rewards == []
    assert server.seen == []


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
@pytest.mark.parametrize("compress", [None, "zstd"])
def test_every_encoding_gives_the_same_rewards(
    server: "FakeServer", encoding: Encoding, compress: Compression | None
) -> None:
    client = Client(server.url, encoding=encoding, compress=compress)

    assert client.score(rows(4), reward="exact").rewards == EXPECTED
    assert server.posts[0].headers.get("content-encoding") == compress


def test_sample_objects_inline_recipes_and_shared_references_travel(server: "FakeServer") -> None:
    recipe = Recipe.model_validate({"name": "r", "terms": [{"verifier": "exact", "name": "e"}]})
    samples = [Sample(completion="a", reference_id="t", reward=recipe)]

    batch = Client(server.url).score(samples, recipe, references={"t": {"stdin": "1"}})

    sent = server.posts[0].content
    assert sent["references"] == {"t": {"stdin": "1"}}
    assert sent["reward"]["terms"] == [{"verifier": "exact", "name": "e"}]
    assert "e/mean" in batch.metrics()


def test_an_answer_in_one_document_counts_too_and_brings_groups(server: "FakeServer") -> None:
    server.as_json = True
    server.groups = [{"group": "g", "size": 4, "scored": 4, "mean": 0.5, "std": 0.5, "keep": True}]

    batch = Client(server.url).score(rows(4, group="g"), reward="exact")

    assert batch.rewards == EXPECTED
    assert [group.keep for group in batch.groups] == [True]


def test_lines_about_groups_are_kept(server: "FakeServer") -> None:
    server.groups = [{"group": "g", "size": 4, "scored": 4, "mean": 0.5, "std": 0.5}]

    batch = Client(server.url).score(rows(4, group="g"), reward="exact")

    assert [(group.group, group.mean) for group in batch.groups] == [("g", 0.5)]


def test_a_large_batch_is_split_at_16_mib_and_comes_back_whole(server: "FakeServer") -> None:
    samples = [{**row, "prompt": "x" * 2**20} for row in rows(20)]

    batch = Client(server.url).score(samples, reward="exact")

    assert batch.rewards == [1.0, 0.0] * 10
    assert sorted(map(len, server.samples)) == [5, 15]
    keys = {post.headers["idempotency-key"].rpartition("-")[::2] for post in server.posts}
    assert {number for _, number in keys} == {"0", "1"}
    assert len({base for base, _ in keys}) == 1


def test_the_key_is_sent_and_never_shown(server: "FakeServer") -> None:
    server.key = "rwd_a_secret"

    with_key = Client(server.url, key="rwd_a_secret")
    in_url = Client(server.url.replace("//", "//any:rwd_a_secret@"))

    assert with_key.score(rows(4), "exact").rewards == EXPECTED
    assert in_url.score(rows(4), "exact").rewards == EXPECTED
    assert "rwd_a_secret" not in repr(with_key) + repr(in_url)
    with pytest.raises(RequestError) as caught:
        Client(server.url).score(rows(1), "exact")
    assert (caught.value.status, caught.value.code) == (401, "unauthorized")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        pytest.param("127.0.0.1:8000", {}, id="no scheme"),
        pytest.param("ftp://a", {}, id="other scheme"),
        pytest.param([], {}, id="no URL at all"),
        pytest.param("http://[::1", {}, id="broken"),
        pytest.param("http://a", {"deadline_seconds": 0}, id="no time"),
        pytest.param("http://a", {"deadline_seconds": float("nan")}, id="NaN"),
        pytest.param("http://a", {"deadline_seconds": 4000}, id="too long"),
        pytest.param("http://a", {"encoding": "xml"}, id="encoding"),
        pytest.param("http://a", {"compress": "gzip"}, id="compression"),
        pytest.param("http://a", {"group_size": 0}, id="empty groups"),
        pytest.param("http://a", {"key": "a\nb"}, id="header injection"),
    ],
)
def test_settings_that_cannot_work_are_refused_at_once(
    url: str | list[str], options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Client(url, **options)


def test_a_group_is_counted_anew_when_a_member_gets_its_verdict_late(
    server: "FakeServer",
) -> None:
    server.groups = [{"group": "g", "size": 4, "scored": 3, "mean": 0.3, "std": 0.4, "keep": True}]
    samples = rows(4, group="g")
    samples[0]["metadata"] = {"unscored": ["worker_lost"]}

    (group,) = Client(server.url, deadline_seconds=FAILS_LATE).score(samples, "exact").groups

    assert (group.size, group.scored, group.mean, group.std) == (4, 4, 0.5, 0.5)
    assert group.keep is True


# What the table of retries says, one by one.


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_a_passing_status_is_tried_again_with_the_same_bytes_and_key(
    server: "FakeServer", make_fault: Callable[..., Any], status: int
) -> None:
    server.faults = [make_fault(status=status, body=b"plain text"), make_fault(status=status)]

    batch = Client(server.url, deadline_seconds=FAILS_LATE).score(rows(4), "exact")

    assert batch.rewards == EXPECTED
    assert len(server.posts) == 3
    assert len({(post.raw, post.headers["idempotency-key"]) for post in server.posts}) == 1


@pytest.mark.parametrize("cut_after", [0, 1, 3, 4])
def test_an_answer_cut_off_keeps_its_lines_and_asks_for_the_same_again(
    server: "FakeServer", make_fault: Callable[..., Any], cut_after: int
) -> None:
    server.faults = [make_fault(cut_after=cut_after)]

    results = list(Client(server.url, deadline_seconds=FAILS_LATE).stream(rows(4), "exact"))

    assert sorted(result.index or 0 for result in results) == [0, 1, 2, 3]
    assert len(server.posts) == 2
    assert len({(post.raw, post.headers["idempotency-key"]) for post in server.posts}) == 1


def test_a_server_that_refuses_connections_gives_way_to_the_next(
    server: "FakeServer", dead_url: str
) -> None:
    client = Client([dead_url, server.url], deadline_seconds=FAILS_LATE)

    assert client.score(rows(4), "exact").rewards == EXPECTED


def test_the_server_that_answered_last_is_asked_first(
    server: "FakeServer", other_server: "FakeServer", make_fault: Callable[..., Any]
) -> None:
    server.faults = [make_fault(status=503)]
    client = Client([server.url, other_server.url], deadline_seconds=FAILS_LATE)

    for _ in range(3):
        client.score(rows(4), "exact")

    assert (len(server.posts), len(other_server.posts)) == (1, 3)


def test_a_sample_unscored_for_a_passing_reason_is_asked_again_alone(
    server: "FakeServer",
) -> None:
    samples = rows(4)
    samples[2]["metadata"] = {"unscored": ["worker_lost", "overloaded"]}

    batch = Client(server.url, deadline_seconds=FAILS_LATE).score(samples, "exact")

    assert batch.rewards == EXPECTED
    assert [len(sent) for sent in server.samples] == [4, 1, 1]
    assert len({post.headers["idempotency-key"] for post in server.posts}) == 3


def test_a_group_is_asked_again_whole_where_a_group_rule_looked_at_it(
    server: "FakeServer",
) -> None:
    samples = [
        {**row, "group": f"g{n // 2}", "metadata": {"rules": True}} for n, row in enumerate(rows(4))
    ]
    samples[3]["metadata"] = {"rules": True, "unscored": ["judge_failed"]}

    batch = Client(server.url, deadline_seconds=FAILS_LATE).score(samples, "exact")

    assert batch.rewards == EXPECTED
    assert [[each["completion"] for each in sent] for sent in server.samples] == [
        ["0", "1", "2", "3"],
        ["2", "3"],
    ]


@pytest.mark.parametrize("reason", ["timeout", "quarantined", "invalid_reference", "undecided"])
def test_any_other_verdict_is_final(server: "FakeServer", reason: str) -> None:
    samples = rows(4)
    samples[1]["metadata"] = {"unscored": [reason]}

    batch = Client(server.url).score(samples, "exact")

    assert batch.rewards == [1.0, None, 1.0, 0.0]
    assert batch.results[1].reason == reason
    assert len(server.posts) == 1


def test_a_500_is_tried_once_more(server: "FakeServer", make_fault: Callable[..., Any]) -> None:
    client = Client(server.url, deadline_seconds=FAILS_LATE)
    server.faults = [make_fault(status=500)]
    assert client.score(rows(4), "exact").rewards == EXPECTED

    server.faults = [make_fault(status=500), make_fault(status=500)]
    with pytest.raises(ServerFault):
        client.score(rows(4), "exact")
    assert len(server.posts) == 4


def test_a_refusal_is_raised_at_once_with_code_field_and_request(server: "FakeServer") -> None:
    with pytest.raises(RequestError) as caught:
        Client(server.url).score(rows(2), "unknown")

    assert (caught.value.status, caught.value.code) == (422, "unknown_recipe")
    assert caught.value.errors[0].field == "samples[0].reward"
    assert caught.value.request_id == "req-1"
    assert len(server.posts) == 1


Lines = list[dict[str, Any]]


def one_too_few(lines: Lines) -> list[Any]:
    return lines[:-1]


def one_too_many(lines: Lines) -> list[Any]:
    return [*lines, {**lines[0], "index": 9}]


def no_json(lines: Lines) -> list[Any]:
    return [*lines[:-1], b"<html>"]


def no_reward(lines: Lines) -> list[Any]:
    return [{**lines[0], "reward": None}, *lines[1:]]


def another_id(lines: Lines) -> list[Any]:
    return [{**lines[0], "id": "else"}, *lines[1:]]


@pytest.mark.parametrize("edit", [one_too_few, one_too_many, no_json, no_reward, another_id])
def test_an_answer_that_is_none_is_a_protocol_error(
    server: "FakeServer",
    make_fault: Callable[..., Any],
    edit: Callable[[Lines], list[Any]],
) -> None:
    server.faults = [make_fault(edit=edit)]
    samples = [{**row, "id": f"s{n}"} for n, row in enumerate(rows(4))]

    with pytest.raises(ProtocolError):
        Client(server.url).score(samples, "exact")


@pytest.mark.parametrize("reward", ["nan", "inf"])
def test_a_reward_that_is_not_finite_never_reaches_the_trainer(
    server: "FakeServer", reward: str
) -> None:
    with pytest.raises(ProtocolError, match="not finite"):
        Client(server.url).score(rows(1, metadata={"reward": reward}), "exact")


# Deadlines.


def test_what_is_late_is_unscored_and_the_rest_is_kept(server: "FakeServer") -> None:
    samples = rows(4)
    samples[1]["metadata"] = {"slow": True}

    batch = Client(server.url).score(samples, "exact", deadline_seconds=0.5)

    assert batch.rewards == [1.0, None, 1.0, 0.0]
    assert batch.results[1].reason == "deadline"
    assert server.gone.acquire(timeout=10)


def test_a_server_that_only_refuses_leaves_samples_unscored_at_the_deadline(
    server: "FakeServer", make_fault: Callable[..., Any]
) -> None:
    server.forever = make_fault(status=503, headers={"retry-after": "1"})

    batch = Client(server.url).score(rows(2), "exact", deadline_seconds=0.3)

    assert [result.reason for result in batch] == ["deadline", "deadline"]
    assert batch.rewards == [None, None]


def test_the_last_word_on_a_lost_sample_stands_at_the_deadline(server: "FakeServer") -> None:
    samples = rows(2)
    samples[1]["metadata"] = {"unscored": ["judge_failed"] * 1000}

    batch = Client(server.url).score(samples, "exact", deadline_seconds=0.3)

    assert [result.reason for result in batch] == ["match", "judge_failed"]


def test_a_server_that_was_never_reached_is_unavailable(dead_url: str) -> None:
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1.*Connect"):
        Client(dead_url).score(rows(2), "exact", deadline_seconds=0.2)


def test_a_submitted_sample_knows_the_same_deadlines(server: "FakeServer", dead_url: str) -> None:
    slow = Client(server.url).submit(
        rows(1, metadata={"slow": True})[0], "exact", deadline_seconds=0.3
    )
    unreachable = Client(dead_url).submit(rows(1)[0], "exact", deadline_seconds=0.2)
    lonely = Client(server.url).submit(
        rows(1, group="g")[0], "exact", deadline_seconds=0.2, group_size=2
    )

    assert slow.result(10).reason == "deadline"
    assert lonely.result(10).reason == "deadline"
    with pytest.raises(Unavailable):
        unreachable.result(10)


# Submitted samples.


def test_submitted_samples_share_posts_and_find_their_way_back(server: "FakeServer") -> None:
    with Client(server.url) as client:
        futures = [client.submit({**row, "id": f"s{n}"}, "exact") for n, row in enumerate(rows(64))]
        batch = client.gather(futures)

    assert batch.rewards == [1.0, 0.0] * 32
    assert [result.id for result in batch] == [f"s{n}" for n in range(64)]
    assert [result.index for result in batch] == [None] * 64
    assert max(map(len, server.samples)) <= 32
    assert sum(map(len, server.samples)) == 64


def test_equal_ids_of_strangers_do_not_meet_in_one_post(server: "FakeServer") -> None:
    with Client(server.url) as client:
        futures = [client.submit({**row, "id": "same"}, "exact") for row in rows(4)]
        batch = client.gather(futures)

    assert batch.rewards == EXPECTED
    assert [result.id for result in batch] == ["same"] * 4
    assert all(
        len([each for each in sent if each.get("id") == "same"]) == 1 for sent in server.samples
    )


def test_rewards_and_deadlines_keep_samples_apart(server: "FakeServer") -> None:
    with Client(server.url) as client:
        first = client.submit(rows(1)[0], "exact", deadline_seconds=30.0)
        second = client.submit(rows(1)[0], "exact", deadline_seconds=40.0)
        third = client.submit(rows(1)[0], "other", deadline_seconds=40.0)
        client.gather([first, second, third])

    assert [len(sent) for sent in server.samples] == [1, 1, 1]


def test_a_group_travels_whole_when_it_is_whole(server: "FakeServer") -> None:
    with Client(server.url, group_size=3) as client:
        first = [client.submit(row, "exact") for row in rows(2, group="g")]
        client.submit(rows(1)[0], "exact").result(10)
        second = client.submit(rows(3, group="g")[2], "exact")
        batch = client.gather([*first, second])

    assert [[each.get("group") for each in sent] for sent in server.samples] == [[None], ["g"] * 3]
    assert batch.group_names == ["g"] * 3
    assert batch.metrics()["groups/mixed"] == 1.0


def test_a_slow_sample_holds_back_no_neighbour(server: "FakeServer") -> None:
    samples = rows(4)
    samples[0]["metadata"] = {"slow": True}
    client = Client(server.url)
    futures = [client.submit(row, "exact") for row in samples]

    early = [future.result(10).reward for future in futures[1:]]
    still_open = not futures[0].done()
    server.release()

    assert early == EXPECTED[1:]
    assert still_open
    assert futures[0].result(10).reward == 1.0


def test_results_come_as_they_are_ready(server: "FakeServer") -> None:
    samples = [{**row, "id": f"s{n}"} for n, row in enumerate(rows(3))]
    samples[0]["metadata"] = {"slow": True}
    client = Client(server.url)

    arriving = client.as_completed([client.submit(row, "exact") for row in samples])
    early = {next(arriving).id, next(arriving).id}
    server.release()

    assert early == {"s1", "s2"}
    assert [result.id for result in arriving] == ["s0"]


def test_a_stream_left_early_withdraws_the_rest(server: "FakeServer") -> None:
    samples = rows(3)
    samples[0]["metadata"] = {"slow": True}

    arriving = Client(server.url).stream(samples, "exact")
    next(arriving)
    arriving.close()

    assert server.gone.acquire(timeout=10)


def test_a_bad_post_breaks_each_of_its_futures(server: "FakeServer") -> None:
    client = Client(server.url)
    futures = [client.submit(row, "unknown") for row in rows(3)]

    errors = [future.exception(10) for future in futures]

    assert [type(error) for error in errors] == [RequestError] * 3
    with pytest.raises(RequestError):
        client.gather(futures)


def test_a_cancelled_future_is_not_sent(server: "FakeServer") -> None:
    with Client(server.url, group_size=2) as client:
        kept, withdrawn = (client.submit(row, "exact") for row in rows(2, group="g"))
        lonely = client.submit(rows(1, group="h")[0], "exact")
        assert lonely.cancel()
        kept.result(10)
        client.submit(rows(2, group="h")[1], "exact")

    assert withdrawn.done()
    assert [each["completion"] for sent in server.samples for each in sent] == ["0", "1", "1"]


def test_a_post_whose_futures_are_all_cancelled_closes_its_connection(
    server: "FakeServer",
) -> None:
    client = Client(server.url)
    futures = [client.submit(row, "exact") for row in rows(2, metadata={"slow": True})]
    assert server.arrived.acquire(timeout=10)

    assert [future.cancel() for future in futures] == [True, True]

    assert server.gone.acquire(timeout=10)
    with pytest.raises(CancelledError):
        futures[0].result(10)


def test_a_post_goes_on_for_those_who_still_wait(server: "FakeServer") -> None:
    client = Client(server.url)
    withdrawn, kept = (client.submit(row, "exact") for row in rows(2, metadata={"slow": True}))
    assert server.arrived.acquire(timeout=10)

    withdrawn.cancel()
    server.release()

    assert kept.result(10).reward == 0.0


# The client's life.


def test_two_batches_that_are_ready_at_once_are_both_sent(server: "FakeServer") -> None:
    with Client(server.url, group_size=2) as client:
        small, large = rows(1)[0], {**rows(1)[0], "prompt": "x" * 2**20}
        together = [client.submit(small, "exact"), client.submit(large, "exact")]
        at_close = [client.submit(small, "exact"), client.submit({**small, "group": "g"}, "exact")]

    assert [future.result(0).reward for future in together + at_close] == [1.0] * 4


@pytest.mark.parametrize("options", [{"deadline_seconds": 0}, {"group_size": 0}])
def test_a_submitted_sample_cannot_ask_for_what_cannot_be(
    server: "FakeServer", options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"0 is"):
        Client(server.url).submit(rows(1)[0], "exact", **options)


def test_close_sends_what_is_queued_and_takes_no_more(server: "FakeServer") -> None:
    client = Client(server.url, group_size=4)
    futures = [client.submit(row, "exact") for row in rows(3, group="g")]

    client.close()
    client.close()

    assert [future.result(0).reward for future in futures] == EXPECTED[:3]
    with pytest.raises(ClosedError):
        client.submit(rows(1)[0], "exact")
    with pytest.raises(ClosedError):
        client.score(rows(1), "exact")


def test_one_client_closed_leaves_another_open(server: "FakeServer") -> None:
    mine, theirs = Client(server.url, group_size=2), Client(server.url, group_size=2)
    half = theirs.submit(rows(2, group="g")[0], "exact")
    mine.submit(rows(1)[0], "exact")

    mine.close()
    theirs.submit(rows(2, group="g")[1], "exact")

    assert half.result(10).reward == 1.0
    assert [len(sent) for sent in server.samples] == [1, 2]


def test_an_error_in_the_block_withdraws_what_is_open(server: "FakeServer") -> None:
    futures: list[Future[Result]] = []

    def training() -> None:
        with Client(server.url) as client:
            futures.append(client.submit(rows(1, metadata={"slow": True})[0], "exact"))
            assert server.arrived.acquire(timeout=10)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        training()
    assert futures[0].cancelled()
    assert server.gone.acquire(timeout=10)


def test_a_pickled_client_is_its_settings(server: "FakeServer") -> None:
    client = Client(server.url, key="k", deadline_seconds=7.0, group_size=3)
    client.score(rows(1), "exact")

    twin = pickle.loads(pickle.dumps(client))  # noqa: S301  # our own bytes

    assert twin.settings == client.settings
    assert twin.score(rows(4), "exact").rewards == EXPECTED


@pytest.mark.parametrize(
    "error",
    [
        RequestError("m", code="c", status=422, request_id="r"),
        ServerFault("m", status=500, request_id="r"),
        Unscored("m", {3: "timeout"}),
        Unavailable("m"),
        ProtocolError("m"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_travel_between_processes_whole(error: Exception) -> None:
    twin = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes

    assert type(twin) is type(error)
    assert (str(twin), vars(twin)) == (str(error), vars(error))


# Before training.


def test_check_returns_the_batch_when_all_is_well(server: "FakeServer") -> None:
    assert Client(server.url).check(rows(4), "exact").rewards == EXPECTED


def test_check_finds_a_wrong_column(server: "FakeServer") -> None:
    samples = rows(3)
    samples[1]["metadata"] = {"unscored": ["invalid_reference"]}

    with pytest.raises(RequestError, match="1 of 3") as caught:
        Client(server.url).check(samples, "exact")

    assert caught.value.errors[0].field == "samples[1].reference"


def test_check_does_not_accept_a_sample_without_a_verdict(server: "FakeServer") -> None:
    with pytest.raises(Unscored, match="timeout") as caught:
        Client(server.url).check(rows(2, metadata={"unscored": ["timeout"]}), "exact")

    assert caught.value.reasons == {0: "timeout", 1: "timeout"}


def test_check_warns_when_nothing_was_found_anywhere(
    server: "FakeServer", make_fault: Callable[..., Any]
) -> None:
    def nothing_found(lines: list[dict[str, Any]]) -> list[Any]:
        return [{**line, "reward": 0.0, "reason": "no_answer", "terms": []} for line in lines]

    server.faults = [make_fault(edit=nothing_found)]

    with pytest.warns(UserWarning, match="none of 2 completions"):
        Client(server.url).check(rows(2), "exact")


def test_the_server_says_what_it_offers(server: "FakeServer") -> None:
    client = Client(server.url)

    assert [recipe.name for recipe in client.recipes()] == ["exact-twice", "grouped", "grouped-any"]
    assert [(card.name, card.need) for card in client.verifiers()] == [("exact", "cpu")]


def test_asking_for_recipes_is_as_patient_as_a_post(
    server: "FakeServer", make_fault: Callable[..., Any], dead_url: str
) -> None:
    server.faults = [make_fault(status=503), make_fault(status=500)]
    assert len(Client(server.url, deadline_seconds=FAILS_LATE).recipes()) == 3

    server.faults = [make_fault(status=404)]
    with pytest.raises(RequestError):
        Client(server.url).verifiers()
    with pytest.raises(Unavailable):
        Client(dead_url, deadline_seconds=0.2).recipes()
