"""The `math` verifier beside math-verify on the same rows: accuracy, ratios, tiers, hostile input.

    python -m benchmarks.math [--data DIR] [--rows N] [--list]

`DIR` holds JSON Lines of gold, response and label; without it the rows are made by mutation. Both
graders run in this one process by turns, so that a busy machine slows both: trust the ratios. They
and the rates are of CPU time; latencies are wall time, with what other processes took.
"""

import argparse
import json
import logging
import resource
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TypeVar, cast

from math_verify import parse, verify

from rewardd_verifiers import Sample, Verdict
from rewardd_verifiers.builtin.math import Gold, Math
from rewardd_verifiers.mathexpr.mutations import mutations

_T = TypeVar("_T")
_ROUND = 50
"""Rows that one grader judges before the other gets its turn."""

_HOSTILE = {
    "power tower": r"8^{8^{8^{8}}}",
    "factorials": "((((9!)!)!)!)!",
    "long decimal": "0." + "3" * 7000,
    "degenerate": "2 " * 4000,
    "nested fractions": r"\frac{1}{" * 300 + "2" + "}" * 300,
    "brackets": "(" * 3000 + "1" + ")" * 3000,
    "set of roots": r"\{" + ",".join(rf"\sqrt{{{n}}}" for n in range(2, 250)) + r"\}",
    "power of a sum": "(x+y+z+1)^{5000}",
    "nested sums": r"\sum_{i=1}^{900}\sum_{j=1}^{900} ij",
    "open boxes": r"\boxed{" * 140_000,
}


# Its lists have no element type.
_parse = cast("Callable[[str], object]", parse)
_verify = cast("Callable[[object, object], bool]", verify)


@dataclass(frozen=True)
class Row:
    """One labelled response."""

    gold: str
    response: str
    label: bool


@dataclass
class Tally:
    """What one grader did on one set."""

    seconds: list[float] = field(default_factory=list[float])
    cpu_seconds: float = 0.0
    wrong: Counter[str] = field(default_factory=Counter[str])
    tiers: Counter[str] = field(default_factory=Counter[str])
    listed: list[str] = field(default_factory=list[str])

    def note(self, row: Row, accepted: bool | None, seconds: float) -> None:  # noqa: FBT001  a result
        """Count one verdict."""
        self.seconds.append(seconds)
        if accepted is None:
            self.wrong["undecided"] += 1
        elif accepted != row.label:
            self.wrong["FP" if accepted else "FN"] += 1
        if accepted != row.label:
            self.listed.append(f"{row.label!s:5} {row.gold[:60]!r} <- {row.response[-80:]!r}")

    def line(self) -> str:
        """Return accuracy, errors, rate and latencies."""
        ordered = sorted(self.seconds)
        p50, p99 = (ordered[int(len(ordered) * share)] * 1e3 for share in (0.5, 0.99))
        accuracy = 100 * (1 - self.wrong.total() / len(ordered))
        rate = len(ordered) / self.cpu_seconds
        return (
            f"{accuracy:6.2f} %  FN {self.wrong['FN']} FP {self.wrong['FP']} "
            f"undecided {self.wrong['undecided']}  {rate:8.0f}/s  "
            f"p50 {p50:.3f} p99 {p99:.3f} max {ordered[-1] * 1e3:.2f} ms"
        )


def _rows(path: Path, limit: int) -> list[Row]:
    found: list[Row] = []
    for line in path.read_text("utf-8").splitlines()[:limit]:
        entry = json.loads(line)
        gold = entry["gold"]
        found.append(
            Row(gold, entry.get("response", f"\\boxed{{{gold}}}"), bool(entry.get("label", True)))
        )
    return found


def _made(limit: int) -> list[Row]:
    random = Random(7)  # noqa: S311  no secret
    made = mutations(random, limit)
    return [Row(one.gold, f"So $\\boxed{{{one.answer}}}$.", one.equal) for one in made]


def _ours(verifier: Math, row: Row) -> Verdict:
    reference: Gold = row.gold
    return verifier.verify(Sample(completion=row.response, reference=reference))


def _theirs(row: Row) -> bool:
    return _verify(_parse(f"${row.gold}$"), _parse(row.response))


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _compare(rows: Sequence[Row]) -> tuple[Tally, Tally, list[float]]:
    ours, theirs, ratios = Tally(), Tally(), list[float]()
    verifier = Math()
    for start in range(0, len(rows), _ROUND):
        block = rows[start : start + _ROUND]
        begin = time.process_time()
        verdicts = [_timed(lambda row=row: _ours(verifier, row)) for row in block]
        middle = time.process_time()
        judged = [_timed(lambda row=row: _theirs(row)) for row in block]
        end = time.process_time()
        for row, (verdict, seconds) in zip(block, verdicts, strict=True):
            accepted = None if verdict.score is None else verdict.score == 1.0
            ours.note(row, accepted, seconds)
            ours.tiers[str(verdict.evidence.get("tier", 0))] += 1
        for row, (accepted, seconds) in zip(block, judged, strict=True):
            theirs.note(row, accepted, seconds)
        ours.cpu_seconds += middle - begin
        theirs.cpu_seconds += end - middle
        ratios.append((end - middle) / (middle - begin))
    return ours, theirs, ratios


def _report(name: str, rows: Sequence[Row], *, listed: bool) -> None:
    ours, theirs, ratios = _compare(rows)
    total = theirs.cpu_seconds / ours.cpu_seconds
    low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else (total,) * 3
    print(f"{name}, {len(rows)} rows: {total:.0f} times as fast (quartiles {low:.0f}-{high:.0f})")
    print(f"  ours        {ours.line()}")
    print(f"  math-verify {theirs.line()}")
    shares = {tier: f"{100 * n / len(rows):.1f} %" for tier, n in sorted(ours.tiers.items())}
    print(f"  tiers {shares}")
    if listed:
        for line in ours.listed:
            print(f"    {line}")


class _Apart(threading.Thread):
    """Judges a row off the main thread."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self._row = row
        self.seconds = 0.0

    def run(self) -> None:
        _, self.seconds = _timed(lambda: _ours(Math(), self._row))


def _hostile() -> None:
    verifier = Math()
    for name, answer in _HOSTILE.items():
        row = Row("7", f"The answer is ${answer}$.", label=False)
        _, here = _timed(lambda row=row: _ours(verifier, row))
        thread = _Apart(row)
        thread.start()
        thread.join()
        print(f"  {name:18} {here * 1e3:7.2f} ms, in a thread {thread.seconds * 1e3:7.2f} ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory of this process, math-verify included: {peak:.0f} MiB")


def main() -> None:
    """Print one table per set, then the hostile inputs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--list", action="store_true", help="print our disagreements with labels")
    chosen = parser.parse_args()
    logging.disable(logging.CRITICAL)
    sets = {"mutations": _made(chosen.rows // 5)}
    if chosen.data is not None:
        files = sorted(chosen.data.glob("*.jsonl"))
        sets |= {path.stem: _rows(path, chosen.rows) for path in files}
    for name, rows in sets.items():
        _report(name, rows, listed=chosen.list)
    print("hostile")
    _hostile()


if __name__ == "__main__":
    main()
