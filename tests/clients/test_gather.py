from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewardd_client import Sample
from rewardd_client.encoding import Piece
from rewardd_client.gather import BATCH_BYTES, BATCH_SAMPLES, WAIT_SECONDS, Gatherer


@dataclass(eq=False)
class Waiting:
    piece: Piece
    group_size: int | None = None


def waiting(
    group: str | None = None,
    group_size: int | None = None,
    size_bytes: int = 10,
    shared: dict[str, bytes] | None = None,
) -> Waiting:
    sample = Sample(completion="c", group=group)
    return Waiting(Piece(sample, None, b"x" * (size_bytes - 1), shared or {}), group_size)


def everything(_: Waiting) -> bool:
    return True


def test_a_batch_is_ready_at_32_samples() -> None:
    gatherer = Gatherer[Waiting]()

    ready = [gatherer.add(waiting(), 0.0) for _ in range(2 * BATCH_SAMPLES)]

    assert [len(batch) for batches in ready for batch in batches] == [32, 32]
    assert gatherer.empty


def test_a_batch_is_ready_at_1_mib() -> None:
    gatherer = Gatherer[Waiting]()
    half = waiting(size_bytes=BATCH_BYTES // 2)

    assert gatherer.add(half, 0.0) == []
    assert gatherer.add(half, 0.0) == [[half, half]]


def test_a_sample_that_does_not_fit_closes_the_batch_before_it() -> None:
    gatherer = Gatherer[Waiting]()
    small, large = waiting(), waiting(size_bytes=2 * BATCH_BYTES)

    assert gatherer.add(small, 0.0) == []
    assert gatherer.add(large, 0.0) == [[small], [large]]


def test_a_batch_is_due_5_ms_after_its_first_sample() -> None:
    gatherer = Gatherer[Waiting]()
    first, second = waiting(), waiting()
    gatherer.add(first, 1.0)
    gatherer.add(second, 1.004)

    assert gatherer.due_at == 1.0 + WAIT_SECONDS
    assert gatherer.due(1.0049) == []
    assert gatherer.due(1.005) == [[first, second]]
    assert gatherer.due(9.0) == []


def test_a_group_waits_until_it_is_whole_and_travels_whole() -> None:
    gatherer = Gatherer[Waiting]()
    first, second = waiting("g", 2), waiting("g", 2)

    assert gatherer.add(first, 0.0) == []
    assert gatherer.due_at is None
    assert not gatherer.empty
    assert gatherer.add(second, 60.0) == []
    assert gatherer.due(60.0 + WAIT_SECONDS) == [[first, second]]


def test_the_next_group_of_a_name_is_another_group() -> None:
    gatherer = Gatherer[Waiting]()
    members = [waiting("g", 2) for _ in range(4)]

    ready = [batch for each in members for batch in gatherer.add(each, 0.0)]

    assert [*ready, *gatherer.flush(everything)] == [members[:2], members[2:]]


def test_two_meanings_of_one_reference_do_not_share_a_post() -> None:
    gatherer = Gatherer[Waiting]()
    one, same, other = (waiting(shared={"t": content}) for content in (b"1", b"1", b"2"))

    assert gatherer.add(one, 0.0) == []
    assert gatherer.add(same, 0.0) == []
    assert gatherer.add(other, 0.0) == [[one, same]]


def test_a_flush_sends_the_open_batch_and_half_groups_of_the_wanted_only() -> None:
    gatherer = Gatherer[Waiting]()
    single, mine, theirs = waiting(), waiting("g", 2), waiting("h", 2)
    for each in (single, mine, theirs):
        gatherer.add(each, 0.0)

    assert gatherer.flush(lambda ticket: ticket is mine) == [[single], [mine]]
    assert gatherer.flush(everything) == [[theirs]]
    assert gatherer.empty


@pytest.mark.parametrize("group_size", [None, 3])
def test_what_was_withdrawn_is_not_sent(group_size: int | None) -> None:
    gatherer = Gatherer[Waiting]()
    kept, withdrawn = waiting("g", group_size), waiting("g", group_size)
    gatherer.add(kept, 0.0)
    gatherer.add(withdrawn, 0.0)

    assert gatherer.remove(withdrawn)
    assert not gatherer.remove(withdrawn)
    assert gatherer.flush(everything) == [[kept]]
    assert not gatherer.remove(kept)


def test_a_group_whose_last_member_is_withdrawn_is_forgotten() -> None:
    gatherer = Gatherer[Waiting]()
    only = waiting("g", 2)
    gatherer.add(only, 0.0)

    assert gatherer.remove(only)
    assert gatherer.empty


@given(
    st.lists(
        st.tuples(st.sampled_from([None, "g", "h"]), st.integers(1, BATCH_BYTES // 3)),
        max_size=120,
    ),
    st.integers(1, 5),
)
def test_each_sample_leaves_once_and_no_whole_group_is_split(
    shapes: list[tuple[str | None, int]], group_size: int
) -> None:
    gatherer = Gatherer[Waiting]()
    tickets = [waiting(group, group_size, size + 1) for group, size in shapes]
    sent = [batch for ticket in tickets for batch in gatherer.add(ticket, 0.0)]
    ready = len(sent)
    sent += gatherer.flush(everything)

    assert sorted(map(id, (each for batch in sent for each in batch))) == sorted(map(id, tickets))
    assert gatherer.empty
    assert all(
        sum(each.piece.sample.group == name for each in batch) in (0, group_size)
        for batch in sent[:ready]
        for name in ("g", "h")
    )
