import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rewardd_service.cli.engines import EmbeddedEngine
from rewardd_service.cli.passage import BadRowError, Manner, Passage
from rewardd_service.cli.report import LineStyle, Tally
from rewardd_service.cli.settle import Settler
from rewardd_service.tables import (
    Columns,
    FileOutput,
    Output,
    Progress,
    Source,
    StreamOutput,
    TakenError,
)
from rewardd_service.tables.lines import read_lines

GROUPED = b"".join(
    json.dumps({"completion": str(n % 3), "reference": "1", "group": f"g{n // 3}"}).encode() + b"\n"
    for n in range(30)
)


def _silent(_end: int, _rows: int) -> None:
    pass


def _manner(**told: Any) -> Manner:
    return Manner(batch_samples=told.pop("batch_samples", 4), **told)


async def _run(
    content: bytes,
    engine: EmbeddedEngine,
    output: Output,
    start: Progress | None = None,
    manner: Manner | None = None,
) -> tuple[Tally, Passage]:
    source = Source("samples.jsonl", len(content), read_lines(io.BytesIO(content)))
    settler = Settler(engine, "exact")
    passage = Passage(source, Columns(), settler, output, manner or _manner())
    return await passage.run(start or Progress({}), _silent), passage


async def _scored(content: bytes, engine: EmbeddedEngine, **told: Any) -> list[dict[str, Any]]:
    written = io.BytesIO()
    await _run(content, engine, StreamOutput(written), manner=_manner(**told))
    return [json.loads(line) for line in written.getvalue().splitlines()]


class _Killed(Exception):  # noqa: N818 - what happens to the process
    pass


class _DyingOutput(FileOutput):
    """Dies at a commit: before it, or after the lines are written and before the progress is."""

    def die_at(self, commit: int, *, torn: bool) -> None:
        self.left = commit
        self.torn = torn

    def commit(self, text: bytes, progress: Progress) -> None:
        if self.left == 0:
            self._stream.write(text[: len(text) // 2] if self.torn else b"")
            self._stream.flush()
            raise _Killed
        self.left -= 1
        super().commit(text, progress)


async def _die(
    path: Path, content: bytes, engine: EmbeddedEngine, commit: int, *, torn: bool
) -> None:
    with _DyingOutput(path, {}) as output:
        output.die_at(commit, torn=torn)
        with pytest.raises(_Killed):
            await _run(content, engine, output, output.progress)


async def test_each_row_gets_one_line_in_order(engine: EmbeddedEngine) -> None:
    lines = await _scored(GROUPED, engine)
    assert [line["line"] for line in lines] == list(range(1, 31))
    assert [line["reward"] for line in lines] == [0.0, 1.0, 0.0] * 10
    assert {line["group"] for line in lines} == {f"g{n}" for n in range(10)}


@pytest.mark.parametrize("torn", [False, True], ids=["clean", "torn"])
@pytest.mark.parametrize("commit", range(5))
async def test_a_killed_run_goes_on_to_the_same_bytes(
    tmp_path: Path, engine: EmbeddedEngine, commit: int, *, torn: bool
) -> None:
    undisturbed = io.BytesIO()
    whole, _ = await _run(GROUPED, engine, StreamOutput(undisturbed))
    path = tmp_path / "out.jsonl"
    await _die(path, GROUPED, engine, commit, torn=torn)
    with FileOutput(path, {}) as output:
        assert output.progress.rows == commit * 6
        tally, _ = await _run(GROUPED, engine, output, output.progress)
    assert path.read_bytes() == undisturbed.getvalue()
    assert tally.sums == whole.sums


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.integers(1, 40), st.integers(1, 3000))
async def test_the_size_of_batches_is_not_seen_in_the_output(
    engine: EmbeddedEngine, samples: int, size: int
) -> None:
    content = GROUPED.replace(b'"g4"', b"null") + b"{}\n"
    cut = await _scored(
        content, engine, batch_samples=samples, batch_bytes=size, stop_at_bad_rows=False
    )
    assert cut == await _scored(content, engine, batch_samples=10**6, stop_at_bad_rows=False)


async def test_a_changed_input_is_not_continued(tmp_path: Path, engine: EmbeddedEngine) -> None:
    path = tmp_path / "out.jsonl"
    await _die(path, GROUPED, engine, 2, torn=False)
    changed = GROUPED.replace(b'"0"', b'"1"', 1)
    with FileOutput(path, {}) as output, pytest.raises(TakenError, match="have changed since"):
        await _run(changed, engine, output, output.progress)
    with FileOutput(path, {}) as output, pytest.raises(TakenError, match="have changed since"):
        await _run(GROUPED[:100], engine, output, output.progress)


async def test_an_input_that_has_grown_is_continued(tmp_path: Path, engine: EmbeddedEngine) -> None:
    path = tmp_path / "out.jsonl"
    await _die(path, GROUPED, engine, 2, torn=False)
    grown = GROUPED + b'{"completion": "1", "reference": "1"}\n'
    with FileOutput(path, {}) as output:
        tally, _ = await _run(grown, engine, output, output.progress)
    assert tally.of("scored") == 31


async def test_a_run_stops_at_a_bad_row_and_keeps_what_is_before_its_group(
    tmp_path: Path, engine: EmbeddedEngine
) -> None:
    path = tmp_path / "out.jsonl"
    rows = GROUPED.splitlines(keepends=True)
    broken = b"".join([*rows[:13], b"{broken\n", *rows[14:]])
    with FileOutput(path, {}) as output, pytest.raises(BadRowError) as caught:
        await _run(broken, engine, output)
    assert caught.value.complaint.number == 14
    with FileOutput(path, {}) as output:
        assert output.progress.rows == 12
        tally, _ = await _run(GROUPED, engine, output, output.progress)
    assert tally.of("scored") == 30


async def test_a_marked_row_keeps_its_line_and_its_neighbours_their_rewards(
    engine: EmbeddedEngine,
) -> None:
    rows = GROUPED.splitlines(keepends=True)
    broken = b"".join([*rows[:13], b"{broken\n", *rows[14:]])
    written = io.BytesIO()
    manner = _manner(stop_at_bad_rows=False)
    tally, passage = await _run(broken, engine, StreamOutput(written), manner=manner)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert lines[13]["reason"] == "invalid_row"
    assert (lines[13]["line"], lines[13]["reward"]) == (14, None)
    assert (tally.of("scored"), tally.of("invalid")) == (29, 1)
    assert [(each.number, each.field) for each in passage.complaints] == [(14, "row")]


async def test_nothing_that_differs_between_runs_stands_in_a_line_unless_asked_for(
    engine: EmbeddedEngine,
) -> None:
    (line,) = await _scored(b'{"completion": "1", "reference": "1", "x": 1}', engine)
    assert not {"seconds", "attempts"} & line["terms"][0].keys()
    style = LineStyle(timing=True, row=True)
    (line,) = await _scored(b'{"completion": "1", "reference": "1", "x": 1}', engine, style=style)
    assert line["terms"][0]["seconds"] == 0.001
    assert line["row"] == {"completion": "1", "reference": "1", "x": 1}


async def test_the_summary_tells_all_that_happened(engine: EmbeddedEngine) -> None:
    content = GROUPED + b'{"completion": "?", "reference": "1"}\n{}\n'
    tally, _ = await _run(
        content, engine, StreamOutput(io.BytesIO()), manner=_manner(stop_at_bad_rows=False)
    )
    assert tally.summary() == (
        "30 scored (mean reward 0.3333), 1 without a verdict (1 undecided), "
        "1 rows that are no samples"
    )
