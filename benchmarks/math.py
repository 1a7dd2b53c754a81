"""The `math` verifier beside math-verify on the same rows: accuracy, ratios, tiers, hostile input.

    python -m benchmarks.math [--data DIR] [--rows N] [--rounds N] [--list]

`DIR` holds JSON Lines of gold, response and label; without it the rows are made by mutation. Each
grader judges a whole set in a process of its own, by turns, so that a busy machine slows both:
quote ratios. They and the rates are of CPU time; latencies are wall time, with what other
processes took.
"""

import argparse
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

from benchmarks.graders import Block, Row, grader
from rewardd_verifiers import Sample
from rewardd_verifiers.builtin.math import Gold, Math
from rewardd_verifiers.mathexpr.mutations import mutations

_GRADERS = ("benchmarks.grader_ours", "benchmarks.grader_theirs")

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


class Tally:
    """What one grader did on one set: verdicts of the first round, times of the median one."""

    def __init__(self, rows: Sequence[Row], rounds: Sequence[Block]) -> None:
        """Count what was said of the rows."""
        self._block = sorted(rounds, key=lambda block: block.cpu_seconds)[len(rounds) // 2]
        self._wrong: Counter[str] = Counter()
        self.tiers = Counter(judged.tier for judged in rounds[0].judged)
        self.listed: list[str] = []
        for row, (accepted, _, _) in zip(rows, rounds[0].judged, strict=True):
            if accepted == row.label:
                continue
            self._wrong["undecided" if accepted is None else "FP" if accepted else "FN"] += 1
            self.listed.append(f"{row.label!s:5} {row.gold[:60]!r} <- {row.response[-80:]!r}")

    def line(self) -> str:
        """Return accuracy, errors, rate, latencies and peak memory."""
        ordered = sorted(judged.seconds for judged in self._block.judged)
        p50, p99 = (ordered[int(len(ordered) * share)] * 1e3 for share in (0.5, 0.99))
        accuracy = 100 * (1 - self._wrong.total() / len(ordered))
        rate = len(ordered) / self._block.cpu_seconds
        return (
            f"{accuracy:6.2f} %  FN {self._wrong['FN']} FP {self._wrong['FP']} "
            f"undecided {self._wrong['undecided']}  {rate:8.0f}/s  p50 {p50:.3f} p99 {p99:.3f} "
            f"max {ordered[-1] * 1e3:.2f} ms  {self._block.peak_mib:.0f} MiB"
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


def _round(rows: Sequence[Row]) -> tuple[Block, Block]:
    """Let each grader judge all rows, in a new process that has seen none of them."""
    warm_up = _made(20)
    told: list[Block] = []
    for module in _GRADERS:
        with grader(module, warm_up) as one:
            told.append(one.judge(rows))
    return told[0], told[1]


def _report(name: str, rows: Sequence[Row], rounds: int, *, listed: bool) -> None:
    told = [_round(rows) for _ in range(rounds)]
    ratios = [there.cpu_seconds / here.cpu_seconds for here, there in told]
    ours, theirs = (Tally(rows, [pair[which] for pair in told]) for which in (0, 1))
    print(
        f"{name}, {len(rows)} rows: {statistics.median(ratios):.0f} times as fast"
        f" ({min(ratios):.0f}-{max(ratios):.0f} in {rounds} rounds)"
    )
    print(f"  ours        {ours.line()}")
    print(f"  math-verify {theirs.line()}")
    shares = {tier: f"{100 * n / len(rows):.1f} %" for tier, n in sorted(ours.tiers.items())}
    print(f"  tiers {shares}")
    if listed:
        for line in ours.listed:
            print(f"    {line}")


def _judged_in(answer: str) -> float:
    """Return the seconds that a hostile answer takes."""
    sample: Sample[Gold] = Sample(completion=f"The answer is ${answer}$.", reference="7")
    verifier = Math()
    start = time.perf_counter()
    verifier.verify(sample)
    return time.perf_counter() - start


class _Apart(threading.Thread):
    """Judges an answer off the main thread."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        self._answer = answer
        self.seconds = 0.0

    def run(self) -> None:
        self.seconds = _judged_in(self._answer)


def _hostile() -> None:
    for name, answer in _HOSTILE.items():
        here = _judged_in(answer)
        thread = _Apart(answer)
        thread.start()
        thread.join()
        print(f"  {name:18} {here * 1e3:7.2f} ms, in a thread {thread.seconds * 1e3:7.2f} ms")


def main() -> None:
    """Print one table per set, then the hostile inputs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--list", action="store_true", help="print our disagreements with labels")
    chosen = parser.parse_args()
    sets = {"mutations": _made(chosen.rows // 5)}
    if chosen.data is not None:
        files = sorted(chosen.data.glob("*.jsonl"))
        sets |= {path.stem: _rows(path, chosen.rows) for path in files}
    for name, rows in sets.items():
        _report(name, rows, chosen.rounds, listed=chosen.list)
    print("hostile")
    _hostile()


if __name__ == "__main__":
    main()
