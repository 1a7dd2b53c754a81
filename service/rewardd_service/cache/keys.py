"""What makes two jobs equal: a mark that is cheap and may deceive, a key that costs and does not.

A key is a hash of all that can reach a verdict: verifier, version, parameters, CPU limit,
reference, and the whole sample but its id, group and recipe. Most jobs have no twin, and for
them hashing 4 kB would be for nothing: keys are made where marks are equal, or where a cache is
asked.
"""

import hashlib
from collections.abc import MutableMapping

from rewardd_service.frames import FrameError, canonical
from rewardd_service.job import Setup
from rewardd_service.plan import Plan, PlannedJob

Mark = tuple[bytes, int, str, int]
"""Setup, size of the completion, a piece of it, size of the reference."""

KEY_BYTES = 24
_PART_BYTES = 16
_FORMAT = 1
"""Part of each key: to be raised when what is hashed, or an entry, changes its shape."""
_PIECE = 16


class JobKeys:
    """Marks and keys of one plan's jobs.

    Args:
        seen_versions: of verifiers, by name, as the newest answers told: a fleet may have been
            upgraded since the plan's reports were written.
    """

    def __init__(self, plan: Plan, seen_versions: MutableMapping[str, int]) -> None:
        self._plan = plan
        self._seen_versions = seen_versions
        self._setups: dict[int, tuple[int, bytes]] = {}
        self._references: dict[int, bytes] = {}

    def version(self, job: PlannedJob) -> int:
        """Return the version of the job's verifier that its key stands for; 0 if unknown."""
        verifier = job.setup.verifier
        return self._seen_versions.get(verifier) or self._plan.version(job.setup)

    def mark(self, job: PlannedJob) -> Mark | None:
        """Return what is equal for equal jobs, and seldom for others; None if it cannot be sent."""
        setup = self._setup(job)
        if not setup:
            return None
        completion = self._plan.tasks[job.task].subject.completion
        middle = len(completion) // 2
        size = self._plan.reference_bytes[job.reference]
        return setup, len(completion), completion[middle : middle + _PIECE], size

    def key(self, job: PlannedJob) -> bytes | None:
        """Return what is equal for equal jobs only; None if the job cannot be sent."""
        setup = self._setup(job)
        try:
            subject = canonical(self._plan.tasks[job.task].subject)
            reference = self._reference(job.reference)
        except FrameError:
            return None
        # The first two parts have a fixed size, so that no part can pass for another.
        content = hashlib.blake2b(setup + reference, digest_size=KEY_BYTES)
        content.update(subject)
        return content.digest()

    def _setup(self, job: PlannedJob) -> bytes:
        version = self.version(job)
        known = self._setups.get(id(job.setup))
        if known is None or known[0] != version:
            known = self._setups[id(job.setup)] = (version, _setup_digest(job.setup, version))
        return known[1]

    def _reference(self, index: int) -> bytes:
        known = self._references.get(index)
        if known is None:
            known = self._references[index] = _digest(canonical(self._plan.references[index]))
        return known


def _setup_digest(setup: Setup, version: int) -> bytes:
    parts = [_FORMAT, setup.verifier, version, setup.params, setup.cpu_seconds]
    if setup.recorded:
        parts.append("recorded")
    try:
        return _digest(canonical(parts))
    except FrameError:
        return b""


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_PART_BYTES).digest()
