"""Ask a worker what everybody knows: caches gone wrong show themselves before they train anyone."""

from collections.abc import Sequence
from typing import Final

from rewardd_service.job import Answer, Chunk, Job, Setup, Subject
from rewardd_service.pool.messages import KnownSample

_SECONDS: Final = 3600.0


def canary_chunk(samples: Sequence[KnownSample]) -> Chunk:
    """Return a chunk with one job for each sample."""
    return Chunk(
        setups=[Setup(sample.verifier, sample.params) for sample in samples],
        subjects=[Subject(sample.completion, sample.prompt) for sample in samples],
        references=[sample.reference for sample in samples],
        jobs=[Job(i, i, i) for i in range(len(samples))],
        remaining_seconds=_SECONDS,
    )


def mistakes(samples: Sequence[KnownSample], answers: Sequence[Answer]) -> list[str]:
    """Return what a worker that answered thus got wrong; nothing if all is well.

    A job without a score is no mistake: it was not judged.
    """
    return [
        f"{samples[answer.job].verifier} gave {answer.score}, not {samples[answer.job].score}"
        for answer in answers
        if answer.score is not None and answer.score != samples[answer.job].score
    ]
