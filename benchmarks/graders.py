"""A grader in a process of its own, told rows by blocks: neither pays for the other's heap."""

import importlib
import multiprocessing
import resource
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple, cast

_WARM_UP = 50
"""Rows that are judged before anything is measured, as a worker's preload does."""


@dataclass(frozen=True)
class Row:
    """One labelled response."""

    gold: str
    response: str
    label: bool


class Judged(NamedTuple):
    """What a grader said of a row; `accepted` is None where it cannot tell."""

    accepted: bool | None
    tier: str
    seconds: float


class Block(NamedTuple):
    """Rows judged one after the other, and what they cost."""

    judged: list[Judged]
    cpu_seconds: float
    peak_mib: float


Judge = Callable[[Row], tuple[bool | None, str]]


class Grader:
    """Asks a process that has imported one module, and calls its `judge`."""

    def __init__(self, connection: "Connection[Sequence[Row], Block]") -> None:
        self._connection = connection

    def judge(self, rows: Sequence[Row]) -> Block:
        """Return what it says of the rows, in order."""
        self._connection.send(rows)
        return self._connection.recv()


@contextmanager
def grader(module: str, warm_up: Sequence[Row]) -> Generator[Grader]:
    """Start the process of a grader, warmed on some rows; it ends with the block."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, module), daemon=True)
    process.start()
    there.close()
    asked = Grader(here)
    try:
        asked.judge(warm_up[:_WARM_UP])
        yield asked
    finally:
        here.close()
        process.join()


def _serve(connection: "Connection[Block, Sequence[Row]]", module: str) -> None:
    judge = cast("Judge", importlib.import_module(module).judge)
    while True:
        try:
            rows = connection.recv()
        except EOFError:
            return
        begin = time.process_time()
        judged = [_timed(judge, row) for row in rows]
        spent = time.process_time() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        connection.send(Block(judged, spent, peak))


def _timed(judge: Judge, row: Row) -> Judged:
    start = time.perf_counter()
    accepted, tier = judge(row)
    return Judged(accepted, tier, time.perf_counter() - start)
