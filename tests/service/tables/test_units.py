import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from rewardd_service.tables import Columns, Row, Unit, batches, units


def _rows(groups: Sequence[str | None]) -> list[Row]:
    """Return a row for each group; "!" stands for a row that cannot be read."""
    lines = [
        "{" if group == "!" else json.dumps({"completion": "x", "group": group}) for group in groups
    ]
    return [Row(n, line.encode(), n) for n, line in enumerate(lines, start=1)]


def _units(groups: Sequence[str | None], seen: set[bytes] | None = None) -> list[Unit]:
    return list(units(_rows(groups), Columns().sample, set() if seen is None else seen))


def _numbers(found: Sequence[Unit]) -> list[list[int]]:
    return [[entry.row.number for entry in unit] for unit in found]


def test_a_group_is_a_unit_and_so_is_a_sample_without_one() -> None:
    assert _numbers(_units(["a", "a", None, None, "b", "c", "c"])) == [
        [1, 2],
        [3],
        [4],
        [5],
        [6, 7],
    ]


def test_a_bad_row_belongs_to_the_group_around_it() -> None:
    assert _numbers(_units(["!", "a", "!", "a", None, "!", "b"])) == [[1], [2, 3, 4], [5], [6], [7]]


def test_a_group_that_comes_back_is_complained_of_and_the_first_part_is_not() -> None:
    found = _units(["a", "b", "a", "a"])
    assert _numbers(found) == [[1], [2], [3, 4]]
    assert [entry.complaint for unit in found[:2] for entry in unit] == [None, None]
    assert {entry.complaint.field for entry in found[2] if entry.complaint} == {"group"}


def test_groups_that_an_earlier_run_has_seen_count() -> None:
    seen: set[bytes] = set()
    _units(["a"], seen)
    assert _units(["a"], seen)[0][0].complaint is not None


@given(st.lists(st.sampled_from(["a", "b", "c", None, "!"]), max_size=40), st.integers(1, 9))
def test_each_row_is_in_one_batch_in_order_and_no_unit_is_cut(
    groups: list[str | None], size: int
) -> None:
    found = _units(groups)
    cut = list(batches(found, max_samples=size, max_bytes=10**9))
    assert [unit for batch in cut for unit in batch] == found
    assert [n for unit in _numbers(found) for n in unit] == list(range(1, len(groups) + 1))
    assert all(sum(map(len, batch[:-1])) < size for batch in cut)


def test_a_batch_is_bounded_in_bytes() -> None:
    assert len(list(batches(_units([None] * 6), max_samples=100, max_bytes=1))) == 6
