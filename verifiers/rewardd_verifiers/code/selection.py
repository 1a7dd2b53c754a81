"""Choose some of a reference's tests: the same ones for every sample of a prompt."""

import hashlib
from enum import StrEnum

from rewardd_verifiers.code.tasks import Task, Test


class Select(StrEnum):
    """Which tests are kept: drawn (Magistral), the longest inputs (DeepCoder), or the first."""

    SAMPLED = "sampled"
    LONGEST = "longest"
    FIRST = "first"


def choose(task: Task, most: int | None, how: Select, seed: int) -> list[tuple[int, Test]]:
    """Return at most `most` tests with their numbers, in their own order.

    The choice rests on the tests and the seed alone, never on a completion, group or batch.
    """
    numbered = list(enumerate(task.tests))
    if most is None or len(numbered) <= most:
        return numbered
    if how is Select.FIRST:
        return numbered[:most]
    if how is Select.LONGEST:
        ranked = sorted(numbered, key=lambda pair: (-_size(pair[1]), pair[0]))
    else:
        key = f"{seed}:{_digest(task)}"
        ranked = sorted(numbered, key=lambda pair: _draw(key, pair[0]))
    return sorted(ranked[:most], key=lambda pair: pair[0])


def _size(test: Test) -> int:
    return len(test.stdin) or len(repr(test.arguments))


def _digest(task: Task) -> str:
    made = hashlib.sha256()
    for test in task.tests:
        made.update(repr((test.stdin, test.expected, test.arguments, test.source)).encode())
    return made.hexdigest()


def _draw(key: str, number: int) -> bytes:
    return hashlib.sha256(f"{key}:{number}".encode()).digest()
