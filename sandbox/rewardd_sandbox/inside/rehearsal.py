"""What a zygote practises before its first jail, so that no jail need learn it.

The interpreter writes down what it learns about code that runs: which types it met, where it found
their attributes. Each jail would write the same on its own copies of the zygote's pages, and copies
are most of what a short program costs. Nothing practised here comes from anybody else.
"""

import os
import sys

from rewardd_sandbox.inside import payload
from rewardd_sandbox.inside.runner import Place, Runner

_PROGRAM = b"""
import sys
from collections import defaultdict


def solve(values):
    counted = defaultdict(int)
    for value in values:
        counted[value] += 1
    return [f"{value} {counted[value]}" for value in sorted(counted)]


class Solution:
    def __init__(self):
        self.values = [int(word) for word in sys.stdin.read().split()]


for line in sys.stdin:
    print(line.strip())
print(sum(Solution().values), *solve([3, 1, 3]))
"""
_NAME = "main.py"
_TIMES = 16
"""The interpreter specialises code that has run eight times."""


class _Rehearsal(Runner):
    """A runner that answers nobody, and leaves descriptors, files and exit hooks alone."""

    def practise(self) -> None:
        """Compile and run the program."""
        self._test(self._compile(), 0, call=False)

    def _restore_descriptors(self) -> None:
        pass

    def _sweep(self) -> None:
        pass

    def _run_hooks(self) -> None:
        pass

    def _report(self, kind: bytes, number: int, body: bytes = b"") -> None:
        pass


def rehearse() -> None:
    """Load a program of our own and run its tests, and leave all as it was."""
    path, argv, main = [*sys.path], [*sys.argv], sys.modules["__main__"]
    streams = sys.stdin, sys.stdout, sys.stderr
    header = payload.Header(files=[(_NAME, len(_PROGRAM))], argv=[_NAME])
    place = Place(os.getcwd(), [_NAME], frozenset({_NAME}), None)  # noqa: PTH109  a string all along
    for _ in range(_TIMES):
        _load(payload.pack(header, [_PROGRAM]))
        runner = _Rehearsal(_PROGRAM, place, ending=header.ending, prelude=False, dialogue=False)
        runner.practise()
        sys.path[:] = path
    sys.argv[:] = argv
    sys.modules["__main__"] = main
    sys.stdin, sys.stdout, sys.stderr = streams
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = streams


def _load(content: bytes) -> None:
    place = os.memfd_create("rehearsal")
    os.write(place, content)
    payload.load(place, python=True, private=False)
