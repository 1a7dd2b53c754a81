"""Many submissions, hostile ones among them: what they leave, what grows, who was paid wrongly.

    nice python -m benchmarks.sandbox_soak --submissions 20000 [--slots 2] [--seed 1] [--tier full]

Right, wrong, endless and hostile programs in Python, C++ from the cache of builds, function calls,
asserts, checkers and conversations go through the `code` verifier of one worker. Each of them once,
and the first half, warm it up. Then and at the end, when nothing runs, the worker and
its zygotes are measured, and the machine is searched for what carries the name that hostile
programs give to all they plant, or a user that only jails have.

The exit status is 1 for anything left behind, for a wrong score, for more than one submission in a
thousand without a score, and, from 2,000 submissions on, for growth of 5 % or more in memory or
descriptors: before that, not all that is ever held at once has been held.
"""

import argparse
import asyncio
import itertools
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field, fields

from benchmarks import _leftovers
from benchmarks._leftovers import Size
from benchmarks._soak_mix import IPC_KEY, MARK, Mix, Subject
from rewardd_sandbox.local import LocalSandbox, Options
from rewardd_sandbox.tiers import Tier
from rewardd_verifiers import Catalog, Sample, SandboxVerifier, Verdict, type_reference

_GROWTH = 0.05
_STEADY = 2000
"""Submissions from which on growth is growth."""
_UNSCORED = 0.001
_ABREAST = 2
"""Submissions a slot: one runs, one waits."""
_COLUMNS = [column.name.replace("_", " ") for column in fields(Size)]


@dataclass(slots=True)
class Tally:
    """What came of the submissions so far."""

    judged: int = 0
    scores: Counter[str] = field(default_factory=Counter[str])
    wrong: Counter[str] = field(default_factory=Counter[str])
    unscored: Counter[str] = field(default_factory=Counter[str])

    def add(self, subject: Subject, verdict: Verdict) -> None:
        """Count one."""
        self.judged += 1
        self.scores[f"{subject.owed:g} owed, {verdict.score} given"] += 1
        if verdict.score is None:
            self.unscored[f"{subject.name}: {verdict.reason} {verdict.detail}"] += 1
        elif verdict.score != subject.owed:
            self.wrong[f"{subject.name}: {verdict.score}, {verdict.reason} {verdict.detail}"] += 1


class Judge:
    """The `code` verifier over one sandbox; references are read once."""

    def __init__(self, sandbox: LocalSandbox) -> None:
        built = Catalog().build("code", {})
        if not isinstance(built, SandboxVerifier):
            sys.exit("the code verifier needs no sandbox any more")
        self._verifier = built
        self._sandbox = sandbox
        self._read: dict[str, object] = {}

    async def judge(self, subject: Subject) -> Verdict:
        """Return the verdict."""
        if subject.name not in self._read:
            self._read[subject.name] = type_reference(self._verifier, subject.whole_reference)
        sample = Sample(completion=subject.completion, reference=self._read[subject.name])
        return await self._verifier.verify(sample, self._sandbox)


async def _work(judge: Judge, subjects: Iterator[Subject], slots: int, tally: Tally) -> None:
    """Judge all of these, some at a time."""

    async def work() -> None:
        for subject in subjects:
            tally.add(subject, await judge.judge(subject))

    await asyncio.gather(*(work() for _ in range(_ABREAST * slots)))


def _soaked(mark: str, users: range) -> dict[str, list[str]]:
    return _leftovers.found(mark, IPC_KEY, users)


async def _soak(options: Options, submissions: int, seed: int) -> list[str]:
    """Return what is wrong."""
    mark = f"{MARK}-{os.getpid()}"
    tally, sizes = Tally(), list[Size]()
    async with LocalSandbox(options) as sandbox:
        tier = Tier(sandbox.facts["tier"])
        (cpp,) = await sandbox.check_languages(["cpp"])
        mix = Mix(tier, mark, cpp=cpp.available)
        print(f"tier {tier}, {sandbox.slots} slots, seed {seed}; C++: {cpp.version or cpp.problem}")
        judge, drawn = Judge(sandbox), mix.drawn(seed, submissions)
        print(f"{'judged':>8} " + " ".join(f"{name:>18}" for name in _COLUMNS))
        await _work(judge, iter(mix.each()), sandbox.slots, tally)
        for tenth in range(10):
            share = submissions * (tenth + 1) // 10 - submissions * tenth // 10
            await _work(judge, itertools.islice(drawn, share), sandbox.slots, tally)
            sizes.append(_leftovers.size())
            row = " ".join(f"{value:18}" for value in astuple(sizes[-1]))
            print(f"{tally.judged:8} {row}", flush=True)
        at_rest, users = _soaked(mark, sandbox.users), sandbox.users
    return [
        *_scores(tally),
        *_growth(sizes[len(sizes) // 2 - 1], sizes[-1], judged=submissions),
        *_left("at rest", at_rest),
        *_left("closed", _soaked(mark, users)),
        *_left("closed", _leftovers.ours()),
    ]


def _scores(tally: Tally) -> Iterator[str]:
    for name, number in sorted(tally.scores.items()):
        print(f"{number:8} {name}")
    yield from (f"{number} x a wrong score: {name}" for name, number in tally.wrong.items())
    for name, number in tally.unscored.items():
        print(f"{number:8} unscored: {name}")
    if tally.unscored.total() > _UNSCORED * tally.judged:
        yield f"{tally.unscored.total()} of {tally.judged} were left unscored"


def _growth(before: Size, after: Size, *, judged: int) -> Iterator[str]:
    """Compare with what the first half has left; a zygote more or less is no growth of one."""
    for name, old, new in zip(_COLUMNS, astuple(before), astuple(after), strict=True):
        if name != "zygotes":
            print(f"{new / old - 1:8.1%} {name}")
            if judged >= _STEADY and new >= old * (1 + _GROWTH):
                yield f"{name} grew from {old} to {new}"


def _left(when: str, found: Mapping[str, list[str]]) -> Iterator[str]:
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in found.items())
    print(f"left behind, {when}: {counts}")
    for kind, names in found.items():
        if names:
            yield f"{kind} left behind, {when}: {names[:5]}"


def _spent() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def main() -> None:
    """Read the command line, soak, and say what is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--submissions", type=int, default=2000)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tier", type=Tier, default=None)
    given = parser.parse_args()
    begun = time.perf_counter()
    options = Options(slots=given.slots, only_tier=given.tier)
    wrong = asyncio.run(_soak(options, given.submissions, given.seed))
    print(f"{_spent():8.0f} s CPU, {time.perf_counter() - begun:.0f} s")
    print("\n".join(wrong) or "nothing left behind, nothing grown, nobody paid wrongly")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
