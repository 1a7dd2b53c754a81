import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_client import GroupResult, ProtocolError, Recipe, Result, Sample, Settings, Term
from rewardd_client.answers import LineReader, read_line
from rewardd_client.call import envelope_of, pieces_of
from rewardd_client.encoding import Piece
from rewardd_client.exchange import Intake, Post, Settled, headers_of, plan

SETTINGS = Settings(("http://a",), key="secret")
TRANSIENT = ("worker_lost", "sandbox_unavailable", "judge_failed", "overloaded", "cancelled")
SAMPLES = [{"completion": str(n)} for n in range(4)]
GROUPS = [{"completion": str(n), "group": f"g{n // 2}"} for n in range(4)]
RULE = [{"rule": "r", "value": 0.1, "weight": 1.0}]
FINAL = ("timeout", "deadline", "quarantined", "undecided", "fault", "invalid_reference")


def pieces(samples: Sequence[dict[str, Any]]) -> list[tuple[int, Piece]]:
    return list(enumerate(pieces_of(SETTINGS, samples, None)))


def post(samples: Sequence[dict[str, Any]], reward: str | Recipe = "exact") -> Post:
    return Post.make("k", envelope_of(SETTINGS, reward), pieces(samples), 300.0)


def scored(index: int | None, **more: Any) -> Result:  # fields of a result
    return Result.model_validate(
        {"index": index, "reward": 1.0, "status": "scored", "reason": "match", **more}
    )


def lost(index: int, reason: str = "worker_lost", **more: Any) -> Result:  # fields of a result
    return scored(index, **{"reward": None, "status": "unscored", "reason": reason, **more})


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 60)), min_size=1, max_size=40),
    st.integers(60, 400),
)
def test_a_split_loses_no_sample_and_cuts_no_group(
    shapes: list[tuple[int, int]], post_bytes: int
) -> None:
    samples = [
        {"completion": "x" * size, "group": f"g{group}" if group else None}
        for group, size in shapes
    ]
    posts = plan("k", envelope_of(SETTINGS, "exact"), pieces(samples), 300.0, post_bytes)

    assert sorted(place for each in posts for place in each.places) == list(range(len(samples)))
    homes: dict[str, set[str]] = {}
    for each in posts:
        for piece in each.pieces:
            homes.setdefault(piece.sample.group or "", set()).add(each.key)
    assert all(len(keys) == 1 for group, keys in homes.items() if group)
    assert [each.key for each in posts] == [f"k-{number}" for number in range(len(posts))]
    assert all(
        sum(piece.size_bytes for piece in each.pieces) <= post_bytes
        or len({piece.sample.group for piece in each.pieces}) == 1
        for each in posts
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[bytes]]:
    """Samples, and tries at their answer: each any order, any cut, any repeats, but the last."""
    samples = [
        {"completion": "c", "id": draw(st.sampled_from([None, f"id{n}"])), "group": group}
        for n, group in enumerate(
            draw(st.lists(st.sampled_from([None, "g", "h"]), min_size=1, max_size=9))
        )
    ]
    lines = [
        scored(n, id=sample["id"], reward=n / 16, rules=RULE if sample["group"] == "g" else [])
        for n, sample in enumerate(samples)
    ]
    encoded = [line.model_dump_json().encode() for line in lines]
    tries: list[bytes] = []
    for _ in range(draw(st.integers(0, 3))):
        order = draw(st.permutations(encoded))
        repeated = order + draw(st.lists(st.sampled_from(encoded), max_size=3))
        whole = b"".join(line + b"\n" for line in repeated)
        tries.append(whole[: draw(st.integers(0, len(whole)))])
    return samples, [*tries, b"\n".join(draw(st.permutations(encoded)))]


@given(histories(), st.integers(1, 200))
def test_each_sample_is_settled_once_under_any_order_cut_and_repeat(
    history: tuple[list[dict[str, Any]], list[bytes]], chunk_bytes: int
) -> None:
    samples, tries = history
    intake = Intake(post(samples))
    settled: list[Settled] = []
    for number, answer in enumerate(tries):
        lines = LineReader()
        whole = [
            line
            for start in range(0, len(answer), chunk_bytes)
            for line in lines.feed(answer[start : start + chunk_bytes])
        ]
        whole += lines.end() if number == len(tries) - 1 else []
        settled += [each for line in whole for each in intake.take(read_line(line))]

    assert intake.end() == []
    assert sorted(place for place, _ in settled) == list(range(len(samples)))
    assert all(result.reward == place / 16 for place, result in settled)
    assert all(result.id == samples[place]["id"] for place, result in settled)


@given(
    st.lists(st.sampled_from([None, *TRANSIENT, *FINAL]), min_size=1, max_size=12),
    st.lists(st.integers(0, 2), min_size=12, max_size=12),
    st.sampled_from([[], RULE]),
)
def test_each_sample_is_settled_or_asked_again_and_never_both(
    reasons: list[str | None], groups: list[int], rules: list[dict[str, Any]]
) -> None:
    samples = [{"completion": "c", "group": f"g{g}" if g else None} for g in groups]
    samples = samples[: len(reasons)]
    intake = Intake(post(samples))
    answers = [
        scored(n, rules=rules) if reason is None else lost(n, reason)
        for n, reason in enumerate(reasons)
    ]

    settled = [place for answer in answers for place, _ in intake.take(answer)]
    again = [place for place, _ in intake.end()]

    assert sorted(settled + again) == list(range(len(samples)))
    assert {n for n, reason in enumerate(reasons) if reason in TRANSIENT} <= set(again)
    assert sorted(place for place, _ in intake.kept_back()) == again


def test_one_lost_member_takes_its_group_along_where_the_recipe_looks_at_groups() -> None:
    intake = Intake(post(GROUPS))

    first = intake.take(scored(0, rules=RULE))
    settled = [each for line in (lost(1), scored(2, rules=RULE)) for each in intake.take(line)]
    settled += intake.take(scored(3, rules=RULE))

    assert first == []
    assert [place for place, _ in settled] == [2, 3]
    assert [place for place, _ in intake.end()] == [0, 1]


def test_one_lost_member_goes_alone_where_the_recipe_does_not_look_at_groups() -> None:
    intake = Intake(post(GROUPS))

    settled = [each for n in (0, 2, 3) for each in intake.take(scored(n))]
    settled += intake.take(lost(1))

    assert sorted(place for place, _ in settled) == [0, 2, 3]
    assert [place for place, _ in intake.end()] == [1]


def test_an_inline_recipe_with_filters_is_known_to_look_at_groups() -> None:
    recipe = Recipe.model_validate(
        {"name": "r", "terms": [Term(verifier="exact")], "filters": [{"filter": "dapo"}]}
    )
    intake = Intake(post(GROUPS[:2], recipe))

    assert intake.take(scored(0)) == []
    assert intake.take(lost(1)) == []
    assert [place for place, _ in intake.end()] == [0, 1]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(scored(4), id="index that was never sent"),
        pytest.param(scored(-1), id="negative index"),
        pytest.param(Result(reward=1.0, status="scored", reason="match"), id="no index, no id"),
        pytest.param(scored(0, reward=None), id="scored without a reward"),
        pytest.param(lost(0, reward=0.0), id="unscored with a reward"),
        pytest.param(scored(0, reward=float("nan")), id="NaN"),
        pytest.param(scored(0, reward=float("-inf")), id="infinite"),
    ],
)
def test_a_line_that_nobody_can_trust_is_refused(answer: Result) -> None:
    with pytest.raises(ProtocolError):
        Intake(post(SAMPLES)).take(answer)


def test_a_result_under_another_samples_id_is_refused() -> None:
    intake = Intake(post([{"completion": "a", "id": "x"}, {"completion": "b", "id": "y"}]))

    with pytest.raises(ProtocolError, match="'y' at index 0"):
        intake.take(scored(0, id="y"))


def test_a_result_without_an_index_is_found_by_its_id() -> None:
    intake = Intake(post([{"completion": "a", "id": "x"}, {"completion": "b", "id": "y"}]))

    ((place, result),) = intake.take(scored(None, id="y"))

    assert (place, result.index, result.id) == (1, 1, "y")


def test_an_answer_that_ends_early_is_no_answer() -> None:
    intake = Intake(post(SAMPLES))
    intake.take(scored(0))

    with pytest.raises(ProtocolError, match="lacks 3 of 4"):
        intake.end()


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_document_with_another_number_of_results_is_refused(count: int) -> None:
    with pytest.raises(ProtocolError, match=f"{count} results for 4"):
        Intake(post(SAMPLES)).take_all([scored(None)] * count)


def test_what_is_said_of_groups_is_kept() -> None:
    intake = Intake(post(GROUPS))
    line = (
        b'{"groups": [{"group": "g0", "size": 2, "scored": 2, "mean": 0.5, "std": 0.5,'
        b' "keep": true}]}'
    )

    assert intake.take(read_line(line)) == []
    assert intake.groups["g0"] == GroupResult(
        group="g0", size=2, scored=2, mean=0.5, std=0.5, keep=True
    )


def test_a_post_carries_only_the_references_its_samples_name() -> None:
    samples = [{"completion": "x" * 50, "reference_id": name} for name in ("a", "b", "a")]
    prepared = pieces_of(SETTINGS, samples, {"a": [1], "b": {"k": None}, "unused": 1})
    posts = plan("k", envelope_of(SETTINGS, None), list(enumerate(prepared)), 9.5, 200)

    bodies = [json.loads(each.body) for each in posts]
    assert [body["references"] for body in bodies] == [{"a": [1], "b": {"k": None}}, {"a": [1]}]
    assert bodies[0]["deadline_seconds"] == 9.5
    assert "reward" not in bodies[0]


def test_headers_name_key_encoding_and_idempotency() -> None:
    sent = post(SAMPLES)

    assert headers_of(SETTINGS, sent) == {
        "accept": "application/x-ndjson",
        "authorization": "Bearer secret",
        "content-length": str(len(sent.body)),
        "content-type": "application/json",
        "idempotency-key": "k",
    }


def test_sample_objects_and_mappings_travel_alike() -> None:
    fields = {"completion": "c", "reference": [1, None], "metadata": {"step": 3}}
    (from_mapping,) = pieces_of(SETTINGS, [fields], None)
    (from_object,) = pieces_of(SETTINGS, [Sample.model_validate(fields)], None)

    assert from_mapping.content == from_object.content
    assert json.loads(from_object.content) == fields
